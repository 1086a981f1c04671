#!/bin/sh
# Makes the lab captures: installs what the lab needs, then runs it.
#
#   testdata/lab/make.sh [NAME ...]     NAME: demo run1 run2 run3 odd; none means all
#
# Runs as root on Debian 12. Everything talks in network namespaces that have
# no way out; what the lab starts is stopped when it ends, however it ends.
# LAB_HOME (default: /var/tmp/serveflow-lab) holds the venv and the daemons' files.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
home=${LAB_HOME:-/var/tmp/serveflow-lab}
mkdir -p "$home"

if [ "$(id -u)" != 0 ]; then
    echo "lab: must run as root: it makes network namespaces and TAP devices" >&2
    exit 2
fi

# A policy that forbids it keeps the packages' own daemons from being started.
install_packages() {
    wanted=$(grep -v '^#' "$here/packages.txt")
    # shellcheck disable=SC2086
    missing=$(for p in $wanted; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || echo "$p"
    done)
    [ -z "$missing" ] && return
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -q
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
    rm -f "$policy"
    trap - EXIT
}

install_packages
if ! cmp -s "$here/requirements.txt" "$home/venv/requirements.txt"; then
    /usr/bin/python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install -q -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$home/venv/requirements.txt"
fi

cd "$here/.."
export PYTHONDONTWRITEBYTECODE=1
exec "$home/venv/bin/python" -m lab --home "$home" "$@"
