#!/usr/bin/env bash
# Runs the golangci-lint pinned in hack/lint, which has the Kubernetes API linter
# built in; builds it once into the cache (two minutes on 2 cores).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=${ORDERPLANE_CACHE:-$HOME/.cache/orderplane}/tools
pins=$(cat "$here/lint/go.mod" "$here/lint/go.sum" | sha256sum | cut -c1-12)
binary=$tools/golangci-lint-$pins-$(go env GOVERSION)

if [ ! -x "$binary" ]; then
  mkdir -p "$tools"
  exec 9>"$binary.lock"
  flock 9
  if [ ! -x "$binary" ]; then
    version=$(awk '$1 == "github.com/golangci/golangci-lint/v2" { print $2 }' "$here/lint/go.mod")
    echo "golangci-lint: building $version (first time only)" >&2
    (cd "$here/lint" && GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$binary.part" \
      sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter)
    mv "$binary.part" "$binary"
  fi
  exec 9>&-
fi
exec "$binary" "$@"
