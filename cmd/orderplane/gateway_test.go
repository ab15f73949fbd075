package main

import (
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/adapters/rest"
)

// A pod is killed when its grace is over: the manifest has to give the gateway the time
// to notice, to serve on and to drain, and a moment more.
func TestThePodOfTheGatewayMayEndGracefully(t *testing.T) {
	text, err := os.ReadFile("../../config/gateway/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := yaml.Unmarshal(text, &deployment); err != nil {
		t.Fatal(err)
	}
	defaults := rest.DefaultConfig()
	needs := defaults.ShutdownDelay + defaults.DrainTimeout + 5*time.Second
	if grace := deployment.Spec.Template.Spec.TerminationGracePeriodSeconds; grace == nil || time.Duration(*grace)*time.Second < needs {
		t.Errorf("terminationGracePeriodSeconds is %v, want at least %s", grace, needs)
	}
}
