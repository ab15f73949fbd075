#!/usr/bin/env bash
# Signs the checksums of a release, and with them every file that they name; or verifies them.
#
#   sign.sh sign DIR KEY                   by ssh-keygen (an SSH key), minisign (a file ending in .key) or cosign (cosign.key)
#   sign.sh verify DIR PUBLIC [IDENTITY]   by the same; IDENTITY is who signed by SSH, "release" by default
#
# DIR has SHA256SUMS. The signature stands beside it as SHA256SUMS.sig.
set -euo pipefail

say() { printf 'sign: %s\n' "$*" >&2; }
usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

[ $# -ge 3 ] || usage
action=$1 dir=$2 key=$3 identity=${4:-release}
sums=$dir/SHA256SUMS
[ -s "$sums" ] || { say "$sums is missing; give the folder of a release"; exit 1; }
[ -r "$key" ] || { say "$key can't be read"; exit 1; }

case $(basename "$key") in
  cosign.*) tool=cosign ;;
  *) if head -1 "$key" | grep -qi minisign; then tool=minisign; else tool=ssh-keygen; fi ;;
esac
command -v "$tool" >/dev/null || { say "$tool is not installed, and $key is one of its keys"; exit 1; }

sign() {
  case $tool in
    cosign) cosign sign-blob --yes --key "$key" --output-signature "$sums.sig" "$sums" ;;
    minisign) minisign -S -s "$key" -m "$sums" -x "$sums.sig" ;;
    ssh-keygen) rm -f "$sums.sig"; ssh-keygen -q -Y sign -f "$key" -n orderplane-release "$sums" ;;
  esac
}

verify() {
  [ -s "$sums.sig" ] || { say "$sums.sig is missing: these checksums are not signed"; exit 1; }
  case $tool in
    cosign) cosign verify-blob --key "$key" --signature "$sums.sig" "$sums" ;;
    minisign) minisign -V -p "$key" -m "$sums" -x "$sums.sig" ;;
    ssh-keygen)
      ssh-keygen -Y verify -f <(printf '%s namespaces="orderplane-release" %s\n' "$identity" "$(cat "$key")") \
        -I "$identity" -n orderplane-release -s "$sums.sig" <"$sums"
      ;;
  esac
  (cd "$dir" && sha256sum --quiet --strict -c SHA256SUMS)
}

case $action in
  sign) (cd "$dir" && sha256sum --quiet --strict -c SHA256SUMS) && sign && say "signed $sums with $tool" ;;
  verify) verify && say "$dir is as it was signed" ;;
  *) usage ;;
esac
