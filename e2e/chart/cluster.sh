#!/usr/bin/env bash
# The chart, its overlays and install.yaml on a real cluster: every way to install, seen to serve, and what is left behind.
# Starts two nodes for itself (e2e/cluster) and takes them down again; the images are those of the last deploy/build-images.
# With KUBECONFIG it takes that cluster, which is to have the images and no Holdfast; IN_CLUSTER, a command that runs others inside
# of its network, lets it try node ports and the upgrade there too. Needs curl, openssl, python3; kubectl and helm with KUBECONFIG.
# README's lines are typed by helm3 too, if there is one, and its page is opened if there is a chromium.
#
#   e2e/chart/cluster.sh            every story
#   e2e/chart/cluster.sh NAME...    these, e.g. readme overlays; OVERLAYS="kind cloud" names some of deploy/overlays
set -euo pipefail
cd "$(dirname "$0")/../.."
own=

chart=charts/holdfast
system=holdfast-system
work=$(mktemp -d)
forward=
patience=${PATIENCE:-240s}

finish() {
  if [[ -n $forward ]]; then kill "$forward" 2>/dev/null || true; fi
  if [[ -n $own ]]; then e2e/cluster/cluster down; fi
  rm -rf "$work"
}
trap finish EXIT

skipped() { # WHAT: told, and counted by .ci/run
  echo "skipped: $*"
  echo "$*" >>"${HOLDFAST_SKIPPED:-/dev/null}"
}

if [[ -z ${KUBECONFIG:-} ]]; then
  if ! reasons=$(e2e/cluster/cluster check); then
    skipped "the chart on a real cluster: $(paste -sd ';' <<<"$reasons")"
    [[ ${CLUSTER_REQUIRED:-} != 1 ]]
    exit
  fi
  ls target/images/{operator,dataplane,cli}.tar >/dev/null || { echo "no images (expected: those that deploy/build-images writes)" >&2; exit 2; }
  export HOLDFAST_CLUSTER_RUN=${HOLDFAST_CLUSTER_RUN:-$work/cluster} HOLDFAST_CLUSTER_API_PORT=${HOLDFAST_CLUSTER_API_PORT:-16444}
  own=1
  e2e/cluster/cluster up 2
  PATH=$(e2e/cluster/cluster bin):$PATH
  KUBECONFIG=$(e2e/cluster/cluster kubeconfig)
  IN_CLUSTER="$PWD/e2e/cluster/cluster exec"
  export KUBECONFIG
  e2e/cluster/cluster load target/images/{operator,dataplane,cli}.tar >/dev/null
fi

say() { printf '\n--- %s (%s s)\n' "$*" "$SECONDS"; }

fail() {
  echo "FAILED: $*" >&2
  kubectl -n $system get pods,events --ignore-not-found 2>&1 | tail -n 40 >&2 || true
  exit 1
}

await() { # WHAT COMMAND...: until it succeeds, at most four minutes
  local what=$1 begun=$SECONDS
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - begun < 240)) || fail "not within 240 s: $what"
    sleep 0.5
  done
}

namespace() { # [LEVEL]: makes the system's namespace, which takes only pods of this Pod Security Standard
  kubectl apply --server-side -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: $system, labels: {pod-security.kubernetes.io/enforce: ${1:-restricted}}}
YAML
}

install() { # ARGS: by Helm, ready when it returns
  helm install holdfast $chart --namespace $system --wait --timeout "$patience" "$@" >"$work/notes" || { cat "$work/notes"; fail "helm install $*"; }
}

# What is in the cluster and could be ours. Pods end for a while, kinds that the cluster makes itself are none of ours.
objects() {
  local kinds
  kinds=$(kubectl api-resources --verbs=list -o name | grep -vE '^(events|endpoints|endpointslices|replicasets|pods|podmetrics|componentstatuses|controllerrevisions)($|\.)' | paste -sd, -)
  kubectl get "$kinds" --all-namespaces -o jsonpath='{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\n"}{end}' |
    grep -vE "^(Namespace|Node|CSINode|Lease|IPAddress) |^(ServiceAccount|ConfigMap) $system/(default|kube-root-ca.crt)$" | sort
}

# What was there at the beginning is no leftover, unless it can be ours: e2e/cluster/run.sh has installed Holdfast and uninstalled it
# before this begins, and what stayed behind then would hide that it stays behind now.
others() { objects | grep -vE "^[^ ]+ ($system/|[^/]*/[^/]*holdfast)"; }

