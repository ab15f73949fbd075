package testenv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

// grantedWithin is how long an API server may take to go by a new binding.
const grantedWithin = 30 * time.Second

// Access is that of a user who has cluster roles, as Grant gives them.
func (e *Env) Access(t TB, user, namespace string, roles ...string) *rest.Config {
	t.Helper()
	e.Grant(t, user, namespace, roles...)
	cfg, err := e.ControlPlane.AddUser(user)
	if err != nil {
		t.Fatalf("add user %s: %v", user, err)
	}
	return cfg
}

// Grant gives a user cluster roles, in one namespace or, when it is empty, in all,
// and waits until the API server goes by them. The roles of config/rbac are put on
// the API server the first time; a test may have made others itself.
func (e *Env) Grant(t TB, user, namespace string, roles ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), grantedWithin)
	defer cancel()
	if err := e.installRoles(ctx); err != nil {
		t.Fatalf("install the roles of config/rbac: %v", err)
	}
	for _, role := range roles {
		if err := e.grant(ctx, user, namespace, role); err != nil {
			t.Fatalf("grant %s to %s: %v", role, user, err)
		}
	}
}

func (e *Env) installRoles(ctx context.Context) error {
	e.rolesOnce.Do(func() {
		roles, err := ClusterRoles()
		for i := range roles {
			err = errors.Join(err, e.Client.Create(ctx, &roles[i]))
		}
		e.rolesErr = err
	})
	return e.rolesErr
}

// ClusterRoles are those of config/rbac.
func ClusterRoles() ([]rbacv1.ClusterRole, error) {
	objects, err := manifests.Files(config.Manifests, "rbac/*.yaml")
	if err != nil {
		return nil, err
	}
	var roles []rbacv1.ClusterRole
	for _, o := range objects {
		if o.GetKind() != "ClusterRole" {
			continue
		}
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role); err != nil {
			return nil, fmt.Errorf("ClusterRole %s: %w", o.GetName(), err)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func (e *Env) grant(ctx context.Context, user, namespace, role string) error {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: user + "-" + role}
	var binding client.Object = &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}
	if namespace == "" {
		binding = &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}
	}
	if err := client.IgnoreAlreadyExists(e.Client.Create(ctx, binding)); err != nil {
		return err
	}
	var granted rbacv1.ClusterRole
	if err := e.Client.Get(ctx, client.ObjectKey{Name: role}, &granted); err != nil {
		return err
	}
	for _, access := range accesses(granted.Rules, namespace) {
		err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &access}}
			err := e.Client.Create(ctx, review)
			return review.Status.Allowed, err
		})
		if err != nil {
			return fmt.Errorf("%s %s/%s is not granted: %w", access.Verb, access.Resource, access.Subresource, err)
		}
	}
	return nil
}

// accesses are what rules allow, one by one.
func accesses(rules []rbacv1.PolicyRule, namespace string) []authorizationv1.ResourceAttributes {
	var all []authorizationv1.ResourceAttributes
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				resource, subresource, _ := strings.Cut(resource, "/")
				for _, verb := range rule.Verbs {
					all = append(all, authorizationv1.ResourceAttributes{
						Namespace: namespace, Verb: verb, Group: group, Version: "*",
						Resource: resource, Subresource: subresource, Name: names[0],
					})
				}
			}
		}
	}
	return all
}
