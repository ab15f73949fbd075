#!/usr/bin/env bash
# Says which of the servers that the tests run against, and the browser, are missing, one line each,
# and fetches Kafka's jars. Tests that need a missing one are left out; in CI (CI=true) they fail. Postgres
# is never missing: where the machine has none, the tests fetch it as `make run` does.
#
#   --install   install what is missing with apt-get, as root on Debian; it fails where it can't
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'services: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null; }
redis() { has redis-server || has valkey-server; }
chromium() { has chromium || has chromium-browser || has google-chrome || has google-chrome-stable; }

# packages prints the Debian packages that bring what is missing.
packages() {
  redis || echo redis-server
  chromium || echo chromium
  has java || echo default-jre-headless
  has mvn || [ -n "${KAFKA_LIBS:-}" ] || echo maven
}

if [ "${1:-}" = --install ]; then
  mapfile -t missing < <(packages)
  if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]} with apt-get"
    has apt-get || { say "no apt-get here: install ${missing[*]} yourself"; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
      { say "apt-get can't install ${missing[*]}"; exit 1; }
  fi
fi

chromium || say "left out: what needs a browser (on Debian: apt-get install chromium)"
redis || say "left out: what needs Redis (on Debian: apt-get install redis-server)"
why_not=$(hack/kafka/ensure.sh why-not)
if [ -n "$why_not" ]; then
  say "left out: what needs Kafka, for $why_not"
else
  hack/kafka/ensure.sh >/dev/null
fi
