#!/usr/bin/env bash
# The end-to-end tests on a real Kubernetes: starts two nodes on this machine, builds the images, installs the chart, runs
# the stories, takes all down again. About ten minutes, and once, for the cluster's programs, twelve more: `e2e/cluster/cluster
# build` does that beforehand and beside other work. Figures are lines with `figure:`.
#
#   e2e/cluster/run.sh [STORY...]     all stories, or those whose class name begins so (Install, RollingUpdate, …); `chart`
#                                     stands for CHART_STORIES of e2e/chart/cluster.sh, which come last
#
#   KUBECONFIG           run against this cluster instead; stories that stop parts of a cluster are then skipped. Its nodes'
#                        addresses must be reachable from here, and it takes Holdfast's chart and namespaces from scratch
#   LOAD_IMAGE           with KUBECONFIG: what gives an image's tar to its nodes, for instance "kind load image-archive"
#   CLUSTER_REQUIRED=1   fail where `cluster check` says that none can be started, instead of saying `skipped:`
#   CHART_STORIES        those of the chart (its README, what it leaves behind, upgrade, takeover, ports of the nodes)
#   OUTAGE=600           the seconds that operators stay away and the API server stands still, each once (20)
#   CLUSTER_KEEP=1       leave the cluster standing, for the next run or to look at
#
# It needs Linux, root, Go, Maven, a JDK 25 (with jlink) and what Debian has; it installs from Debian what is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
work=$root/e2e/target/cluster
mkdir -p "$work"

fail() { echo "cluster: $*" >&2; exit 1; }
skip() { # skip WHY: unless a cluster was required
  local what="the end-to-end tests on a real cluster: $*"
  echo "skipped: $what"
  echo "$what" >>"${HOLDFAST_SKIPPED:-/dev/null}" # .ci/run counts it
  [ "${CLUSTER_REQUIRED:-}" != 1 ] || exit 1
  exit 0
}
say() { printf -- '--- %s (%s s)\n' "$*" "$SECONDS"; }

cluster() { "$here/cluster" "$@"; }

own=
if [ -z "${KUBECONFIG:-}" ]; then
  own=1
  reasons=$(cluster check) || skip "$(echo "$reasons" | paste -sd ';')"
else
  command -v kubectl >/dev/null && command -v helm >/dev/null || fail "no kubectl or helm on the PATH (expected: both, for KUBECONFIG)"
fi

# ---------------------------------------------------------------- the cluster

down() {
  [ -n "$own" ] && [ "${CLUSTER_KEEP:-}" != 1 ] || return 0
  cluster down
}

if [ -n "$own" ]; then
  say "the cluster's programs"
  cluster build
  trap down EXIT
  say "two nodes"
  cluster up 2 || fail "it does not start, and \`cluster check\` found nothing in its way: see what it says above"
  KUBECONFIG=$(cluster kubeconfig)
  PATH=$(cluster bin):$PATH
fi
export KUBECONFIG PATH

# ---------------------------------------------------------------- the images

say "images"
if [ -n "$own" ]; then export BASE_IMAGE=${BASE_IMAGE:-local}; fi
if ! deploy/build-images >"$work/build-images.log" 2>&1; then
  tail -n 60 "$work/build-images.log" >&2
  if grep -q 'no base image can be made here' "$work/build-images.log"; then skip "no base image can be had here"; fi
  fail "deploy/build-images failed"
fi
e2e/images/check.sh
rm -rf "$work/echo"
mkdir -p "$work/echo"
(cd "$here/echo" && CGO_ENABLED=0 go build -trimpath -o "$work/echo/echo" .)
cluster image holdfast.local/echo:1 "$work/echo" "$work/echo.tar" '{"Entrypoint": ["/echo"], "User": "65532:65532"}'
if [ -n "$own" ]; then
  cluster load target/images/*.tar "$work/echo.tar" >/dev/null
elif [ -n "${LOAD_IMAGE:-}" ]; then
  for image in target/images/*.tar "$work/echo.tar"; do $LOAD_IMAGE "$image"; done
fi

# ---------------------------------------------------------------- the stories

failed() {
  kubectl get pods -A -o wide >&2 || true
  kubectl -n holdfast-system get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 30 >&2 || true
  fail "a story failed"
}

stories() { # CLASS...
  local tests status=0 log=$work/stories.log outage=${OUTAGE:-20} reports=e2e/target/surefire-reports first=()
  rm -f $reports/TEST-dev.holdfast.e2e.cluster.*Story.xml
  tests=$(printf 'dev.holdfast.e2e.cluster.%s*Story,' "$@")
  # Clients are other machines' work: the cores that these share with pods that start must not keep them waiting.
  [ "$(id -u)" != 0 ] || first=(nice -n -10)
  "${first[@]}" timeout --foreground $((1500 + 3 * outage)) mvn -B -ntp -Dskip.format=true -pl e2e -am test -Dtest="${tests%,}" -Dsurefire.failIfNoSpecifiedTests=false \
    -Dsurefire.timeout=$((1400 + 3 * outage)) -Dsurefire.rerunFailingTestsCount=1 -Dcluster.outage="$outage" \
    ${OUTAGE:+-Djunit.jupiter.execution.timeout.mode=disabled} \
    -Djunit.jupiter.testclass.order.default='org.junit.jupiter.api.ClassOrderer$OrderAnnotation' \
    -Dcluster.kubeconfig="$KUBECONFIG" ${own:+-Dcluster.script="$here/cluster"} >"$log" 2>&1 || status=$?
  grep -oE '(figure|skipped): .*' "$log" || true
  sed -n 's/.*skipped: /a story: /p' "$log" >>"${HOLDFAST_SKIPPED:-/dev/null}"
  # Two nodes on two cores: what starves once may pass the second time, but is told.
  sed -n '/^\[WARNING\] Flakes:/,/^\[INFO\] *$/s/^/figure: /p' "$log"
  # .ci/run counts them.
  grep -oE '<flaky(Failure|Error)' $reports/TEST-dev.holdfast.e2e.cluster.*Story.xml >>"${HOLDFAST_FLAKES:-/dev/null}" 2>/dev/null || true
  if [ "$status" != 0 ] || ! grep -q '^figure: ' "$log"; then
    grep -vE '^{"@timestamp"|Downloading|overwriting$' "$log" | tail -n 120 >&2
    failed
  fi
}

chart() { # in a cluster without Holdfast
  helm uninstall holdfast --namespace holdfast-system --ignore-not-found --wait >/dev/null
  kubectl delete namespace stories holdfast-system --ignore-not-found >/dev/null
  kubectl delete customresourcedefinition websocketroutes.holdfast.dev --ignore-not-found >/dev/null
  local overlays=${OVERLAYS:-}
  # Of the overlays CI tries the one that serves at the nodes' own ports; the others take a minute each.
  [ -n "${CHART_STORIES:-}" ] || overlays=${overlays:-daemonset-hostport}
  # shellcheck disable=SC2086 # stories are words
  OVERLAYS=$overlays IN_CLUSTER=${own:+"$here/cluster exec"} \
    e2e/chart/cluster.sh ${CHART_STORIES:-readme uninstall upgrade takeover overlays} || failed
}

[ $# -gt 0 ] || set -- '' chart
classes=()
for story in "$@"; do [ "$story" = chart ] || classes+=("$story"); done
if [ ${#classes[@]} -gt 0 ]; then
  say "stories"
  stories "${classes[@]}"
fi
for story in "$@"; do
  if [ "$story" = chart ]; then
    say "stories of the chart"
    chart
    break
  fi
done
say "cluster: all passed"
