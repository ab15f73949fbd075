package webhooks

import (
	"crypto/tls"
	"errors"
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/internal/domain/mirror"
)

// What the manifests call things; the certificate rotator looks for them by these names.
const (
	// ConfigurationName of the mutating and of the validating configuration.
	ConfigurationName = "orderplane"
	// SecretName of the Secret that holds the serving certificate.
	SecretName = "orderplane-webhook"
	// ServiceName of the Service by which the API server calls.
	ServiceName = "orderplane-webhook"
)

// DefaultPort is where webhooks are served unless Options say otherwise.
const DefaultPort = 9443

// Options of the webhooks.
type Options struct {
	// Namespace of the Secret and the Service. Required.
	Namespace string
	// Host to listen on; every address when empty.
	Host string
	// Port to listen on; DefaultPort when 0.
	Port int
	// Names by which the API server calls, besides the Service's: DNS names or IP
	// addresses. Where the roles are processes and no Service leads to them, the
	// one in the url that Manifests was given.
	Names []string
	// Clock that certificates are renewed by; the real one when nil.
	Clock clock.WithTicker
	// Mirrored are the namespaces in which what is created gets the mirror's finalizer.
	Mirrored mirror.Namespaces
}

// Validate refuses what can't work.
func (o *Options) Validate() error {
	var errs []error
	if o.Namespace == "" {
		errs = append(errs, errors.New("webhooks: Namespace is empty; name the one that holds their Secret and Service"))
	}
	if err := o.Mirrored.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("webhooks: Mirrored: %w", err))
	}
	if o.Port < 0 || o.Port > 65535 {
		errs = append(errs, fmt.Errorf("webhooks: Port %d is no port; use 1 to 65535, or 0 for %d", o.Port, DefaultPort))
	}
	return errors.Join(errs...)
}

func (o *Options) names() []string {
	service := ServiceName + "." + o.Namespace + ".svc"
	return append([]string{service, service + ".cluster.local"}, o.Names...)
}

// +kubebuilder:rbac:groups=orderplane.dev,resources=stockitems,verbs=get;list;watch
// +kubebuilder:rbac:groups=orderplane.dev,resources=orderclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations;validatingwebhookconfigurations,resourceNames=orderplane,verbs=get;update
// +kubebuilder:rbac:groups="",resources=secrets,namespace=ops-system,verbs=create
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=orderplane-webhook,namespace=ops-system,verbs=get;update

// SetupWithManager serves the webhooks in a manager, on every replica whether it
// leads or not. The configurations by which the API server calls are not made
// here: they are part of the installation (config/webhook, Manifests).
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Port == 0 {
		o.Port = DefaultPort
	}
	rotator := newCertificateRotator(mgr, &o)
	server := webhook.NewServer(webhook.Options{
		Host: o.Host,
		Port: o.Port,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) {
			c.MinVersion = tls.VersionTLS13
			c.GetCertificate = rotator.certificate
		}},
	})
	decoder := admission.NewDecoder(mgr.GetScheme())
	server.Register(orderPath, &admission.Webhook{Handler: &orderHandler{reader: mgr.GetClient(), decoder: decoder, now: o.Clock.Now, mirrored: o.Mirrored}})
	server.Register(documentPath, &admission.Webhook{Handler: newDocumentHandler(decoder, o.Mirrored)})
	server.Register(basketPath, &admission.Webhook{Handler: newBasketHandler(decoder, o.Mirrored)})
	server.Register(classPath, &admission.Webhook{Handler: &classHandler{decoder: decoder}})
	if err := mgr.Add(rotator); err != nil {
		return fmt.Errorf("webhooks: add the certificate rotator: %w", err)
	}
	if err := mgr.Add(server); err != nil {
		return fmt.Errorf("webhooks: add the server: %w", err)
	}
	if err := mgr.AddReadyzCheck("webhook", server.StartedChecker()); err != nil {
		return fmt.Errorf("webhooks: add the readiness check: %w", err)
	}
	return nil
}
