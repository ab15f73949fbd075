package faults

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// gitOpsExample is the layout that docs/use/stock.md describes.
const gitOpsExample = "../../config/gitops/stock"

// gitOps is somebody who keeps applying what is in Git.
type gitOps struct {
	*world
	manifests []unstructured.Unstructured
}

func newGitOps(t *testing.T) *gitOps {
	g := &gitOps{world: newWorld(t)}
	files, err := filepath.Glob(gitOpsExample + "/*/*.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		data, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		for _, part := range bytes.Split(data, []byte("\n---\n")) {
			u := unstructured.Unstructured{}
			g.Expect(yaml.UnmarshalStrict(part, &u.Object)).To(Succeed())
			if u.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
				u.SetNamespace(g.ns)
				g.manifests = append(g.manifests, u)
			}
		}
	}
	g.Expect(len(g.manifests)).To(BeNumerically(">", 4))
	return g
}

// apply applies everything server-side, as Argo CD and Flux do.
func (g *gitOps) apply() {
	g.t.Helper()
	for _, u := range g.manifests {
		err := g.k8s.Apply(g.ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("gitops"), client.ForceOwnership)
		g.Expect(err).NotTo(HaveOccurred())
	}
}

// prune deletes what is in Git of one kind, of every kind when it is empty.
func (g *gitOps) prune(kind string) {
	g.t.Helper()
	for _, u := range g.manifests {
		if kind == "" || u.GetKind() == kind {
			g.Expect(client.IgnoreNotFound(g.k8s.Delete(g.ctx, u.DeepCopy()))).To(Succeed())
		}
	}
}

// say is what the manifests say is on hand, by product.
func (g *gitOps) say() map[string]int64 {
	sum := map[string]int64{}
	for _, u := range g.manifests {
		quantity, _, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "quantity")
		g.Expect(err).NotTo(HaveOccurred())
		opening, _, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "openingQuantity")
		g.Expect(err).NotTo(HaveOccurred())
		product, _, err := unstructured.NestedString(u.Object, "spec", "productID")
		g.Expect(err).NotTo(HaveOccurred())
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

func (g *gitOps) onHand() (map[string]int64, error) {
	var items v1alpha1.StockItemList
	err := g.k8s.List(g.ctx, &items, client.InNamespace(g.ns))
	has := map[string]int64{}
	for _, i := range items.Items {
		if i.Status.OnHand != nil {
			has[i.Name] = *i.Status.OnHand
		}
	}
	return has, err
}

func (g *gitOps) empty() (bool, error) {
	left := 0
	for _, list := range []client.ObjectList{&v1alpha1.StockItemList{}, &v1alpha1.StockAdjustmentList{}} {
		if err := g.k8s.List(g.ctx, list, client.InNamespace(g.ns)); err != nil {
			return false, err
		}
		left += lenOf(list)
	}
	return left == 0, nil
}

func lenOf(list client.ObjectList) int {
	switch l := list.(type) {
	case *v1alpha1.StockItemList:
		return len(l.Items)
	case *v1alpha1.StockAdjustmentList:
		return len(l.Items)
	}
	return 0
}

// The same manifests are applied 50 times, pruned and applied again, and applied
// to a namespace that was emptied: what is on hand is what they say each time.
func TestGitOps(t *testing.T) {
	t.Parallel()
	g := newGitOps(t)
	g.start(settings{})
	g.apply()
	g.Eventually(g.onHand).Should(Equal(g.say()))
	g.quiet(300 * time.Millisecond)

	before := g.writes()
	for range 49 {
		g.apply()
	}
	g.settled()
	g.Expect(g.onHand()).To(Equal(g.say()))
	g.Expect(g.writes()).To(Equal(before), "applying again writes nothing")

	// Stock lives: some of it is sold.
	g.reserve("sold", line{"cup-white", 40})
	g.want("sold", v1alpha1.IntentCommit)
	g.Eventually(g.reservation("sold")).Should(Equal(v1alpha1.ReservationCommitted))
	left := g.say()
	left["cup-white"] -= 40
	g.Eventually(g.onHand).Should(Equal(left))
	for range 3 {
		g.prune("StockAdjustment")
		g.settled()
		g.Expect(g.onHand()).To(Equal(left), "pruning documents takes nothing back")
		g.apply()
		g.Eventually(g.verdict("2026-10-19-broken-cups")).Should(Equal("Applied AlreadyApplied"))
		g.settled()
		g.Expect(g.onHand()).To(Equal(left), "documents that come back do not count again")
	}

	for round := range 4 {
		g.prune("")
		g.Eventually(g.empty).Should(BeTrue())
		if round%2 == 1 {
			slices.Reverse(g.manifests) // items before their documents, or after
		}
		g.apply()
		g.Eventually(g.onHand).Should(Equal(g.say()), "round %d, applied to an emptied namespace", round)
		g.Eventually(g.verdict("2026-10-19-broken-cups")).Should(Equal("Applied Applied"))
		g.quiet(200 * time.Millisecond)
	}
}

// The same with kubectl, by which people try the example, and nothing to be seen
// in its diff.
func TestGitOpsWithKubectl(t *testing.T) {
	t.Parallel()
	g := newGitOps(t)
	g.start(settings{})
	kubeconfig, err := g.env.ControlPlane.Kubeconfig(g.ns)
	g.Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(os.WriteFile(file, kubeconfig, 0o600)).To(Succeed())
	kubectl := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(g.ctx, g.env.ControlPlane.Kubectl(), append([]string{"--kubeconfig", file}, args...)...).CombinedOutput()
		g.Expect(err).NotTo(HaveOccurred(), "kubectl %q: %s", args, out)
		return string(out)
	}
	for range 2 {
		kubectl("apply", "--server-side", "-k", gitOpsExample)
	}
	kubectl("wait", "--for=condition=Applied", "stockadjustments.orderplane.dev", "--all", "--timeout=30s")
	g.Eventually(g.onHand).Should(Equal(g.say()))
	g.settled()
	kubectl("apply", "-k", gitOpsExample) // client-side, as people do
	kubectl("diff", "-k", gitOpsExample)
	g.Expect(g.onHand()).To(Equal(g.say()))
	kubectl("delete", "-k", gitOpsExample)
	g.Eventually(g.empty).Should(BeTrue())
	kubectl("apply", "--server-side", "-k", gitOpsExample)
	g.Eventually(g.onHand).Should(Equal(g.say()))
	g.quiet(200 * time.Millisecond)
	t.Log(fmt.Sprint("products: ", slices.Sorted(maps.Keys(g.say()))))
}
