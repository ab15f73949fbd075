package webhooks_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/test/testenv"
	"github.com/orderplane/orderplane/webhooks"
)

// systemNamespace holds the webhooks' Secret.
const systemNamespace = "ops-system"

// mirroredNamespace is the one that a mirror serves.
const mirroredNamespace = "mirrored"

// Roles of the installation. A clerk views and edits orders; who is an admin may write
// stock documents, too, and still needs a verb of ours to move stock by them.
const (
	viewer = "orderplane-view"
	editor = "orderplane-edit"
	admin  = "orderplane-admin"
)

var (
	env    *testenv.Env
	served *hooks
)

func TestWebhooks(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Webhooks")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
	for _, name := range []string{systemNamespace, mirroredNamespace} {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		Expect(env.Client.Create(ctx, ns)).To(Succeed())
	}
	port, err := devcluster.FreePort()
	Expect(err).NotTo(HaveOccurred())
	install(ctx, fmt.Sprintf("https://127.0.0.1:%d", port))
	served = &hooks{port: port}
	served.start(ctx)
})

// install applies what the API server must know of the webhooks.
func install(ctx context.Context, url string) {
	GinkgoHelper()
	objects, err := webhooks.Manifests(url)
	Expect(err).NotTo(HaveOccurred())
	Expect(objects).To(HaveLen(12))
	for _, o := range objects {
		apply(ctx, env.Client, o)
	}
}

// apply is a server-side apply under a name of its own.
func apply(ctx context.Context, c client.Client, o *unstructured.Unstructured) {
	GinkgoHelper()
	Expect(tryApply(ctx, c, o)).To(Succeed())
}

func tryApply(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("test"))
}

// hooks is a manager that serves the webhooks and does nothing else.
type hooks struct {
	port  int
	clock clock.WithTicker
	stop  func()
}

// forSuite is a test whose managers outlive it: the suite stops them.
type forSuite struct{ testenv.TB }

func (forSuite) Cleanup(func()) {}

func (h *hooks) start(ctx context.Context) {
	GinkgoHelper()
	m := env.StartManager(forSuite{GinkgoTB()}, testenv.ManagerOptions{}, func(mgr ctrl.Manager) error {
		return webhooks.SetupWithManager(mgr, webhooks.Options{
			Namespace: systemNamespace, Host: "127.0.0.1", Port: h.port, Names: []string{"127.0.0.1"}, Clock: h.clock,
			Mirrored: mirror.Namespaces{mirroredNamespace},
		})
	})
	h.stop = func() { Expect(m.Stop()).To(Succeed()) }
	Eventually(h.answers).Should(Succeed())
	// The API server takes up a changed configuration by watch: try until it calls.
	Eventually(func(g Gomega) {
		o := anOrder("default", "")
		o.GenerateName, o.Name = "probe-", ""
		g.Expect(env.Client.Create(ctx, o, client.DryRunAll)).To(Succeed())
		g.Expect(o.Spec.Policy).NotTo(BeNil())
	}).Should(Succeed())
}

func (h *hooks) answers() error {
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(h.port))
	// The certificate is not what is asked here.
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	return conn.Close()
}

// anOrder is one that leaves out what the webhook fills in: 20.00 of whatever currency.
func anOrder(namespace, name string) *v1alpha1.Order {
	o := testenv.Order(namespace, name, testenv.Line("prod-001", 2))
	o.Spec.Currency, o.Spec.Items[0].UnitPrice = "", "10.00"
	return o
}

// bind gives a user roles of the installation everywhere, and a client.
func bind(user string, roles ...string) client.Client {
	GinkgoHelper()
	env.Grant(GinkgoTB(), user, "", roles...)
	return env.As(GinkgoTB(), user)
}
