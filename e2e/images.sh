# shellcheck shell=bash
# For standins.sh, which sources it: how an image is built, and when. It needs
# repository, the checkout; here, this folder of it; and dir, a folder to work in.
# shellcheck disable=SC2154

unavailable() {
  echo "standins.sh: $1" >&2
  exit 69
}

# The label of an image of ours says what it was built from.
label=serveflow.standin
label_of() {
  docker image inspect "$1" >/dev/null 2>&1 || { echo absent; return; }
  docker image inspect --format "{{or (index .Config.Labels \"$label\") \"real\"}}" "$1"
}

# wanted TAG FILE... is true when TAG is to be built: when it is not there, or is
# a stand-in from other files. It leaves their digest in digest.
wanted() {
  local tag=$1 has
  shift
  digest=$(tar -C "$repository" --sort=name --mode=u=rwX,go=rX --mtime=@0 --owner=0 --group=0 -cf - "$@" | sha256sum | cut -c 1-16)
  has=$(label_of "$tag")
  [ "$has" != real ] || echo "standins.sh: $tag is no stand-in and stays as it is"
  [ "$has" != real ] && [ "$has" != "$digest" ]
}

# context NAME copies what an image is built from. A checkout may be its owner's
# alone to read; what is built from it is for others.
context() {
  rm -rf "${dir:?}/$1"
  cp -r "$here/$1" "$dir/$1"
  chmod -R u=rwX,go=rX "$dir/$1"
}

# What a command says is of interest when it fails.
quietly() {
  "$@" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; return 1; }
}

build() {
  local tag=$1
  shift
  quietly docker buildx build --progress plain --tag "$tag" "$@"
}

# A base system by this machine's own sources, imported as an image. apt's
# settings go along, for the builds that call it within.
base() {
  local tag=$1 sources=() source
  shift
  [ "$(label_of "$tag")" = absent ] || return 0
  # shellcheck source=/dev/null
  . /etc/os-release
  [ "$ID-$(id -u)" = debian-0 ] || unavailable "base systems are made as root on Debian, with its packages"
  command -v mmdebstrap >/dev/null ||
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y -q --no-install-recommends mmdebstrap
  for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    ! grep -qsw "$VERSION_CODENAME" "$source" || sources+=("$source")
  done
  {
    apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries|ForceIPv)' || true
    # As Debian's own images have it: no caches.
    echo 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";'
  } >"$dir/apt.conf"
  quietly mmdebstrap --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged --aptopt="$dir/apt.conf" \
    --dpkgopt=path-exclude='/usr/share/man/*' --dpkgopt=path-exclude='/usr/share/doc/*' \
    --dpkgopt=path-exclude='/usr/share/locale/*' "$@" "$VERSION_CODENAME" "$dir/base.tar" "${sources[@]}"
  docker import --change "LABEL $label=base" --change 'CMD ["bash"]' "$dir/base.tar" "$tag" >/dev/null
  rm "$dir/base.tar"
}
