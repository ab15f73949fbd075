#!/usr/bin/env bash
# Fuzzes what reads a client's text: tokens, orders, numbers, money, If-Match and cursors, four targets
# at a time with one worker each. A target that finds something leaves it in the package's
# testdata/fuzz, where every later `go test` tries it again.
#
#   FUZZ_TIME   how long each target is fuzzed, 60s by default
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZ_TIME:-60s}
at_once=4

# The targets: package and name.
targets() {
  cat <<'TARGETS'
internal/token FuzzVerify
internal/token FuzzUnsigned
adapters/rest/internal/body FuzzOrder
internal/domain/money FuzzPrice
internal/domain/number FuzzDecimal
adapters/rest/internal/fields FuzzIfMatch
adapters/rest/internal/listing FuzzParseCursor
TARGETS
}

# fuzz fuzzes one target and says how it went.
fuzz() {
  local package=$1 target=$2 log
  log=$(mktemp)
  if GOMAXPROCS=1 go test "./$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 1 >"$log" 2>&1; then
    printf 'fuzz: %s %s: %s\n' "$package" "$target" "$(grep -o 'execs: [0-9]*' "$log" | tail -1)"
  else
    printf 'fuzz: %s %s failed\n' "$package" "$target"
    cat "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

export time
export -f fuzz
targets | xargs -P "$at_once" -L 1 bash -c 'fuzz "$@"' fuzz
