package faults

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/test/testenv"
)

// Orderplane is taken out of a cluster as docs/operate/install.md says: with the manager,
// without it, and in the wrong order. The manifests' webhooks and policies are there, and
// nobody serves the webhooks: they are in nobody's way.
func TestUninstall(t *testing.T) {
	t.Parallel()
	m := newMall(t)
	m.playNamespaceController()
	manager := m.startManager()
	m.cluster("install")
	hooks := m.named("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")
	m.Expect(hooks).To(ContainElement("orderplane"))

	with := m.newShop(nil)
	with.fill()
	with.Eventually(with.world.order("held")).Should(Equal(v1alpha1.OrderConfirmed))
	m.clusterRefuses("uninstall", "delete-data first")
	m.cluster("delete-data")
	m.Expect(m.left()).To(BeEmpty())

	with.keepForMirror("told-later")
	m.clusterRefuses("uninstall", "mirror --uninstall first")
	with.kubectl("delete", "stockreservations.orderplane.dev", "told-later", "--wait=false")
	m.Consistently(func() []string { return m.left()[with.ns] }).Should(ContainElement("StockReservation/told-later"))
	m.cluster("release")
	m.Expect(m.left()[with.ns]).NotTo(ContainElement("StockReservation/told-later"))

	without := m.newShop(nil)
	without.fill()
	without.Eventually(without.world.order("held")).Should(Equal(v1alpha1.OrderConfirmed))
	m.comesToRest()
	manager.Kill()
	without.kubectl("delete", "orders.orderplane.dev,stockitems.orderplane.dev", "--all", "--wait=false")
	m.Expect(m.left()[without.ns]).To(ContainElements("Order/held", "StockItem/tea"), "what a finalizer holds")
	without.book.forceOff("tea")
	without.kubectl("patch", "orders.orderplane.dev", "held", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	m.cluster("release")
	m.Expect(m.left()[without.ns]).NotTo(ContainElements("Order/held"))
	m.Expect(m.left()[without.ns]).NotTo(ContainElements("StockItem/tea"))

	// The manifests first, and the manager is gone: the kinds are held by their objects.
	wrong := m.newShop(nil)
	wrong.fill()
	wrong.kubectl("delete", "-k", repository("config/crd"), "--wait=false")
	m.Eventually(func() (bool, error) {
		o, err := read[v1alpha1.Order](wrong.world, "held")
		return o.DeletionTimestamp != nil, err
	}).Should(BeTrue(), "the order is not being deleted")
	m.cluster("release")
	m.cluster("uninstall")
	m.Expect(m.named("apiextensions.k8s.io/v1", "CustomResourceDefinition")).To(BeEmpty())
	m.Expect(m.named("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")).To(BeEmpty())
}

// fill makes an item and an order that brings everything along: no webhook has to add to it.
func (s *shop) fill() {
	s.t.Helper()
	item := testenv.Item(s.ns, "tea", 50)
	item.Finalizers = []string{v1alpha1.StockItemFinalizer} // nobody may be there to add it
	s.create(item)
	o := testenv.Order(s.ns, "held", testenv.Line("tea", 2))
	o.Finalizers = []string{v1alpha1.OrderFinalizer}
	o.Spec.Policy = &v1alpha1.OrderPolicy{PendingTimeout: &metav1.Duration{Duration: time.Hour}}
	s.create(o)
}

// keepForMirror makes a basket that only a mirror lets go; none is there.
func (s *shop) keepForMirror(name string) {
	s.t.Helper()
	basket := testenv.Reservation(s.ns, name, testenv.Line("tea", 1))
	basket.Finalizers = []string{v1alpha1.MirrorFinalizer}
	s.create(basket)
}

func repository(path string) string { return filepath.Join("..", "..", path) }

// cluster runs hack/cluster.sh against the control plane.
func (m *mall) cluster(args ...string) {
	m.t.Helper()
	out, err := m.runCluster(args...)
	m.Expect(err).NotTo(HaveOccurred(), out)
}

func (m *mall) clusterRefuses(what, why string) {
	m.t.Helper()
	out, err := m.runCluster(what)
	m.Expect(err).To(HaveOccurred())
	m.Expect(out).To(ContainSubstring(why))
}

func (m *mall) runCluster(args ...string) (string, error) {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "kubeconfig")
	m.Expect(devcluster.WriteKubeconfig(file, m.env.Config, metav1.NamespaceDefault)).To(Succeed())
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, repository("hack/cluster.sh"), args...)
	run.Env = append(os.Environ(), "KUBECONFIG="+file,
		"PATH="+filepath.Dir(m.env.ControlPlane.Kubectl())+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	return string(out), err
}

// named are the names of all objects of a kind.
func (m *mall) named(apiVersion, kind string) []string {
	m.t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(apiVersion)
	list.SetKind(kind + "List")
	m.Expect(m.env.Client.List(m.t.Context(), list)).To(Succeed())
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].GetName())
	}
	return names
}

// playNamespaceController lets namespaces go that are deleted and have nothing in them.
func (m *mall) playNamespaceController() {
	finalize := func(ctx context.Context) (done bool, err error) {
		var all corev1.NamespaceList
		_ = m.env.Client.List(ctx, &all) // the API server ends before the test does
		for i := range all.Items {
			ns := &all.Items[i]
			if ns.DeletionTimestamp == nil {
				continue
			}
			ns.Spec.Finalizers = nil
			err := m.env.Client.SubResource("finalize").Update(ctx, ns)
			if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
				return false, err
			}
		}
		return false, nil
	}
	go func() {
		err := wait.PollUntilContextCancel(m.t.Context(), 100*time.Millisecond, true, finalize)
		if m.t.Context().Err() == nil {
			m.t.Errorf("the namespace controller ended: %v", err)
		}
	}()
}
