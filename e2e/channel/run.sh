#!/usr/bin/env bash
# The channel under the worst that is listed for it (scorecard R09): a real operator killed with SIGKILL in the middle of 100
# pushes; none is served in part, epoch and version never go back, no tunnel drops. Also the hostile channel (R16) with
# five times the streams of the build, in about four minutes. Needs a JDK 25 and Maven; run it after `mvn verify`. Usage: run.sh [KILLS]
set -euo pipefail
cd "$(dirname "$0")/../.."
kills=${1:-100}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

status=0
mvn -B -ntp -Dskip.format=true -pl e2e -am test -Dtest='MidPushKillTest,HostileChannelTest' \
  -Dsurefire.failIfNoSpecifiedTests=false -Dchannel.kills="$kills" -Dchannel.streams=3000 >"$log" 2>&1 || status=$?
sed -n '/^figure: R\(09\|16\) /p' "$log"
if [ "$status" != 0 ] || ! grep -q "^figure: R09 kills=$kills " "$log"; then
  grep -v '^{"@timestamp"' "$log" | tail -n 200 >&2
  exit 1
fi
echo "channel: done in $SECONDS s"
