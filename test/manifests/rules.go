package manifests

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// recommended are the labels that every object and every pod has. The version is the image's,
// which only an overlay or a chart knows.
func recommended() []string {
	return []string{
		"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
		"app.kubernetes.io/part-of", "app.kubernetes.io/managed-by",
	}
}

// world is a set of objects by what the rules ask of them.
type world struct {
	all         []Object
	deployments []*appsv1.Deployment
	jobs        []*batchv1.Job
	budgets     []*policyv1.PodDisruptionBudget
	accounts    map[string]bool
	roles       map[string]bool
	scaled      map[string]bool
}

// Faults are what a set of objects, installed together, gets wrong; sorted.
func Faults(objects []Object) []string {
	w := gather(objects)
	var faults []string
	for _, o := range w.all {
		for _, fault := range w.faultsOf(o) {
			faults = append(faults, o.Key()+": "+fault)
		}
	}
	slices.Sort(faults)
	return faults
}

func gather(objects []Object) world {
	w := world{all: objects, accounts: map[string]bool{}, roles: map[string]bool{}, scaled: map[string]bool{}}
	for _, o := range objects {
		switch typed := o.Typed.(type) {
		case *appsv1.Deployment:
			w.deployments = append(w.deployments, typed)
		case *batchv1.Job:
			w.jobs = append(w.jobs, typed)
		case *ScaledObject:
			w.scaled[typed.Spec.ScaleTargetRef.Name] = true
		case *policyv1.PodDisruptionBudget:
			w.budgets = append(w.budgets, typed)
		case *corev1.ServiceAccount:
			w.accounts[typed.Name] = true
		case *rbacv1.Role, *rbacv1.ClusterRole:
			w.roles[o.Key()] = true
		case *autoscalingv2.HorizontalPodAutoscaler:
			w.scaled[typed.Spec.ScaleTargetRef.Name] = true
		}
	}
	return w
}

func (w world) faultsOf(o Object) []string {
	faults := lacking(o.GetLabels(), "")
	switch typed := o.Typed.(type) {
	case *appsv1.Deployment:
		return append(faults, w.deployment(typed)...)
	case *batchv1.Job:
		return append(faults, w.job(typed)...)
	case *ScaledObject:
		return append(faults, w.scales(typed)...)
	case *corev1.Service:
		return append(faults, w.service(typed)...)
	case *corev1.Secret:
		return append(faults, "a secret is nothing to install")
	case *policyv1.PodDisruptionBudget:
		return append(faults, w.selects(typed.Spec.Selector)...)
	case *networkingv1.NetworkPolicy:
		return append(faults, w.selects(&typed.Spec.PodSelector)...)
	case *rbacv1.RoleBinding:
		return append(faults, w.binding(typed.RoleRef, typed.Namespace, typed.Subjects)...)
	case *rbacv1.ClusterRoleBinding:
		return append(faults, w.binding(typed.RoleRef, "", typed.Subjects)...)
	}
	return faults
}

func lacking(have map[string]string, where string) []string {
	var faults []string
	for _, name := range recommended() {
		if have[name] == "" {
			faults = append(faults, fmt.Sprintf("%sno label %s", where, name))
		}
	}
	return faults
}

// selects is a fault unless a selector finds the pods of a deployment or job.
func (w world) selects(selector *metav1.LabelSelector) []string {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return []string{err.Error()}
	}
	for _, d := range w.deployments {
		if s.Matches(labels.Set(d.Spec.Template.Labels)) {
			return nil
		}
	}
	for _, j := range w.jobs {
		if s.Matches(labels.Set(j.Spec.Template.Labels)) {
			return nil
		}
	}
	return []string{"its selector finds no pod of a deployment or job: " + s.String()}
}

// scales is a fault where there is nothing to scale.
func (w world) scales(s *ScaledObject) []string {
	for _, d := range w.deployments {
		if d.Name == s.Spec.ScaleTargetRef.Name {
			return nil
		}
	}
	return []string{"there is no deployment " + s.Spec.ScaleTargetRef.Name}
}

// service is a fault for each port that no container of the pods it finds has.
func (w world) service(s *corev1.Service) []string {
	ports := map[string]bool{}
	for _, d := range w.deployments {
		if !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) {
			continue
		}
		for _, c := range d.Spec.Template.Spec.Containers {
			for _, p := range c.Ports {
				ports[p.Name] = true
			}
		}
	}
	var faults []string
	for _, p := range s.Spec.Ports {
		if !ports[p.TargetPort.String()] {
			faults = append(faults, fmt.Sprintf("port %s leads to %s, and the pods have %v", p.Name, p.TargetPort.String(), slices.Sorted(maps.Keys(ports))))
		}
	}
	return faults
}

func (w world) binding(role rbacv1.RoleRef, namespace string, subjects []rbacv1.Subject) []string {
	key := role.Kind + " " + role.Name
	if role.Kind == "Role" {
		key = role.Kind + " " + namespace + "/" + role.Name
	}
	var faults []string
	if !w.roles[key] {
		faults = append(faults, "there is no "+key)
	}
	for _, s := range subjects {
		if s.Kind == rbacv1.ServiceAccountKind && !w.accounts[s.Name] {
			faults = append(faults, "there is no account "+s.Name)
		}
	}
	return faults
}