left() { # what is there now and was not at the beginning, with the Leases of the namespace
  objects >"$work/now" && comm -13 "$work/before" "$work/now" && kubectl -n $system get leases -o name
}

lines() { grep -c . <<<"$1" || true; } # TEXT: how many of it are not empty

is_empty_of_pods() { [[ -z $(kubectl -n $system get pods -o name) ]]; }

uninstall() {
  helm uninstall holdfast --namespace $system --wait --timeout "$patience" >/dev/null
  await "the end of all pods" is_empty_of_pods
}

certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout "$work/tls.key" -out "$work/tls.crt" \
    -subj /CN=secure.localhost -addext subjectAltName=DNS:secure.localhost 2>/dev/null
  kubectl create secret tls secure-tls --cert="$work/tls.crt" --key="$work/tls.key" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
}

example() { # the README's: its backend and its route, Ready
  certificate
  kubectl apply -f deploy/examples/03-tls/backend.yaml -f deploy/examples/03-tls/route.yaml >/dev/null
  kubectl rollout status deployment/secure --timeout "$patience" >/dev/null
  kubectl wait --for=condition=Ready websocketroute/secure --timeout "$patience" >/dev/null || fail "the route is not Ready: $(kubectl get wsr secure -o yaml)"
}

open_forward() { # RESOURCE PORT: at port 18443 of loopback
  close_forward
  kubectl -n $system port-forward "$1" "18443:$2" >"$work/forward" 2>&1 &
  forward=$!
  await "port-forward to $1" grep -q Forwarding "$work/forward"
}

close_forward() {
  if [[ -n $forward ]]; then
    kill "$forward" 2>/dev/null || true
    wait "$forward" 2>/dev/null || true
    forward=
  fi
  : >"$work/forward" # The next one empties it too, but later than it is looked at, perhaps.
}

