#!/usr/bin/env bash
# What each step costs, beside the last recorded run, bench/results/micro.txt; --record puts this run in its place.
# BENCH_COUNT is how often each bench runs, and BENCH_TIME how long at least.
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=bench/results/micro.txt
# A package and its benches, a step a line.
steps='
flow/zeek          ^BenchmarkDecode$
flow               ^Benchmark(NewFlow|DecidedFlow|OpenFlows)$
consumer/assembler ^BenchmarkTake$
cascade/nprint     ^BenchmarkExtract$
cascade/gbdt       ^BenchmarkStages$
cascade/onnx       ^BenchmarkSlowStage$
cascade/memo       ^BenchmarkPredict$
sink               ^BenchmarkLabel$
'

fail() {
  echo "bench: $1" >&2
  exit 1
}

# The machine, as lines of Go's benchmark format.
machine() {
  echo "cpu: $(LC_ALL=C lscpu | sed -n 's/^Model name: *//p' | head -n 1)"
  echo "cores: $(nproc)"
  echo "memory: $(awk '/^MemTotal:/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
  echo "kernel: $(uname -sr | cut -d- -f1)"
  echo "toolchain: $(go env GOVERSION)"
  echo "date: $(date -u +%Y-%m-%d)"
  echo "commit: $(git describe --always --abbrev=12 --exclude='*' --dirty=-modified 2>/dev/null || echo unknown)"
}

# Without -ignore, each package, and a run of another day, would be in tables of its own.
compare() {
  go tool benchstat -ignore pkg,cpu,cores,memory,kernel,toolchain,date,commit -filter '.unit:(sec/op OR allocs/op OR B/flow)' "$@" ||
    fail "benchstat did not run; this run is kept in $run"
}

case "${1-}" in
"" | --record) ;;
*) fail "$1: --record is all that it takes" ;;
esac

run=$(mktemp "${TMPDIR:-/tmp}/serveflow-bench.XXXXXX")
machine | tee "$run"
while read -r package benches; do
  [ -n "$package" ] || continue
  go test -run '^$' -bench "$benches" -benchmem -count "${BENCH_COUNT:-6}" -benchtime "${BENCH_TIME:-300ms}" "./$package" | tee -a "$run"
done <<<"$steps"

echo
if [ -f "$recorded" ]; then
  compare recorded="$recorded" now="$run"
  if [ "$(grep -m 1 ^cpu: "$recorded")" != "$(grep -m 1 ^cpu: "$run")" ]; then
    echo "bench: $recorded is of another machine, $(grep -m 1 ^cpu: "$recorded" | cut -d ' ' -f 2-): times cannot be compared, only ratios within a run" >&2
  fi
else
  compare now="$run"
  echo "bench: there is no $recorded to compare with; scripts/bench.sh --record writes it" >&2
fi

if [ "${1-}" = --record ]; then
  mv "$run" "$recorded" && chmod 644 "$recorded"
  echo "bench: this run is now $recorded"
else
  rm "$run"
fi
