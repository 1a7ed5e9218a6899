#!/bin/bash
# trace stats, diff and export --format sonata on real runs: against the rows of the CSV export and the trace's counts.
. test/e2e/common.sh
need_model
IDS=2,5,9,77,12,31
run() { # NAME OPTION...
    local name=$1
    shift
    expect 0 "$LASSIM" --model "$MODEL" --token-ids "$IDS" -n 0 --quiet --trace "$WORK/$name.bin" "$@"
}
run a
run b --engine event -t 2
run c --threshold-noise 0.001
run d --timesteps 8

# diff
expect 0 "$LASSIM" trace diff "$WORK/a.bin" "$WORK/b.bin"
grep -q '^same: ' "$WORK/out" || complain "diff of the same traces"
expect 4 "$LASSIM" trace diff "$WORK/a.bin" "$WORK/c.bin"
[ -s "$WORK/err" ] && complain "a difference is no error message"
expect 4 "$LASSIM" trace diff --json "$WORK/a.bin" "$WORK/c.bin"
cp "$WORK/out" "$WORK/diff.json"
for name in a c; do expect 0 "$LASSIM" trace export --format csv "$WORK/$name.bin" -o "$WORK/$name.csv"; done
first=$(diff "$WORK/a.csv" "$WORK/c.csv" | sed -n 's/^[<>] //p' | cut -d, -f1 | sort -n | head -n 1)
expect_equal "$(json "$WORK/diff.json" first.time)" "$first" "timestep of the first difference"
only=$(awk -F, '$6 != 2' "$WORK/c.csv" | LC_ALL=C sort | LC_ALL=C comm -23 <(awk -F, '$6 != 2' "$WORK/a.csv" | LC_ALL=C sort) - | wc -l)
expect_equal "$(json "$WORK/diff.json" total.spikes_only_a)" "$only" "spikes of A alone"
expect 4 "$LASSIM" trace diff "$WORK/a.bin" "$WORK/d.bin"
grep -q 'T differs' "$WORK/out" || complain "other T"
expect 3 "$LASSIM" trace diff "$WORK/a.bin" README.md && expect_line README.md
expect 2 "$LASSIM" trace diff - -
head -c 20000 "$WORK/a.bin" >"$WORK/cut.bin"
expect 4 "$LASSIM" trace diff "$WORK/a.bin" "$WORK/cut.bin"

# stats
expect 0 "$LASSIM" trace stats --json "$WORK/a.bin"
cp "$WORK/out" "$WORK/stats.json"
expect 0 "$LASSIM" trace info --json "$WORK/a.bin"
for p in 0 2 5 12 30; do
    expect_equal "$(json "$WORK/stats.json" populations.$p.spikes)" "$(json "$WORK/out" populations.$p.spikes)" "spikes of population $p"
done
# intervals of one population from its rows
expect_equal "$(awk -F, '$2 == 7 && $6 != 2 { if ($4 in last) { n++; sum += $1 - last[$4] } last[$4] = $1 } END { printf "%d %.6f", n, sum / n }' "$WORK/a.csv")" \
    "$(printf '%d %.6f' "$(json "$WORK/stats.json" populations.7.intervals.count)" "$(json "$WORK/stats.json" populations.7.intervals.mean)")" "intervals"
expect 0 "$LASSIM" trace stats "$WORK/a.bin"
grep -q '^layers.0.fc ' "$WORK/out" || complain "stats name no population"

# sonata
expect 0 "$LASSIM" trace export --format sonata "$WORK/a.bin" -o "$WORK/a.h5" --dt 0.5
expect 0 "$LASSIM" trace export --format sonata "$WORK/b.bin" -o "$WORK/b.h5" --dt 0.5
cmp -s "$WORK/a.h5" "$WORK/b.h5" || complain "the same trace, other HDF5 bytes"
expect 1 "$LASSIM" trace export --format sonata "$WORK/a.bin" -o "$WORK/a.h5" --no-clobber && expect_line a.h5
expect 2 "$LASSIM" trace export --format sonata "$WORK/a.bin" -o - && expect_line "regular file"
[ -e "$WORK/a.h5.partial" ] && complain "a .partial file is left"
finish
