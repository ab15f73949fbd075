// Package chart_test holds the Helm chart to the manifests of config/: it is a module of its own,
// so that Helm is not in Orderplane's dependency graph.
package chart_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/orderplane/orderplane/test/manifests"
)

const folder = "../../charts/orderplane"

// load reads the chart anew: rendering changes it.
func load(t *testing.T) *chartv2.Chart {
	t.Helper()
	chart, err := loader.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

// values reads values as Helm reads a file of them.
func values(t *testing.T, text string) common.Values {
	t.Helper()
	v, err := common.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// render is `helm template orderplane charts/orderplane -n ops-system -f -`, with the schema and the
// notes: what is installed, what `helm test` runs, and what the user is told.
func render(ctx context.Context, chart *chartv2.Chart, v common.Values) (rendered, error) {
	options := common.ReleaseOptions{Name: "orderplane", Namespace: "ops-system", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, v, options, nil)
	if err != nil {
		return rendered{}, err
	}
	files, err := engine.Engine{Strict: false}.RenderWithContext(ctx, chart, all)
	if err != nil {
		return rendered{}, err
	}
	return sorted(files), nil
}

// sorted puts what is rendered together by what becomes of it, in the order of the templates' names.
func sorted(files map[string]string) rendered {
	var out rendered
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case strings.HasSuffix(name, "NOTES.txt"):
			out.notes += files[name]
		case strings.HasSuffix(name, ".tpl"):
		case strings.Contains(name, "/templates/tests/"):
			out.tests += "\n---\n" + files[name]
		default:
			out.text += "\n---\n# Source: " + name + "\n" + files[name]
		}
	}
	return out
}

type rendered struct{ text, tests, notes string }

// objects are what is installed, decoded strictly.
func objects(t *testing.T, text string) []manifests.Object {
	t.Helper()
	r, err := render(t.Context(), load(t), values(t, text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := manifests.Parse(r.text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kubectl is the one that came with the control plane.
func kubectl(t *testing.T) string {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set; run `make test-chart`")
	}
	return filepath.Join(assets, "kubectl")
}
