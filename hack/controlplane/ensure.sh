#!/usr/bin/env bash
# Finds, fetches or builds etcd, kube-apiserver and kubectl, and prints the
# folder that holds them (everything else goes to stderr).
#
# In order: $KUBEBUILDER_ASSETS; bin/k8s; the cache of an earlier build
# ($HOME/.cache/orderplane, keyed by version); the envtest download; a build
# from the Go module proxy (about 8 minutes on 2 cores).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=(etcd kube-apiserver kubectl)

say() { printf 'controlplane: %s\n' "$*" >&2; }
complete() { local t; for t in "${tools[@]}"; do [ -x "$1/$t" ] || return 1; done; }

version() { awk -v m="$1" '$1 == m && $2 ~ /^v/ { print $2; exit }' "$here/go.mod"; }
kube=$(version k8s.io/kubernetes)
etcd=$(version go.etcd.io/etcd/server/v3)
platform=$(go env GOOS)-$(go env GOARCH)
key=kubernetes-$kube-etcd-$etcd-$platform
cache=${ORDERPLANE_CACHE:-$HOME/.cache/orderplane}/$key
bin=$root/bin/k8s

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  complete "$KUBEBUILDER_ASSETS" || { say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks one of: ${tools[*]}; correct it or unset it"; exit 1; }
  (cd "$KUBEBUILDER_ASSETS" && pwd)
  exit 0
fi

link() { mkdir -p "$root/bin"; ln -sfn "$cache" "$bin"; echo "$bin"; }
if complete "$cache"; then link; exit 0; fi

mkdir -p "$(dirname "$cache")"
exec 9>"$cache.lock"
if ! flock -n 9; then say "another build of $key is running; waiting for it"; flock 9; fi
if complete "$cache"; then link; exit 0; fi

work=$cache.part
rm -rf "$work"; mkdir -p "$work"

download() {
  local got
  got=$(cd "$root/hack/tools" && timeout 120 go tool setup-envtest use "${kube#v}" --bin-dir "$work/envtest" -p path 2>"$work/envtest.log") || return 1
  cp "$got"/* "$work/" && rm -rf "$work/envtest" && complete "$work"
}

build() {
  command -v go >/dev/null || { say "go is missing: install Go 1.26 or newer, or set KUBEBUILDER_ASSETS"; exit 1; }
  local v="k8s.io/component-base/version" started=$SECONDS
  local ldflags="-s -w -X $v.gitVersion=$kube -X $v.gitMajor=1 -X $v.gitMinor=$(echo "${kube#v}" | cut -d. -f2)"
  ldflags+=" -X k8s.io/client-go/pkg/version.gitVersion=$kube"
  cd "$here"
  local total=${#tools[@]} n=0 t pkg
  for t in "${tools[@]}"; do
    n=$((n + 1))
    case $t in
      etcd) pkg=go.etcd.io/etcd/server/v3 ;;
      *) pkg=k8s.io/kubernetes/cmd/$t ;;
    esac
    say "[$n/$total] building $t from $pkg (first time only; kube-apiserver takes about 7 minutes on 2 cores)"
    CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags "$ldflags" -o "$work/$t" "$pkg" &
    local pid=$!
    # A job in the background does not hear Ctrl-C, and would go on holding the lock.
    trap "kill $pid 2>/dev/null" EXIT
    trap 'exit 130' INT TERM
    ticks=0
    while kill -0 $pid 2>/dev/null; do
      sleep 1
      ticks=$((ticks + 1))
      if [ $((ticks % 30)) = 0 ]; then say "    still building $t, $((SECONDS - started)) s so far"; fi
    done
    trap - EXIT
    wait $pid || { say "building $t failed; a network to the Go module proxy is needed once, or set KUBEBUILDER_ASSETS to a folder with ${tools[*]}"; exit 1; }
  done
}

if [ "${ORDERPLANE_CONTROLPLANE:-}" != build ] && download; then
  say "downloaded Kubernetes $kube for envtest"
else
  say "no envtest download for Kubernetes $kube here; building it"
  build
fi
rm -rf "$cache"; mv "$work" "$cache"
link
