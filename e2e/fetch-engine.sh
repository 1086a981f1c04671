#!/usr/bin/env bash
# Unpacks Docker's engine, client, compose and buildx into ROOT, and installs
# what the engine calls. Does nothing when all is there.
# Exit 69 where that cannot be, and one line says why.
set -euo pipefail

root=$1
missing() {
  echo "fetch-engine.sh: no container engine: $1" >&2
  exit 69
}

[ "$(uname -s)" = Linux ] || missing "this is not Linux"
# shellcheck source=/dev/null
. /etc/os-release
[ "${ID-}" = debian ] || missing "this is ${ID-not Debian}, and only Debian's packages are known here; install Docker with compose and buildx"
[ "$(id -u)" = 0 ] || missing "this user is not root; install Docker with compose and buildx"

# Debian 12's own engine, 20.10, knows no start_interval. The next release's
# runs on 12's glibc, but what it calls does not: that is this release's.
case ${VERSION_CODENAME-} in
bookworm) suite=trixie ;;
trixie | forky | sid) suite=$VERSION_CODENAME ;;
*) missing "Debian ${VERSION_CODENAME-} is not known here; install Docker with compose and buildx" ;;
esac

install=()
for tool in runc iptables tini ip:iproute2; do
  command -v "${tool%%:*}" >/dev/null || install+=("${tool##*:}")
done
if [ ${#install[@]} -gt 0 ]; then
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${install[@]}"; } >/dev/null ||
    missing "apt-get cannot install ${install[*]}"
fi
[ -e "$root" ] && exit

# An apt of its own, with this machine's sources, proxies and keys, so that the
# machine never sees the other release's packages.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/sources" "$work/state/lists/partial" "$work/cache/archives/partial" "$work/debs"
touch "$work/status"
for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ -e "$source" ] || continue
  sed "s/\\b$VERSION_CODENAME\\b/$suite/g" "$source" >"$work/sources/$(basename "$source")"
done
apt=(apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources"
  -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o Dir::State="$work/state" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
  -o APT::Sandbox::User=root -o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)

# A source that is not Debian's may lack that suite: the download tells.
"${apt[@]}" update >/dev/null 2>&1 || true
(cd "$work/debs" && "${apt[@]}" download docker.io docker-cli containerd docker-compose docker-buildx >/dev/null 2>"$work/log") ||
  missing "apt-get cannot download Docker of $suite: $(tail -n 1 "$work/log")"

# Renamed at the end: ROOT is either complete or not there.
rm -rf "$root.new"
mkdir -p "$root.new"
for deb in "$work"/debs/*.deb; do
  dpkg -x "$deb" "$root.new"
done
mv "$root.new" "$root"