# A client that speaks RFC 6455: text over wss, its echo, and the close.
echoes() { # PORT [ADDRESS [COMMAND...]]: run by the command, if one is named
  "${@:3}" python3 - "$1" "$work/tls.crt" "${2:-127.0.0.1}" <<'PYTHON'
import base64, os, socket, ssl, sys
port, ca, address = int(sys.argv[1]), sys.argv[2], sys.argv[3]
plain = socket.create_connection((address, port), timeout=20)
tls = ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname="secure.localhost")
key = base64.b64encode(os.urandom(16)).decode()
tls.sendall(f"GET / HTTP/1.1\r\nHost: secure.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
stream = tls.makefile("rb")
status = stream.readline()
assert b" 101 " in status, status
while stream.readline().strip():
    pass
def send(op, text):
    mask = os.urandom(4)
    tls.sendall(bytes([0x80 | op, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
def receive():
    head = stream.read(2)
    return head[0], stream.read(head[1])
send(1, b"hello")
assert receive() == (0x81, b"hello")
send(8, b"\x03\xe8")
assert receive()[0] == 0x88
PYTHON
}

serves() { # RESOURCE: the example over wss, through one pod of it
  open_forward "$1" https
  await "an echo over wss through $1" echoes 18443
  close_forward
}

# ------------------------------------------------------------------------------------------------------------ stories

# README's "In a cluster" is typed as it stands there, by each Helm. In the reader's folder what he need not do twice is a program
# that does nothing, for the images are built and loaded; kind looks at what it is told. curl, to whom a tunnel never ends, is told
# when it has seen enough.
readme_block() { # N: the Nth fenced block
  awk -v wanted="$1" '/^## / { here = $0 == "## In a cluster" } here && /^```/ { open = !open; count += open; next } here && open && count == wanted' README.md
}

reader() { # HELM
  rm -rf "$work/reader"
  mkdir -p "$work/reader/deploy" "$work/reader/bin"
  ln -s "$PWD/charts" "$PWD/target" "$work/reader/"
  ln -s "$PWD/deploy/examples" "$work/reader/deploy/"
  ln -s "$(type -P true)" "$work/reader/deploy/build-images"
  # kind takes one archive and says nothing of others.
  cat >"$work/reader/bin/kind" <<'KIND'
#!/bin/sh
[ $# = 3 ] && [ "$1 $2" = "load image-archive" ] && [ -f "$3" ] && exit
echo "kind $* (expected: load image-archive FILE, with one file that is there)" >&2
exit 1
KIND
  ln -s "$(type -P "$1")" "$work/reader/bin/helm"
  printf '#!/bin/sh\nexec "%s" --max-time 5 "$@"\n' "$(type -P curl)" >"$work/reader/bin/curl"
  chmod +x "$work/reader/bin/kind" "$work/reader/bin/curl"
}

types() { # N [exec]: the Nth block, in the reader's folder
  local lines
  lines=$(readme_block "$1")
  [[ -n $lines ]] || fail "README: no block $1 in \"In a cluster\""
  cd "$work/reader" && PATH=$work/reader/bin:$PATH exec bash -euo pipefail -c "${2:-} $lines"
}

page_echoes() {
  timeout 90 chromium --headless --no-sandbox --disable-gpu --ignore-certificate-errors --virtual-time-budget=5000 \
    --user-data-dir="$work/chromium" --dump-dom https://secure.localhost:8443/ | grep -q 'echo ok'
}

follow_readme() { # HELM
  local begun=$SECONDS block page=skipped
  reader "$1"
  for block in 1 2; do (types $block) >"$work/typed" 2>&1 || { cat "$work/typed"; fail "README's lines, block $block, by $1"; }; done
  local ready=$((SECONDS - begun))
  (types 3 exec) >"$work/forward" 2>&1 &
  forward=$!
  await "README's port-forward" grep -q Forwarding "$work/forward"
  (types 4) >"$work/typed" 2>&1 || true
  grep -q '^HTTP/1.1 101' "$work/typed" || { cat "$work/typed"; fail "README's curl opens no tunnel"; }
  cp "$work/reader/tls.crt" "$work/tls.crt"
  await "an echo over wss through README's port-forward" echoes 8443
  if command -v chromium >/dev/null; then
    await "README's page shows echo ok" page_echoes
    page=ok
  else
    skipped "README's page in a cluster: no chromium"
  fi
  close_forward
  echo "figure: chart readme helm=$("$1" version --template '{{.Version}}') ready_seconds=$ready tunnel=101 wss=ok page=$page"
}

story_readme() {
  say "README's own lines"
  if (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null; then fail "port 8443 of loopback is in use (expected: free, README forwards it)"; fi
  namespace
  if command -v helm3 >/dev/null; then
    follow_readme helm3
    helm3 uninstall holdfast --namespace $system --wait --timeout "$patience" >/dev/null
    await "the end of all pods" is_empty_of_pods
    kubectl delete secret secure-tls >/dev/null
    kubectl delete -f deploy/examples/03-tls/route.yaml -f deploy/examples/03-tls/backend.yaml >/dev/null
  fi
  follow_readme helm
}

rules() { # ACCOUNT: what it may beyond what anybody may
  kubectl auth can-i --list -n $system --as="system:serviceaccount:$system:$1" --as-group=system:authenticated --as-group=system:serviceaccounts |
    sed 1d | sed 's/  */ /g' | sort
}

story_rights() {
  say "what the service accounts may"
  local account operator proxy
  for account in nobody holdfast-operator holdfast-proxy; do
    rules "$account" >"$work/rules-$account" || fail "what $account may cannot be told"
  done
  operator=$(comm -23 "$work/rules-holdfast-operator" "$work/rules-nobody")
  proxy=$(comm -23 "$work/rules-holdfast-proxy" "$work/rules-nobody")
  [[ -z $proxy ]] || fail "a data plane may: $proxy"
  if grep -E '\*|delete|secrets \[\] \[\] \[[^]]*(get|create|update|patch)' <<<"$operator"; then fail "the operator may too much: $operator"; fi
  [[ $(kubectl auth can-i get secrets -n kube-system --as=system:serviceaccount:$system:holdfast-operator || true) == no ]] || fail "the operator may get any Secret"
  [[ -z $(kubectl -n $system get pods -o jsonpath='{.items[?(@.spec.serviceAccountName=="holdfast-proxy")].spec.automountServiceAccountToken}' | tr -d 'false ') ]] ||
    fail "a data plane has a token of the API server"
  echo "figure: chart rights operator_rules=$(lines "$operator") proxy_rules=$(lines "$proxy") pod_security=restricted"
}

story_uninstall() {
  say "helm uninstall"
  uninstall
  local rest routes
  left >"$work/left" || fail "what is left cannot be told"
  rest=$(grep -vE '^(CustomResourceDefinition /websocketroutes.holdfast.dev|APIService /v1alpha1.holdfast.dev|(WebSocketRoute|Service|Deployment|Secret) default/secure(-tls)?)$' "$work/left" || true)
  [[ -z $rest ]] || fail "left behind: $rest"
  routes=$(kubectl get websocketroute secure -o name) || fail "the route is gone"
  echo "figure: chart uninstall left=$(lines "$rest") routes_kept=$(lines "$routes")"
}

apply_all() { # ARGS
  kubectl apply --server-side "$@" >/dev/null || fail "kubectl apply --server-side $*"
}

all_ready() {
  local each
  for each in $(kubectl -n $system get deployment,daemonset -o name); do
    kubectl -n $system rollout status "$each" --timeout "$patience" >/dev/null || return 1
  done
}

removed() { # ARGS of kubectl: what was applied goes, with its namespace
  kubectl delete "$@" --ignore-not-found --wait=false >/dev/null
  await "the end of the namespace" bash -c "! kubectl get namespace $system"
}

story_manifest() {
  say "kubectl apply --server-side -f deploy/install.yaml"
  kubectl delete namespace $system --ignore-not-found >/dev/null
  apply_all -f deploy/install.yaml
  all_ready || fail "install.yaml: not ready"
  example
  serves service/holdfast-proxy
  removed -f deploy/install.yaml
  echo "figure: chart install.yaml wss=ok"
}

story_overlays() {
  local overlay
  # What Helm left of it is not as an overlay's namespace must be.
  kubectl delete namespace $system --ignore-not-found >/dev/null
  for overlay in ${OVERLAYS:-kind cloud daemonset-hostport namespaced}; do
    say "overlay $overlay"
    # A whole core for each data plane is more than a small cluster has.
    kubectl kustomize "deploy/overlays/$overlay" | sed 's/cpu: "1"/cpu: 100m/' >"$work/$overlay.yaml"
    apply_all -f "$work/$overlay.yaml"
    all_ready || fail "$overlay: not ready"
    example
    case $overlay in
      daemonset-hostport) serves daemonset/holdfast-proxy ;;
      *) serves deployment/holdfast-proxy ;;
    esac
    case $overlay in
      daemonset-hostport | kind)
        if [[ -n ${IN_CLUSTER:-} ]]; then
          local node
          node=$(kubectl -n $system get pods -l app.kubernetes.io/name=holdfast-proxy -o jsonpath='{.items[0].status.hostIP}')
          # shellcheck disable=SC2086 # a command of several words
          $IN_CLUSTER curl -s --http1.1 --max-time 5 -o /dev/null -w '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' --cacert "$work/tls.crt" --resolve "secure.localhost:443:$node" https://secure.localhost/ >"$work/status" || true
          # A tunnel that is open ends by curl's own time limit.
          [[ $(<"$work/status") == 101 ]] || fail "$overlay: $(<"$work/status") at $node:443 (expected: 101)"
          # shellcheck disable=SC2086
          await "an echo over wss through $node:443" echoes 443 "$node" $IN_CLUSTER
          echo "figure: chart overlay=$overlay host_port_443=$(<"$work/status") echo=ok"
        else
          skipped "overlay $overlay at its node's own port 443, which is tried from inside of the cluster (set IN_CLUSTER)"
        fi
        ;;
    esac
    removed -f "$work/$overlay.yaml"
    echo "figure: chart overlay=$overlay wss=ok"
  done
}

# Kinds of others that the chart writes; here they take anything, so that what is written is seen to be accepted.
foreign() {
  local group kind plural version
  while read -r group version kind plural; do
    kubectl apply -f - >/dev/null <<YAML
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $plural.$group}
spec:
  group: $group
  scope: Namespaced
  names: {kind: $kind, plural: $plural, singular: ${kind,,}}
  versions:
    - {name: $version, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
YAML
  done <<'KINDS'
monitoring.coreos.com v1 ServiceMonitor servicemonitors
monitoring.coreos.com v1 PodMonitor podmonitors
monitoring.coreos.com v1 PrometheusRule prometheusrules
keda.sh v1alpha1 ScaledObject scaledobjects
KINDS
  kubectl wait --for=condition=Established crd servicemonitors.monitoring.coreos.com podmonitors.monitoring.coreos.com \
    prometheusrules.monitoring.coreos.com scaledobjects.keda.sh --timeout=60s >/dev/null
}

story_options() {
  say "network policies, monitors, autoscaling"
  namespace
  foreign
  install --set networkPolicy.enabled=true --set metrics.service.enabled=true --set metrics.serviceMonitor.enabled=true \
    --set metrics.podMonitor.enabled=true --set metrics.prometheusRule.enabled=true --set metrics.dashboards.enabled=true \
    --set proxy.autoscaling.enabled=true --set proxy.serviceInternal.enabled=true
  example
  serves service/holdfast-proxy
  [[ $(kubectl -n $system get networkpolicy,hpa,servicemonitor,podmonitor,prometheusrule -o name | wc -l) == 8 ]] ||
    fail "$(kubectl -n $system get networkpolicy,hpa,servicemonitor,podmonitor,prometheusrule -o name)"
  awk '/^```/ { on = $0 == "```yaml"; next } on' $chart/README.md >"$work/recipe.yaml"
  kubectl apply -f "$work/recipe.yaml" >/dev/null
  [[ $(kubectl -n $system get networkpolicy -o name | wc -l) == 4 ]] || fail "the policies of the chart's README are not there"
  kubectl delete -f "$work/recipe.yaml" >/dev/null
  helm upgrade holdfast $chart --namespace $system --wait --timeout "$patience" --set proxy.keda.enabled=true --set proxy.keda.serverAddress=http://prometheus:9090 >/dev/null
  [[ $(kubectl -n $system get scaledobject,hpa -o name) == scaledobject.keda.sh/holdfast-proxy ]] || fail "no ScaledObject, or the HorizontalPodAutoscaler stayed"
  uninstall
  kubectl delete crd servicemonitors.monitoring.coreos.com podmonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com scaledobjects.keda.sh >/dev/null
  echo "figure: chart options network_policies=2 recipes=2 hpa=1 monitors=4 rules=1 scaled_objects=1"
}

story_takeover() {
  say "in the shadow of ingress-nginx, then in its place"
  namespace
  kubectl apply -f - >/dev/null <<'YAML'
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: taken}
spec:
  ingressClassName: nginx
  tls: [{hosts: [secure.localhost], secretName: secure-tls}]
  rules:
    - host: secure.localhost
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: secure, port: {number: 80}}}}
          - {path: /missing, pathType: Prefix, backend: {service: {name: missing, port: {number: 80}}}}
