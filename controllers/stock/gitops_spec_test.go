package stock_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// gitOpsExample is the layout that docs/use/stock.md describes.
const gitOpsExample = "../../config/gitops/stock"

// gitOps is somebody who keeps applying what is in Git.
type gitOps struct {
	*shop
	manifests []unstructured.Unstructured
}

func newGitOps() *gitOps {
	GinkgoHelper()
	g := &gitOps{shop: openShop()}
	files, err := filepath.Glob(gitOpsExample + "/*/*.yaml")
	Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		data, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		for _, part := range bytes.Split(data, []byte("\n---\n")) {
			u := unstructured.Unstructured{}
			Expect(yaml.UnmarshalStrict(part, &u.Object)).To(Succeed())
			if u.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
				u.SetNamespace(g.namespace)
				g.manifests = append(g.manifests, u)
			}
		}
	}
	Expect(len(g.manifests)).To(BeNumerically(">", 4))
	return g
}

// apply applies everything server-side, as Argo CD and Flux do.
func (g *gitOps) apply(ctx context.Context) {
	GinkgoHelper()
	for _, u := range g.manifests {
		Expect(g.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("gitops"), client.ForceOwnership)).To(Succeed())
	}
}

// prune deletes what is in Git of one kind, of every kind when it is empty.
func (g *gitOps) prune(ctx context.Context, kind string) {
	GinkgoHelper()
	for _, u := range g.manifests {
		if kind == "" || u.GetKind() == kind {
			Expect(client.IgnoreNotFound(g.Delete(ctx, u.DeepCopy()))).To(Succeed())
		}
	}
}

// say is what the manifests say is on hand, by product.
func (g *gitOps) say() map[string]int64 {
	GinkgoHelper()
	sum := map[string]int64{}
	for _, u := range g.manifests {
		quantity, _, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "quantity")
		Expect(err).NotTo(HaveOccurred())
		opening, _, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "openingQuantity")
		Expect(err).NotTo(HaveOccurred())
		product, _, err := unstructured.NestedString(u.Object, "spec", "productID")
		Expect(err).NotTo(HaveOccurred())
		if u.GetKind() == "StockItem" {
			product, quantity = u.GetName(), opening
		}
		switch n := quantity.(type) {
		case int64:
			sum[product] += n
		case float64: // as the YAML reader has it; whole by the schema
			sum[product] += int64(n)
		}
	}
	return sum
}

func (g *gitOps) onHand(ctx context.Context) func() (map[string]int64, error) {
	return func() (map[string]int64, error) {
		var items v1alpha1.StockItemList
		err := g.List(ctx, &items, client.InNamespace(g.namespace))
		has := map[string]int64{}
		for _, i := range items.Items {
			if i.Status.OnHand != nil {
				has[i.Name] = *i.Status.OnHand
			}
		}
		return has, err
	}
}

// versions are those of all objects of the shop; any write changes one.
func (g *gitOps) versions(ctx context.Context, lists ...client.ObjectList) (map[string]string, error) {
	all := map[string]string{}
	for _, list := range lists {
		if err := g.List(ctx, list, client.InNamespace(g.namespace)); err != nil {
			return nil, err
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			object, err := meta.Accessor(o)
			all[fmt.Sprintf("%T %s", o, object.GetName())] = object.GetResourceVersion()
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (g *gitOps) left(ctx context.Context) func() (map[string]string, error) {
	return func() (map[string]string, error) {
		return g.versions(ctx, &v1alpha1.StockItemList{}, &v1alpha1.StockAdjustmentList{})
	}
}

var _ = Describe("Stock in Git", func() {
	It("is on hand as the manifests say, however often they are applied, pruned and applied again", func(ctx SpecContext) {
		g := newGitOps()
		g.apply(ctx)
		Eventually(g.onHand(ctx)).Should(Equal(g.say()))
		g.quiet(ctx)

		everything := func() map[string]string {
			GinkgoHelper()
			all, err := g.versions(ctx, &v1alpha1.StockItemList{}, &v1alpha1.StockAdjustmentList{}, &v1alpha1.StockReservationList{}, &v1alpha1.StockJournalList{})
			Expect(err).NotTo(HaveOccurred())
			return all
		}
		before, writes := everything(), g.writes.Count()
		for range 49 {
			g.apply(ctx)
		}
		g.quiet(ctx)
		Expect(g.onHand(ctx)()).To(Equal(g.say()))
		Expect(everything()).To(Equal(before), "applying again changes nothing")
		Expect(g.writes.Count()).To(Equal(writes), "and has the controller write nothing")

		By("stock lives: some of it is sold")
		g.reserve(ctx, "sold", testenv.Line("cup-white", 40))
		g.want(ctx, "sold", v1alpha1.IntentCommit)
		Eventually(g.reservation(ctx, "sold")).Should(Equal(v1alpha1.ReservationCommitted))
		left := g.say()
		left["cup-white"] -= 40
		Eventually(g.onHand(ctx)).Should(Equal(left))
		for range 3 {
			g.prune(ctx, "StockAdjustment")
			g.quiet(ctx)
			Expect(g.onHand(ctx)()).To(Equal(left), "pruning documents takes nothing back")
			g.apply(ctx)
			Eventually(g.verdict(ctx, "2026-10-19-broken-cups")).Should(Equal("Applied AlreadyApplied"))
			g.quiet(ctx)
			Expect(g.onHand(ctx)()).To(Equal(left), "documents that come back do not count again")
		}

		By("the namespace is emptied and everything applied again")
		for round := range 4 {
			g.prune(ctx, "")
			Eventually(g.left(ctx)).Should(BeEmpty())
			if round%2 == 1 {
				slices.Reverse(g.manifests) // items before their documents, or after
			}
			g.apply(ctx)
			Eventually(g.onHand(ctx)).Should(Equal(g.say()), "round %d", round)
			Eventually(g.verdict(ctx, "2026-10-19-broken-cups")).Should(Equal("Applied Applied"))
			g.quiet(ctx)
		}
	})

	It("is on hand as well by kubectl, and kubectl diff finds nothing", func(ctx SpecContext) {
		g := newGitOps()
		kubeconfig, err := env.ControlPlane.Kubeconfig(g.namespace)
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		Expect(os.WriteFile(file, kubeconfig, 0o600)).To(Succeed())
		kubectl := func(args ...string) {
			GinkgoHelper()
			out, err := exec.CommandContext(ctx, env.ControlPlane.Kubectl(), append([]string{"--kubeconfig", file}, args...)...).CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), "kubectl %q: %s", args, out)
		}
		for range 2 {
			kubectl("apply", "--server-side", "-k", gitOpsExample)
		}
		kubectl("wait", "--for=condition=Applied", "stockadjustments.orderplane.dev", "--all", "--timeout=30s")
		Eventually(g.onHand(ctx)).Should(Equal(g.say()))
		g.quiet(ctx)
		kubectl("apply", "-k", gitOpsExample) // client-side, as people do
		kubectl("diff", "-k", gitOpsExample)
		Expect(g.onHand(ctx)()).To(Equal(g.say()))
		kubectl("delete", "-k", gitOpsExample)
		Eventually(g.left(ctx)).Should(BeEmpty())
		kubectl("apply", "--server-side", "-k", gitOpsExample)
		Eventually(g.onHand(ctx)).Should(Equal(g.say()))
		g.quiet(ctx)
		AddReportEntry("products", fmt.Sprint(slices.Sorted(maps.Keys(g.say()))))
	})
})
