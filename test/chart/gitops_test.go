package chart_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/test/manifests"
)

// The samples for Argo CD and Flux have values that the chart takes, and leave to the manager and the
// autoscaler what is theirs: the caBundle of every webhook there is, and the gateway's replicas.
func TestTheSamplesForGitOpsFitTheChart(t *testing.T) {
	t.Parallel()
	all := objects(t, "")
	argo := sample(t, "argocd.yaml", 0)
	flux := sample(t, "flux.yaml", 1)
	for name, v := range map[string]any{
		"Argo CD": at(t, argo, "spec", "source", "helm", "valuesObject"),
		"Flux":    at(t, flux, "spec", "values"),
	} {
		text, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		r, err := render(t.Context(), load(t), values(t, string(text)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(r.text, `image: "example.com/orderplane:my-tag"`) {
			t.Errorf("%s: the image is another one", name)
		}
	}
	want := ignored(all)
	if len(want) != 5 {
		t.Fatalf("ignored are %v", want)
	}
	argoText, fluxText := asText(t, at(t, argo, "spec", "ignoreDifferences")), asText(t, at(t, flux, "spec", "driftDetection"))
	for _, path := range want {
		if path.pointer != "/spec/replicas" && !strings.Contains(argoText, path.kind) || !strings.Contains(argoText, "/spec/replicas") {
			t.Errorf("Argo CD does not ignore %s %s", path.kind, path.pointer)
		}
		if !strings.Contains(fluxText, path.kind) || !strings.Contains(fluxText, path.pointer+"\n") {
			t.Errorf("Flux does not ignore %s %s", path.kind, path.pointer)
		}
	}
	if got := strings.Count(fluxText, "/webhooks/"); got != len(want)-1 {
		t.Errorf("Flux ignores %d webhooks of %d", got, len(want)-1)
	}
}

type path struct{ kind, pointer string }

// ignored are the fields that others own.
func ignored(all []manifests.Object) []path {
	found := []path{{"Deployment", "/spec/replicas"}}
	for _, o := range all {
		webhooks := 0
		switch typed := o.Typed.(type) {
		case *admissionv1.MutatingWebhookConfiguration:
			webhooks = len(typed.Webhooks)
		case *admissionv1.ValidatingWebhookConfiguration:
			webhooks = len(typed.Webhooks)
		}
		for i := range webhooks {
			found = append(found, path{o.GetKind(), fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i)})
		}
	}
	return found
}

// sample is one document of a file.
func sample(t *testing.T, file string, document int) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../config/gitops/orderplane/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := yaml.UnmarshalStrict([]byte(strings.Split(string(text), "\n---\n")[document]), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func at(t *testing.T, v any, names ...string) any {
	t.Helper()
	for _, name := range names {
		fields, ok := v.(map[string]any)
		if !ok || fields[name] == nil {
			t.Fatalf("there is no %s", strings.Join(names, "."))
		}
		v = fields[name]
	}
	return v
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
