//go:build linux

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// TestInstallYAMLAloneInstalls applies the install.yaml of a release to an API server that has nothing: once, and once more.
func TestInstallYAMLAloneInstalls(t *testing.T) {
	dir := t.TempDir()
	render := exec.CommandContext(t.Context(), "../../hack/render.sh", "v0.1.0-test", "example.com/orderplane", dir)
	if out, err := render.CombinedOutput(); err != nil {
		t.Fatalf("render: %v\n%s", err, out)
	}
	cp, err := devcluster.Start(t.Context(), devcluster.Options{DataDir: filepath.Join(dir, "cluster"), UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := devcluster.WriteKubeconfig(kubeconfig, cp.Config(), "default"); err != nil {
		t.Fatal(err)
	}
	kubectl := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), cp.Kubectl(), append([]string{"--kubeconfig", kubeconfig}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	file := filepath.Join(dir, "install.yaml")
	first := kubectl("apply", "--server-side", "-f", file)
	if strings.Contains(first, "Warning") {
		t.Errorf("the API server warns:\n%s", first)
	}
	kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "-l", "app.kubernetes.io/name=orderplane")
	before := kubectl("get", "-f", file, "-o", "jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.generation}{\"\\n\"}{end}")
	kubectl("apply", "--server-side", "-f", file)
	if after := kubectl("get", "-f", file, "-o", "jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.generation}{\"\\n\"}{end}"); after != before {
		t.Errorf("the second time it changed something: before\n%s\nafter\n%s", before, after)
	}
	images := kubectl("-n", "ops-system", "get", "deployments", "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}")
	if want := "example.com/orderplane:v0.1.0-test example.com/orderplane:v0.1.0-test"; images != want {
		t.Errorf("images are %s, want %s", images, want)
	}
	crds, err := os.ReadFile(filepath.Join(dir, "crds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(crds), "kind: CustomResourceDefinition"); n != 6 {
		t.Errorf("crds.yaml has %d definitions, want 6", n)
	}
}
