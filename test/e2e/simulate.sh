#!/bin/bash
# lassim simulate: the bundled network; its trace, summary and files agree, whatever way it is run.
. test/e2e/common.sh
NET=examples/if-small/net.json
SPIKES=examples/if-small/spikes.csv
simulate() { "$LASSIM" simulate "$@"; }

expect 0 simulate "$NET" -i "$SPIKES" --trace "$WORK/a.bin" --metrics "$WORK/a.json"
[ -s "$WORK/err" ] && complain "a good run writes to stderr: $(head -n 2 "$WORK/err")"
for word in hidden out spikes synaptic_operations threshold_tests timesteps; do
    grep -qw "$word" "$WORK/out" || complain "the table lacks $word"
done
expect 0 "$LASSIM" trace check "$WORK/a.bin"
"$LASSIM" trace info --json "$WORK/a.bin" >"$WORK/a.info" || complain "trace info"
expect_equal "$(json "$WORK/a.info" timesteps)" 40 timesteps
expect_equal "$(json "$WORK/a.info" hash)" "$(json "$WORK/a.json" hash)" "hash of trace and summary"
for counter in spikes events; do
    expect_equal "$(json "$WORK/a.info" $counter)" "$(json "$WORK/a.json" totals.$counter)" "$counter"
    expect_equal "$(json "$WORK/a.json" populations.+.$counter)" "$(json "$WORK/a.json" totals.$counter)" "sum of $counter"
done

# The input comes out as it went in, and what comes out goes in again.
expect 0 "$LASSIM" trace export "$WORK/a.bin" -o "$WORK/a.csv" --format csv
awk -F, '$2 == 0 {print $1 "," $4}' "$WORK/a.csv" | sort >"$WORK/in.txt"
tail -n +2 "$SPIKES" | sort | cmp -s - "$WORK/in.txt" || complain "the trace holds other input spikes"
awk -F, 'NR == 1 || $2 == 0' "$WORK/a.csv" >"$WORK/again.csv"
(head -n 1 "$SPIKES" && tail -n +2 "$SPIKES" | sort -R --random-source="$NET") >"$WORK/shuffled.csv"

# By hand: inputs 0 and 3 spike at 0, 1 at 1, 0, 1 and 3 at 2, so hidden 0 holds 0.25, then 0.875 x 0.25 + 0.5 = 0.71875, then
# 0.875 x 0.71875 + 0.75 > 1 at timestep 3, as the two others do.  Two timesteps later out 0 gets 0.75 + 0.5; out 1
# gets 0.75 at 5 and 0.5 more, of delay 4, at 7.
spikes_of() { awk -F, -v p="$1" -v last="$2" '$2 == p && $1 <= last {printf "%s,%s ", $1, $4}' "$WORK/a.csv"; }
expect_equal "$(spikes_of 1 6)" "3,0 3,1 3,2 " "first spikes of hidden"
expect_equal "$(spikes_of 2 7)" "5,0 7,1 " "first spikes of out"

for way in "-t 1" "-t 3" "-t 2 --numa off" "-i $WORK/again.csv" "-i $WORK/shuffled.csv"; do
    # shellcheck disable=SC2086 # words
    expect 0 simulate "$NET" -i "$SPIKES" $way --trace "$WORK/b.bin" --quiet
    [ -s "$WORK/out" ] && complain "--quiet prints"
    cmp -s "$WORK/a.bin" "$WORK/b.bin" || complain "another trace with $way"
done
simulate "$NET" -i "$SPIKES" --trace - >"$WORK/c.bin" 2>"$WORK/c.txt" || complain "--trace - fails"
cmp -s "$WORK/a.bin" "$WORK/c.bin" || complain "--trace - writes another trace"
grep -qw hidden "$WORK/c.txt" || complain "with --trace - the table belongs to stderr"

# Fewer timesteps: the beginning of the same; --json is the metrics file.
expect 0 simulate "$NET" -i "$SPIKES" --timesteps 21 --trace "$WORK/d.bin" --json && cp "$WORK/out" "$WORK/d.json"
expect_equal "$(json "$WORK/d.json" totals.timesteps)" 21 "--timesteps"
expect_equal "$(json "$WORK/d.json" schema)" lassim.simulation.1 schema
expect 0 "$LASSIM" trace export "$WORK/d.bin" -o "$WORK/d.csv" --format csv
awk -F, 'NR == 1 || $1 < 21' "$WORK/a.csv" | cmp -s - "$WORK/d.csv" || complain "21 timesteps are not the first of 40"
expect 0 simulate "$NET" --quiet

# What is refused, in one line.
expect 2 simulate && expect_line NET.json
expect 3 simulate "$WORK/absent.json" && expect_line "$WORK/absent.json"
expect 3 simulate "$NET" -i "$WORK/absent.csv" && expect_line "$WORK/absent.csv"
sed 's/"timesteps": 40,//' "$NET" >"$WORK/endless.json"
expect 2 simulate "$WORK/endless.json" && expect_line --timesteps
echo 'time,neuron
3,4' >"$WORK/far.csv"
expect 3 simulate "$NET" -i "$WORK/far.csv" && expect_line "$WORK/far.csv" "line 2" "below 4"
head -c 300 "$NET" >"$WORK/cut.json"
expect 3 simulate "$WORK/cut.json" && expect_line "$WORK/cut.json" line
expect 2 simulate "$NET" --trace - --metrics - && expect_line --trace
cp "$WORK/a.bin" "$WORK/kept.bin"
expect 1 simulate "$NET" --no-clobber --trace "$WORK/kept.bin" && expect_line "$WORK/kept.bin"
cmp -s "$WORK/a.bin" "$WORK/kept.bin" || complain "--no-clobber replaced a file"
finish
