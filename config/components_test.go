package config_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/test/manifests"
)

// manifest is what these tests look at in an object.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Env   []struct{ Name string }
					Ports []port
				}
			}
		}
		Ports     []port
		Endpoints []struct{ Port string }
		Ingress   []rule
		Egress    []rule
	}
}

type port struct {
	Name          string
	Port          int
	ContainerPort int
	TargetPort    any
}

type rule struct {
	From  []any
	Ports []port
}

// render builds an overlay of config/default and config/prometheus with components, as a
// user would.
func render(t *testing.T, components ...string) map[string]manifest {
	t.Helper()
	folder := folderOf(t, []string{"default", "prometheus"}, components)
	rendered, err := exec.CommandContext(t.Context(), kubectl(t), "kustomize", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl kustomize: %v\n%s", err, rendered)
	}
	all := map[string]manifest{}
	for text := range strings.SplitSeq(string(rendered), "\n---\n") {
		var m manifest
		if err := yaml.Unmarshal([]byte(text), &m); err == nil { // a CRD is not of this shape
			all[m.Kind+"/"+m.Metadata.Name] = m
		}
	}
	return all
}

// folderOf is an overlay that names folders of config as its resources and components.
func folderOf(t *testing.T, resources, components []string) string {
	t.Helper()
	folder := t.TempDir()
	if err := manifests.WriteOverlay(folder, ".", resources, components); err != nil {
		t.Fatal(err)
	}
	return folder
}

// kubectl is the one that came with the control plane, or the machine's own.
func kubectl(t *testing.T) string {
	t.Helper()
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		if path := filepath.Join(assets, "kubectl"); exists(path) {
			return path
		}
	}
	if path := "../bin/k8s/kubectl"; exists(path) {
		return path
	}
	path, err := exec.LookPath("kubectl")
	if err != nil {
		t.Fatalf("no kubectl: %v; run `make controlplane`", err)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The component gives operators a port that only namespaces with metrics=enabled reach,
// and everything that knows the port agrees about it.
func TestOperatorsGetAPortOfTheirOwn(t *testing.T) {
	t.Parallel()
	all := render(t, "admin-port")
	if got := all["ConfigMap/orderplane-gateway"].Data["ADMIN_PORT"]; got != "8085" {
		t.Errorf("ADMIN_PORT = %q", got)
	}
	containers := all["Deployment/orderplane-gateway"].Spec.Template.Spec.Containers
	if len(containers) != 1 || !has(containers[0].Ports, port{Name: "admin", ContainerPort: 8085}) {
		t.Errorf("containers = %+v, want the port admin", containers)
	}
	if got := all["Service/orderplane-gateway"].Spec.Ports; !has(got, port{Name: "admin", Port: 8085, TargetPort: "admin"}) {
		t.Errorf("ports of the service = %+v", got)
	}
	if got := all["ServiceMonitor/orderplane-gateway"].Spec.Endpoints; len(got) != 1 || got[0].Port != "admin" {
		t.Errorf("endpoints of the monitor = %+v", got)
	}
	if got := all["ServiceMonitor/orderplane-manager"].Spec.Endpoints; len(got) != 1 || got[0].Port != "metrics" {
		t.Errorf("endpoints of the manager's monitor = %+v", got)
	}
	for _, r := range all["NetworkPolicy/orderplane-gateway"].Spec.Ingress {
		if has(r.Ports, port{Port: 8085}) && len(r.From) == 0 {
			t.Error("everybody reaches the port of operators")
		}
	}
	if n := len(all["NetworkPolicy/orderplane-gateway"].Spec.Ingress); n != 2 {
		t.Errorf("%d rules of ingress, want one for clients and one for operators", n)
	}
}

// With a mirror the gateway knows where the databases are, and is let out to them.
func TestTheGatewayFindsTheDatabasesOfAMirror(t *testing.T) {
	t.Parallel()
	all := render(t, "with-mirror")
	names := map[string]bool{}
	for _, container := range all["Deployment/orderplane-gateway"].Spec.Template.Spec.Containers {
		for _, e := range container.Env {
			names[e.Name] = true
		}
	}
	for _, name := range []string{"MIRRORED_NAMESPACES", "DB_URL", "DB_USER"} {
		if !names[name] {
			t.Errorf("the gateway has no %s", name)
		}
	}
	var out []port
	for _, r := range all["NetworkPolicy/orderplane-gateway"].Spec.Egress {
		out = append(out, r.Ports...)
	}
	if !has(out, port{Port: 5432}) {
		t.Errorf("the gateway is let out to %+v, and not to Postgres", out)
	}
}

func has(ports []port, want port) bool {
	for _, p := range ports {
		if p == want {
			return true
		}
	}
	return false
}

// The notifier has an account without a token, and is reached and let out where its deployment and service say.
func TestTheNotifierIsAddedToAMirror(t *testing.T) {
	t.Parallel()
	all := render(t, "with-mirror", "with-notifier")
	containers := all["Deployment/orderplane-notifier"].Spec.Template.Spec.Containers
	if len(containers) != 1 || !has(containers[0].Ports, port{Name: "health", ContainerPort: 8083}) {
		t.Errorf("containers = %+v, want the port health", containers)
	}
	if got := all["Service/orderplane-notifier"].Spec.Ports; !has(got, port{Name: "health", Port: 8083, TargetPort: "health"}) {
		t.Errorf("ports of the service = %+v", got)
	}
	policy := all["NetworkPolicy/orderplane-notifier"].Spec
	if len(policy.Ingress) != 1 || !has(policy.Ingress[0].Ports, port{Port: 8083}) || len(policy.Ingress[0].From) != 1 {
		t.Errorf("ingress = %+v", policy.Ingress)
	}
	for _, to := range []int{5432, 9092, 587} {
		if len(policy.Egress) != 1 || !has(policy.Egress[0].Ports, port{Port: to}) {
			t.Errorf("it is not let out to port %d", to)
		}
	}
	for name := range all {
		if strings.Contains(name, "RoleBinding/orderplane-notifier") {
			t.Errorf("%s: the notifier needs no rights in the cluster", name)
		}
	}
}
