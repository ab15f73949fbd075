package webhooks_test

import (
	"bytes"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/internal/kube/certs"
	"github.com/orderplane/orderplane/webhooks"
)

var _ = Describe("The certificate", func() {
	key := client.ObjectKey{Namespace: systemNamespace, Name: webhooks.SecretName}

	It("is in the Secret, trusted by both configurations, and made again when it is lost", func(ctx SpecContext) {
		secret := &corev1.Secret{}
		Expect(env.Client.Get(ctx, key, secret)).To(Succeed())
		Expect(secret.Type).To(Equal(corev1.SecretTypeTLS))
		Expect(secret.Data).To(HaveKey("ca.crt"))

		Expect(env.Client.Delete(ctx, secret)).To(Succeed())
		served.stop()
		served.start(ctx)
		Expect(env.Client.Get(ctx, key, secret)).To(Succeed())
		Expect(env.Client.Create(ctx, anOrder(env.Namespace(GinkgoTB()), "o"))).To(Succeed())
	})

	It("is renewed in time and trusted again where somebody took the trust away, while orders go on", func(ctx SpecContext) {
		served.stop()
		Expect(env.Client.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})).To(Succeed())
		const most = certs.Validity * 7 / 10
		now := clocktesting.NewFakeClock(time.Now().Add(-most)) // so that it is now when most of it is over
		served.clock = now
		served.start(ctx)
		defer func() {
			served.stop()
			served.clock = nil
			served.start(ctx)
		}()
		bundle := func() []byte {
			c := &admissionregistrationv1.MutatingWebhookConfiguration{}
			Expect(env.Client.Get(ctx, client.ObjectKey{Name: webhooks.ConfigurationName}, c)).To(Succeed())
			return c.Webhooks[0].ClientConfig.CABundle
		}
		first := bundle()
		Expect(first).NotTo(BeEmpty())

		By("the trust is put back")
		c := &admissionregistrationv1.MutatingWebhookConfiguration{}
		Expect(env.Client.Get(ctx, client.ObjectKey{Name: webhooks.ConfigurationName}, c)).To(Succeed())
		c.Webhooks[0].ClientConfig.CABundle = nil
		Expect(env.Client.Update(ctx, c)).To(Succeed())
		Eventually(func() []byte {
			now.Step(time.Minute)
			return bundle()
		}).Should(Equal(first))

		By("the certificate is renewed, and the old one stays trusted")
		now.Step(most)
		Eventually(func() []byte {
			now.Step(time.Minute)
			return bundle()
		}).ShouldNot(Equal(first))
		Expect(bytes.Count(bundle(), []byte("BEGIN CERTIFICATE"))).To(Equal(2))
		Expect(bytes.Contains(bundle(), bytes.TrimSpace(first))).To(BeTrue())
		namespace := env.Namespace(GinkgoTB())
		Consistently(func() error {
			o := anOrder(namespace, "")
			o.GenerateName = "o-"
			return env.Client.Create(ctx, o)
		}).WithTimeout(time.Second).Should(Succeed())
	})
})
