#!/usr/bin/env bash
# The chart without a cluster, with every Helm that is here: lint, golden cases, refusals, and that what is made from it
# (README, deploy/) is as it would be made now. Needs Helm 3 or 4 as `helm`, both if also `helm3` or `helm4`; kubectl for
# the overlays; promtool for alerts and dashboards, which is fetched where this is Debian. `HELMS="a b"` names others. --rewrite
# writes the golden cases anew.
set -euo pipefail
cd "$(dirname "$0")/../.."

chart=charts/holdfast
cases=e2e/chart/cases
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
checks=0

# The cluster of the end-to-end tests brings programs of its own.
for folder in "${XDG_CACHE_HOME:-$HOME/.cache}"/holdfast-cluster/bin-*/; do PATH=$PATH:$folder; done

check() { # WHAT COMMAND...
  local what=$1
  shift
  checks=$((checks + 1))
  if "$@" >"$work/log" 2>&1; then return 0; fi
  failures=$((failures + 1))
  printf 'FAILED %s\n' "$what"
  sed 's/^/    /' "$work/log" | head -n 40
}

skipped() { # WHAT: told, and counted by .ci/run
  echo "SKIPPED $*"
  echo "$*" >>"${HOLDFAST_SKIPPED:-/dev/null}"
}

# A Helm that was built without its version believes in an old Kubernetes.
kube=(--kube-version 1.34.0)

# Helm 4 leaves lines free between objects, Helm 3 does not.
plain() { awk '/^ *$/ { free = free "\n"; next } { if ($0 != "---") printf "%s", free; free = ""; print }'; }

render() { "$1" template holdfast "$chart" "${kube[@]}" --namespace holdfast-system --values "$2/values.yaml" | plain; }

golden() { # HELM CASE
  render "$1" "$2" >"$work/rendered.yaml" && diff -u "$2/expected.yaml" "$work/rendered.yaml"
}

refused() { # HELM FILE
  local expected
  expected=$(sed -n 's/^# refused: //p' "$2")
  if "$1" template holdfast "$chart" "${kube[@]}" --values "$2" >"$work/refused" 2>&1; then
    echo "rendered (expected: refused with \"$expected\")"
    return 1
  fi
  grep -qF -- "$expected" "$work/refused" || { echo "expected \"$expected\", got:"; cat "$work/refused"; return 1; }
}

umbrella() { # HELM: a chart that has ours as a dependency, with a condition and globals
  local folder=$work/umbrella
  mkdir -p "$folder/charts"
  cp -R "$chart" "$folder/charts/holdfast"
  printf 'apiVersion: v2\nname: umbrella\nversion: 0.1.0\ndependencies:\n  - {name: holdfast, version: 0.1.0, condition: holdfast.enabled}\n' >"$folder/Chart.yaml"
  printf 'global: {imageRegistry: registry.example.com, other: true}\nholdfast: {enabled: true}\n' >"$folder/values.yaml"
  "$1" template u "$folder" "${kube[@]}" >"$work/umbrella.yaml"
  grep 'image: registry.example.com/holdfast/dataplane:' "$work/umbrella.yaml"
}

dotted() { # HELM: a release may have dots in its name, a Service may not
  "$1" template edge.eu-1 "$chart" "${kube[@]}" --set metrics.service.enabled=true,proxy.serviceInternal.enabled=true >"$work/dotted.yaml" || return 1
  grep '^  name: edge-eu-1-holdfast-proxy$' "$work/dotted.yaml" && ! grep '^  name: edge\.' "$work/dotted.yaml"
}

# Helm 3 renders NOTES.txt only with a cluster: there its text is made a template like others, of a copy of the chart.
told() { # HELM CASE: what the user reads after an install
  local copy=$work/told
  if [[ $("$1" version --template '{{.Version}}') != v3* ]]; then
    "$1" install holdfast "$chart" --dry-run=client --namespace holdfast-system --values "$2/values.yaml" | sed '1,/^NOTES:/d'
    return
  fi
  rm -rf "$copy"
  cp -R "$chart" "$copy"
  {
    echo '{{- define "told" }}'
    cat "$chart/templates/NOTES.txt"
    printf '{{- end }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata:\n  text: |\n    {{- include "told" . | nindent 4 }}\n'
  } >"$copy/templates/told.yaml"
  "$1" template holdfast "$copy" "${kube[@]}" --namespace holdfast-system --values "$2/values.yaml" --show-only templates/told.yaml |
    sed -e '1,/^  text: |/d' -e 's/^    //'
}

notes() { # HELM CASE
  local text
  text=$(told "$1" "$2") && diff -u "$2/notes.txt" <(printf '%s\n' "$text")
}

# Debian's package has promtool beside a server that nobody wants started here: it is taken out, not installed.
fetch_promtool() { # FILE
  mkdir -p "$work/prometheus" "${1%/*}" && cd "$work/prometheus" &&
    { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } &&
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar x ./usr/bin/promtool && mv usr/bin/promtool "$1"
}

find_promtool() {
  local kept=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-chart/promtool
  if type -P promtool; then return; fi
  if [[ ! -x $kept ]]; then
    type -P apt-get dpkg-deb >/dev/null && (fetch_promtool "$kept") >"$work/log" 2>&1 || return 1
  fi
  echo "$kept"
}

