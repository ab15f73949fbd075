package config_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/orderplane/orderplane/test/manifests"
)

// whole renders the overlay and reads it as an API server would that takes no unknown field.
func whole(t *testing.T, folder string) []manifests.Object {
	t.Helper()
	text, err := manifests.Kustomize(t.Context(), kubectl(t), folder)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// overlay is config/default with these components and further resources, as a user would have it.
func overlay(t *testing.T, components ...string) []manifests.Object {
	t.Helper()
	return whole(t, folderOf(t, []string{"default", "prometheus"}, components))
}

// Every overlay, and every component with every other, is taken by an API server and keeps to the rules.
func TestEveryOverlayKeepsToTheRules(t *testing.T) {
	t.Parallel()
	for name, objects := range map[string]func(t *testing.T) []manifests.Object{
		"default":     func(t *testing.T) []manifests.Object { t.Helper(); return whole(t, "default") },
		"dev":         func(t *testing.T) []manifests.Object { t.Helper(); return whole(t, "overlays/dev") },
		"ha":          func(t *testing.T) []manifests.Object { t.Helper(); return whole(t, "overlays/ha") },
		"gateway-api": func(t *testing.T) []manifests.Object { t.Helper(); return whole(t, "overlays/gateway-api") },
		"everything in dev": func(t *testing.T) []manifests.Object {
			t.Helper()
			return overlay(t, "admin-port", "with-mirror", "with-notifier", "gateway-api", "dev")
		},
		"everything in ha": func(t *testing.T) []manifests.Object {
			t.Helper()
			return overlay(t, "admin-port", "with-mirror", "with-notifier", "gateway-api", "ha")
		},
		"with what mirror and notifier may have": func(t *testing.T) []manifests.Object {
			t.Helper()
			return overlay(t, "with-redis", "with-mirror", "with-notifier", "migrate", "keda")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := objects(t)
			if len(all) < 30 {
				t.Errorf("%d objects", len(all))
			}
			for _, fault := range manifests.Faults(all) {
				t.Error(fault)
			}
		})
	}
}

// What is applied beside an installation is decoded strictly, too, and has its labels.
func TestWhatStandsBesideAnInstallationIsLabelled(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"untracked", "prometheus", "prometheus/mirror", "prometheus/notifier"} {
		for _, fault := range manifests.Faults(whole(t, folder)) {
			t.Errorf("%s: %s", folder, fault)
		}
	}
}

