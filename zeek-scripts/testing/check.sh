#!/usr/bin/env bash
# Parses the package's scripts and holds them to zeek-format's layout: what can be
# said without Zeek. With a Zeek on the PATH the btests run, too. Without one they
# are skipped on purpose, and the file that SKIPPED names lists them.
set -euo pipefail
cd "$(dirname "$0")"
venv=${VENV:-.venv}
python=${PYTHON:-python3}
if [ ! -e "$venv/installed" ]; then
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
  touch "$venv/installed"
fi
bad=0
while read -r script; do
  if ! "$venv/bin/zeek-script" parse "$script" >/dev/null; then
    echo "zeek-scripts: $script does not parse"
    bad=1
  elif ! "$venv/bin/zeek-format" <"$script" | diff -u --label "$script" --label "as zeek-format has it" "$script" -; then
    bad=1
  fi
done < <(find ../scripts tests -name '*.zeek' | sort)
if command -v zeek >/dev/null; then
  PATH="$PWD/$venv/bin:$PATH" btest -c btest.cfg -j 2 || bad=1
else
  reason="on purpose: no zeek on the PATH"
  echo "zeek-scripts: $(ls tests/*.zeek | wc -l) btests are skipped $reason"
  [ -z "${SKIPPED:-}" ] || printf "$reason\tbtest %s\n" tests/*.zeek >>"$SKIPPED"
fi
exit $bad
