package chart_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

const introduction = `# Chart orderplane

Order processing as a Kubernetes control plane, for Helm 3 and Helm 4. It installs what ` + "`config/default`" + ` of the repository
does, and with values the mirror, the notifier and monitoring as well. A test holds the two to each other, object by object.

    helm install orderplane charts/orderplane --namespace ops-system --create-namespace \
      --set image.registry=registry.example.com --set image.tag=my-tag

- There is one release in a cluster: custom resources and webhooks belong to the whole of it. So names are fixed.
- Label the namespace yourself, if it is to be held to the restricted Pod Security standard:
  ` + "`kubectl label namespace ops-system pod-security.kubernetes.io/enforce=restricted`" + `. Every pod keeps to it.
- Custom resource definitions are templates, so an upgrade upgrades them. They stay when the release is uninstalled
  (` + "`crds.keep`" + `).
- Put no orders, items or classes among ` + "`extraObjects`" + `: Helm asks for their definitions before it has made them.
- No value is random, nothing is looked up in the cluster, and no secret is made. The manager writes the ` + "`caBundle`" + ` of its webhooks,
  and an autoscaler the replicas of the gateway; the chart has neither, so an upgrade does not fight with them.
- A value that the chart does not know is refused, with its path. ` + "`global`" + ` is open.
- Passwords come from secrets that you make: ` + "`existingSecret`" + ` for all keys of one, ` + "`secretEnv`" + ` for single keys, ` + "`secretFiles`" + ` for keys as
  files. A setting that is a password, or a URL with one in it, is refused.

## Values

<!-- Written by "go test ./... -update" in test/chart, from values.yaml; the same test compares it. -->

| value | default | what it is |
|---|---|---|
`

// TestTheREADMEIsFresh writes a line for every value, from the comment above it.
func TestTheREADMEIsFresh(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(folder + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	lines := rows(t, "", document.Content[0])
	if len(lines) < 100 {
		t.Errorf("%d values", len(lines))
	}
	golden(t, folder+"/README.md", introduction+strings.Join(lines, ""))
}

// rows are the values of a map and of the maps in it. One with a comment is a value as a whole.
func rows(t *testing.T, path string, node *yaml.Node) []string {
	t.Helper()
	var lines []string
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		at := strings.TrimPrefix(path+"."+name.Value, ".")
		comment := strings.Join(strings.Fields(strings.ReplaceAll("\n"+name.HeadComment, "\n#", " ")), " ")
		switch {
		case comment != "":
			lines = append(lines, fmt.Sprintf("| `%s` | %s | %s |\n", at, standard(t, value), strings.ReplaceAll(comment, "|", "\\|")))
		case value.Kind == yaml.MappingNode && len(value.Content) > 0:
			lines = append(lines, rows(t, at, value)...)
		default:
			t.Errorf("values.yaml: no comment says what %s is", at)
		}
	}
	return lines
}

// standard is a default as one writes it on a command line.
func standard(t *testing.T, value *yaml.Node) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := sigsyaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return "`" + strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(asJSON)) + "`"
}
