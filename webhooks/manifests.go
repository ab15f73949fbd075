package webhooks

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	webhookconfig "github.com/orderplane/orderplane/config/webhook"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

// Manifests returns what the API server must know to call the webhooks and to
// check our verbs: both webhook configurations and the admission policies with
// their bindings. With a url the API server calls there instead of the Service,
// as where the roles are processes of one machine.
func Manifests(url string) ([]*unstructured.Unstructured, error) {
	all, err := manifests.Files(webhookconfig.Files, "webhooks.yaml", "policies.yaml")
	if err != nil {
		return nil, err
	}
	if url == "" {
		return all, nil
	}
	for _, o := range all {
		if err := callAt(o, url); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return all, nil
}

// callAt replaces the Service in a webhook configuration by a url.
func callAt(o *unstructured.Unstructured, url string) error {
	webhooks, found, err := unstructured.NestedSlice(o.Object, "webhooks")
	if err != nil || !found {
		return err
	}
	for _, w := range webhooks {
		hook, ok := w.(map[string]any)
		if !ok {
			return fmt.Errorf("webhooks: %T is no object", w)
		}
		var config admissionregistrationv1.WebhookClientConfig
		client, _, err := unstructured.NestedMap(hook, "clientConfig")
		if err != nil {
			return err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(client, &config); err != nil {
			return err
		}
		if config.Service == nil || config.Service.Path == nil {
			return fmt.Errorf("webhooks: one has no clientConfig.service.path to call")
		}
		hook["clientConfig"] = map[string]any{"url": url + *config.Service.Path}
	}
	return unstructured.SetNestedSlice(o.Object, webhooks, "webhooks")
}
