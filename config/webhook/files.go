// Package webhook holds the manifests of admission, for what installs them
// without kustomize: the local stack and tests.
package webhook

import "embed"

// Files are webhooks.yaml and policies.yaml.
//
//go:embed webhooks.yaml policies.yaml
var Files embed.FS
