package webhooks_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/test/testenv"
	"github.com/orderplane/orderplane/webhooks"
)

// systemNamespace holds the webhooks' Secret.
const systemNamespace = "ops-system"

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
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}}
	Expect(env.Client.Create(ctx, ns)).To(Succeed())
	port, err := devcluster.FreePort()
	Expect(err).NotTo(HaveOccurred())
	install(ctx, webhooks.URL("127.0.0.1", port))
	served = &hooks{port: port}
	served.start(ctx)
	DeferCleanup(func() { served.stop() })
	createRoles(ctx)
})

// install applies what the API server must know of the webhooks.
func install(ctx context.Context, url string) {
	GinkgoHelper()
	objects, err := webhooks.Manifests(url)
	Expect(err).NotTo(HaveOccurred())
	Expect(objects).To(HaveLen(6))
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

func (h *hooks) start(ctx context.Context) {
	GinkgoHelper()
	mgr, err := ctrl.NewManager(rest.CopyConfig(env.Config), ctrl.Options{
		Scheme: env.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(webhooks.SetupWithManager(mgr, webhooks.Options{
		Namespace: systemNamespace, Host: "127.0.0.1", Port: h.port, Names: []string{"127.0.0.1"}, Clock: h.clock,
	})).To(Succeed())
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(running) }()
	h.stop = func() {
		cancel()
		Expect(<-stopped).To(Succeed())
		h.stop = func() {}
	}
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

func anOrder(namespace, name string) *v1alpha1.Order {
	return &v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.OrderSpec{
			CustomerID:      "customer-1",
			Items:           []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 2, UnitPrice: "10.00"}},
			ShippingAddress: v1alpha1.Address{Street: "Main St 1", City: "Springfield", Country: "US", Zip: "12345"},
		},
	}
}

// createRoles makes what the roles of the installation say, in short, so that
// this suite needs none of their files but the two it is about.
func createRoles(ctx context.Context) {
	GinkgoHelper()
	clerk := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "clerk"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"orders", "stockadjustments"},
		Verbs: []string{"get", "list", "watch", "create", "update", "patch"},
	}}}
	Expect(env.Client.Create(ctx, clerk)).To(Succeed())
	for _, file := range []string{"returns_approver_role.yaml", "stock_keeper_role.yaml", "gateway_admission_role.yaml"} {
		for _, o := range readManifests("../config/rbac/" + file) {
			apply(ctx, env.Client, o)
		}
	}
}

// bind gives a user cluster roles everywhere, and a client.
func bind(ctx context.Context, user string, roles ...string) client.Client {
	GinkgoHelper()
	for _, role := range roles {
		Expect(client.IgnoreAlreadyExists(env.Client.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: user + "-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}))).To(Succeed())
	}
	c := env.As(GinkgoTB(), user)
	Eventually(func() error { return c.List(ctx, &v1alpha1.OrderList{}) }).Should(Succeed())
	return c
}

func splitDocuments(manifests string) []string { return strings.Split(manifests, "\n---\n") }
