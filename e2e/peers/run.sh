#!/usr/bin/env bash
# Real peers: libraries, servers and clients that nobody here wrote, straight and through Holdfast (README.md beside this).
# Installs what is missing: Debian packages where this is Debian and we may, everything else below target/. Exits
# non-zero when a check failed. Usage: run.sh [SUITE...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=$here/target
mkdir -p "$target/logs" "$target/tls"
cd "$here"

say() { printf '=== peers: %s (%s s)\n' "$*" "$SECONDS"; }
fail() { echo "peers: $*" >&2; exit 1; }

packages() {
  local missing=() pair
  for pair in nginx:nginx-light /usr/sbin/apache2:apache2-bin curl:curl openssl:openssl node:nodejs npm:npm go:golang-go \
    python3:python3 mvn:maven; do
    command -v "${pair%%:*}" >/dev/null || PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  python3 -c 'import pip' 2>/dev/null || missing+=(python3-pip)
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || fail "missing: ${missing[*]} (expected: installed, or root on Debian)"
  apt-get update -qq
  # The package would start a server of its own where there is an init system.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# From 1.21 on a Go that is too old fetches the one that go.mod asks for, if it can; asked there it tells which it is then.
go_is_recent() {
  local wanted has
  wanted=$(sed -n 's/^go //p' go/go.mod)
  has=$(cd go && go version 2>/dev/null | sed -nE 's/^go version (devel )?go([0-9.]+).*/\2/p') || true
  [ -n "$has" ] && [ "$(printf '%s\n' "$wanted" "$has" | sort -V | head -n 1)" = "$wanted" ] ||
    fail "Go is ${has:-older, and fetches no newer one} (expected: Go $wanted or later on the PATH)"
}

# up_to_date STAMP FILE...: whether the step of this stamp was done with these files
up_to_date() {
  local stamp=$1
  shift
  [ -e "$stamp" ] && [ -z "$(find "$@" -newer "$stamp" -print -quit)" ]
}

node_packages() {
  up_to_date "$target/node.stamp" node/package-lock.json && return
  npm --prefix node ci --no-fund --no-audit --loglevel=error
  touch "$target/node.stamp"
}

python_packages() {
  up_to_date "$target/python.stamp" python/requirements.txt && return
  rm -rf "$target/python"
  python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target "$target/python" \
    -r python/requirements.txt
  touch "$target/python.stamp"
}

go_peers() {
  (cd go && CGO_ENABLED=0 go build -o "$target/go-peers" .)
}

java_peers() {
  up_to_date "$target/java.stamp" java/pom.xml java/src && return
  rm -rf "$target/java"
  mvn -q -B -ntp -f java/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DoutputDirectory="$target/java/lib"
  "$PEERS_JDK/bin/javac" -proc:none -nowarn -d "$target/java/classes" -cp "$target/java/lib/*" java/src/*.java
  printf 'Premain-Class: Leak\n' >"$target/java/leak.manifest"
  "$PEERS_JDK/bin/jar" cfm "$target/java/leak.jar" "$target/java/leak.manifest" -C "$target/java/classes" Leak.class
  touch "$target/java.stamp"
}

certificates() {
  [ -e "$target/tls/cert.pem" ] && return
  cd "$target/tls"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=peers-ca -keyout ca.key -out ca.pem
  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out request.pem
  printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' >extensions
  openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 3650 -extfile extensions -out leaf.pem
  mv leaf.pem cert.pem
}

launcher() { # builds what is missing, so that no suite waits for it
  "$root/holdfast" --version
}

# step NAME: runs it in the background, output kept
declare -A running
step() { ("$1") >"$target/logs/$1.log" 2>&1 & running[$1]=$!; }

say "install"
packages >"$target/logs/packages.log" 2>&1 || { cat "$target/logs/packages.log" >&2; fail "packages"; }
go_is_recent
# `java` on the PATH may be an older one.
. "$root/cli/jdk.sh"
PEERS_JDK=$(find_jdk) || fail "no JDK 25 found (expected: JAVA_HOME names one)"
export PEERS_JDK
for name in launcher node_packages python_packages go_peers java_peers certificates; do step "$name"; done
for name in "${!running[@]}"; do
  wait "${running[$name]}" || { tail -n 30 "$target/logs/$name.log" >&2; fail "$name failed"; }
done
say "run"
status=0
PYTHONPATH=$target/python python3 peers.py "$@" || status=$?
say "done, status $status"
exit "$status"
