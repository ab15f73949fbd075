package chart_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/test/manifests"
)

var update = flag.Bool("update", false, "write the golden files and the chart's README anew")

// TestTheChartRendersTheGoldenFiles renders every file of values in testdata. What comes out is
// decoded strictly, keeps to the rules, and is what the golden file has: of the default everything
// but the custom resource definitions, of the others what differs from the default.
func TestTheChartRendersTheGoldenFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files of values, %v", len(files), err)
	}
	standard := byKey(objects(t, ""))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".values.yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all := objects(t, string(text))
			for _, fault := range manifests.Faults(all) {
				t.Error(fault)
			}
			base := standard
			if name == "default" {
				base = nil
			}
			golden(t, filepath.Join("testdata", name+".golden.yaml"), differences(t, base, byKey(all)))
		})
	}
}

// differences are the objects that base has not, or has otherwise, and the names of those that only
// base has.
func differences(t *testing.T, base, all map[string]manifests.Object) string {
	t.Helper()
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(base)) {
		if _, ok := all[key]; !ok {
			out.WriteString("# without " + key + "\n")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(key, "CustomResourceDefinition ") && base == nil {
			continue
		}
		if other, ok := base[key]; ok && cmp.Equal(other.Object, all[key].Object) {
			continue
		}
		fields := all[key].Object
		if strings.HasPrefix(key, "CustomResourceDefinition ") { // its schema is in config/crd
			fields = map[string]any{"kind": fields["kind"], "metadata": fields["metadata"]}
		}
		text, err := yaml.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n" + string(text))
	}
	return out.String()
}

// golden compares a text with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got; if it is meant, run go test ./... -update\n%s", file, diff)
	}
}

// Rendering twice gives the same: there is nothing random in it, and nothing is looked up.
func TestTheChartRendersTheSameTwice(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/extras.values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var before rendered
	for range 5 {
		now, err := render(t.Context(), load(t), values(t, string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if before.text != "" && before != now {
			t.Fatal(cmp.Diff(before, now, cmp.AllowUnexported(rendered{})))
		}
		before = now
	}
	for _, word := range []string{"lookup", "genCA", "genSelfSignedCert", "genPrivateKey", "htpasswd", "now", "uuidv4", "caBundle:"} {
		for _, f := range load(t).Templates {
			for _, field := range strings.FieldsFunc(string(f.Data), func(r rune) bool { return strings.ContainsRune(" \t\n(){}|", r) }) {
				if field == word || strings.HasPrefix(field, "rand") {
					t.Errorf("%s has %s", f.Name, field)
				}
			}
		}
	}
}
