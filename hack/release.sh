#!/usr/bin/env bash
# Makes the files of a release in dist/: `hack/release.sh v0.1.0`. The same commit gives the same files, in any folder,
# with the same Go and the same certificates; provenance.json names both.
#
#   PLATFORMS        what is built for; Windows is not among them: the local stack needs process groups and file locks
#   IMAGE            name of the image in install.yaml, such as example.com/orderplane
#   CA_CERTIFICATES  file with the certificates that the image trusts; the machine's own by default
#   SOURCE           where the commit is to be had, for the provenance, such as git+https://example.com/orderplane
#   BUILDER          URI of who builds, for the provenance
#   ALLOW_DIRTY      1 lets a tree with changes be built, to try things out
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'release: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

version=${1:-}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] ||
  fail "VERSION=$version: give a version such as v0.1.0 or v0.1.0-rc.1"
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}
image=${IMAGE:-orderplane}

certificates=${CA_CERTIFICATES:-}
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ -n "$certificates" ] || [ ! -s "$file" ] || certificates=$file
done
[ -s "$certificates" ] || fail "CA_CERTIFICATES=$certificates: name a file with the certificates that the image trusts, PEM"

revision=$(git rev-parse HEAD)
if [ -n "$(git status --porcelain)" ] && [ "${ALLOW_DIRTY:-}" != 1 ]; then
  fail "there are changes that are not committed; commit them, or set ALLOW_DIRTY=1 to try things out"
fi
# What is made gets the time of the commit, and nothing of this machine's settings.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH CGO_ENABLED=0 GOFLAGS=-mod=readonly GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT='' LC_ALL=C TZ=UTC

dist=dist/$version
rm -rf "$dist"
mkdir -p "$dist"
work=$(mktemp -d dist/.work.XXXXXX)
trap 'rm -rf "$work"' EXIT
go build -o "$work/release" ./hack/release

binaries=()
for platform in $platforms; do
  binary=$dist/orderplane-${platform/\//-}
  say "building $binary"
  GOOS=${platform%/*} GOARCH=${platform#*/} \
    go build -buildvcs=false -trimpath -ldflags "-s -w -X main.release=$version" -o "$binary" ./cmd/orderplane
  "$work/release" sbom "$binary" --version="$version" >"$binary.cdx.json"
  [[ $platform != linux/* ]] || binaries+=("--binary=$platform=$binary")
done
[ ${#binaries[@]} -gt 0 ] || fail "PLATFORMS=$platforms: none is linux/..., which the image is for"

say "assembling the image"
digest=$("$work/release" image --layout="$work/image" --archive="$dist/orderplane-image.tar" --version="$version" \
  --revision="$revision" --ca-certificates="$certificates" "${binaries[@]}")
echo "$digest" >"$dist/orderplane-image.digest"

say "rendering manifests"
hack/render.sh "$version" "$image" "$dist"
[ ! -d charts/orderplane ] || "$work/release" chart charts/orderplane "$dist/orderplane-${version#v}.tgz" --version="$version"
cp hack/sign.sh "$dist/sign.sh"

"$work/release" provenance "$dist" --version="$version" --revision="$revision" --source="${SOURCE:-}" \
  --ca-certificates="$certificates" --image-digest="$digest" --builder="${BUILDER:-https://orderplane.dev/release/by-hand}" >"$work/provenance.json"
mv "$work/provenance.json" "$dist/provenance.json"
(cd "$dist" && sha256sum -- * >"../${work#dist/}/SHA256SUMS")
mv "$work/SHA256SUMS" "$dist/SHA256SUMS"
say "$dist has $(find "$dist" -type f | wc -l) files; the image is $digest"
