package chart_test

import (
	"strings"
	"testing"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
)

// TestWrongValuesAreRefused is about values that people get wrong. Each is refused before anything is
// installed, and the refusal names the place.
func TestWrongValuesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ values, path string }{
		"a typo in a component":                {"gatway: {enabled: true}", "additional properties 'gatway' not allowed"},
		"a typo in a key":                      {"gateway: {replica: 2}", "at '/gateway': additional properties 'replica' not allowed"},
		"a typo far inside":                    {"gateway: {autoscaling: {maxReplica: 2}}", "at '/gateway/autoscaling': additional properties 'maxReplica'"},
		"a typo in a setting":                  {"gateway: {config: {RATE_LIMIT_PER_MINUT: 5}}", "at '/gateway/config': additional properties 'RATE_LIMIT_PER_MINUT'"},
		"another component's setting":          {"mirror: {config: {SMTP_HOST: smtp}}", "at '/mirror/config'"},
		"a password in a config map":           {"mirror: {config: {DB_PASSWORD: secret}}", "at '/mirror/config'"},
		"a password in a URL":                  {"mirror: {config: {DB_URL: 'postgres://ops:secret@db:5432'}}", "at '/mirror/config/DB_URL'"},
		"the chart's own setting":              {"gateway: {config: {HTTP_PORT: 80}}", "at '/gateway/config'"},
		"a list as a setting":                  {"gateway: {config: {TRUSTED_PROXIES: [10.0.0.0/8]}}", "at '/gateway/config/TRUSTED_PROXIES': got array"},
		"a number as words":                    {"manager: {replicas: two}", "at '/manager/replicas': got string, want integer"},
		"a number in quotes":                   {"manager: {replicas: '2'}", "at '/manager/replicas': got string, want integer"},
		"less than none":                       {"manager: {replicas: -1}", "at '/manager/replicas': minimum: got -1, want 0"},
		"a switch in quotes":                   {"mirror: {enabled: 'true'}", "at '/mirror/enabled': got string, want boolean"},
		"a component as a switch":              {"mirror: true", "mirror"},
		"a key taken away":                     {"gateway: {autoscaling: null}", "at '/gateway': missing property 'autoscaling'"},
		"a policy that nobody knows":           {"image: {pullPolicy: Sometimes}", "at '/image/pullPolicy'"},
		"a tag with the name":                  {"image: {repository: 'orderplane:v1'}", "at '/image/repository'"},
		"a digest cut short":                   {"image: {digest: sha256:0123}", "at '/image/digest'"},
		"a number as a tag":                    {"image: {tag: 1.0}", "at '/image/tag': got number, want string"},
		"a namespace that is none":             {"ordersNamespace: My Shop", "at '/ordersNamespace'"},
		"more than all CPU":                    {"gateway: {autoscaling: {targetCPU: 700}}", "at '/gateway/autoscaling/targetCPU': maximum: got 700, want 100"},
		"no key to check tokens":               {"gateway: {jwt: {existingSecret: ''}}", "at '/gateway/jwt"},
		"a JWKS that is no URL":                {"gateway: {jwt: {jwksURL: login.example.com}}", "at '/gateway/jwt/jwksURL'"},
		"the port of clients for operators":    {"gateway: {adminPort: 8080}", "at '/gateway/adminPort'"},
		"a route to nowhere":                   {"gateway: {httpRoute: {enabled: true}}", "at '/gateway/httpRoute/parentRefs'"},
		"a secret without a key":               {"mirror: {secretEnv: [{name: DB_PASSWORD, secret: db}]}", "at '/mirror/secretEnv/0': missing property 'key'"},
		"a secret for a variable there is not": {"mirror: {secretEnv: [{name: DB_PASWORD, secret: db, key: password}]}", "at '/mirror/secretEnv/0/name'"},
		"a file for what is no file":           {"mirror: {secretFiles: [{name: DB_PASSWORD, secret: db, key: password}]}", "at '/mirror/secretFiles/0/name'"},
		"a file of two":                        {"mirror: {secretFiles: [{name: DB_PASSWORD_FILE, secret: db, configMap: db, key: password}]}", "at '/mirror/secretFiles/0'"},
		"a file of none":                       {"mirror: {secretFiles: [{name: DB_PASSWORD_FILE, key: password}]}", "at '/mirror/secretFiles/0'"},
		"a secret's name with capitals":        {"mirror: {existingSecret: MySecret}", "at '/mirror/existingSecret'"},
		"resources that are requests":          {"manager: {resources: {cpu: 100m}}", "at '/manager/resources': additional properties 'cpu'"},
		"a quantity with a typo":               {"manager: {resources: {requests: {memory: 128MB}}}", "at '/manager/resources/requests/memory'"},
		"a taint's effect with a typo":         {"manager: {tolerations: [{key: a, effect: NoShedule}]}", "at '/manager/tolerations/0/effect'"},
		"a variable with a value that is none": {"manager: {extraEnv: [{name: GOGC, value: 50}]}", "at '/manager/extraEnv/0/value': got number, want string"},
		"variables as a map":                   {"manager: {extraEnv: {GOGC: '50'}}", "at '/manager/extraEnv': got object, want array"},
		"annotations that are no text":         {"manager: {podAnnotations: {a: true}}", "at '/manager/podAnnotations/a': got boolean, want string"},
		"a label with a blank":                 {"commonLabels: {team: our team}", "at '/commonLabels/team'"},
		"a budget that lets no pod go":         {"gateway: {podDisruptionBudget: {maxUnavailable: 0}}", "at '/gateway/podDisruptionBudget/maxUnavailable'"},
		"a label that is no name":              {"commonLabels: {our team: a}", "at '/commonLabels': additional properties 'our team'"},
		"an object that is a number":           {"extraObjects: [1]", "at '/extraObjects/0'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := render(t.Context(), load(t), values(t, c.values))
			if err == nil || !strings.Contains(err.Error(), c.path) {
				t.Errorf("%v, want %q", err, c.path)
			}
		})
	}
}

// TestTheChartIsASubchart has a chart above it, with global values of its own and a condition.
func TestTheChartIsASubchart(t *testing.T) {
	t.Parallel()
	parent := &chartv2.Chart{Metadata: &chartv2.Metadata{APIVersion: "v2", Name: "shop", Version: "1.0.0"}}
	parent.AddDependency(load(t))
	r, err := render(t.Context(), parent, values(t, `
global: {imageRegistry: registry.example.com, storageClass: fast, deep: {er: [1, 2]}}
orderplane: {enabled: true, image: {tag: v1}, mirror: {enabled: true}}
other: {a: 1}
`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.text, `image: "registry.example.com/orderplane:v1"`) || !strings.Contains(r.text, "name: orderplane-mirror") {
		t.Error("the image or the mirror is not what the chart above says")
	}
	if _, err := render(t.Context(), parent, values(t, "orderplane: {gatway: {}}")); err == nil || !strings.Contains(err.Error(), "'gatway'") {
		t.Errorf("%v, want a refusal of gatway", err)
	}
}
