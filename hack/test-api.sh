#!/usr/bin/env bash
# Runs schemathesis against a gateway of the local stack: it makes requests out of the
# OpenAPI document, good ones and bad ones, and holds the answers to it. test/api has
# its settings. Rounds are made with everything up, with Redis killed, whose connections are refused
# then, and with Postgres frozen, whose calls hang. While Postgres is, 503 is an answer, too.
#
#   TEST_API_SECONDS   how long to begin further rounds, 120 by default; the first four, two with
#                      everything up and one without each, are always made
#   TEST_API_SEED      which requests come first, 17 by default; each round has the next seed
#
# schemathesis is installed into the cache, in the versions of test/api/requirements.txt.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
seconds=${TEST_API_SECONDS:-120}
seed=${TEST_API_SEED:-17}

fail() { printf 'test-api: %s\n' "$*" >&2; exit 1; }

command -v python3 >/dev/null || fail "python3 is missing; schemathesis needs Python 3.10 or newer (on Debian: apt-get install python3 python3-venv)"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "$(python3 --version) is too old; schemathesis needs Python 3.10 or newer"
python3 -c 'import venv, ensurepip' 2>/dev/null || fail "python3 has no venv; install it (on Debian: apt-get install python3-venv)"

# install puts schemathesis into the cache, once for these versions and this Python.
install() {
  local pins
  pins=$(cat test/api/requirements.txt <(python3 --version) | sha256sum | cut -c1-12)
  venv=${ORDERPLANE_CACHE:-$HOME/.cache/orderplane}/tools/schemathesis-$pins
  [ ! -e "$venv/complete" ] || return 0
  mkdir -p "$(dirname "$venv")"
  exec 9>"$venv.lock"
  flock 9
  if [ ! -e "$venv/complete" ]; then
    echo "test-api: installing schemathesis (first time only)" >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r test/api/requirements.txt ||
      fail "schemathesis can't be installed; pip needs a network once"
    touch "$venv/complete"
  fi
  exec 9>&-
}

# start runs the local stack on free ports and in a folder of its own.
start() {
  dir=$(mktemp -d)
  chmod 711 "$dir" # Postgres, which is not root, has to get in
  trap stop EXIT
  trap 'exit 130' INT TERM
  start_redis
  RATE_LIMIT_PER_MINUTE=0 bin/orderplane local --dir "$dir" \
    --gateway-port=0 --manager-port=0 --inventory-port=0 --manager-metrics-port=0 --webhook-port=0 --mirror-port=0 --notifier-port=0 >"$dir.log" 2>&1 &
  stack=$!
  local waited=0
  until grep -q 'Orderplane is ready' "$dir.log"; do
    kill -0 "$stack" 2>/dev/null || fail "the local stack ended: $(cat "$dir.log")"
    [ $((waited += 1)) -le 600 ] || fail "the local stack is not ready after two minutes: $(cat "$dir.log")"
    sleep 0.2
  done
  # shellcheck source=/dev/null
  . "$dir/env"
}

# start_redis runs a Redis beside the stack, which would start its own again: that is killed for a while.
start_redis() {
  local bin
  bin=$(command -v redis-server || command -v valkey-server) || return 0
  [ -n "$redis_port" ] || redis_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  export REDIS_ADDR=127.0.0.1:$redis_port
  "$bin" --bind 127.0.0.1 --port "$redis_port" --save "" --appendonly no --dir "$dir" >"$dir/redis.log" 2>&1 &
  redis=$!
}

stop() {
  thaw
  [ -z "$stack" ] || { kill -INT "$stack" 2>/dev/null && wait "$stack" || true; }
  [ -z "$redis" ] || { kill "$redis" 2>/dev/null && wait "$redis" || true; }
  rm -rf "$dir" "$dir.log"
}

