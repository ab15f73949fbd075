package webhooks

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	webhookconfig "github.com/orderplane/orderplane/config/webhook"
)

// Manifests returns what the API server must know to call the webhooks and to
// check our verbs: both webhook configurations and the admission policies with
// their bindings. With a url the API server calls there instead of the Service,
// as where the roles are processes of one machine.
func Manifests(url string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, file := range []string{"webhooks.yaml", "policies.yaml"} {
		data, err := webhookconfig.Files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		objects, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		all = append(all, objects...)
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

func parse(data []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	var objects []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
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
