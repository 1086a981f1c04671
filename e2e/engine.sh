#!/usr/bin/env bash
# A container engine for a machine that has none, under DIR and nowhere else:
#
#   e2e/engine.sh start DIR     the docker on the PATH if it answers, else one of its own
#   eval "$(e2e/engine.sh env DIR)"
#   e2e/engine.sh stop DIR      its own, with its containers; images stay in DIR
#
# Its own needs root on Debian 12 or newer. What it fetches stays in DIR/root:
# a second start fetches nothing. Exit 69: no engine can be had here, and one
# line says why.
set -euo pipefail

no_engine() {
  echo "engine.sh: no container engine: $1" >&2
  exit 69
}

usage() {
  echo "usage: engine.sh start|stop|env DIR" >&2
  exit 64
}

[ $# = 2 ] || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binaries=$dir/root/usr/bin:$dir/root/usr/sbin
socket=$dir/docker.sock

own_runs() {
  [ -s "$dir/docker.pid" ] && [ "$(readlink "/proc/$(cat "$dir/docker.pid")/exe")" = "$dir/root/usr/sbin/dockerd" ]
}

# The client's words, so that a client without its engine does not count.
answers() {
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

own_environment() {
  export DOCKER_HOST=unix://$socket DOCKER_CONFIG=$dir/config PATH=$binaries:$PATH
  unset DOCKER_CONTEXT
}

# dockerd makes the machine a router that drops what it does not know. What was
# there before is kept until stop, also over a start after a crash.
keep_network() {
  [ -e "$dir/network" ] && return
  {
    iptables -S FORWARD | sed -n 's/^-P FORWARD //p'
    cat /proc/sys/net/ipv4/ip_forward
  } >"$dir/network.new"
  mv "$dir/network.new" "$dir/network"
}

restore_network() {
  [ -e "$dir/network" ] || return 0
  local policy forward
  { read -r policy && read -r forward; } <"$dir/network"
  # The engine's own chains and rules name it or one of its bridges.
  iptables-save | sed -e '/docker/Id' -e '/ br-/d' | iptables-restore
  iptables -P FORWARD "$policy"
  echo "$forward" >/proc/sys/net/ipv4/ip_forward
  ip link delete docker0 2>/dev/null || true
  rm "$dir/network"
}

# A packet that is larger than the way out would be lost without a word.
mtu_of_way_out() {
  local device
  device=$(ip -4 route show default | sed -nE '1s/.* dev ([^ ]+).*/\1/p')
  cat "/sys/class/net/${device:-lo}/mtu"
}

begin() {
  local mtu i
  mtu=$(mtu_of_way_out)
  [ "$mtu" -le 1500 ] || mtu=1500
  # A setting of the machine's own engine must not reach this one.
  echo '{}' >"$dir/daemon.json"
  rm -f "$dir/docker.pid" # of one that was killed
  keep_network
  setsid dockerd --config-file "$dir/daemon.json" --data-root "$dir/data" --exec-root "$dir/exec" \
    --pidfile "$dir/docker.pid" --host "unix://$socket" --log-level warn \
    --init-path "$(command -v tini)" --mtu "$mtu" --default-network-opt "bridge=com.docker.network.driver.mtu=$mtu" \
    >"$dir/dockerd.log" 2>&1 </dev/null &
  for ((i = 0; i < 120; i++)); do
    answers && return
    kill -0 $! 2>/dev/null || break
    sleep 0.5
  done
  finish
  no_engine "dockerd does not start: $(tail -n 1 "$dir/dockerd.log")"
}

# dockerd stops its containers itself; they come back at the next start if
# their restart policy says so. One that was killed has left them running.
finish() {
  if ! own_runs && pgrep -f "^$dir/root/usr/bin/containerd-shim" >/dev/null; then
    own_environment
    begin
  fi
  if own_runs; then
    kill "$(cat "$dir/docker.pid")"
    while own_runs; do sleep 0.2; done
  fi
  # Mounts that a killed one has left would keep DIR from being removed.
  findmnt -rno TARGET | { grep "^$dir/" || true; } | sort -r | xargs -r umount
  restore_network
}

case $1 in
start)
  if own_runs; then
    echo "engine.sh: the engine in $dir runs already"
  elif answers && docker compose version >/dev/null 2>&1; then
    echo "engine.sh: the docker on the PATH answers; it is used as it is"
  else
    [ ${#socket} -le 100 ] || no_engine "the name of $dir is too long for a socket in it"
    "$here/fetch-engine.sh" "$dir/root" || exit
    own_environment
    mkdir -p "$dir/config/cli-plugins"
    ln -sf "$dir"/root/usr/libexec/docker/cli-plugins/docker-* "$dir/config/cli-plugins/"
    begin
    echo "engine.sh: Docker $(docker version --format '{{.Server.Version}}') runs in $dir"
  fi
  ;;
env)
  if own_runs; then
    own_environment
    echo 'unset DOCKER_CONTEXT'
    printf 'export DOCKER_HOST=%q DOCKER_CONFIG=%q PATH=%q\n' "$DOCKER_HOST" "$DOCKER_CONFIG" "$PATH"
  fi
  ;;
stop) finish ;;
*) usage ;;
esac
