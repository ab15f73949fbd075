// Package mirrorfaults ends the mirror and its relay before and after every write that they make:
// to the API server, to Postgres and to the broker. Which writes there are is found by runs: a
// write is a site of its own by where it goes and what it says, not by a list that somebody keeps.
//
// The mirror runs in this process, as cmd/orderplane wires it. A crash cuts its connections in
// the middle: from then on nothing that it sends arrives. The database is a real Postgres, and the
// API server is the real one. Each world has a broker of its own, franz-go's kfake: test/mirror
// kills processes in front of Apache Kafka.
package mirrorfaults

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/orderplane/orderplane/test/testenv"
)

// env is the control plane of this test binary.
var env *testenv.Env

// worlds that live at the same time: they wait most of their time.
const worlds = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", worlds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctrl.SetLogger(logr.Discard())
	os.Exit(testenv.Run(m, func(e *testenv.Env) { env = e }))
}
