#!/usr/bin/env bash
# The README's run command from a fresh clone, nothing else typed before: served within 60 s of a warm Maven cache and
# within 3 s when nothing needs building; a WebSocket client echoes, and so does a page in headless Chromium if there is one.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT

fail() {
  echo "readme-run: $*" >&2
  sed 's/^/  | /' "$work/output" >&2 || true
  exit 1
}

# start LIMIT: runs ./holdfast local and prints how long it took until an example is served over TLS
start() {
  local begin=$EPOCHREALTIME limit=$1 millis
  (cd "$work/clone" && exec ./holdfast local) >"$work/output" 2>&1 </dev/null &
  pid=$!
  until curl -ksf --max-time 2 --resolve chat.localhost:8443:127.0.0.1 https://chat.localhost:8443/ >/dev/null; do
    kill -0 "$pid" 2>/dev/null || fail "it ended"
    millis=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN {printf "%d", (b - a) * 1000}')
    [ "$millis" -lt 180000 ] || fail "nothing is served after $millis ms"
    sleep 0.05
  done
  millis=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN {printf "%d", (b - a) * 1000}')
  echo "served after $millis ms (limit $limit ms): $2"
  [ "$millis" -le "$limit" ] || fail "too late"
}

stop() {
  kill -TERM "$pid"
  wait "$pid" || true
  pid=
}

git clone -q "$root" "$work/clone"
start 60000 "fresh clone"
stop
start 3000 "nothing to build"

page=https://chat.localhost:8443/
if command -v chromium >/dev/null; then
  timeout 60 chromium --headless --no-sandbox --disable-gpu --ignore-certificate-errors --virtual-time-budget=5000 \
    --user-data-dir="$work/chromium" --dump-dom "$page" >"$work/page" 2>"$work/chromium.log" || fail "chromium failed"
  grep -q 'echo ok' "$work/page" || { cat "$work/page" >&2; fail "the page does not echo"; }
  echo "the page at $page echoes over wss in headless Chromium"
else
  echo "skipped: no chromium"
fi
stop
