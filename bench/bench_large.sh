#!/bin/sh
# bench_large.sh BUILD [PRESET]: decodes with a model of PRESET's shape (6.7b: 13 GB in F16) and writes
# bench/results/large.json, which `make bench` takes into its results.  Called by `make bench-large [PRESET=6.7b]`.
# Makes the model first if it is not there, in steps that a second call takes up where the first stopped: a sharded
# checkpoint (deleted after the conversion) and the .snn, so twice the model's size of disk for a while.
set -eu
build=$1
preset=${2:-6.7b}
work=$build/bench/work
mkdir -p "$work" bench/results
model=$(sh bench/models.sh "$build" "$preset")
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
"$build/bench/bench_large" "$build/lassim" "$work" "$model" ${TOKENS:+"$TOKENS"} >"$work/large.part"
{
    printf '{"date": "%s", "commit": "%s", "memory_kib": %s, "swap_kib": %s, "result":\n' "$(date -u +%Y-%m-%d)" "$commit" \
        "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)" "$(sed -n 's/^SwapTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
    cat "$work/large.part"
    echo '}'
} >"$work/large.json"
mv "$work/large.json" "${RESULT:-bench/results/large.json}"
rm -f "$work/large.part"