alerts() { # HELM PROMTOOL: they are PromQL, and fire on the series of alerts.test.yaml
  "$1" template holdfast "$chart" "${kube[@]}" --show-only templates/monitoring.yaml --set metrics.prometheusRule.enabled=true \
    --set metrics.disableAPICheck=true | sed -e '1,/^spec:/d' -e 's/^  //' >"$work/alerts.yaml" || return 1
  cp e2e/chart/alerts.test.yaml "$work/"
  "$2" check rules --lint=all --lint-fatal "$work/alerts.yaml" && "$2" test rules "$work/alerts.test.yaml"
}

dashboards() { # PROMTOOL: what they ask is PromQL; promtool reads rules only
  python3 -c '
import json, re, sys
asked = [each for path in sys.argv[1:] for each in re.findall(r"\"expr\": (\".*\")", open(path).read())]
print(json.dumps({"groups": [{"name": "dashboards", "rules": [{"record": f"asked:{n}", "expr": json.loads(each)} for n, each in enumerate(asked)]}]}))
sys.exit(len(asked) < 20)
' $chart/files/dashboards/*.json >"$work/dashboards.yaml" && "$1" check rules "$work/dashboards.yaml"
}

light() { # BYTES FILE...: a release of Helm is one object of at most 1 MiB
  local most=$1 size
  shift
  size=$(cat "$@" | wc -c)
  echo "$size bytes (expected: at most $most)"
  ((size <= most))
}

normal() { # FILE: the objects in one order and one spelling, without what says that Helm installed them
  local folder
  folder=$(mktemp -d "$work/normal.XXXX")
  sed -e '/^ *helm.sh\/chart: /d' -e '/^ *app.kubernetes.io\/managed-by: Helm$/d' "$1" >"$folder/objects.yaml"
  printf 'resources: [objects.yaml]\n' >"$folder/kustomization.yaml"
  kubectl kustomize "$folder"
}

overlay() { # HELM FOLDER [ARGS]: kustomize's output of the folder says what the chart says for its values
  local helm=$1 folder=$2
  shift 2
  "$helm" template holdfast "$chart" "${kube[@]}" --namespace holdfast-system --set crds.keep=false "$@" >"$work/by-chart.yaml" || return 1
  { echo ---; cat "$folder/namespace.yaml"; } >>"$work/by-chart.yaml"
  kubectl kustomize "$folder" >"$work/by-overlay.yaml" || return 1
  normal "$work/by-chart.yaml" >"$work/chart-says.yaml" || return 1
  normal "$work/by-overlay.yaml" >"$work/overlay-says.yaml" || return 1
  # Two that say nothing say the same.
  grep -q '^kind: Deployment$\|^kind: DaemonSet$' "$work/chart-says.yaml" || { echo "no Deployment or DaemonSet in what the chart says"; return 1; }
  diff "$work/chart-says.yaml" "$work/overlay-says.yaml"
}

made() { # HELM
  rm -rf "$work/made"
  mkdir -p "$work/made"
  HELM=$1 deploy/render "$work/made" || return 1
  local file status=0
  while read -r file; do diff -u "$file" "$work/made/$file" || status=1; done < <(cd "$work/made" && find . -type f)
  return $status
}

helms=()
if [[ -n ${HELMS:-} ]]; then
  read -ra helms <<<"$HELMS"
else
  for helm in helm helm3 helm4; do if command -v "$helm" >/dev/null; then helms+=("$helm"); fi; done
fi
if ((${#helms[@]} == 0)); then
  skipped "e2e/chart: no helm here; install Helm 3 or 4, or build the cluster (e2e/README.md)"
  exit 0
fi

for major in 3 4; do
  for helm in "${helms[@]}"; do
    if [[ $("$helm" version --template '{{.Version}}') == v$major.* ]]; then continue 2; fi
  done
  skipped "the chart by Helm $major: there is none here"
done

if [[ ${1:-} == --rewrite ]]; then
  for case in "$cases"/*/; do
    render "${helms[0]}" "${case%/}" >"${case}expected.yaml"
    printf '%s\n' "$(told "${helms[0]}" "${case%/}")" >"${case}notes.txt"
  done
  echo "rewritten: expected.yaml and notes.txt of $cases; review the diff"
  exit 0
fi

check "the definitions of all kinds weigh little" light $((300 * 1024)) $chart/files/crds/*.yml
if promtool=$(find_promtool); then
  check "alerts" alerts "${helms[0]}" "$promtool"
  check "dashboards" dashboards "$promtool"
else
  skipped "alerts and dashboards as PromQL: no promtool here, and Debian's package prometheus cannot be had"
fi

for helm in "${helms[@]}"; do
  check "$helm lint --strict" "$helm" lint --strict "$chart"
  for case in "$cases"/*/; do
    case=${case%/}
    check "$helm lint $case" "$helm" lint --strict "$chart" --values "$case/values.yaml"
    check "$helm golden $case (make golden-chart, if it is meant)" golden "$helm" "$case"
    check "$helm notes $case (make golden-chart, if it is meant)" notes "$helm" "$case"
  done
  for file in e2e/chart/refusals/*.yaml; do check "$helm refuses $file" refused "$helm" "$file"; done
  check "$helm in an umbrella" umbrella "$helm"
  check "$helm a release with dots" dotted "$helm"
  check "$helm: what is made from the chart is current (make chart)" made "$helm"
  if command -v kubectl >/dev/null; then
    check "$helm base" overlay "$helm" deploy/base
    for folder in deploy/overlays/*/; do check "$helm ${folder%/}" overlay "$helm" "${folder%/}" --values "$folder/values.yaml"; done
  else
    skipped "overlays: no kubectl here"
  fi
  echo "figure: chart $helm $("$helm" version --template '{{.Version}}') checks=$checks failures=$failures"
done
((failures == 0))
