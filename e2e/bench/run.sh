#!/usr/bin/env bash
# The cost of Holdfast beside nginx and HAProxy: installs what is missing, builds the load tools and Holdfast, measures, and prints a
# table. Options are those of compare.py (`./run.sh --help`); --quick takes about three minutes, the whole about twenty. --check, a
# minute or two, is a test: the load tool's own, and half a second of some scenarios at every proxy, in which no byte may be wrong.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() { echo "bench: $*" >&2; exit 1; }

missing=()
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing+=("$2"); } # need COMMAND PACKAGE
need nginx nginx-light
need haproxy haproxy
need wrk wrk
need make make
need gcc gcc
need python3 python3
need openssl openssl
[ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    fail "missing: ${missing[*]} (expected: these Debian packages, or the same software); install them, or run this as root on Debian or Ubuntu"
  fi
  lock() { if command -v flock >/dev/null; then flock /tmp/apt.lock "$@"; else "$@"; fi; }
  lock apt-get update -qq
  DEBIAN_FRONTEND=noninteractive lock apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
PATH=$PATH:/usr/sbin

make -s -C "$here" all
"$root/holdfast" --version >/dev/null # builds it
if [ "${1:-}" = --check ]; then
  shift
  make -s -C "$here" check
  # Its table says nothing: not half of Holdfast is compiled by then.
  log=$here/target/check.log
  if ! python3 "$here/compare.py" --rounds 1 --time 0.4 --warmup 0.1 --prewarm 0.4 --idle 500 --scenarios rtt64,tp64k+tls,hs,hs+tls,http \
    --markdown "$here/target/check.md" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    fail "a run failed, or a byte was wrong"
  fi
  echo "figure: benchmark: $(grep -c 'rounds x' "$log") scenarios at Holdfast, nginx, tuned nginx and HAProxy, failed runs and wrong bytes 0"
  exit
fi
exec python3 "$here/compare.py" "$@"
