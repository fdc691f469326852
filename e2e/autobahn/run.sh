#!/usr/bin/env bash
# Autobahn's fuzzing client against an echo server, directly and through Holdfast, over ws and over wss: through us no
# case may fail that does not fail directly, at most two may change between strict and non-strict, and no buffer may leak.
#
#   e2e/autobahn/run.sh [CASES]     for example '"1.*", "7.*"'; all 301 cases take about five minutes on two cores
#
# It needs a JDK 25, Maven, Node and npm, and a built e2e module (`mvn verify`). Reports: e2e/target/autobahn/*/index.html
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/e2e/target/autobahn
cases=${1:-'"*"'}
cases_min=301
[ $# = 0 ] || cases_min=1
ws_version=8.18.3
pids=()

finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

say() { printf 'autobahn: %s (%s s)\n' "$*" "$SECONDS"; }
fail() { echo "autobahn: $*" >&2; exit 1; }

for tool in node npm mvn keytool; do
  command -v $tool >/dev/null || fail "$tool: missing (expected: on the PATH)"
done
[ -d "$root/e2e/target/test-classes/dev/holdfast/e2e/autobahn" ] ||
  fail "e2e/target/test-classes: not built (expected: mvn verify, or mvn test-compile, was run)"

. "$root/cli/jdk.sh"
jdk=$(find_jdk) || fail "no JDK 25 found (expected: JAVA_HOME names one)"
java=$jdk/bin/java

# start OUTPUT COMMAND...: runs it in the background until its first line is in OUTPUT
start() {
  local output=$1
  shift
  "$@" >"$output" 2>"$output.err" </dev/null &
  pids+=($!)
  for _ in $(seq 600); do
    if [ -s "$output" ]; then return 0; fi
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  cat "$output.err" >&2
  fail "$1 does not start"
}

# number OUTPUT KEY: a number of a line of JSON, which may be still to come
number() {
  for _ in $(seq 600); do
    if grep -qE "\"$2\":[0-9]+" "$1"; then
      grep -oE "\"$2\":[0-9]+" "$1" | head -n 1 | cut -d : -f 2
      return 0
    fi
    sleep 0.1
  done
  fail "$1: no $2"
}

# run AGENT PORT CASES: leaves its report in $work/AGENT
run() {
  local agent=$1 port=$2 begun=$SECONDS
  rm -rf "${work:?}/$agent"
  cat >"$work/$agent.json" <<JSON
{"options": {"failByDrop": false}, "outdir": "$work/$agent", "cases": [$3], "exclude-cases": [], "exclude-agent-cases": {},
 "servers": [{"agent": "$agent", "url": "ws://127.0.0.1:$port/", "options": {"version": 18}}]}
JSON
  # Jython opens what the JDK has closed since.
  timeout --foreground 900 "$java" -Xmx1g -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    --add-opens java.base/java.lang=ALL-UNNAMED --add-opens java.base/sun.nio.ch=ALL-UNNAMED \
    -cp "$suite" org.python.util.jython -c "
import sys
sys.argv = ['wstest', '-m', 'fuzzingclient', '-s', '$work/$agent.json']
from autobahntestsuite import wstest
wstest.run()" >"$work/$agent.log" 2>&1 || { tail -n 20 "$work/$agent.log" >&2; fail "the run $agent failed"; }
  [ -r "$work/$agent/index.json" ] || { tail -n 20 "$work/$agent.log" >&2; fail "the run $agent left no report"; }
  say "$agent took $((SECONDS - begun)) s"
}

both() { # both AGENT PORT AGENT PORT: two runs at a time, one per core
  run "$1" "$2" "$cases" & local first=$!
  run "$3" "$4" "$cases" & local second=$!
  wait $first
  wait $second
}

mkdir -p "$work"
"$root/holdfast" --version >/dev/null # Built before anything waits for it.
mvn -B -ntp -q -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies -DexcludeTransitive=true -DoutputDirectory="$work/suite"
suite=$(printf '%s:' "$work"/suite/*.jar)
cp "$here"/*.mjs "$work/"
[ -d "$work/node_modules/ws" ] || npm install --prefix "$work" --no-save --no-audit --no-fund --silent "ws@$ws_version"
rm -f "$work/keys.p12"
keytool -genkeypair -alias echo -keyalg EC -groupname secp256r1 -dname CN=echo.test -validity 2 \
  -keystore "$work/keys.p12" -storetype PKCS12 -storepass holdfast >/dev/null 2>&1 || fail "keytool makes no certificate"

start "$work/echo.out" node "$work/echo.mjs" "$work/keys.p12" holdfast
plain=$(number "$work/echo.out" plain)
# Netty's detector of leaks watches every buffer.
export HOLDFAST_JAVA_OPTS='-Dio.netty.leakDetection.level=paranoid -Dio.netty.leakDetection.targetRecords=1'
start "$work/holdfast.out" "$root/holdfast" local --to "127.0.0.1:$plain" --http-port 0 --https-port 0 --admin-port 0 --json
holdfast=${pids[-1]}
unset HOLDFAST_JAVA_OPTS
http=$(number "$work/holdfast.out" httpPort)
start "$work/hop.out" node "$work/hop.mjs" "$(number "$work/echo.out" secure)" "$(number "$work/holdfast.out" httpsPort)"
hops=$(tr -d '[] \n' <"$work/hop.out")
say "ready"

both direct-ws "$plain" direct-wss "${hops%,*}"
both holdfast-ws "$http" holdfast-wss "${hops#*,}"

classpath=$root/e2e/target/test-classes:$root/cli/target/app/$(cat "$root/cli/target/app.stamp")/*
status=0
for scheme in ws wss; do
  "$java" -cp "$classpath" dev.holdfast.e2e.autobahn.CompareReports \
    "$scheme" "$work/direct-$scheme" "$work/holdfast-$scheme" "$cases_min" || status=1
done

# A report comes with the next buffer behind a collection; the collector hands over what it found in a thread of its own.
for _ in 1 2; do
  "$jdk/bin/jcmd" "$holdfast" GC.run >/dev/null || fail "holdfast does not collect its garbage"
  sleep 0.5
  exec 3<>"/dev/tcp/127.0.0.1/$http"
  printf 'GET * HTTP/1.1\r\nHost: refused.test\r\n\r\n' >&3 # 400, and the end: the echo server answers no request.
  cat <&3 >/dev/null
  exec 3<&-
done
sleep 0.5
leaks=$(cat "$work/holdfast.out" "$work/holdfast.out.err" | grep -c 'LEAK: ') || true
echo "figure: Autobahn, buffers leaked (paranoid): $leaks"
[ "$leaks" = 0 ] || { grep -h -m 3 'LEAK: ' "$work/holdfast.out" "$work/holdfast.out.err" >&2; status=1; }
say "done"
exit $status
