package chart_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// render3 is `helm template` of Helm 3.
func render3(t *testing.T, text string) (rendered, error) {
	t.Helper()
	chart, err := loader.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	v, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	options := chartutil.ReleaseOptions{Name: "orderplane", Namespace: "ops-system", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, v, options, nil)
	if err != nil {
		return rendered{}, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return rendered{}, err
	}
	return sorted(files), nil
}

// Helm 3 renders what Helm 4 does, and refuses what it does.
func TestHelm3RendersTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files of values, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			four, err := render(t.Context(), load(t), values(t, string(text)))
			if err != nil {
				t.Fatal(err)
			}
			three, err := render3(t, string(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(four, three, cmp.AllowUnexported(rendered{})); diff != "" {
				t.Errorf("-Helm 4 +Helm 3\n%s", diff)
			}
		})
	}
	if _, err := render3(t, "gateway: {config: {RATE_LIMIT_PER_MINUT: 5}}"); err == nil || !strings.Contains(err.Error(), "at '/gateway/config': additional properties 'RATE_LIMIT_PER_MINUT'") {
		t.Errorf("%v, want a refusal", err)
	}
}
