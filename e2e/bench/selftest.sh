#!/bin/bash
# Smoke test of wsload against wsecho without a proxy: every mode must end with zero errors, and
# a server that is not a WebSocket server must make wsload fail.
cd "$(dirname "$0")" || exit 1
port=${PORT:-19000}
target/wsecho "$port" & pid=$!
trap 'kill $pid 2>/dev/null' EXIT
sleep 0.2
rc=0
t() { echo "== $*"; target/wsload "$@" || { echo "FAILED"; rc=1; }; }
h=127.0.0.1:$port
for s in 0 1 15 16 125 126 4096 5000 65535 65536 1048576; do t rtt $h --tunnels 3 --size $s --time 0.3 --warmup 0.1; done
t rtt $h --tunnels 200 --active 64 --time 0.5
t pipeline $h --tunnels 8 --size 128 --depth 16 --time 0.5
t pipeline $h --tunnels 8 --size 3000 --depth 100 --time 0.5
t throughput $h --tunnels 4 --size 1048576 --depth 4 --time 0.5
t handshake $h --conc 32 --time 0.5
t idle $h --tunnels 2000 --time 0.5 </dev/null
echo "== must fail: closed port"
target/wsload rtt 127.0.0.1:1 --time 0.2 >/dev/null 2>&1 && { echo "FAILED: no error reported"; rc=1; }
echo "== must fail: corrupted payload"
target/wsecho $((port + 1)) corrupt & pid2=$!
sleep 0.2
target/wsload rtt 127.0.0.1:$((port + 1)) --tunnels 4 --time 0.5 >/dev/null 2>&1 && { echo "FAILED: corruption not noticed"; rc=1; }
kill $pid2
echo "== must fail: not a WebSocket server"
python3 -m http.server --bind 127.0.0.1 $((port + 2)) >/dev/null 2>&1 & pid2=$!
sleep 0.7
target/wsload rtt 127.0.0.1:$((port + 2)) --time 0.5 >/dev/null 2>&1 && { echo "FAILED: 404 accepted"; rc=1; }
kill $pid2
[ $rc = 0 ] && echo "all passed"
exit $rc
