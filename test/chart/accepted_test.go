package chart_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/test/manifests"
)

// everything are sets of objects, by what renders them: every file of values, and every overlay and component.
func everything(t *testing.T) map[string][]manifests.Object {
	t.Helper()
	all := map[string][]manifests.Object{
		"kustomize, everything": kustomized(t, []string{"default", "prometheus", "prometheus/mirror", "prometheus/notifier", "untracked"},
			[]string{"admin-port", "with-redis", "with-mirror", "with-notifier", "migrate", "ha", "keda"}),
		"kustomize, dev":         kustomized(t, []string{"overlays/dev"}, nil),
		"kustomize, gateway-api": kustomized(t, []string{"overlays/gateway-api"}, nil),
	}
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files of values, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := render(t.Context(), load(t), values(t, string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if all[filepath.Base(file)], err = manifests.Parse(r.text + r.tests); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// elsewhere are kinds of which the API server knows nothing: they are the Gateway API's, the Prometheus
// operator's and KEDA's. They are decoded strictly into their own types.
func elsewhere() []string {
	return []string{"gateway.networking.k8s.io", "monitoring.coreos.com", "keda.sh"}
}

// TestTheAPIServerAcceptsEverything sends every object to a real API server, by a dry run that goes as
// far as admission, and makes the pods of every template in a restricted namespace. It neither refuses
// nor warns of any.
func TestTheAPIServerAcceptsEverything(t *testing.T) {
	c := startCluster(t)
	if err := devcluster.InstallCRDs(c.Config()); err != nil {
		t.Fatal(err)
	}
	// A pod that names a class is refused where there is none. "important" is one of testdata's.
	never := corev1.PreemptNever
	for _, name := range []string{"orderplane", "important"} {
		c.create(t, &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: 1000000, PreemptionPolicy: &never})
	}
	seen, pods, skipped := map[string]bool{}, 0, 0
	sets := everything(t)
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		for _, o := range sets[name] {
			text, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			if seen[string(text)] {
				continue
			}
			seen[string(text)] = true
			err = c.accepts(t, o.DeepCopy())
			switch {
			case meta.IsNoMatchError(err) && slices.Contains(elsewhere(), o.GroupVersionKind().Group):
				skipped++
			case err != nil:
				t.Errorf("%s: %s: %v", name, o.Key(), err)
			}
			if pod := podOf(o); pod != nil {
				pods++
				if err := c.Create(t.Context(), pod); err != nil {
					t.Errorf("%s: a pod of %s: %v", name, o.Key(), err)
				}
			}
			for _, warning := range c.warnings.take() {
				t.Errorf("%s: %s: the API server warns: %s", name, o.Key(), warning)
			}
		}
	}
	t.Logf("%d objects, %d pods; %d are of kinds that the API server does not know", len(seen), pods, skipped)
	if len(seen) < 100 || pods < 12 || skipped == 0 {
		t.Error("that is too few")
	}
	c.refusesWhatIsWrong(t)
}

// accepts is what the API server says to a dry run of an object.
func (c *cluster) accepts(t *testing.T, o *unstructured.Unstructured) error {
	t.Helper()
	if namespaced, err := c.IsObjectNamespaced(o); err == nil && namespaced && o.GetNamespace() == "" {
		o.SetNamespace(system) // as Helm does
	}
	strict := client.WithFieldValidation(c.Client, metav1.FieldValidationStrict)
	return strict.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.DryRunAll, client.FieldOwner("test"), client.ForceOwnership)
}

// podOf is a pod as the controller of its template makes it, if the object has one.
func podOf(o manifests.Object) *corev1.Pod {
	var template corev1.PodTemplateSpec
	switch typed := o.Typed.(type) {
	case *appsv1.Deployment:
		template = typed.Spec.Template
	case *batchv1.Job:
		template = typed.Spec.Template
	case *corev1.Pod:
		template = corev1.PodTemplateSpec{ObjectMeta: typed.ObjectMeta, Spec: typed.Spec}
	default:
		return nil
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, GenerateName: o.GetName() + "-", Labels: template.Labels, Annotations: template.Annotations},
		Spec:       template.Spec,
	}
}

// refusesWhatIsWrong says that the namespace is restricted, and that unknown fields are found.
func (c *cluster) refusesWhatIsWrong(t *testing.T) {
	t.Helper()
	for _, o := range objects(t, "") {
		pod := podOf(o)
		if pod == nil {
			continue
		}
		pod.Spec.SecurityContext.SeccompProfile = nil
		if err := c.Create(t.Context(), pod); err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
			t.Errorf("a pod without a seccomp profile: %v", err)
		}
		wrong := o.DeepCopy()
		if err := unstructured.SetNestedField(wrong.Object, "x", "spec", "replica"); err != nil {
			t.Fatal(err)
		}
		if err := c.accepts(t, wrong); err == nil {
			t.Error("an unknown field is let through")
		}
		return
	}
}
