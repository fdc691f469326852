#!/usr/bin/env bash
# Soaks a real operator and two real data planes: 2,000 tunnels and plain requests whose every octet is checked, while
# objects are edited without pause. Prints a line a minute, and the figures at the end; exits 1 if anything was dropped,
# lost or leaked, or if memory or open files grow.
#
#   e2e/soak/run.sh --minutes 10
#   e2e/soak/run.sh --hours 24
#
# It needs Linux, a JDK 25, Maven, a limit of 16,384 open files or more, and about 1.5 GiB.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
files=$(ulimit -n)
if [ "$files" != unlimited ] && [ "$files" -lt 16384 ]; then
  echo "soak: ulimit -n: $files (expected: 16384 or more)" >&2
  exit 2
fi
. cli/jdk.sh
jdk=$(find_jdk) || { echo "soak: no JDK 25 found (expected: JAVA_HOME names one)" >&2; exit 2; }

# Maven only knows the class path of modules that are built together.
mkdir -p e2e/target
mvn -B -ntp -Dstyle.color=never -Dskip.format=true -pl e2e -am test-compile \
  dependency:build-classpath -Dmdep.outputFile=target/soak.classpath -Dmdep.includeScope=test >e2e/target/soak.build.log 2>&1 || {
  tail -n 40 e2e/target/soak.build.log >&2
  exit 2
}

exec "$jdk/bin/java" -Xmx1g -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
  -Djava.util.logging.manager=org.apache.logging.log4j.jul.LogManager -Dlog4j2.configurationFile=dev/holdfast/cli/log4j2-people.xml \
  -cp "e2e/target/test-classes:$(cat e2e/target/soak.classpath)" dev.holdfast.e2e.soak.SoakMain "$@"
