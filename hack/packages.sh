#!/usr/bin/env bash
# Prints the packages of one kind of test, by what they import and not by a list:
#   unit   those whose tests start no control plane
#   race   all but the fault matrix and e2e, which runs a binary of its own
#   all    all but e2e
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
with_tests() {
  go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{join .TestImports ","}},{{join .XTestImports ","}},{{end}}' ./... |
    grep . || true
}

case "${1:-}" in
  unit) with_tests | grep -vE "[ ,]$module/(test/testenv|internal/devcluster)," | cut -d' ' -f1 ;;
  race) with_tests | cut -d' ' -f1 | grep -vE "^$module/test/(faults|e2e)\$" ;;
  all) go list ./... | grep -vE "^$module/test/e2e\$" ;;
  *) echo "usage: $0 unit|race|all" >&2; exit 2 ;;
esac
