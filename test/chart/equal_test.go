package chart_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/test/manifests"
)

// TestTheChartIsWhatKustomizeBuilds compares object by object. What may differ is what a release
// adds, and what a chart can't install.
func TestTheChartIsWhatKustomizeBuilds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resources, components []string
		values                string
	}{
		"default": {resources: []string{"default"}, values: "image: {tag: latest}"},
		"everything": {
			resources:  []string{"default", "prometheus", "prometheus/mirror", "prometheus/notifier", "untracked"},
			components: []string{"admin-port", "with-mirror", "with-notifier"},
			values: `
image: {tag: latest}
gateway: {adminPort: 8085}
mirror: {enabled: true}
notifier: {enabled: true}
monitoring: {enabled: true}
untracked: {enabled: true}
`},
		"the Gateway API": {
			resources: []string{"default"}, components: []string{"gateway-api"},
			values: `
image: {tag: latest}
gateway: {ingress: {enabled: false}, httpRoute: {enabled: true, parentRefs: [{name: gateway, namespace: gateway-system}]}}
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := byKey(kustomized(t, c.resources, c.components))
			got := byKey(objects(t, c.values))
			delete(want, "Namespace ops-system") // a release is installed into a namespace that is there
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("objects: -kustomize +chart\n%s", diff)
			}
			for key := range want {
				if other, ok := got[key]; ok {
					if diff := cmp.Diff(plain(want[key]), plain(other)); diff != "" {
						t.Errorf("%s: -kustomize +chart\n%s", key, diff)
					}
				}
			}
		})
	}
}

func kustomized(t *testing.T, resources, components []string) []manifests.Object {
	t.Helper()
	dir := t.TempDir()
	if err := manifests.WriteOverlay(dir, "../../config", resources, components); err != nil {
		t.Fatal(err)
	}
	text, err := manifests.Kustomize(t.Context(), kubectl(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := manifests.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func byKey(all []manifests.Object) map[string]manifests.Object {
	found := map[string]manifests.Object{}
	for _, o := range all {
		found[o.Key()] = o
	}
	return found
}

// released are labels and annotations that a release says differently, or adds.
func released() []string {
	return []string{
		"app.kubernetes.io/managed-by", // Helm, not kustomize
		"app.kubernetes.io/version",    // a chart knows it
		"helm.sh/chart",
		"helm.sh/resource-policy", // on custom resource definitions
		"checksum/config",         // on pods: they are replaced when their settings change
	}
}

// plain is an object without what a release says. The pods of the gateway come and go by its
// autoscaler in both.
func plain(o manifests.Object) map[string]any {
	fields, _ := folded(o.DeepCopy().Object).(map[string]any)
	without(fields["metadata"])
	if spec, ok := fields["spec"].(map[string]any); ok {
		if template, ok := spec["template"].(map[string]any); ok {
			without(template["metadata"])
		}
	}
	return fields
}

// folded takes the empty lines out of texts: kustomize writes a folded text again with one before
// each line that is indented. CEL does not mind.
func folded(v any) any {
	switch typed := v.(type) {
	case map[string]any:
		for name, value := range typed {
			typed[name] = folded(value)
		}
	case []any:
		for i, value := range typed {
			typed[i] = folded(value)
		}
	case string:
		return regexp.MustCompile(`\n+`).ReplaceAllString(typed, "\n")
	}
	return v
}

func without(metadata any) {
	m, ok := metadata.(map[string]any)
	if !ok {
		return
	}
	for _, of := range []string{"labels", "annotations"} {
		entries, ok := m[of].(map[string]any)
		if !ok {
			continue
		}
		for _, name := range released() {
			delete(entries, name)
		}
		if len(entries) == 0 {
			delete(m, of)
		}
	}
}
