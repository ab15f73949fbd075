package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/internal/kube/certs"
)

// How often the rotator checks: soon again until everything is in place, and
// rarely enough afterwards that three reads do not matter.
const (
	rotatorRetry    = time.Second
	rotatorInterval = 30 * time.Second
)

// certificateRotator sees to the serving certificate: it makes and renews the pair in the
// Secret, sees to it that both configurations trust it, and only then serves it.
// It runs on every replica; they meet in the Secret, where the first write wins
// and the others take over what it wrote.
//
// It reads live and watches nothing, so that it needs rights on three named
// objects and not on every Secret.
type certificateRotator struct {
	client    client.Client
	reader    client.Reader
	clock     clock.WithTicker
	namespace string
	names     []string
	serving   atomic.Pointer[tls.Certificate]
}

func newCertificateRotator(mgr ctrl.Manager, o *Options) *certificateRotator {
	return &certificateRotator{
		client: mgr.GetClient(), reader: mgr.GetAPIReader(), clock: o.Clock,
		namespace: o.Namespace, names: o.names(),
	}
}

// NeedLeaderElection is false: every replica serves.
func (r *certificateRotator) NeedLeaderElection() bool { return false }

// certificate is what the server presents.
func (r *certificateRotator) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if cert := r.serving.Load(); cert != nil {
		return cert, nil
	}
	return nil, errors.New("the webhooks have no certificate yet")
}

// Start sees to the certificate until the context ends.
func (r *certificateRotator) Start(ctx context.Context) error {
	log := ctrl.LoggerFrom(ctx).WithName("webhook-certificate")
	for {
		wait := rotatorInterval
		switch err := r.rotate(ctx); {
		case errors.Is(err, context.Canceled):
			// the select below ends it
		case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
			wait = rotatorRetry // another replica was first: take over its pair
		case err != nil:
			log.Error(err, "the webhooks' certificate is not in place")
			wait = rotatorRetry
		}
		timer := r.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// rotate does everything that is to be done once.
func (r *certificateRotator) rotate(ctx context.Context) error {
	pair, err := r.pair(ctx)
	if err != nil {
		return err
	}
	if err := r.trust(ctx, pair.Bundle); err != nil {
		return err
	}
	cert, err := pair.TLS()
	if err != nil {
		return err
	}
	r.serving.Store(cert)
	return nil
}

// pair returns the pair in the Secret, renewed when that is due.
func (r *certificateRotator) pair(ctx context.Context) (certs.Pair, error) {
	secret := &corev1.Secret{}
	err := r.reader.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: SecretName}, secret)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return certs.Pair{}, fmt.Errorf("read the webhooks' Secret: %w", err)
	}
	pair := certs.Pair{
		Cert: secret.Data[corev1.TLSCertKey], Key: secret.Data[corev1.TLSPrivateKeyKey], Bundle: secret.Data[corev1.ServiceAccountRootCAKey],
	}
	pair, isNew, err := pair.Renew(r.names, r.clock.Now())
	if err != nil || !isNew {
		return pair, err
	}
	secret.Data = map[string][]byte{
		corev1.TLSCertKey: pair.Cert, corev1.TLSPrivateKeyKey: pair.Key, corev1.ServiceAccountRootCAKey: pair.Bundle,
	}
	if missing {
		secret.ObjectMeta = metav1.ObjectMeta{Namespace: r.namespace, Name: SecretName}
		secret.Type = corev1.SecretTypeTLS
		err = r.client.Create(ctx, secret)
	} else {
		err = r.client.Update(ctx, secret)
	}
	if err != nil {
		return pair, fmt.Errorf("write the webhooks' Secret: %w", err)
	}
	return pair, nil
}

// trust sees to it that the API server trusts a bundle.
func (r *certificateRotator) trust(ctx context.Context, bundle []byte) error {
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := r.reader.Get(ctx, client.ObjectKey{Name: ConfigurationName}, mutating); err != nil {
		return fmt.Errorf("read the mutating webhook configuration: %w", err)
	}
	var configs []*admissionregistrationv1.WebhookClientConfig
	for i := range mutating.Webhooks {
		configs = append(configs, &mutating.Webhooks[i].ClientConfig)
	}
	if setBundle(configs, bundle) {
		if err := r.client.Update(ctx, mutating); err != nil {
			return fmt.Errorf("write the mutating webhook configuration: %w", err)
		}
	}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := r.reader.Get(ctx, client.ObjectKey{Name: ConfigurationName}, validating); err != nil {
		return fmt.Errorf("read the validating webhook configuration: %w", err)
	}
	configs = nil
	for i := range validating.Webhooks {
		configs = append(configs, &validating.Webhooks[i].ClientConfig)
	}
	if setBundle(configs, bundle) {
		if err := r.client.Update(ctx, validating); err != nil {
			return fmt.Errorf("write the validating webhook configuration: %w", err)
		}
	}
	return nil
}

// setBundle is whether any of the webhooks did not have the bundle yet.
func setBundle(configs []*admissionregistrationv1.WebhookClientConfig, bundle []byte) bool {
	changed := false
	for _, c := range configs {
		if !bytes.Equal(c.CABundle, bundle) {
			c.CABundle, changed = bundle, true
		}
	}
	return changed
}
