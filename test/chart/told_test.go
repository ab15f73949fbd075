package chart_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/orderplane/orderplane/test/manifests"
)

// The notes name what is missing, and nothing else; and the first order.
func TestTheNotesNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	const image, token, mirror, password = "MISSING: the image", "NEEDED: the secret orderplane-jwt", "MISSING: a mirror", "NEEDED: DB_PASSWORD of the "
	for name, c := range map[string]struct {
		values    string
		has, lack []string
	}{
		"nothing given":        {"", []string{image, token, "kind: Order\n", "helm test orderplane", "rollout status deployment/orderplane-gateway"}, []string{mirror, password, "orderplane-mirror"}},
		"a registry":           {"image: {registry: registry.example.com}", []string{token}, []string{image}},
		"a JWKS":               {"gateway: {jwt: {jwksURL: 'https://a'}}", []string{image}, []string{token}},
		"no gateway":           {"gateway: {enabled: false}", []string{image}, []string{token, "helm test", "orderplane-gateway"}},
		"a notifier alone":     {"notifier: {enabled: true}", []string{mirror, password + "notifier"}, []string{password + "mirror"}},
		"a mirror":             {"mirror: {enabled: true}", []string{password + "mirror"}, []string{mirror}},
		"a mirror with a file": {"mirror: {enabled: true, secretFiles: [{name: DB_PASSWORD_FILE, secret: db, key: p}]}", nil, []string{password}},
		"without the CRDs":     {"crds: {enabled: false}", []string{"kubectl apply --server-side -k config/crd"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := render(t.Context(), load(t), values(t, c.values))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range c.has {
				if !strings.Contains(r.notes, text) {
					t.Errorf("%q is not in\n%s", text, r.notes)
				}
			}
			for _, text := range c.lack {
				if strings.Contains(r.notes, text) {
					t.Errorf("%q is in\n%s", text, r.notes)
				}
			}
		})
	}
}

// `helm test` runs a pod that a restricted namespace lets in, and that no policy of ours shuts off.
func TestTheTestPodMayRun(t *testing.T) {
	t.Parallel()
	r, err := render(t.Context(), load(t), values(t, "image: {tag: v1}"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := manifests.Parse(r.tests)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d objects, %v", len(all), err)
	}
	pod, ok := all[0].Typed.(*corev1.Pod)
	if !ok || pod.Annotations["helm.sh/hook"] != "test" {
		t.Fatalf("it is %s, %v", all[0].Key(), pod.Annotations)
	}
	if pod.Labels["app.kubernetes.io/name"] == "orderplane" {
		t.Error("the policies for Orderplane's pods shut it off")
	}
	for _, fault := range manifests.Restricted(corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}) {
		t.Error(fault)
	}
	if got := strings.Join(pod.Spec.Containers[0].Args, " "); got != "probe http://orderplane-gateway.ops-system:8080/actuator/health/readiness --timeout=20s" {
		t.Errorf("it runs %s", got)
	}
}
