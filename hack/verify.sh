#!/usr/bin/env bash
# Everything but the tests: says what is wrong with all of it, not only with the first.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

check() {
  local name=$1 started=$SECONDS
  shift
  printf '== %s\n' "$name"
  if "$@"; then
    printf '   ok (%d s)\n' $((SECONDS - started))
  else
    printf '   FAILED: %s\n' "$name"
    failed+=("$name")
  fi
}

formatted() {
  local files
  files=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
  [ -z "$files" ] || { printf 'run gofmt -w on:\n%s\n' "$files"; return 1; }
}

fresh() {
  local paths changed
  hack/generate.sh code >/dev/null && hack/generate.sh manifests >/dev/null || return 1
  mapfile -t paths < <(hack/generate.sh paths)
  changed=$(git status --porcelain -- "${paths[@]}")
  [ -z "$changed" ] || {
    git --no-pager diff -- "${paths[@]}"
    printf 'stale, or not committed yet:\n%s\n' "$changed"
    return 1
  }
}

tidy() { go mod tidy -diff && (cd test/chart && go mod tidy -diff); }

# With govet among its linters.
lint() { hack/golangci-lint.sh run ./... && (cd test/chart && ../../hack/golangci-lint.sh run ./...); }

scripts() {
  local f status=0
  while IFS= read -r f; do
    head -1 "$f" | grep -q '^#!.*bash' || continue
    bash -n "$f" || status=1
    if command -v shellcheck >/dev/null; then shellcheck -S warning "$f" || status=1; fi
  done < <(git ls-files hack .ci)
  return $status
}

# Where things are fetched from is the business of whoever builds, not of the
# tree: nothing may name a registry or a module proxy.
no_registry_hosts() {
  local hosts='(proxy\.gol[a]ng|goprox[y]\.io|sum\.gol[a]ng|g[h]cr\.io|[^a-z]g[c]r\.io|q[u]ay\.io|doc[k]er\.io|registry\.(k8[s]|npmj[s]|terrafor[m])|pkg\.de[v]/)'
  ! git grep -nIE "$hosts" -- ':!*.sum'
}

# A manifest that no kustomization names is one that no cluster gets.
manifests_named() {
  local kustomization dir file status=0
  while IFS= read -r kustomization; do
    dir=$(dirname "$kustomization")
    while IFS= read -r file; do
      grep -qF -- "- ${file#"$dir"/}" "$kustomization" || { echo "$kustomization does not name ${file#"$dir"/}"; status=1; }
    done < <(git ls-files ":(glob)$dir/*.yaml" | grep -v kustomization.yaml)
  done < <(git ls-files 'config/*kustomization.yaml')
  return $status
}

# Only what is a kustomization of its own renders: a component is part of another
# one, and Flux has a kind of the same name.
manifests_render() {
  local kubectl file status=0
  kubectl=$(hack/controlplane/ensure.sh)/kubectl || return 1
  while IFS= read -r file; do
    grep -q '^kind: Component' "$file" && continue
    grep -q '^apiVersion: kustomize.toolkit.fluxcd.io/' "$file" && continue
    "$kubectl" kustomize "$(dirname "$file")" >/dev/null || { echo "kubectl kustomize $(dirname "$file") fails"; status=1; }
  done < <(git ls-files 'config/*kustomization.yaml')
  return $status
}

# PROJECT is kept by hand; kubebuilder's plugins read the kinds there.
project_has_the_kinds() {
  diff <(sed -n 's/^  kind: //p' PROJECT | sort) \
    <(sed -n 's/^    kind: //p' config/crd/bases/*.yaml | sort) ||
    { echo 'PROJECT (<) and config/crd/bases (>) name different kinds'; return 1; }
}

check 'generated files are fresh' fresh
check 'gofmt' formatted
check 'golangci-lint' lint
check 'go mod tidy' tidy
check 'shell scripts' scripts
check 'no registry hosts' no_registry_hosts
check 'every manifest is in a kustomization' manifests_named
check 'every kustomization renders' manifests_render
check 'PROJECT has every kind' project_has_the_kinds
check 'links of the documents' hack/check-links.sh

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nverify failed:\n'
  printf '  %s\n' "${failed[@]}"
  exit 1
fi
printf '\nverify: all good\n'
