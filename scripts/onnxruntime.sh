#!/bin/sh
# Fetches ONNX Runtime's shared library into .onnxruntime/ at the repository's root.
# It comes out of the Python wheel, which pip downloads but does not install.
# Run again, it does nothing while the library there has the right digest.
set -eu

version=1.24.4
cd "$(dirname "$0")/.."
library=.onnxruntime/libonnxruntime.so

fail() {
	echo "onnxruntime: $1" >&2
	exit 1
}

case "$(uname -s)-$(uname -m)" in
Linux-x86_64)
	arch=x86_64
	digest=2d518e11c7767f9fdc4413bdbeb45acf30db504ff76a82fc19d9238a3f9f6c24
	;;
Linux-aarch64 | Linux-arm64)
	arch=aarch64
	digest=f373ae5fd4d878ed17ebea26e5480bd3d0a15e3bd6bc94b878e6c1b73998d22a
	;;
*)
	fail "no library is known for $(uname -s) on $(uname -m); install ONNX Runtime $version or newer and name its library in SERVEFLOW_ONNXRUNTIME"
	;;
esac

digest_of() {
	sha256sum "$1" | cut -d ' ' -f 1
}

if [ -f "$library" ] && [ "$(digest_of "$library")" = "$digest" ]; then
	echo "onnxruntime: $library is there (version $version)"
	exit 0
fi

python3 -m pip --version >/dev/null 2>&1 ||
	fail "python3 with pip is needed to fetch the library; install python3-pip, or name a library in SERVEFLOW_ONNXRUNTIME"

mkdir -p .onnxruntime
work=$(mktemp -d .onnxruntime/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "onnxruntime: fetching version $version for $arch"
# The wheel is only unpacked, so any Python may fetch it: the tags name the wheel, not this machine's Python.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
	--python-version 3.12 --implementation cp \
	--platform "manylinux_2_28_$arch" --platform "manylinux_2_27_$arch" \
	--dest "$work" "onnxruntime==$version" ||
	fail "pip could not download onnxruntime $version; check the network and pip's settings, or name a library in SERVEFLOW_ONNXRUNTIME"

python3 - "$work"/onnxruntime-*.whl "onnxruntime/capi/libonnxruntime.so.$version" "$work/library" <<'EOF' ||
import sys, zipfile
wheel, member, target = sys.argv[1:]
with open(target, "wb") as f:
    f.write(zipfile.ZipFile(wheel).read(member))
EOF
	fail "the wheel has no libonnxruntime.so.$version; try again"

got=$(digest_of "$work/library")
[ "$got" = "$digest" ] ||
	fail "the library's SHA-256 is $got, not $digest; nothing was installed; try again, and distrust the source if it stays so"
chmod 644 "$work/library"
mv "$work/library" "$library" # in one step: no half-written library is ever found
echo "onnxruntime: $library is there (version $version)"
