#!/usr/bin/env bash
# Runs every fuzz target for the time given, such as 5s or 4m. What is found is
# written to the target's testdata/fuzz, from where it is a test.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() {
  go test -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 10x "$1" 2>&1 | tee "$log"
}

# Before Go 1.27 a target may fail as its time ends, having found nothing
# (go.dev/issue/75804).
found_nothing() {
  grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input' "$log"
}

for file in $(grep -rlE '^func Fuzz' --include='*_test.go' .); do
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9]*).*/\1/p' "$file"); do
    echo "fuzz $target"
    args=("$(dirname "$file")" "$target" "$1")
    fuzz "${args[@]}" || { found_nothing && fuzz "${args[@]}"; } || exit 1
  done
done
