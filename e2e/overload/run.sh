#!/usr/bin/env bash
# The overload and abuse suite beyond the sizes of `mvn verify`, and what needs a network namespace: peers that packets no longer
# reach. Everything stays on loopback. It needs Linux, iptables, iproute2, and root or user namespaces. Figures are lines with `figure:`.
#
#   e2e/overload/run.sh [full|unreachable|times]...   full and unreachable unless one is named; about four minutes, and one
#
# `times` also asserts the scorecard's times, for a machine with nothing else to do; about three minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "overload: $*" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

suite() { # suite LOG TESTS OPTION...
  local log=$work/$1 tests=$2
  shift 2
  "${wrapper[@]}" timeout --foreground 550 mvn -o -B -ntp -Dskip.format=true -pl e2e -am test -Dtest="$tests" \
    -Dsurefire.failIfNoSpecifiedTests=false -DforkedProcessTimeoutInSeconds=500 "$@" >"$log" 2>&1 || {
    grep -E 'figure:|ERROR|Tests run' "$log" >&2 || tail -n 60 "$log" >&2
    fail "$tests failed"
  }
  grep -o 'figure: .*' "$log" || fail "$tests printed no figure"
}

missing=()
command -v iptables >/dev/null || missing+=(iptables)
command -v ip >/dev/null || missing+=(iproute2)
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "not installed: ${missing[*]} (expected: installed, or root on Debian)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

full() {
  wrapper=()
  suite full 'dev.holdfast.e2e.overload.*Test' -Doverload.slow=1000 -Doverload.readers=2000 -Doverload.terminated=2000 \
    -Doverload.paused=1000 -Doverload.broken=500 -Doverload.silent=300
}

times() {
  wrapper=()
  suite times 'dev.holdfast.e2e.overload.*Test' -Doverload.idle=true
}

# Rules that drop packets belong in a network of their own.
unreachable() {
  wrapper=(unshare -n)
  [ "$(id -u)" = 0 ] || wrapper=(unshare -rn)
  if ! "${wrapper[@]}" sh -c 'ip link set lo up && iptables -A INPUT -p tcp --dport 9 -j DROP' 2>"$work/namespace"; then
    cat "$work/namespace" >&2
    fail "no network namespace with iptables can be made here"
  fi
  wrapper+=(sh -c 'ip link set lo up && exec "$@"' sh)
  suite unreachable 'SilentPeerTest' -Doverload.iptables=true
}

[ $# -gt 0 ] || set -- full unreachable
for part in "$@"; do
  case $part in
    full | unreachable | times) "$part" ;;
    *) fail "$part: no such part (expected: full, unreachable or times)" ;;
  esac
done
echo "overload: all passed"
