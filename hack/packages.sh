#!/usr/bin/env bash
# Prints the packages of one kind of test, by what they import and hold, and not by a list:
#   unit    those whose tests start no server
#   race    those with goroutines, channels or locks in their own code, which can race. What stands
#           in test/ runs the same code once more
#   others  all the rest but e2e
#   e2e     those that run the real binary
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
with_tests() {
  go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{join .TestImports ","}},{{join .XTestImports ","}},{{end}}' ./... |
    grep . || true
}

# race prints the packages beside the code whose own files start something, or wait or lock.
race() {
  local package files
  go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{range .GoFiles}} {{$.Dir}}/{{.}}{{end}}{{end}}' ./... |
    grep -v "^$module/test/" |
    while read -r package files; do
      # shellcheck disable=SC2086 # names of files, without blanks
      if [[ -n $files ]] && grep -qE '^\s*go (func|[a-zA-Z.]+\()|<-|"sync(/atomic)?"|/errgroup"|/workqueue"' $files; then
        echo "$package"
      fi
    done
}
e2e="^$module/test/(compose|e2e|mirror)\$"

case "${1:-}" in
  unit) with_tests | grep -vE "[ ,]$module/(test/testenv|internal/devcluster|internal/devservices)," | cut -d' ' -f1 ;;
  race) race ;;
  others) # what takes longest first, so that it doesn't run on when all else is over
    go list ./... | grep -vE "$e2e" | grep -vxF -f <(race) | sort -r ;;
  all) go list ./... | grep -vE "$e2e" ;;
  e2e) go list ./... | grep -E "$e2e" ;;
  *) echo "usage: $0 unit|race|others|all|e2e" >&2; exit 2 ;;
esac
