#!/usr/bin/env bash
# Makes the release of a commit twice, in two clones of their own in two folders, and compares the checksums.
# PLATFORMS is linux/amd64 by default, to be quick.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-v0.0.0-reproduce}
export PLATFORMS=${PLATFORMS:-linux/amd64}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in one another/folder; do
  git clone -q --no-hardlinks . "$work/$folder"
  (cd "$work/$folder" && hack/release.sh "$version")
done
diff "$work/one/dist/$version/SHA256SUMS" "$work/another/folder/dist/$version/SHA256SUMS"
echo "reproduce: $(wc -l <"$work/one/dist/$version/SHA256SUMS") files are the same in both; the image is $(cat "$work/one/dist/$version/orderplane-image.digest")"
