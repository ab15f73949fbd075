package chart_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/test/manifests"
)

var whole = flag.Bool("whole", false, "run the life of a release by Helm 3, and by Helm 3 and then 4, as well")

// TestEveryOrderSurvivesTheLifeOfARelease installs the chart on a real API server, runs manager and
// gateway out of what was installed, and does the main job between all that can happen to a release.
// The first release is of one Helm and the next of another, as where people change to Helm 4.
func TestEveryOrderSurvivesTheLifeOfARelease(t *testing.T) {
	binary := orderplane(t)
	for name, c := range map[string]struct{ first, later string }{
		"Helm 3":        {"helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v3/cmd/helm"},
		"Helm 4":        {"helm.sh/helm/v4/cmd/helm", "helm.sh/helm/v4/cmd/helm"},
		"Helm 3 then 4": {"helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v4/cmd/helm"},
	} {
		if name != "Helm 4" && !*whole {
			continue
		}
		t.Run(name, func(t *testing.T) {
			on := startCluster(t)
			r := &release{cluster: on, helm: newHelm(t, on, c.first), shop: newShop(t, on, binary)}
			notes := r.helm.run(t, "install", "orderplane", folder, "--values", given(t, standing))
			r.scale(t, "orderplane-gateway", 4)
			r.open(t)
			r.firstOrderOfTheNotes(t, notes)
			r.mainJob(t)
			r.keep(t)

			r.helm = newHelm(t, on, c.later)
			r.upgradesToTheSame(t, folder, standing)
			next := changed(t)
			r.helm.run(t, "upgrade", "orderplane", next, "--values", given(t, others))
			r.survived(t, "the upgrade", "9.9.9")
			r.upgradesToTheSame(t, next, others)
			r.helm.run(t, "rollback", "orderplane", "1")
			r.survived(t, "the roll-back", "0.0.0")
			r.helm.run(t, "upgrade", "orderplane", folder, "--values", given(t, standing+"crds: {enabled: false}\n"))
			r.survived(t, "an upgrade without the definitions", "0.0.0")
			r.helm.run(t, "upgrade", "orderplane", folder, "--values", given(t, standing))
			r.mainJob(t)
			r.keep(t)

			r.close(t)
			r.helm.run(t, "uninstall", "orderplane")
			r.isGone(t)
			r.stillThere(t, "the end of the release")
			r.helm.run(t, "install", "orderplane", subchart(t), "--values", given(t, `
global: {imageRegistry: registry.example.com, storageClass: fast, deep: {er: [1, 2]}}
orderplane: {enabled: true, manager: {replicas: 3}, gateway: {config: {RATE_LIMIT_PER_MINUTE: "0"}}}
`))
			r.open(t)
			r.stillThere(t, "another release, of a chart above this one")
			r.mainJob(t)
			for _, refusal := range r.refusals(t) {
				t.Error(refusal)
			}
		})
	}
}

// Values of the release, before and after an upgrade: a test asks more often than a client may.
const (
	standing = "gateway: {config: {RATE_LIMIT_PER_MINUTE: '0'}}\n"
	others   = "gateway: {config: {RATE_LIMIT_PER_MINUTE: '0', COMMAND_WAIT: 6s}}\n"
)

// given is a file of values, with an image that nobody fetches.
func given(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	write(t, file, text)
	return file
}

// changed is the next version of the chart: an order has a field more, and is printed otherwise.
func changed(t *testing.T) string {
	t.Helper()
	to := copied(t, filepath.Join(t.TempDir(), "orderplane"))
	replace(t, to+"/Chart.yaml", "ersion: 0.0.0", "ersion: 9.9.9")
	replace(t, to+"/files/crd/orderplane.dev_orders.yaml", "              customerID:\n", "              giftNote:\n                type: string\n                maxLength: 20\n              customerID:\n")
	replace(t, to+"/files/crd/orderplane.dev_orders.yaml", "    - jsonPath: .status.phase\n      name: Phase\n", "    - jsonPath: .status.phase\n      name: State\n")
	replace(t, to+"/files/webhook/webhooks.yaml", "timeoutSeconds: 3", "timeoutSeconds: 4")
	return to
}

