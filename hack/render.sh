#!/usr/bin/env bash
# Renders the manifests of a release: `hack/render.sh VERSION IMAGE DIR` writes install.yaml and crds.yaml into DIR.
set -euo pipefail
version=$1 image=$2
dir=$(cd "$3" && pwd)
cd "$(dirname "$0")/.."
kubectl=$(hack/controlplane/ensure.sh)/kubectl

mkdir -p dist
overlay=$(mktemp -d dist/.overlay.XXXXXX) # kustomize wants its resources by a relative path
trap 'rm -rf "$overlay"' EXIT
cat >"$overlay/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../config/default]
images: [{name: orderplane, newName: $image, newTag: $version}]
labels: [{pairs: {app.kubernetes.io/version: $version}, includeTemplates: true}]
YAML
"$kubectl" kustomize "$overlay" >"$dir/install.yaml"
"$kubectl" kustomize config/crd >"$dir/crds.yaml"
