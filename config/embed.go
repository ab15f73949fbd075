// Package config holds Orderplane's manifests; what the programs need at run
// time is embedded from here, so that there is one copy of it.
package config

import "embed"

// CRDs are the custom resource definitions, generated from the API types.
//
//go:embed crd/bases/*.yaml
var CRDs embed.FS

// Manifests are what the local stack puts on its API server: the roles and their
// bindings, those of the mirror too, priority and fairness, and sample stock; and
// config/untracked, which the benchmark can have and a test needs.
//
//go:embed rbac/*.yaml mirror/access.yaml flowcontrol/*.yaml untracked/*.yaml samples/stock*.yaml
var Manifests embed.FS
