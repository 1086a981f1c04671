#!/usr/bin/env bash
# Builds images that stand in for those that docker-compose.yml names, for a
# machine that cannot pull: under the same tags, in the engine that docker talks
# to, with what it needs below DIR. Needs Go, Maven, Python 3 and zstd and, for the
# first time, root on Debian and the network. Exit 69: an engine or those are not there.
#
#   e2e/standins.sh DIR                serveflow:dev by the Dockerfile, but with the
#                                      binary and the library that this machine has made
#   e2e/standins.sh DIR --dockerfile   by the Dockerfile, which makes them within: minutes
#
# A real image under one of those tags stays as it is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
[ $# = 1 ] || { [ $# = 2 ] && [ "$2" = --dockerfile ]; } || { echo "usage: standins.sh DIR [--dockerfile]" >&2; exit 64; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)

# shellcheck source=e2e/images.sh
. "$here/images.sh"
if ! docker buildx version >/dev/null 2>&1 || ! docker version >/dev/null 2>&1; then
  unavailable "no container engine with buildx answers; e2e/engine.sh has one"
fi

java() {
  base serveflow-e2e/java --variant=extract \
    --include=base-files,bash,coreutils,dash,default-jre-headless,grep,hostname,libc-bin,sed
}

kafka() {
  wanted apache/kafka:4.3.1 e2e/kafka internal/kafkatest/pom.xml || return 0
  java
  "$repository/internal/kafkatest/fetch.sh"
  context kafka
  cp -r "$repository/.kafka/jars" "$dir/kafka/libs"
  build apache/kafka:4.3.1 --label "$label=$digest" "$dir/kafka"
}

zeek() {
  wanted zeek/zeek:8.0.4 e2e/zeek testdata/records/lab.jsonl.zst testdata/records/lab-conn.jsonl.zst testdata/captures/lab.pcap.zst || return 0
  java
  context zeek
  zstd -dcq "$repository/testdata/records/lab.jsonl.zst" | python3 "$here/zeek/tsv.py" >"$dir/zeek/lab.log"
  zstd -dcq "$repository/testdata/records/lab-conn.jsonl.zst" >"$dir/zeek/lab-conn.log"
  zstd -dcq "$repository/testdata/captures/lab.pcap.zst" | sha256sum >"$dir/zeek/lab.sha256"
  build zeek/zeek:8.0.4 --label "$label=$digest" "$dir/zeek"
}

# What e2e/toolchain builds from. Go, the certificates, and where Go and Python
# fetch from are this machine's.
toolchain() {
  context toolchain
  cp /etc/ssl/certs/ca-certificates.crt "$dir/toolchain/"
  touch "$dir/toolchain/pip.conf"
  [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$dir/toolchain/"
}

compilers() {
  ! wanted golang:1.26-bookworm e2e/toolchain ||
    build golang:1.26-bookworm --label "$label=$digest" --target golang --build-context "go=$(go env GOROOT)" \
      --build-arg "GOPROXY=$(go env GOPROXY)" --build-arg "GOSUMDB=$(go env GOSUMDB)" "$dir/toolchain"
  ! wanted python:3.12-slim-bookworm e2e/toolchain ||
    build python:3.12-slim-bookworm --label "$label=$digest" --target python "$dir/toolchain"
}

# Without -trimpath, so that it comes from the cache that every other build fills.
made() {
  (cd "$repository" && scripts/onnxruntime.sh >/dev/null)
  cp "$repository/.onnxruntime/libonnxruntime.so" "$dir/toolchain/"
  (cd "$repository" && CGO_ENABLED=1 go build -ldflags="-s -w -X main.commit=$commit" -o "$dir/serveflow" ./cmd/serveflow)
  cp -p "$dir/serveflow" "$dir/toolchain/"
  build serveflow-e2e/go --label "$label=base" --target go-made "$dir/toolchain"
  build serveflow-e2e/python --label "$label=base" --target python-made "$dir/toolchain"
}

serveflow() {
  local contexts=()
  base debian:bookworm-slim --variant=apt
  toolchain
  if [ "$1" = --dockerfile ]; then
    compilers
  else
    made
    contexts=(--build-context golang:1.26-bookworm=docker-image://serveflow-e2e/go
      --build-context python:3.12-slim-bookworm=docker-image://serveflow-e2e/python)
  fi
  build serveflow:dev --label "$label=$commit" --build-arg "COMMIT=$commit" "${contexts[@]}" "$repository"
}

prometheus() {
  wanted prom/prometheus:v3.5.0 e2e/prometheus || return 0
  base debian:bookworm-slim --variant=apt
  context prometheus
  (cd "$dir/prometheus" && quietly apt-get download prometheus && dpkg -x prometheus_*.deb root && cp root/usr/bin/prom* .)
  build prom/prometheus:v3.5.0 --label "$label=$digest" "$dir/prometheus"
}

commit=$(git -C "$repository" describe --always --abbrev=40 --exclude='*' --dirty=-modified)
kafka
zeek
prometheus
serveflow "${2-}"
docker image prune --force --filter "label=$label" >/dev/null # those that were replaced
echo "standins.sh: stand-in images are built: they prove how the parts are wired, not the real images"
