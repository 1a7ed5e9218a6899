#!/bin/sh
# fuzz.sh SECONDS TARGET...: runs each libFuzzer target for SECONDS on a copy of its corpus; a crash
# leaves its input beside the target and ends with exit 1.
set -u
seconds=$1
shift
status=0
for target; do
    name=$(basename "$target" | sed 's/^fuzz_//')
    seeds=test/fuzz/corpus/$name
    grown=$target.corpus
    mkdir -p "$grown" "$seeds"
    echo "fuzz $name, $seconds s"
    "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$target." "$grown" "$seeds" >"$target.log" 2>&1 || { status=1; tail -n 40 "$target.log"; }
    grep -E '^stat::number_of_executed_units|cov:' "$target.log" | tail -n 2
done
exit $status
