#!/usr/bin/env bash
# Finds or fetches the jars of Apache Kafka, and prints the folder that holds them
# (everything else goes to stderr). The tests run them with java; Orderplane itself needs none.
#
# In order: $KAFKA_LIBS; the cache of an earlier run ($ORDERPLANE_CACHE, keyed by version);
# Maven, by the pom beside this file. `ensure.sh why-not` prints in one line what is missing
# for that, and nothing when all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

say() { printf 'kafka: %s\n' "$*" >&2; }
version=$(sed -n '/<artifactId>kafka_2.13</,/<\/dependency>/s/.*<version>\(.*\)<.*/\1/p' "$here/pom.xml")
# The pom is part of the key: a changed one fetches anew.
key=kafka-$version-$(cksum <"$here/pom.xml" | cut -d' ' -f1)
cache=${ORDERPLANE_CACHE:-$HOME/.cache/orderplane}/$key
link=$root/bin/kafka

complete() { compgen -G "$1/kafka-server-*.jar" >/dev/null && compgen -G "$1/kafka_2.13-*.jar" >/dev/null; }

missing() {
  command -v java >/dev/null || { echo "java is missing (on Debian: apt-get install default-jre-headless)"; return; }
  if [ -n "${KAFKA_LIBS:-}" ] || complete "$cache"; then return; fi
  command -v mvn >/dev/null || echo "mvn is missing, which fetches Kafka's jars once (on Debian: apt-get install maven)"
}

why_not=$(missing)
if [ "${1:-}" = why-not ]; then printf '%s\n' "$why_not"; exit 0; fi
if [ -n "$why_not" ]; then say "$why_not; or set KAFKA_LIBS to a folder with the jars of Kafka $version"; exit 1; fi

if [ -n "${KAFKA_LIBS:-}" ]; then
  complete "$KAFKA_LIBS" || { say "KAFKA_LIBS=$KAFKA_LIBS has no Kafka in it: correct it or unset it"; exit 1; }
  (cd "$KAFKA_LIBS" && pwd)
  exit 0
fi

found() { mkdir -p "$root/bin"; ln -sfn "$cache" "$link"; echo "$link"; exit 0; }
if complete "$cache"; then found; fi

mkdir -p "$(dirname "$cache")"
exec 9>"$cache.lock"
if ! flock -n 9; then say "somebody else is fetching Kafka $version; waiting for it"; flock 9; fi
if complete "$cache"; then found; fi

work=$cache.part
rm -rf "$work"
say "fetching Kafka $version with Maven (first time only; about a minute)"
(cd "$here" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work" >&2) ||
  { say "fetching it failed; a network to a Maven repository is needed once, or set KAFKA_LIBS to a folder with the jars"; exit 1; }
complete "$work" || { say "Maven fetched no Kafka into $work"; exit 1; }
rm -rf "$cache"; mv "$work" "$cache"
found
