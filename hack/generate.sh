#!/usr/bin/env bash
# Generates committed files: `generate.sh code` the Go ones, `generate.sh
# manifests` the YAML ones, `generate.sh chart` of these only the chart's copies,
# `generate.sh paths` says which they are.
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
  chart
}

# Helm reads nothing outside a chart, so the chart has copies of what it takes over as it is.
chart() {
  local to=charts/orderplane/files
  rm -rf "$to"
  mkdir -p "$to"/{crd,rbac,webhook,network-policy,mirror,prometheus}
  cp config/crd/bases/*.yaml "$to/crd"
  cp config/rbac/*.yaml "$to/rbac"
  cp config/webhook/{service,webhooks,policies}.yaml "$to/webhook"
  cp config/network-policy/{default-deny,gateway,manager}.yaml "$to/network-policy"
  cp config/mirror/access.yaml "$to/mirror"
  cp config/flowcontrol/flowcontrol.yaml "$to"
  cp config/untracked/policy.yaml "$to/untracked.yaml"
  cp config/prometheus/{alerts,servicemonitors}.yaml "$to/prometheus"
  local component
  for component in mirror notifier; do
    cp "config/$component/networkpolicy.yaml" "$to/network-policy/$component.yaml"
    cp "config/prometheus/$component/alerts.yaml" "$to/prometheus/alerts-$component.yaml"
    cp "config/prometheus/$component/servicemonitor.yaml" "$to/prometheus/servicemonitor-$component.yaml"
  done
  rm "$to"/*/kustomization.yaml 2>/dev/null || true
}

paths() {
  printf '%s\n' api/v1alpha1/zz_generated.deepcopy.go adapters/rest/wire/zz_generated.openapi.go \
    config/crd/bases config/rbac/manager_role.yaml config/rbac/mirror_role.yaml charts/orderplane/files
}

case "${1:-}" in
  code | manifests | chart | paths) "$1" ;;
  *) echo "usage: $0 code|manifests|chart|paths" >&2; exit 2 ;;
esac