// subchart is a chart above this one.
func subchart(t *testing.T) string {
	t.Helper()
	above := filepath.Join(t.TempDir(), "shop")
	copied(t, filepath.Join(above, "charts", "orderplane"))
	write(t, filepath.Join(above, "Chart.yaml"), "{apiVersion: v2, name: shop, version: 1.0.0, dependencies: [{name: orderplane, version: 0.0.0, condition: orderplane.enabled}]}")
	return above
}

func copied(t *testing.T, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return to
}

func replace(t *testing.T, file, old, with string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	write(t, file, strings.ReplaceAll(string(text), old, with))
}

// release is a release of the chart on a cluster, with a shop that lives on it.
type release struct {
	*cluster
	*shop
	helm helm
	ca   []byte // as the manager has written it
}

// keep remembers what has to be there later.
func (r *release) keep(t *testing.T) {
	t.Helper()
	r.remember(t)
	eventually(t, "the manager's webhooks", func() string {
		if r.ca = r.bundle(t); len(r.ca) == 0 {
			return "they have no caBundle"
		}
		return ""
	})
}

func (r *release) bundle(t *testing.T) []byte {
	t.Helper()
	var hooks admissionv1.MutatingWebhookConfiguration
	r.get(t, "", "orderplane", &hooks)
	return hooks.Webhooks[0].ClientConfig.CABundle
}

// survived holds what an upgrade must leave alone: orders, the caBundle and the replicas. And it says
// that the upgrade did something.
func (r *release) survived(t *testing.T, what, version string) {
	t.Helper()
	r.stillThere(t, what)
	if string(r.bundle(t)) != string(r.ca) {
		t.Errorf("%s: the caBundle is another", what)
	}
	var gateway appsv1.Deployment
	r.get(t, system, "orderplane-gateway", &gateway)
	if *gateway.Spec.Replicas != 4 {
		t.Errorf("%s: the gateway has %d replicas, not those of its autoscaler", what, *gateway.Spec.Replicas)
	}
	if got := gateway.Labels["app.kubernetes.io/version"]; got != version {
		t.Errorf("%s: version %s, want %s", what, got, version)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	r.get(t, "", "orders.orderplane.dev", &crd)
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	if _, has := spec.Properties["giftNote"]; has != (version == "9.9.9") {
		t.Errorf("%s: an order has a gift note: %t", what, has)
	}
	if !strings.HasPrefix(crd.Spec.Versions[0].AdditionalPrinterColumns[0].Name, map[string]string{"9.9.9": "State", "0.0.0": "Phase"}[version]) {
		t.Errorf("%s: columns %v", what, crd.Spec.Versions[0].AdditionalPrinterColumns)
	}
}

// upgradesToTheSame upgrades to what is installed. No object is written.
func (r *release) upgradesToTheSame(t *testing.T, chart, values string) {
	t.Helper()
	before := r.versions(t)
	r.helm.run(t, "upgrade", "orderplane", chart, "--values", given(t, values))
	if diff := cmp.Diff(before, r.versions(t)); diff != "" {
		t.Errorf("an upgrade to the same writes: -before +after\n%s", diff)
	}
}

// versions are the resource versions of what the release installed, by its manifest.
func (r *release) versions(t *testing.T) map[string]string {
	t.Helper()
	all, err := manifests.Parse(r.helm.run(t, "get", "manifest", "orderplane"))
	if err != nil || len(all) < 30 {
		t.Fatalf("%d objects, %v", len(all), err)
	}
	found := map[string]string{}
	for _, o := range all {
		now := &unstructured.Unstructured{}
		now.SetGroupVersionKind(o.GroupVersionKind())
		r.get(t, o.GetNamespace(), o.GetName(), now)
		found[o.Key()] = now.GetResourceVersion()
	}
	return found
}

// isGone says what the end of a release takes away, and what it leaves.
func (r *release) isGone(t *testing.T) {
	t.Helper()
	for key, o := range map[client.ObjectKey]client.Object{
		{Namespace: system, Name: "orderplane-manager"}: &appsv1.Deployment{},
		{Name: "orderplane"}:                            &admissionv1.MutatingWebhookConfiguration{},
	} {
		if err := r.Get(t.Context(), key, o); !apierrors.IsNotFound(err) {
			t.Errorf("%T %s is there: %v", o, key, err)
		}
	}
	var crds apiextensionsv1.CustomResourceDefinitionList
	if err := r.List(t.Context(), &crds); err != nil || len(crds.Items) != 6 {
		t.Errorf("%d definitions are left, %v", len(crds.Items), err)
	}
}
