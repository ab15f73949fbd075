// Package faults makes things go wrong for the stock controller on a real API
// server and looks whether stock is conserved. What happens is read from etcd, in
// the one order in which it happened, and every single change is checked against
// a ledger of the tests' own: see book.
//
// Random variants have fixed seeds. ORDERPLANE_SOAK=30m repeats them with
// further seeds for that long.
package faults

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/orderplane/orderplane/test/testenv"
)

// env is the control plane that tests share when their fault lets them.
var env *testenv.Env

// history is what happened on it.
var history *feed

// soak is for how long random variants go on; zero in the usual run.
var soak time.Duration

// worlds that live at the same time: they wait most of their time.
const worlds = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", worlds); err != nil {
		exit(err)
	}
	ctrl.SetLogger(logr.Discard())
	if v := os.Getenv("ORDERPLANE_SOAK"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			exit(fmt.Errorf("ORDERPLANE_SOAK: %w; give a duration such as 30m", err))
		}
		soak = d
	}
	os.Exit(testenv.Run(m, func(e *testenv.Env) {
		env = e
		history = newFeed(e.ControlPlane.EtcdEndpoint())
	}))
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
