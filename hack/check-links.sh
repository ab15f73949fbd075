#!/usr/bin/env bash
# Fails when a document of this repository points at nothing:
#
#   - a link of any *.md, or an image, to a file or a heading that is not there;
#   - a page of docs/ that is named in any other file and is not there, or a heading of it;
#   - a page of docs/ that README.md has no link to;
#   - a path of the tree between backticks in a *.md, such as `hack/verify.sh`,
#     that is not there. The benchmark log is dated and keeps the names of its day.
#
# check-links.sh [DIR] looks at the git repository in DIR; at its own by default.
set -euo pipefail
cd "${1:-"$(dirname "$0")/.."}"

# Of the Markdown files on the command line, in one pass: for each heading
# "anchor FILE SLUG", for each link "link FILE LINE TARGET", for each path between
# backticks "path FILE LINE PATH". Blocks of code are passed over.
read -r -d '' scan <<'AWK' || true
function slug(text,   s) {
  s = tolower(text)
  gsub(/\]\([^)]*\)/, "", s)
  gsub(/[^a-z0-9 _-]/, "", s)
  gsub(/ /, "-", s)
  return s
}
FNR == 1 { fenced = 0; delete seen }
/^ *(```|~~~)/ { fenced = !fenced; next }
fenced { next }
/^#+ / {
  heading = $0
  sub(/^#+ +/, "", heading); sub(/ +#* *$/, "", heading)
  s = slug(heading)
  print "anchor", FILENAME, (s in seen) ? s "-" seen[s] : s
  seen[s]++
}
{
  rest = $0
  while (match(rest, /<a (id|name)="[^"]*"/)) {
    anchor = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    sub(/^[^"]*"/, "", anchor); sub(/"$/, "", anchor)
    print "anchor", FILENAME, anchor
  }
  rest = $0; plain = ""
  while (match(rest, /`[^`]*`/)) {
    code = substr(rest, RSTART + 1, RLENGTH - 2)
    plain = plain substr(rest, 1, RSTART - 1) "code"
    rest = substr(rest, RSTART + RLENGTH)
    if (code ~ /^(\.ci|\.github|adapters|api|cmd|config|controllers|docs|hack|internal|test|webhooks)\/[A-Za-z0-9_.\/-]*$/)
      print "path", FILENAME, FNR, code
  }
  plain = plain rest
  rest = plain
  while (match(rest, /\]\([^)]+\)/)) {
    target = substr(rest, RSTART + 2, RLENGTH - 3)
    rest = substr(rest, RSTART + RLENGTH)
    sub(/ .*/, "", target)
    print "link", FILENAME, FNR, target
  }
  if (match(plain, /^ *\[[^]]+\]: *[^ ]+/)) {
    target = substr(plain, RSTART, RLENGTH)
    sub(/^ *\[[^]]+\]: */, "", target)
    print "link", FILENAME, FNR, target
  }
}
AWK

failed=0
broken() {
  printf '%s\n' "$*"
  failed=1
}

# there reports whether a path, from the top, is part of the tree.
there() { [ -n "$1" ] && [ -e "$1" ]; }

mapfile -t pages < <(git ls-files --cached --others --exclude-standard '*.md')
[ ${#pages[@]} -gt 0 ] || { echo 'no Markdown files here' >&2; exit 2; }
mapfile -t found < <(awk "$scan" "${pages[@]}")

declare -A anchors=()
for line in "${found[@]}"; do
  read -r what page rest <<<"$line"
  [ "$what" != anchor ] || anchors["$page#$rest"]=1
done

declare -A linked=()
for line in "${found[@]}"; do
  read -r what page at target <<<"$line"
  case $what in
    link)
      case $target in
        *://* | mailto:*) continue ;;
        '#'*) file=$page ;;
        *) file=$(realpath -m --relative-to=. "$(dirname "$page")/${target%%#*}") ;;
      esac
      linked["$page>$file"]=1
      if ! there "$file"; then
        broken "$page:$at: $target: no such file"
      elif [[ $target == *'#'* && $file == *.md && -z ${anchors["$file#${target#*#}"]:-} ]]; then
        broken "$page:$at: $target: no such heading"
      fi
      ;;
    path)
      [[ $page == */benchmark-log.md ]] || there "$target" || broken "$page:$at: $target: no such path"
      ;;
  esac
done

# Comments and manifests send their readers to pages, too.
while IFS=: read -r file at target; do
  page=${target%%#*}
  if ! there "$page"; then
    broken "$file:$at: $target: no such file"
  elif [[ $target == *'#'* && -z ${anchors["$target"]:-} ]]; then
    broken "$file:$at: $target: no such heading"
  fi
done < <(git grep --untracked -nIoE '(^|[^A-Za-z0-9_./-])docs/[A-Za-z0-9_/-]+\.md(#[a-z0-9_-]+)?' -- ':!*.md' |
  sed -E 's#^([^:]*:[0-9]+:)[^A-Za-z0-9]?(docs/)#\1\2#')

# Who begins at the README finds every page.
for page in "${pages[@]}"; do
  [[ $page != docs/* || -n ${linked["README.md>$page"]:-} ]] || broken "README.md: no link to $page"
done

exit $failed
