#!/usr/bin/env bash
# Fuzzes the parsers with Jazzer, coverage-guided, from the seeds in the modules' src/test/resources/fuzz.
#
#   e2e/fuzz/run.sh [--seconds N] [TARGET...]     N seconds for each target (12), all targets unless some are named
#   e2e/fuzz/run.sh --short [TARGET...]           the build's run: as many inputs as the list below says, from one seed,
#                                                 so that a build tells of a change and not of its luck
#
# It needs a JDK 25, Maven and what `mvn verify` left in the modules' target folders. It fails when an input breaks a
# property, throws, or takes longer than a second. What it learns stays in e2e/target/fuzz, so that the next run goes on
# from there; an input that fails is kept there too: make it a seed.
set -euo pipefail
cd "$(dirname "$0")/../.."

jazzer=0.30.0
seconds=12
seed=0
short=
while [[ ${1:-} == --* ]]; do
  case $1 in
    --short) short=yes seed=1; shift ;;
    --seconds) seconds=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    *) echo "fuzz: $1: no such option (expected: --short, --seconds N or --seed N)" >&2; exit 2 ;;
  esac
done
wanted=("$@")
work=$PWD/e2e/target/fuzz
mkdir -p "$work/lib"

fail() { echo "fuzz: $*" >&2; exit 1; }

# What is fuzzed: the module that has the class and its seeds, the class, the inputs of a short run (some ten seconds).
targets='
dataplane   dev.holdfast.dataplane.proxy.http1.RequestHeadFuzz           100000
dataplane   dev.holdfast.dataplane.proxy.http1.ResponseHeadFuzz          60000
dataplane   dev.holdfast.dataplane.proxy.http1.ChunkedBodyFuzz           80000
dataplane   dev.holdfast.dataplane.proxy.tunnel.FrameTrackerFuzz         200000
dataplane   dev.holdfast.dataplane.sync.SseReaderFuzz                    100000
dataplane   dev.holdfast.dataplane.proxy.tls.PemKeysFuzz                 300000
operator    dev.holdfast.operator.compile.CertificateCheckFuzz           150000
operator    dev.holdfast.operator.compile.ObjectsFuzz                    15000
operator    dev.holdfast.operator.compile.AnnotationsFuzz                2000
routetable  dev.holdfast.routetable.wire.WireCodecFuzz                   150000
cli         dev.holdfast.cli.manifest.ManifestFuzz                       60000
'

fetch() { # fetch GROUP:ARTIFACT:VERSION: a jar that only fuzzing needs
  local name=${1#*:}
  if [ -e "$work/lib/${name/:/-}.jar" ]; then return 0; fi
  mvn -B -ntp -q org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy -Dartifact="$1" -DoutputDirectory="$work/lib" \
    || fail "cannot fetch $1"
}

bytebuddy=1.18.3
assertj=$(sed -n 's:.*<assertj.version>\(.*\)</assertj.version>.*:\1:p' pom.xml)
fetch "com.code-intelligence:jazzer:$jazzer"
fetch "com.code-intelligence:jazzer-api:$jazzer"
fetch "org.assertj:assertj-core:$assertj"
fetch "net.bytebuddy:byte-buddy:$bytebuddy"
[ -d cli/target/lib ] && [ -d cli/target/test-classes ] || fail "nothing is built (expected: mvn verify before)"

. cli/jdk.sh
jdk=$(find_jdk) || fail "no JDK 25 found (expected: JAVA_HOME names one)"
java=$jdk/bin/java
classpath=$(printf '%s:' {crds,routetable,operator,dataplane,cli}/target/classes {routetable,operator,dataplane,cli}/target/test-classes)
classpath="$classpath$work/lib/*:cli/target/lib/*"

"$java" -cp "$classpath" dev.holdfast.dataplane.conformance.SmugglingSeeds "$work/smuggling"

failures=0
slow=0
run() { # run MODULE CLASS INPUTS
  local name=${2##*.} corpus seeds log status=0 started=$EPOCHSECONDS
  corpus=$work/corpus/$name log=$work/$name.log
  # What an earlier run learnt would make another run of this one.
  if [ -n "$short" ]; then corpus=$work/short/$name; rm -rf "$corpus"; fi
  seeds=("$1/src/test/resources/fuzz/$name")
  case $name in RequestHeadFuzz | ResponseHeadFuzz | ChunkedBodyFuzz) seeds+=("$work/smuggling") ;; esac
  mkdir -p "$corpus" "$work/failing"
  local limit=(-max_total_time="$seconds")
  if [ -n "$short" ]; then limit=(-runs="$3"); fi
  # Coverage is that of our own classes; Jazzer's hooks are kept out of everybody else's, which they slow down.
  "$java" -Xmx1500m -XX:+EnableDynamicAgentLoading --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    -Dio.netty.leakDetection.level=disabled -Dlog4j2.level=OFF -cp "$classpath" com.code_intelligence.jazzer.Jazzer \
    --target_class="$2" --instrumentation_includes='dev.holdfast.**' --custom_hook_includes='dev.holdfast.**' \
    --reproducer_path="$work/failing" -artifact_prefix="$work/failing/$name-" "${limit[@]}" -seed="$seed" \
    -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 "$corpus" "${seeds[@]}" >"$log" 2>&1 || status=$?
  local runs edges slowest crashes=0
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  slowest=$(sed -n 's/^stat::slowest_unit_time_sec: *//p' "$log")
  edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
  # The first inputs run on a cold virtual machine; libFuzzer counts whole seconds.
  if [ "$status" != 0 ] || [ -z "$runs" ]; then
    crashes=1
    failures=$((failures + 1))
    # An exception, or where the main thread was when its time was up; and the input, for a machine that is gone tomorrow.
    grep -m1 -A12 '^== Java Exception\|^Exception in\|^Thread\[#[0-9]*,main,' "$log" >&2 || tail -20 "$log" >&2
    local input
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    if [ -n "$input" ]; then echo "fuzz: base64 of the first 9000 bytes of the input: $(head -c 9000 "$input" | base64 -w0)" >&2; fi
    echo "fuzz: $name failed; the whole of it is in $log, the input in $work/failing" >&2
  elif [ "$slowest" -gt 1 ]; then
    failures=$((failures + 1))
    slow=$((slow + 1))
    echo "fuzz: $name has an input that takes $slowest s (expected: at most 1)" >&2
  fi
  echo "figure: fuzz $name seconds=$((EPOCHSECONDS - started)) executions=${runs:-0} edges=${edges:-0} crashes=$crashes slowest=${slowest:-?}s"
}

ran=0
while read -r module class inputs; do
  if [ -z "$module" ]; then continue; fi
  name=${class##*.}
  if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then continue; fi
  ran=$((ran + 1))
  run "$module" "$class" "$inputs"
done <<<"$targets"
[ "$ran" -gt 0 ] || fail "no such target: ${wanted[*]} (expected: $(awk '{n = split($2, p, "."); if (n) printf "%s ", p[n]}' <<<"$targets"))"
echo "figure: fuzz targets=$ran failures=$failures targets with an input over 1 s: $slow"
[ "$failures" = 0 ]
