#!/usr/bin/env bash
# Generates committed files: `generate.sh code` the Go ones, `generate.sh
# manifests` the YAML ones, `generate.sh paths` says which they are.
set -euo pipefail
cd "$(dirname "$0")/.."

controller-gen() { go tool -modfile=hack/tools/go.mod controller-gen "$@"; }

code() {
  controller-gen object paths=./api/...
  (cd hack/tools && go tool oapi-codegen -config ../../api/openapi/oapi-codegen.yaml ../../api/openapi/openapi.yaml)
}

manifests() {
  controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
  go run ./hack/patterns config/crd/bases/*.yaml
  controller-gen rbac:roleName=orderplane-manager,fileName=manager_role.yaml \
    paths=./controllers/... paths=./webhooks/... output:rbac:dir=config/rbac
  controller-gen rbac:roleName=orderplane-mirror,fileName=mirror_role.yaml \
    paths=./adapters/mirror/... output:rbac:dir=config/rbac
}

paths() {
  printf '%s\n' api/v1alpha1/zz_generated.deepcopy.go adapters/rest/wire/zz_generated.openapi.go \
    config/crd/bases config/rbac/manager_role.yaml config/rbac/mirror_role.yaml
}

case "${1:-}" in
  code | manifests | paths) "$1" ;;
  *) echo "usage: $0 code|manifests|paths" >&2; exit 2 ;;
esac
