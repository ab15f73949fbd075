package manifests

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// deployment has pods that a restricted namespace lets in, that a drained node lets go and that
// ask for what they need.
func (w world) deployment(d *appsv1.Deployment) []string {
	pod := d.Spec.Template
	faults := lacking(pod.Labels, "its pods have ")
	if !selectorOf(d.Spec.Selector).Matches(labels.Set(pod.Labels)) {
		faults = append(faults, "its selector does not find its own pods")
	}
	if w.scaled[d.Name] && d.Spec.Replicas != nil {
		faults = append(faults, "it says how many replicas, and an autoscaler does as well")
	}
	if !w.accounts[pod.Spec.ServiceAccountName] {
		faults = append(faults, fmt.Sprintf("there is no account %q", pod.Spec.ServiceAccountName))
	}
	faults = append(faults, w.budget(pod.Labels)...)
	faults = append(faults, spread(pod)...)
	faults = append(faults, Restricted(pod)...)
	return append(faults, each(pod, bounded, probed)...)
}

// job has pods that a restricted namespace lets in, and that ask for what they need. They serve nobody.
func (w world) job(j *batchv1.Job) []string {
	pod := j.Spec.Template
	faults := append(lacking(pod.Labels, "its pods have "), Restricted(pod)...)
	if !w.accounts[pod.Spec.ServiceAccountName] {
		faults = append(faults, fmt.Sprintf("there is no account %q", pod.Spec.ServiceAccountName))
	}
	return append(faults, each(pod, bounded)...)
}

// each is what rules find in the containers of a pod.
func each(pod corev1.PodTemplateSpec, rules ...func(corev1.Container) []string) []string {
	var faults []string
	for _, c := range pod.Spec.Containers {
		for _, rule := range rules {
			for _, fault := range rule(c) {
				faults = append(faults, "container "+c.Name+": "+fault)
			}
		}
	}
	return faults
}

func selectorOf(s *metav1.LabelSelector) labels.Selector {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return labels.Nothing()
	}
	return selector
}

// budget is one for these pods alone. It lets pods go that are not ready: they would keep a
// node from being drained, and serve nobody.
func (w world) budget(pods map[string]string) []string {
	var own []*policyv1.PodDisruptionBudget
	for _, b := range w.budgets {
		if selectorOf(b.Spec.Selector).Matches(labels.Set(pods)) {
			own = append(own, b)
		}
	}
	if len(own) != 1 {
		return []string{fmt.Sprintf("it has %d disruption budgets, not one", len(own))}
	}
	if p := own[0].Spec.UnhealthyPodEvictionPolicy; p == nil || *p != policyv1.AlwaysAllow {
		return []string{"its disruption budget keeps pods that are not ready (unhealthyPodEvictionPolicy)"}
	}
	return nil
}

// spread is over nodes, and of one revision: else the pods that are being replaced count, too.
func spread(pod corev1.PodTemplateSpec) []string {
	var faults []string
	if a := pod.Spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		faults = append(faults, "it keeps pods apart by affinity, which knows no revision")
	}
	nodes := false
	for _, s := range pod.Spec.TopologySpreadConstraints {
		nodes = nodes || s.TopologyKey == corev1.LabelHostname
		if !slices.Contains(s.MatchLabelKeys, appsv1.DefaultDeploymentUniqueLabelKey) {
			faults = append(faults, "its spread over "+s.TopologyKey+" counts other revisions (matchLabelKeys)")
		}
		if !selectorOf(s.LabelSelector).Matches(labels.Set(pod.Labels)) {
			faults = append(faults, "its spread over "+s.TopologyKey+" does not count its own pods")
		}
	}
	if !nodes {
		faults = append(faults, "its pods are not spread over nodes")
	}
	return faults
}

// Restricted are the denials of the restricted Pod Security standard, the newest version of it.
func Restricted(pod corev1.PodTemplateSpec) []string {
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	var faults []string
	for _, r := range checks.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !r.Allowed {
			faults = append(faults, "a restricted namespace refuses its pods: "+r.ForbiddenReason+" ("+r.ForbiddenDetail+")")
		}
	}
	return faults
}

// bounded is about what a container may write, and what it asks for.
func bounded(c corev1.Container) []string {
	var faults []string
	if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
		faults = append(faults, "its root is not read-only")
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if c.Resources.Requests.Name(name, "").IsZero() {
			faults = append(faults, "it asks for no "+string(name))
		}
	}
	if c.Resources.Limits.Memory().IsZero() {
		faults = append(faults, "nothing bounds its memory")
	}
	return faults
}

func probed(c corev1.Container) []string {
	var faults []string
	for name, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		if probe == nil {
			faults = append(faults, "it has no "+name+" probe")
		} else if get := probe.HTTPGet; get == nil || !hasPort(c, get.Port.String()) {
			faults = append(faults, "its "+name+" probe asks a port that it does not have")
		}
	}
	return faults
}

func hasPort(c corev1.Container, name string) bool {
	return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
}
