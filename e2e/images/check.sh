#!/usr/bin/env bash
# What deploy/build-images wrote: names and tag that the chart asks for, no root, the AOT cache and the option that uses it, and a bill
# of materials (CycloneDX) that knows every archive in the image. Needs python3; takes seconds.
#
#   e2e/images/check.sh                   target/images
#   e2e/images/check.sh FOLDER            others; AOT=no for images that were built so
#   e2e/images/check.sh --reproducible    builds them twice, AOT=no, in two copies of the sources at different paths, and compares
#                                         every byte; BASE_IMAGE as for deploy/build-images, else the base image that target/ has,
#                                         if one was made there. Some minutes; leaves target/ alone
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

fail() { echo "images: $*" >&2; exit 1; }

look() { # look FOLDER
  python3 - "$1" "${AOT:-yes}" <<'PYTHON'
import json, pathlib, re, sys, tarfile

folder, aot = pathlib.Path(sys.argv[1]), sys.argv[2] != "no"
version = re.search(r'appVersion: "(.*)"', pathlib.Path("charts/holdfast/Chart.yaml").read_text()).group(1)
values = pathlib.Path("charts/holdfast/values.yaml").read_text()
netty = re.search(r"<netty.version>(.*)</netty.version>", pathlib.Path("pom.xml").read_text()).group(1)
faults = []


def expect(holds, what):
    if not holds:
        faults.append(what)


for image in ("operator", "dataplane", "cli"):
    with tarfile.open(folder / f"{image}.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        settings = json.load(archive.extractfile(manifest["Config"]))["config"]
        content = {}
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as files:
                content.update((each.name, each) for each in files)
    user = settings.get("User")
    expect(user == "65532:65532", f"{image}: user {user} (expected: 65532:65532)")
    names = manifest["RepoTags"]
    expect(names == [f"holdfast/{image}:{version}"], f"{image}: {names} (expected: holdfast/{image}:{version})")
    expect(image == "cli" or f"repository: holdfast/{image}\n" in values, f"{image}: not what the chart asks for")
    rooted = [name for name, each in content.items() if name.startswith("app/") and each.mode & 0o022]
    expect(not rooted, f"{image}: others may write {rooted[:3]}")

    cached = aot and image != "cli"
    cache = content.get("app/holdfast.aot")
    expect((cache is not None) == cached, f"{image}: app/holdfast.aot is {'missing' if cached else 'there'}")
    expect(not cached or cache is None or cache.size > 1 << 20, f"{image}: app/holdfast.aot is no cache")
    expect(("-XX:AOTCache=/app/holdfast.aot" in settings["Entrypoint"]) == cached, f"{image}: {settings['Entrypoint']}")

    bill = json.loads((folder / f"{image}.cdx.json").read_text())
    expect(bill.get("bomFormat") == "CycloneDX", f"{image}: no bill of materials of CycloneDX")
    parts = [bill["metadata"]["component"], *bill["components"]]
    known = [f"{each['name']}-{each['version']}" for each in parts]
    jars = sorted(pathlib.Path(name).name for name in content if re.fullmatch(r"app/(libs|classpath)/.*\.jar", name))
    expect(len(jars) > 10, f"{image}: {len(jars)} archives")
    for jar in jars:
        expect(any(re.fullmatch(re.escape(each) + r"(-[a-z0-9_-]+)?\.jar", jar) for each in known), f"{image}: {jar} is not in its bill of materials")
    versions = {each["version"] for each in parts if each.get("group") == "io.netty" and each["name"].startswith("netty-codec")}
    expect(image == "operator" or versions == {netty}, f"{image}: Netty {versions} in its bill of materials (expected: {netty})")
    digest = next((e["content"] for each in parts if each["name"] == "netty-common" for e in each.get("hashes", []) if e["alg"] == "SHA-256"), "")
    expect(image == "operator" or len(digest) == 64, f"{image}: a bill of materials without digests")
    size = (folder / f"{image}.tar").stat().st_size
    print(f"figure: image {image} bytes={size} user={user} aot={cache.size if cache else 'none'} archives={len(jars)} components={len(parts)}")

print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
sys.exit(bool(faults))
PYTHON
}

copied() { # copied PATH: the sources as they are here
  mkdir -p "$1"
  git ls-files -z --cached --others --exclude-standard | tar c --null --ignore-failed-read -T - | tar x -C "$1"
}

reproducible() {
  local base=${BASE_IMAGE:-} made=() place
  if [ -z "$base" ]; then
    made=("$root"/target/base-*.tar)
    if [ -e "${made[0]}" ]; then base=tar://${made[0]}; fi
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  for place in one another/place; do
    copied "$work/$place"
    (cd "$work/$place" && AOT=no BASE_IMAGE=$base deploy/build-images) >"$work/log" 2>&1 || { tail -n 60 "$work/log" >&2; fail "deploy/build-images failed"; }
    AOT=no look "$work/$place/target/images" >/dev/null
  done
  (cd "$work/one/target/images" && sha256sum -- *.tar *.cdx.json) | tee "$work/sums"
  (cd "$work/another/place/target/images" && sha256sum --quiet -c "$work/sums") || fail "two builds of the same sources differ"
  echo "figure: images built twice, equal bytes=yes seconds=$SECONDS"
}

case ${1:-} in
  --reproducible) reproducible ;;
  -*) fail "$1 (expected: a folder, --reproducible or nothing)" ;;
  *) look "${1:-target/images}" ;;
esac
