#!/bin/sh
# The inside of one host: box.sh RUN_FOLDER RESOLV_CONF
#
# Runs as the first process of fresh network, mount and process namespaces.
# The lab's programs are root, so the machine's files are made read-only for
# them: only RUN_FOLDER and private /run and /tmp can be written. When this
# process ends the kernel ends all others in the host and drops its namespaces.
set -eu
run=$1 resolv=$2

mount --make-rprivate /
mount -t proc proc /proc
mount --bind "$run" "$run"
mount --rbind /dev /dev
mount -t tmpfs tmpfs /dev/shm
mount -o remount,bind,ro /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /run/sshd /run/samba/nmbd
target=$(realpath -m /etc/resolv.conf)
mkdir -p "$(dirname "$target")"
[ -e "$target" ] || touch "$target"
mount --bind "$resolv" "$target"
mount -o remount,bind,ro /
cd /
echo ready
exec sleep infinity