YAML
  certificate
  kubectl delete websocketroute secure --ignore-not-found >/dev/null 2>&1 || true
  kubectl apply -f deploy/examples/03-tls/backend.yaml >/dev/null
  awk '/^---/ {on = 1} on' deploy/examples/03-tls/route.yaml | kubectl apply -f - >/dev/null
  kubectl rollout status deployment/secure --timeout "$patience" >/dev/null
  local class=(--set ingressClassResource.enabled=false --set ingressClassResource.name=nginx --set ingressClassResource.controllerValue=k8s.io/ingress-nginx
    --set 'config.publish.addresses={192.0.2.44}')
  install "${class[@]}" --set config.writeStatus=false
  kubectl apply -f - >/dev/null <<'YAML'
apiVersion: holdfast.dev/v1alpha1
kind: WebSocketRoute
metadata: {name: shadowed}
spec:
  ingressClassName: nginx
  hostnames: [shadowed.localhost]
  rules: [{backendRefs: [{name: secure, port: 80}]}]
YAML
  serves service/holdfast-proxy
  sleep 10
  # The API server itself gives a new route a status, the schema's default: that every condition is Unknown.
  [[ $(kubectl get websocketroute shadowed -o jsonpath='{.status.conditions[*].status}') == "Unknown Unknown Unknown Unknown" ]] ||
    fail "a shadow wrote the status of a route: $(kubectl get websocketroute shadowed --show-managed-fields -o yaml)"
  local written
  written=$(
    kubectl get websocketroute shadowed --show-managed-fields \
      -o jsonpath='{range .metadata.managedFields[?(@.subresource=="status")]}status of WebSocketRoute shadowed by {.manager}{"\n"}{end}' &&
      kubectl get ingress taken -o jsonpath='{range .status.loadBalancer.ingress[*]}status of Ingress taken {.ip}{.hostname}{"\n"}{end}' &&
      kubectl get events --field-selector involvedObject.name=taken -o name &&
      kubectl -n $system get leases -o name
  ) || fail "what a shadow wrote cannot be told"
  [[ -z $written ]] || fail "a shadow wrote: $written"
  helm upgrade holdfast $chart --namespace $system --wait --timeout "$patience" "${class[@]}" >/dev/null
  await "the address in the Ingress" bash -c '[[ $(kubectl get ingress taken -o jsonpath="{.status.loadBalancer.ingress[0].ip}") == 192.0.2.44 ]]'
  await "an Event about the missing Service" bash -c '[[ -n $(kubectl get events --field-selector involvedObject.name=taken -o name) ]]'
  kubectl wait --for=condition=Ready websocketroute/shadowed --timeout "$patience" >/dev/null || fail "the route is not Ready: $(kubectl get wsr shadowed -o yaml)"
  kubectl get ingressclass holdfast >/dev/null 2>&1 && fail "the chart made a class of its own"
  uninstall
  kubectl delete websocketroute/shadowed ingress/taken ingressclass/nginx >/dev/null
  echo "figure: chart takeover shadow_writes=$(lines "$written") status_after=ok"
}

