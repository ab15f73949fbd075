package testenv_test

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// working is a manager that has read its cache, and the client it has.
func working(t *testing.T, o testenv.ManagerOptions) (*testenv.Manager, client.Client) {
	t.Helper()
	started := make(chan struct{})
	m := env.StartManager(t, o, func(mgr ctrl.Manager) error {
		return mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			if err := mgr.GetClient().List(ctx, &v1alpha1.StockItemList{}); err != nil {
				return err
			}
			close(started)
			<-ctx.Done()
			return nil
		}))
	})
	select {
	case <-started:
	case <-m.Ended():
		t.Fatalf("it ended: %v", m.Stop())
	}
	return m, m.GetClient()
}

func TestManagers(t *testing.T) {
	ns := env.Namespace(t)
	ctx := t.Context()
	plug := testenv.NewPlug()

	stopped, c := working(t, testenv.ManagerOptions{Namespace: ns})
	if err := c.Create(ctx, testenv.Item(ns, "mug", 1)); err != nil {
		t.Error(err)
	}
	if err := stopped.Stop(); err != nil {
		t.Errorf("it stops with %v", err)
	}

	killed, c := working(t, testenv.ManagerOptions{Namespace: ns, Plug: plug})
	killed.Kill()
	if err := c.Create(ctx, testenv.Item(ns, "tea", 1)); !errors.Is(err, testenv.ErrUnplugged) {
		t.Errorf("a killed manager writes: %v", err)
	}
	if !plug.IsPulled() {
		t.Error("its plug is in")
	}

	unplugged := testenv.NewPlug()
	cut, _ := working(t, testenv.ManagerOptions{Plug: unplugged})
	unplugged.Pull()
	<-cut.Ended()
}

func TestBuildersGiveWhatTheSchemaLetsThrough(t *testing.T) {
	ns := env.Namespace(t)
	for _, o := range []client.Object{
		testenv.Order(ns, "o", testenv.Line("mug", 2), testenv.Line("tea", 1)),
		testenv.Item(ns, "mug", 3),
		testenv.Reservation(ns, "r", testenv.Line("mug", 1)),
		testenv.Document(ns, "d", "mug", v1alpha1.AdjustmentReceived, 1),
		testenv.Document(ns, "e", "mug", v1alpha1.AdjustmentAdjusted, -1),
		testenv.Document(ns, "f", "mug", v1alpha1.AdjustmentCounted, 0),
	} {
		if err := client.WithFieldValidation(env.Client, "Strict").Create(t.Context(), o); err != nil {
			t.Error(err)
		}
	}
}

func TestUsersHaveTheRolesOfTheInstallation(t *testing.T) {
	roles, err := testenv.ClusterRoles()
	if err != nil || len(roles) < 8 {
		t.Fatalf("%d roles, %v", len(roles), err)
	}
	ns, other := env.Namespace(t), env.Namespace(t)
	env.Grant(t, "gateway", ns, "orderplane-gateway")
	gateway := env.As(t, "gateway")
	o := testenv.Order(ns, "o", testenv.Line("mug", 1))
	if err := gateway.Create(t.Context(), o); err != nil {
		t.Error(err)
	}
	o.Status.Phase = v1alpha1.OrderConfirmed
	for what, err := range map[string]error{
		"write a status":               gateway.Status().Update(t.Context(), o),
		"read another namespace":       gateway.List(t.Context(), &v1alpha1.OrderList{}, client.InNamespace(other)),
		"read what no role of its has": gateway.List(t.Context(), &v1alpha1.StockJournalList{}, client.InNamespace(ns)),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("the gateway may %s: %v", what, err)
		}
	}
	env.Grant(t, "gateway", "", "orderplane-orderclass-view")
	if err := gateway.List(t.Context(), &v1alpha1.OrderClassList{}); err != nil {
		t.Error(err)
	}
}
