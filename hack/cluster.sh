#!/usr/bin/env bash
# cluster.sh install|uninstall [KUSTOMIZATION]
# cluster.sh delete-data|release
#
# Puts Orderplane into the cluster of kubectl's current context, or takes it out.
# KUSTOMIZATION is a folder, such as an overlay of your own that names your image;
# config/default when it is left out. kubectl is the one in the PATH, else the one
# that came with the control plane.
#
#   install      apply the manifests
#   delete-data  delete everybody's orders and stock, in every namespace; the manager must run
#   release      take our finalizers off what is being deleted, when there is no manager any more,
#                and no mirror
#   uninstall    delete the manifests, once there is nothing left that a finalizer holds
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

if ! kubectl=$(command -v kubectl); then
  kubectl=$("$root/hack/controlplane/ensure.sh")/kubectl
fi
kustomization=${2:-$root/config/default}

# What has a finalizer that only the manager takes off, and that finalizer.
declare -A guarded=([orders.orderplane.dev]=orderplane.dev/order [stockitems.orderplane.dev]=orderplane.dev/stock)
# What may have the mirror's, which only the mirror takes off.
mirrored=(orders stockitems stockreservations stockadjustments)
mirror=orderplane.dev/mirror

install() {
  "$kubectl" apply --server-side -k "$kustomization"
}

delete_data() {
  local kind
  # So that no order comes in meanwhile.
  "$kubectl" -n ops-system scale deployment/orderplane-gateway --replicas=0 2>/dev/null || true
  for kind in orders stockreservations stockadjustments stockitems stockjournals; do
    "$kubectl" delete "$kind.orderplane.dev" --all --all-namespaces --timeout=10m
  done
}

release() {
  local kind
  for kind in "${mirrored[@]/%/.orderplane.dev}"; do
    release_kind "$kind" "${guarded[$kind]:-$mirror}"
  done
}

# release_kind takes a finalizer, and the mirror's, off what is being deleted of a kind.
release_kind() {
  local kind=$1 own=$2 held namespace name patch
  # Of a kind that is gone already there is nothing left.
  [ -n "$("$kubectl" get crd "$kind" --ignore-not-found -o name)" ] || return 0
  held=$("$kubectl" get "$kind" --all-namespaces -o go-template='{{range .items}}{{if .metadata.deletionTimestamp}}{{.metadata.namespace}} {{.metadata.name}} {"metadata":{"finalizers":[{{$comma := ""}}{{range .metadata.finalizers}}{{if and (ne . "'"$own"'") (ne . "'"$mirror"'")}}{{$comma}}"{{.}}"{{$comma = ","}}{{end}}{{end}}]}}{{"\n"}}{{end}}{{end}}')
  while read -r namespace name patch; do
    [ -z "$name" ] || "$kubectl" -n "$namespace" patch "$kind" "$name" --type=merge -p "$patch"
  done <<<"$held"
}

uninstall() {
  local kind left
  for kind in "${!guarded[@]}"; do
    # An answer that is no list means that the cluster does not know the kind.
    left=$("$kubectl" get "$kind" --all-namespaces -o name 2>/dev/null | wc -l) || continue
    if [ "$left" -gt 0 ]; then
      echo "uninstall: there are $left $kind. The manager has to be there when they are deleted: run $0 delete-data first (docs/operate/install.md, \"Removing it\")." >&2
      exit 1
    fi
  done
  for kind in "${mirrored[@]/%/.orderplane.dev}"; do
    left=$("$kubectl" get "$kind" --all-namespaces -o go-template='{{range .items}}{{.metadata.finalizers}}{{"\n"}}{{end}}' 2>/dev/null | grep -cF "$mirror") || continue
    if [ "$left" -gt 0 ]; then
      echo "uninstall: $left $kind have the finalizer $mirror. The mirror has to let them go: run orderplane mirror --uninstall first (docs/operate/install.md, \"Removing it\")." >&2
      exit 1
    fi
  done
  "$kubectl" delete --ignore-not-found -k "$kustomization"
}

case "${1:-}" in
  install | uninstall | release) "$1" ;;
  delete-data) delete_data ;;
  *) echo "usage: $0 install|uninstall [KUSTOMIZATION]; $0 delete-data|release" >&2; exit 2 ;;
esac