# No version is released yet: the one before is this chart as version 0.0.1, with settings that let every pod be replaced.
story_upgrade() {
  if [[ -z ${IN_CLUSTER:-} ]]; then
    skipped "upgrade, whose tunnels come from inside of the cluster (set IN_CLUSTER)"
    return 0
  fi
  say "upgrade from the version before, under tunnels"
  namespace
  cp -R $chart "$work/before-chart"
  sed -i 's/^version: .*/version: 0.0.1/' "$work/before-chart/Chart.yaml"
  helm package "$work/before-chart" --destination "$work" >/dev/null
  local settings=(--set proxy.service.type=ClusterIP --set config.drain.windowSeconds=20 --set proxy.terminationGracePeriodSeconds=60)
  helm install holdfast "$work/holdfast-0.0.1.tgz" --namespace $system --wait --timeout "$patience" "${settings[@]}" \
    --set proxy.podAnnotations.version=before --set controller.podAnnotations.version=before >/dev/null
  kubectl apply -f deploy/examples/01-ingress >/dev/null
  kubectl rollout status deployment/chat --timeout "$patience" >/dev/null
  local service fleet=$work/fleet.json
  service=$(kubectl -n $system get service holdfast-proxy -o jsonpath='{.spec.clusterIP}')
  # shellcheck disable=SC2086 # a command of several words
  $IN_CLUSTER curl -sf --retry 30 --retry-delay 1 --retry-all-errors -H 'Host: chat.localhost' "http://$service/" >/dev/null || fail "the example is not served"
  # shellcheck disable=SC2086
  $IN_CLUSTER python3 "$PWD/e2e/chart/fleet.py" "$service" 80 chat.localhost 200 "$fleet" >"$work/fleet.log" 2>&1 &
  local client=$!
  await "200 tunnels" grep -q open "$work/fleet.log"
  local ca
  ca=$(kubectl -n $system get secret holdfast-stream-ca -o jsonpath='{.data.ca\.crt}')
  helm upgrade holdfast $chart --namespace $system --wait --timeout "$patience" "${settings[@]}" >/dev/null
  await "the end of the pods before" bash -c "[[ \$(kubectl -n $system get pods -o name | wc -l) == 4 ]]"
  [[ $(kubectl -n $system get secret holdfast-stream-ca -o jsonpath='{.data.ca\.crt}') == "$ca" ]] || fail "the upgrade replaced the CA"
  sleep 3
  kill -TERM "$client"
  await "the fleet's figures" test -s "$fleet"
  echo "figure: chart upgrade from=0.0.1 tunnels=200 $(cat "$fleet")"
  python3 -c 'import json, sys; f = json.load(open(sys.argv[1])); sys.exit(bool(set(f["codes"]) - {"1001", "1012"}) or not f["codes"])' "$fleet" ||
    fail "tunnels ended without the word of a drain, or none ended"
  python3 -c 'import json, sys; f = json.load(open(sys.argv[1])); sys.exit(f["garbled"] > 0 or f["open"] != 200)' "$fleet" ||
    fail "an echo was not what was sent, or not every tunnel came back"
  helm rollback holdfast 1 --namespace $system --wait --timeout "$patience" >/dev/null
  uninstall
  kubectl delete -f deploy/examples/01-ingress >/dev/null
}

stories=(readme rights uninstall upgrade options takeover manifest overlays)
if (($#)); then stories=("$@"); fi
kubectl delete -f deploy/examples/03-tls/route.yaml -f deploy/examples/03-tls/backend.yaml --ignore-not-found >/dev/null 2>&1 || true
others >"$work/before"
for story in "${stories[@]}"; do "story_$story"; done
say "done"
