package chart_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool is the path of a program that a go.mod pins, built once into Go's cache.
func tool(t *testing.T, module, path string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "tool", "-n", path)
	command.Dir = module
	var faults bytes.Buffer
	command.Stderr = &faults
	out, err := command.Output()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", path, err, faults.String())
	}
	return strings.TrimSpace(string(out))
}

// orderplane builds the product as `make build` does.
func orderplane(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "orderplane")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/orderplane")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// helm is one of Helm's programs, on a cluster.
type helm struct {
	binary string
	env    []string
}

func newHelm(t *testing.T, c *cluster, path string) helm {
	t.Helper()
	home := t.TempDir()
	return helm{binary: tool(t, ".", path), env: []string{
		"KUBECONFIG=" + c.kubeconfig, "HOME=" + home, "HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home,
	}}
}

// run is a command that has to succeed, and that nobody warns of.
func (h helm) run(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), h.binary, append(args, "--namespace", system)...)
	command.Env = h.env
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(strings.ToLower(line), "warn") || strings.HasPrefix(line, "W1") || strings.HasPrefix(line, "W0") {
			t.Errorf("helm %s: %s", args[0], line)
		}
	}
	return string(out)
}