// In dev there is one pod of each component, and nothing that scales it.
func TestDevIsSmall(t *testing.T) {
	t.Parallel()
	for _, o := range overlay(t, "with-mirror", "with-notifier", "dev") {
		switch typed := o.Typed.(type) {
		case *appsv1.Deployment:
			if r := typed.Spec.Replicas; r != nil && *r != 1 {
				t.Errorf("%s has %d replicas", o.Key(), *r)
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			t.Errorf("there is %s", o.Key())
		}
	}
}

// In ha no two pods of a component share a node while there are others, and zones are used.
func TestHAStandsInSeveralZones(t *testing.T) {
	t.Parallel()
	deployments := 0
	for _, o := range overlay(t, "with-mirror", "with-notifier", "ha") {
		switch typed := o.Typed.(type) {
		case *appsv1.Deployment:
			deployments++
			if r := typed.Spec.Replicas; r == nil && typed.Name != "orderplane-gateway" || r != nil && *r != 3 {
				t.Errorf("%s: replicas %v", o.Key(), r)
			}
			spread := typed.Spec.Template.Spec.TopologySpreadConstraints
			if len(spread) != 2 || spread[0].TopologyKey != corev1.LabelHostname || spread[0].WhenUnsatisfiable != corev1.DoNotSchedule ||
				spread[1].TopologyKey != corev1.LabelTopologyZone || spread[1].WhenUnsatisfiable != corev1.ScheduleAnyway {
				t.Errorf("%s: spread %+v", o.Key(), spread)
			}
			if typed.Spec.Template.Spec.PriorityClassName != "orderplane" {
				t.Errorf("%s has no priority", o.Key())
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			if *typed.Spec.MinReplicas != 3 {
				t.Errorf("%s: at least %d", o.Key(), *typed.Spec.MinReplicas)
			}
		}
	}
	if deployments != 4 {
		t.Errorf("%d deployments", deployments)
	}
}

// The route leads where the Ingress did, which is gone.
func TestTheGatewayAPITakesTheIngressPlace(t *testing.T) {
	t.Parallel()
	var route *gatewayv1.HTTPRoute
	for _, o := range whole(t, "overlays/gateway-api") {
		if o.GetKind() == "Ingress" {
			t.Errorf("there is %s as well", o.Key())
		}
		if r, ok := o.Typed.(*gatewayv1.HTTPRoute); ok {
			route = r
		}
	}
	if route == nil || len(route.Spec.Rules) != 1 || len(route.Spec.Rules[0].BackendRefs) != 1 {
		t.Fatalf("route = %+v", route)
	}
	if to := route.Spec.Rules[0].BackendRefs[0]; to.Name != "orderplane-gateway" || *to.Port != 8080 {
		t.Errorf("it leads to %+v", to)
	}
	if path := route.Spec.Rules[0].Matches[0].Path; *path.Type != gatewayv1.PathMatchPathPrefix || *path.Value != "/api" {
		t.Errorf("it takes %+v", path)
	}
}

// The rules find what is wrong: each of these was right before.
func TestTheRulesFindWhatIsWrong(t *testing.T) {
	t.Parallel()
	text, err := manifests.Kustomize(t.Context(), kubectl(t), folderOf(t, []string{"default"}, []string{"with-mirror", "with-notifier", "migrate", "keda"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, with, want string }{
		"a typo":                   {"maxUnavailable:", "maxUnavailible:", `unknown field "spec.maxUnavailible"`},
		"a kind that nobody knows": {"kind: Ingress", "kind: Ingres", `no kind "Ingres"`},
		"a field given twice":      {"  maxUnavailable: 1\n", "  maxUnavailable: 1\n  maxUnavailable: 1\n", "already set"},
		"a label left out":         {"    app.kubernetes.io/part-of: orderplane\n", "", "no label app.kubernetes.io/part-of"},
		"a budget that keeps pods": {"  unhealthyPodEvictionPolicy: AlwaysAllow\n", "", "unhealthyPodEvictionPolicy"},
		"a budget for nobody":      {"selector:\n    matchLabels:\n      app.kubernetes.io/component: gateway\n      app.kubernetes.io/name: orderplane\n  unhealthy", "selector:\n    matchLabels:\n      app.kubernetes.io/component: nobody\n      app.kubernetes.io/name: orderplane\n  unhealthy", "it has 0 disruption budgets"},
		"a spread of all":          {"        matchLabelKeys:\n        - pod-template-hash\n", "", "counts other revisions"},
		"root":                     {"        runAsNonRoot: true\n", "", "a restricted namespace refuses"},
		"a root that is written":   {"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "root is not read-only"},
		"a port that is not there": {"targetPort: inventory", "targetPort: stock", "leads to stock"},
		"an account that is gone":  {"serviceAccountName: orderplane-gateway", "serviceAccountName: orderplane-lost", `no account "orderplane-lost"`},
		"a role that is gone":      {"  kind: Role\n  name: orderplane-leader-election", "  kind: Role\n  name: orderplane-lost", "no Role ops-system/orderplane-lost"},
		"two who scale":            {"  name: orderplane-gateway\n  namespace: ops-system\nspec:\n  selector:", "  name: orderplane-gateway\n  namespace: ops-system\nspec:\n  replicas: 2\n  selector:", "an autoscaler does as well"},
		"a job without an account": {"serviceAccountName: orderplane-migrate", "serviceAccountName: orderplane-lost", `no account "orderplane-lost"`},
		"a scaler with replicas":   {"  name: orderplane-notifier\n  namespace: ops-system\nspec:\n  selector:", "  name: orderplane-notifier\n  namespace: ops-system\nspec:\n  replicas: 2\n  selector:", "an autoscaler does as well"},
		"nothing to scale":         {"scaleTargetRef:\n    name: orderplane-notifier", "scaleTargetRef:\n    name: orderplane-lost", "there is no deployment orderplane-lost"},
		"a scaler with a typo":     {"minReplicaCount:", "minReplicas:", "unknown field"},
		"no probe":                 {"        readinessProbe:\n", "        lifecycle:\n", "unknown field"},
		"a probe of another port":  {"            path: /actuator/health/readiness\n            port: http", "            path: /actuator/health/readiness\n            port: lost", "probe asks a port that it does not have"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(text, c.old) {
				t.Fatalf("nothing to change: %q", c.old)
			}
			objects, err := manifests.Parse(strings.Replace(text, c.old, c.with, 1))
			found := strings.Join(manifests.Faults(objects), "\n")
			if err != nil {
				found = err.Error()
			}
			if !strings.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
