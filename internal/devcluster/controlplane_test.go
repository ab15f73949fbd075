package devcluster_test

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orderplane/orderplane/internal/devcluster"
)

func start(t *testing.T, opts devcluster.Options) *devcluster.ControlPlane {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cp, err := devcluster.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cp
}

func clientset(t *testing.T, cfg *rest.Config) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestDataAndPortsSurviveARestart(t *testing.T) {
	opts := devcluster.Options{DataDir: t.TempDir(), UnsafeNoFsync: true}
	first := start(t, opts)
	if err := devcluster.InstallCRDs(first.Config()); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := first.Kubeconfig("default")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clientset(t, first.Config()).CoreV1().ConfigMaps("default").Create(t.Context(), configMap("kept"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	opts.EtcdPort, opts.APIServerPort = first.Ports()
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}

	second := start(t, opts)
	if err := devcluster.InstallCRDs(second.Config()); err != nil {
		t.Fatalf("installing the CRDs a second time: %v", err)
	}
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clientset(t, cfg).CoreV1().ConfigMaps("default").Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Errorf("the kubeconfig of the first start does not find its data at the second: %v", err)
	}
}

func TestUsersAPIServersAndSignals(t *testing.T) {
	cp := start(t, devcluster.Options{UnsafeNoFsync: true})

	t.Run("a user may do what RBAC grants, and not more", func(t *testing.T) {
		cfg, err := cp.AddUser("jane", "people")
		if err != nil {
			t.Fatal(err)
		}
		jane := clientset(t, cfg)
		if _, err := jane.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("listing config maps without a role: got %v, want forbidden", err)
		}
		if _, err := jane.Discovery().ServerVersion(); err != nil {
			t.Errorf("every authenticated user may ask for the version: %v", err)
		}
	})

	t.Run("a second API server shows the same data", func(t *testing.T) {
		second, err := cp.StartAPIServer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := second.Config()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Host == cp.Config().Host {
			t.Fatalf("both API servers are at %s", cfg.Host)
		}
		if _, err := clientset(t, cp.Config()).CoreV1().ConfigMaps("default").Create(t.Context(), configMap("shared"), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := clientset(t, cfg).CoreV1().ConfigMaps("default").Get(t.Context(), "shared", metav1.GetOptions{}); err != nil {
			t.Errorf("through the second API server: %v", err)
		}
	})

	t.Run("a stopped API server hangs and goes on", func(t *testing.T) {
		api := cp.APIServer()
		if err := api.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		cfg := cp.Config()
		cfg.Timeout = 300 * time.Millisecond
		// A process is not stopped yet when the signal is sent: what it answers at first is no fault.
		impatient := clientset(t, cfg).CoreV1().ConfigMaps("default")
		for deadline := time.Now().Add(10 * time.Second); ; {
			if _, err := impatient.List(t.Context(), metav1.ListOptions{}); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Error("a stopped API server goes on answering")
				break
			}
		}
		if err := api.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if _, err := clientset(t, cp.Config()).CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Errorf("after SIGCONT: %v", err)
		}
	})

	t.Run("a killed API server comes back on its port", func(t *testing.T) {
		api := cp.APIServer()
		if err := api.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-api.Process().Exited()
		if err := cp.RestartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := clientset(t, cp.Config()).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	})
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	tests := map[string]struct {
		opts devcluster.Options
		want string
	}{
		"no such port":        {devcluster.Options{EtcdPort: 70000}, "EtcdPort"},
		"one port for both":   {devcluster.Options{EtcdPort: 4, APIServerPort: 4}, "each its own"},
		"no binaries":         {devcluster.Options{AssetsDir: filepath.Join(t.TempDir(), "nothing"), DataDir: t.TempDir()}, "start etcd"},
		"a flag unknown":      {devcluster.Options{EtcdArgs: []string{"--no-such-flag"}, DataDir: t.TempDir()}, "no-such-flag"},
		"negative time limit": {devcluster.Options{StartTimeout: -1}, "StartTimeout"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cp, err := devcluster.Start(t.Context(), tt.opts)
			if err == nil {
				_ = cp.Stop()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not name %q", err, tt.want)
			}
		})
	}
}

func TestFindAssetsNamesTheWayOut(t *testing.T) {
	t.Run("wrong KUBEBUILDER_ASSETS", func(t *testing.T) {
		t.Setenv(devcluster.AssetsEnv, t.TempDir())
		_, err := devcluster.FindAssets()
		if err == nil || !strings.Contains(err.Error(), "make controlplane") || !strings.Contains(err.Error(), "lacks etcd") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("outside the checkout", func(t *testing.T) {
		t.Setenv(devcluster.AssetsEnv, "")
		t.Chdir(t.TempDir())
		_, err := devcluster.FindAssets()
		if err == nil || !strings.Contains(err.Error(), devcluster.AssetsEnv) {
			t.Errorf("got %v", err)
		}
	})
}
