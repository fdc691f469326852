#!/usr/bin/env bash
# The chart without a cluster, with every Helm that is here: lint, golden cases, refusals, and that what is made from it
# (README, deploy/) is as it would be made now. Needs Helm 3 or 4 as `helm`, both if also `helm3` or `helm4`; kubectl for
# the overlays. `HELMS="a b"` names others. --rewrite writes the golden cases anew.
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

notes() { # HELM CASE; Helm 3 renders them only with a cluster
  [[ $("$1" version --template '{{.Version}}') != v3* ]] || return 0
  "$1" install holdfast "$chart" --dry-run=client --namespace holdfast-system --values "$2/values.yaml" >"$work/notes"
  sed -n '/^NOTES:/,$p' "$work/notes" | grep 'kind: WebSocketRoute'
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
  diff <(normal "$work/by-chart.yaml") <(normal "$work/by-overlay.yaml")
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
  echo "SKIPPED e2e/chart: no helm here; install Helm 3 or 4, or build the cluster (e2e/README.md)"
  exit 0
fi

if [[ ${1:-} == --rewrite ]]; then
  for case in "$cases"/*/; do render "${helms[0]}" "${case%/}" >"${case}expected.yaml"; done
  echo "rewritten: $cases/*/expected.yaml; review the diff"
  exit 0
fi

for helm in "${helms[@]}"; do
  check "$helm lint --strict" "$helm" lint --strict "$chart"
  for case in "$cases"/*/; do
    case=${case%/}
    check "$helm lint $case" "$helm" lint --strict "$chart" --values "$case/values.yaml"
    check "$helm golden $case (make golden-chart, if it is meant)" golden "$helm" "$case"
    check "$helm notes $case" notes "$helm" "$case"
  done
  for file in e2e/chart/refusals/*.yaml; do check "$helm refuses $file" refused "$helm" "$file"; done
  check "$helm in an umbrella" umbrella "$helm"
  check "$helm: what is made from the chart is current (make chart)" made "$helm"
  if command -v kubectl >/dev/null; then
    check "$helm base" overlay "$helm" deploy/base
    for folder in deploy/overlays/*/; do check "$helm ${folder%/}" overlay "$helm" "${folder%/}" --values "$folder/values.yaml"; done
  else
    echo "SKIPPED overlays: no kubectl here"
  fi
  echo "figure: chart $helm $("$helm" version --template '{{.Version}}') checks=$checks failures=$failures"
done
((failures == 0))
