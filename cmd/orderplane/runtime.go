package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	goruntime "runtime"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/orderplane/orderplane/internal/kube/health"
)

// componentFlags are what every component that talks to the API server has in common.
type componentFlags struct {
	zap   zap.Options
	pprof string
}

func (f *componentFlags) register(flags *pflag.FlagSet) {
	logs := flag.NewFlagSet("log", flag.ContinueOnError)
	f.zap.BindFlags(logs)
	ctrlconfig.RegisterFlags(logs)
	flags.AddGoFlagSet(logs)
	flags.StringVar(&f.pprof, "pprof-bind-address", "", "serve profiles on this address, such as 127.0.0.1:6060; not at all when empty")
	fromEnvironment(flags, "pprof-bind-address", "PPROF_BIND_ADDRESS")
}

// clusterConfig is the access to the API server from --kubeconfig, $KUBECONFIG,
// the pod's service account, or the user's own kubeconfig. Client-side limits
// are off: the API server's priority and fairness decides. Answers are not
// compressed: a watch of small objects costs more CPU packed than it saves bytes.
func clusterConfig(userAgent string) (*rest.Config, error) {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w; set KUBECONFIG or --kubeconfig", err)
	}
	cfg.QPS = -1
	cfg.DisableCompression = true
	cfg.UserAgent = "orderplane-" + userAgent + "/" + version()
	return cfg, nil
}

// heapFloor is what the garbage collector waits for at least, in bytes: it runs when
// the heap has doubled, which a small one does several times a second under load.
const heapFloor = 64 << 20

// holdHeapFloor has the collector take the heap for that much larger until release
// is called. It is address space and never touched, so that it takes no memory.
func holdHeapFloor() (release func()) {
	floor := make([]byte, heapFloor)
	return func() { goruntime.KeepAlive(floor) }
}

// listen opens a port before anything else is started, so that a taken one is
// told at once and by its flag's name.
func listen(ctx context.Context, what, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return l, nil
}

// servePprof serves profiles until ctx is done; not at all when address is empty.
func servePprof(ctx context.Context, address string, log logr.Logger) error {
	if address == "" {
		return nil
	}
	listener, err := listen(ctx, "--pprof-bind-address", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := health.Server(mux)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error(err, "serve profiles")
		}
	}()
	return nil
}
