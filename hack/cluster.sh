#!/usr/bin/env bash
# cluster.sh install|uninstall [KUSTOMIZATION]
#
# Puts Orderplane into the cluster of kubectl's current context, or takes it out.
# KUSTOMIZATION is a folder, such as an overlay of your own that names your image;
# config/default when it is left out. kubectl is the one in the PATH, else the one
# that came with the control plane.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

if ! kubectl=$(command -v kubectl); then
  kubectl=$("$root/hack/controlplane/ensure.sh")/kubectl
fi
kustomization=${2:-$root/config/default}

# What has a finalizer that only the manager takes off. Without the manager it stays for ever.
guarded=(orders.orderplane.dev stockitems.orderplane.dev)

install() {
  "$kubectl" apply --server-side -k "$kustomization"
}

uninstall() {
  local kind left
  for kind in "${guarded[@]}"; do
    # An answer that is no list means that the cluster does not know the kind.
    left=$("$kubectl" get "$kind" --all-namespaces -o name 2>/dev/null | wc -l) || continue
    if [ "$left" -gt 0 ]; then
      echo "uninstall: there are $left $kind. The manager has to be there when they are deleted: delete them first (docs/operate/install.md, \"Removing it\")." >&2
      exit 1
    fi
  done
  "$kubectl" delete --ignore-not-found -k "$kustomization"
}

case "${1:-}" in
  install | uninstall) "$1" ;;
  *) echo "usage: $0 install|uninstall [KUSTOMIZATION]" >&2; exit 2 ;;
esac
