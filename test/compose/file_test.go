//go:build linux

package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads compose.yaml as docker compose does, with the settings of a file.
func load(t *testing.T, settings string) (*types.Project, error) {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"../../compose.yaml"}, cli.WithName("orderplane"),
		cli.WithEnvFiles(settings), cli.WithDotEnv, cli.WithProfiles([]string{"cli"}))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

func loadExample(t *testing.T) *types.Project {
	t.Helper()
	project, err := load(t, "../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ours are the services that run Orderplane's binary.
func ours(project *types.Project) []types.ServiceConfig {
	var found []types.ServiceConfig
	for _, s := range project.Services {
		if s.Image == "orderplane:latest" {
			found = append(found, s)
		}
	}
	return found
}

func TestThePasswordIsAskedFor(t *testing.T) {
	empty := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, empty); err == nil || !strings.Contains(err.Error(), "DB_PASSWORD") {
		t.Errorf("without a password: got %v, want an error that names DB_PASSWORD", err)
	}
}

// TestEveryVariableIsOneOfItsRole asks the binary which variables each command takes.
func TestEveryVariableIsOneOfItsRole(t *testing.T) {
	binary := binary(t)
	project := loadExample(t)
	services := ours(project)
	if len(services) != 9 {
		t.Errorf("%d services run the binary, want 9", len(services))
	}
	for _, s := range services {
		known := map[string]bool{}
		commands := [][]string{s.Command}
		if s.Name == "cli" { // runs what a person asks for
			commands = [][]string{{"token"}, {"topic", "tail"}, {"dlt", "list"}, {"notifications", "erase"}, {"mirror"}}
		}
		for _, command := range commands {
			for _, name := range variablesOf(t, binary, command) {
				known[name] = true
			}
		}
		for name := range s.Environment {
			if !known[name] {
				t.Errorf("%s: `orderplane %s` knows no variable %s", s.Name, strings.Join(s.Command, " "), name)
			}
		}
	}
}

// variablesOf are those that the help of a command names in brackets; and KUBECONFIG where it has the flag of that name.
func variablesOf(t *testing.T, binary string, command []string) []string {
	t.Helper()
	help, err := exec.CommandContext(t.Context(), binary, append(slices.Clone(command), "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("orderplane %s --help: %v\n%s", strings.Join(command, " "), err, help)
	}
	var names []string
	for _, found := range regexp.MustCompile(`\[([A-Z][A-Z0-9_]+)\]`).FindAllStringSubmatch(string(help), -1) {
		names = append(names, found[1])
	}
	if strings.Contains(string(help), "--kubeconfig") || command[0] == "prepare" {
		names = append(names, "KUBECONFIG")
	}
	return names
}

func TestStartsHaveNoCycle(t *testing.T) {
	project := loadExample(t)
	const begun, over = 1, 2
	state := map[string]int{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		path = append(path, name)
		if state[name] == begun {
			t.Fatalf("the order of starts has a cycle: %s", strings.Join(path, " waits for "))
		}
		if state[name] == over {
			return
		}
		state[name] = begun
		s, err := project.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		for other, dependency := range s.DependsOn {
			on, err := project.GetService(other)
			if err != nil {
				t.Fatal(err)
			}
			switch dependency.Condition {
			case types.ServiceConditionHealthy:
				if on.HealthCheck == nil || len(on.HealthCheck.Test) == 0 {
					t.Errorf("%s waits until %s is well, which has no health check", name, other)
				}
			case types.ServiceConditionCompletedSuccessfully:
				if on.Restart != types.RestartPolicyNo {
					t.Errorf("%s waits until %s has ended, which is started again", name, other)
				}
			default:
				t.Errorf("%s waits for %s by %q: say what it needs", name, other, dependency.Condition)
			}
			visit(other, path)
		}
		state[name] = over
	}
	for name := range project.Services {
		visit(name, nil)
	}
}

// TestTheFileKeepsToTheRules holds every service to what docs/operate/compose.md promises.
func TestTheFileKeepsToTheRules(t *testing.T) {
	project := loadExample(t)
	published := map[string]string{}
	for name, s := range project.Services {
		if first, _, more := strings.Cut(s.Image, "/"); more && strings.ContainsAny(first, ".:") || strings.HasPrefix(s.Image, "localhost/") {
			t.Errorf("%s: image %s names a registry", name, s.Image)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published on %q, want 127.0.0.1", name, p.Published, p.HostIP)
			}
			published[p.Published] = name
		}
		if s.Build == nil { // of others
			continue
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: want a read-only root, no capability, and no new privileges", name)
		}
		if name != "prepare" && s.User != "65532:65532" {
			t.Errorf("%s: runs as %q", name, s.User)
		}
		if s.Restart != types.RestartPolicyNo && (s.HealthCheck == nil || s.HealthCheck.Test[1] != "/orderplane" || s.HealthCheck.Test[2] != "probe") {
			t.Errorf("%s: its health is not asked by orderplane probe", name)
		}
	}
	// The contract's ports.
	for port, service := range map[string]string{
		"8080": "gateway", "8081": "manager", "8082": "manager", "8083": "notifier", "8084": "mirror",
		"5432": "postgres", "9092": "kafka", "6379": "redis", "8090": "kafka-ui",
	} {
		if published[port] != service {
			t.Errorf("port %s is %q's, want %s's", port, published[port], service)
		}
	}
}

// TestEverySettingIsInTheExample compares the variables of compose.yaml with those of .env.example.
func TestEverySettingIsInTheExample(t *testing.T) {
	file, example := read(t, "../../compose.yaml"), read(t, "../../.env.example")
	used := map[string]string{}
	for _, found := range regexp.MustCompile(`\$\{([A-Z_]+):[-?]([^}]*)\}`).FindAllStringSubmatch(file, -1) {
		used[found[1]] = found[2]
	}
	shown := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=(.*)$`).FindAllStringSubmatch(example, -1) {
		shown[found[1]] = found[2]
	}
	for name, value := range used {
		if got, ok := shown[name]; !ok {
			t.Errorf(".env.example has no %s", name)
		} else if name != "DB_PASSWORD" && got != value {
			t.Errorf("%s is %q in .env.example, and %q by default", name, got, value)
		}
	}
	for name := range shown {
		if _, ok := used[name]; !ok {
			t.Errorf("compose.yaml has no use for %s of .env.example", name)
		}
	}
}

// TestTheDockerfileHasTheControlPlane compares the stage of the API server with what the containers of the test have.
func TestTheDockerfileHasTheControlPlane(t *testing.T) {
	_, stage, found := strings.Cut(read(t, "../../Dockerfile"), "FROM scratch AS controlplane\n")
	stage, _, _ = strings.Cut(stage, "\nFROM ")
	for _, want := range []string{"/etcd /kube-apiserver /\n", "--chown=65532:65532 /data /var/lib/etcd\n", "/orderplane /orderplane\n", "USER 65532:65532\n"} {
		if !found || !strings.Contains(stage, want) {
			t.Errorf("the stage controlplane has no %q:\n%s", want, stage)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