# freeze stops the server of a name, a child of the stack, with its own children.
freeze() {
  local server
  server=$(pgrep -P "$stack" -x "$1") || return 1
  frozen+=("$server")
  kill -STOP "$server"
  mapfile -t -O "${#frozen[@]}" frozen < <(pgrep -P "$server")
  kill -STOP "${frozen[@]}" 2>/dev/null || true # one of them may have ended
}

thaw() {
  [ ${#frozen[@]} = 0 ] || kill -CONT "${frozen[@]}" 2>/dev/null || true
  frozen=()
}

# settings writes those of a round: while Postgres is frozen, 503 is an answer to anything.
settings() {
  if [ "$1" = postgres ]; then
    printf '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]\n' >"$dir/checks"
    sed -e '/^\[checks\]$/{r '"$dir/checks"'
      d}' -e 's/^\(.*positive_data_acceptance.expected-statuses = \[\)/\1"503", /' \
      -e 's/^\(negative_data_rejection.expected-statuses = \[\)/\1"503", /' test/api/schemathesis.toml
  else
    cat test/api/schemathesis.toml
  fi
}

# round makes one round of requests as somebody, about 1,500 of them. It is bounded by their
# number: --max-time does not end a search for data.
round() {
  printf 'test-api: as %s, seed %s\n' "$1" "$seed"
  settings "${3:-}" >"$dir/schemathesis.toml"
  # It leaves folders where it runs.
  (cd "$dir" && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$root/test/api" timeout --kill-after=10 300 \
    "$venv/bin/st" --config-file "$dir/schemathesis.toml" run "$GATEWAY_URL/v3/api-docs" \
    --header "Authorization: Bearer $2" --seed "$seed" --no-color)
}

# away makes a round without a server, and holds the gateway to having noticed: the server's breaker
# is not closed then.
away() {
  local passed=0 state
  round "$2" "$3" "$1" || passed=1
  state=$("$venv/bin/python" -c 'import json, sys, urllib.request
print(json.load(urllib.request.urlopen(sys.argv[1]))["circuitBreakers"][sys.argv[2]]["state"])' "$GATEWAY_URL/actuator/circuitbreakers" "$1") || state=unknown
  case $state in
    OPEN | HALF_OPEN) ;;
    *) echo "test-api: without $1 its breaker is $state" >&2; passed=1 ;;
  esac
  return "$passed"
}

# without_redis makes a round while connections to Redis are refused.
without_redis() {
  if [ -z "$redis" ]; then
    echo "test-api: left out: no redis-server on this machine" >&2
    return 0
  fi
  echo "test-api: Redis is killed"
  kill -KILL "$redis"
  wait "$redis" 2>/dev/null || true
  local passed=0
  away redis "$@" || passed=1
  start_redis
  return "$passed"
}

# without_postgres makes a round while Postgres is frozen.
without_postgres() {
  if ! freeze postgres; then
    echo "test-api: left out: postgres is no process of the local stack" >&2
    return 0
  fi
  echo "test-api: Postgres is frozen"
  local passed=0
  away postgres "$@" || passed=1
  thaw
  return "$passed"
}

stack='' redis='' redis_port=''
frozen=()
install
start
began=$SECONDS
failed=()
rounds=0
while
  case $((rounds % 4)) in
    0) round ops "$OPS_TOKEN" ;;
    1) round "customer $CUSTOMER_ID" "$CUSTOMER_TOKEN" ;;
    2) without_redis "customer $CUSTOMER_ID" "$CUSTOMER_TOKEN" ;;
    3) without_postgres ops "$OPS_TOKEN" ;;
  esac || failed+=("$seed")
  rounds=$((rounds + 1))
  [ $((rounds % 2)) = 1 ] || seed=$((seed + 1))
  [ "$rounds" -lt 4 ] || [ $((SECONDS - began)) -lt "$seconds" ]
do :; done
echo "test-api: $rounds rounds in $((SECONDS - began)) s"
[ ${#failed[@]} = 0 ] || fail "the gateway and api/openapi/openapi.yaml disagree, as told above; TEST_API_SEED=${failed[0]} TEST_API_SECONDS=1 has the same requests made again"
