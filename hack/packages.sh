#!/usr/bin/env bash
# Prints the packages of one kind of test, by what they import and not by a list:
#   unit   those whose tests start no server
#   race   those beside the code that they test: what stands in test/ runs the same code once more
#   all    all but e2e
#   e2e    those that run the real binary
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
with_tests() {
  go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{join .TestImports ","}},{{join .XTestImports ","}},{{end}}' ./... |
    grep . || true
}

case "${1:-}" in
  unit) with_tests | grep -vE "[ ,]$module/(test/testenv|internal/devcluster|internal/devservices)," | cut -d' ' -f1 ;;
  race) with_tests | cut -d' ' -f1 | grep -v "^$module/test/" ;;
  all) go list ./... | grep -vE "^$module/test/(e2e|mirror)\$" ;;
  e2e) go list ./... | grep -E "^$module/test/(e2e|mirror)\$" ;;
  *) echo "usage: $0 unit|race|all|e2e" >&2; exit 2 ;;
esac
