#!/bin/bash
# lassim sweep: rows agree with verify and with conversions of the same rule; a sweep killed at random points and started
# again gives the rows of one that ran through, byte for byte but for the wall times.  SWEEP_KILLS: how often; SWEEP_PAUSE:
# milliseconds before a kill, at most.
. test/e2e/common.sh
need_model
KILLS=${SWEEP_KILLS:-4}
PAUSE=${SWEEP_PAUSE:-900}
SEED=${SEED:-$$}
RANDOM=$SEED
echo "seed $SEED"
TEXT=(--text examples/opt-tiny/heldout.txt --tokens-max "${SWEEP_TOKENS:-120}")
GRID=(--model "$MODEL" "${TEXT[@]}" --timesteps 4,8-9 --code radix,ternary --oat on,off --quiet)
sweep() { "$LASSIM" sweep "$@"; }
# column FILE NAME [FILTER]: that column of the rows that contain FILTER.
column() {
    awk -F, -v name="$2" -v filter="${3:-}" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
        index($0, filter) { print $at }' "$1"
}
# The rows without their last column, the wall time.
rows() { sed 's/,[^,]*$//' "$1"; }

expect 0 sweep "${GRID[@]}" -o "$WORK/whole.csv"
expect_equal "$(wc -l <"$WORK/whole.csv")" 13 "lines of the table"
expect_equal "$(column "$WORK/whole.csv" timesteps | tr '\n' ' ')" "4 8 9 4 8 9 4 8 9 4 8 9 " "order of the rows"
[ -e "$WORK/whole.csv.partial" ] && complain "whole.csv.partial is left behind"
expect 0 "$LASSIM" verify --model "$MODEL" "${TEXT[@]}" --timesteps 8 --json
for name in ppl_dense ppl_spiking kl_mean kl_max top1_agreement saturations; do
    expect_equal "$(column "$WORK/whole.csv" $name ,8,radix,on,)" "$(json "$WORK/out" $name)" "$name"
done
# The same again: everything is there already.
cp "$WORK/whole.csv" "$WORK/again.csv"
expect 0 "$LASSIM" sweep "${GRID[@]:0:$((${#GRID[@]} - 1))}" -o "$WORK/again.csv"
grep -q "^wrote  *$WORK/again.csv: 12 rows, 12 of them there already; 0\.[0-9] s$" "$WORK/out" || complain "the last line: $(cat "$WORK/out")"
expect 0 sweep "${GRID[@]}" -o "$WORK/again.csv"
cmp -s "$WORK/whole.csv" "$WORK/again.csv" || complain "a complete sweep run again gives other bytes"
# One thread, the model's name aside.
expect 0 sweep "${GRID[@]}" -t 1 -o "$WORK/one.csv"
cmp -s <(rows "$WORK/whole.csv") <(rows "$WORK/one.csv") || complain "one thread gives other rows"

# Killed after a random time, again and again, from the beginning where it came through; then let through.
halfway=0
for kill in $(seq "$KILLS"); do
    "$LASSIM" sweep "${GRID[@]}" -o "$WORK/killed.csv" &
    pid=$!
    sleep "$(awk -v ms=$((RANDOM % PAUSE + 20)) 'BEGIN { printf "%.3f", ms / 1000 }')"
    kill -s KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    lines=0
    [ -e "$WORK/killed.csv.partial" ] && lines=$(grep -c "" "$WORK/killed.csv.partial")
    echo "kill $kill: $lines lines so far"
    [ "$lines" -gt 1 ] && halfway=$((halfway + 1))
    [ -e "$WORK/killed.csv" ] || continue
    cmp -s <(rows "$WORK/whole.csv") <(rows "$WORK/killed.csv") || complain "a sweep killed $kill times gives other rows"
    rm -f "$WORK/killed.csv" "$WORK/killed.csv.partial"
done
[ "$KILLS" -lt 20 ] || [ $((2 * halfway)) -ge "$KILLS" ] || complain "only $halfway of $KILLS kills came between the rows"
# What a power cut could leave: a row cut short.
[ -e "$WORK/killed.csv.partial" ] && printf '%s,d0365' "$MODEL" >>"$WORK/killed.csv.partial"
expect 0 sweep "${GRID[@]}" -o "$WORK/killed.csv"
cmp -s <(rows "$WORK/whole.csv") <(rows "$WORK/killed.csv") || complain "a killed sweep gives other rows"
ls "$WORK"/killed.csv.* >/dev/null 2>&1 && complain "left behind: $(ls "$WORK"/killed.csv.*)"

# JSON: an object a line, the same figures; signals end in order.
expect 0 sweep "${GRID[@]}" --json -o "$WORK/rows.json"
expect_equal "$(wc -l <"$WORK/rows.json")" 12 "objects"
sed -n 2p "$WORK/rows.json" >"$WORK/row.json"
expect_equal "$(json "$WORK/row.json" kl_mean)" "$(column "$WORK/whole.csv" kl_mean ,8,radix,on,)" "KL of the second object"
"$LASSIM" sweep "${GRID[@]}" --tokens-max 2000 -o "$WORK/stopped.csv" 2>"$WORK/err" &
pid=$!
sleep 0.5
kill -s TERM $pid
wait $pid
expect_equal $? 143 "exit status after SIGTERM"
[ -e "$WORK/stopped.csv" ] && complain "an interrupted sweep left its final name"

# Thresholds that need no conversion are those of one.
if [ -x "$BUILD/test/e2e/convert_one_threshold" ]; then
    expect 0 "$BUILD/test/e2e/convert_one_threshold" examples/opt-tiny "$WORK/one.snn" 8
    expect 0 "$LASSIM" verify --model "$WORK/one.snn" "${TEXT[@]}" --json
    expect_equal "$(column "$WORK/whole.csv" kl_mean ,8,radix,off,)" "$(json "$WORK/out" kl_mean)" "KL of one threshold at the maximum"
fi
# Every axis once.
expect 0 sweep --model "$MODEL" --text examples/opt-tiny/heldout.txt --tokens-max 20 --timesteps 8 --threshold model,max,percentile,channel \
    --oat on,off --hg table,exact,0.01 --drop-spikes 0,0.1 --threshold-noise 0,0.1 --quiet -o "$WORK/axes.csv"
expect_equal "$(wc -l <"$WORK/axes.csv")" 97 "lines of every axis"
expect_equal "$(column "$WORK/axes.csv" spikes_gate ,exact, | sort -u)" 0 "gates of the exact function"
expect 0 sweep --model "$MODEL" --text examples/opt-tiny/heldout.txt --tokens-max 20 --weights keep,q8 --reference examples/opt-tiny \
    --quiet -o "$WORK/weights.csv"
expect_equal "$(column "$WORK/weights.csv" weights | tr '\n' ' ')" "keep q8 " "weights"
expect_equal "$(column "$WORK/weights.csv" ppl_dense | sort -u | wc -l)" 1 "dense perplexities against one checkpoint"

# More models: --model again, or operands.
cp "$MODEL" "$WORK/b.snn"
for more in "--model $WORK/b.snn" "$WORK/b.snn"; do
    # shellcheck disable=SC2086 # two words
    expect 0 sweep --model "$MODEL" $more --text examples/opt-tiny/heldout.txt --tokens-max 20 --timesteps 4 --quiet -o "$WORK/two.csv"
    expect_equal "$(column "$WORK/two.csv" model | tr '\n' ' ')" "$MODEL $WORK/b.snn " "models of the rows, $more"
    expect_equal "$(column "$WORK/two.csv" kl_mean | sort -u | wc -l)" 1 "losses of a model and its copy"
    rm "$WORK/two.csv"
done

# Wrong lists, wrong files.
for wrong in "--timesteps 0" "--timesteps 17" "--timesteps 4,4" "--timesteps 8-4" "--timesteps 4," "--oat maybe" "--hg 2" \
    "--drop-spikes 1.5" "--threshold-noise -1" "--weights q8" "--code radix,,ternary"; do
    # shellcheck disable=SC2086 # two words
    expect 2 sweep --model "$MODEL" "${TEXT[@]}" $wrong -o "$WORK/wrong.csv" && expect_line "${wrong%% *}"
    [ -e "$WORK/wrong.csv.partial" ] && complain "$wrong leaves a file"
done
expect 3 sweep --model "$MODEL" --text "$WORK/no-such-text" -o "$WORK/wrong.csv" && expect_line no-such-text
echo other,columns >"$WORK/alien.csv.partial"
expect 1 sweep "${GRID[@]}" -o "$WORK/alien.csv" && expect_line alien.csv.partial "other columns"
expect_equal "$(cat "$WORK/alien.csv.partial")" other,columns "somebody else's file"
rm -f "$WORK.partial"
expect 1 sweep "${GRID[@]}" -o "$WORK" && expect_line "is a directory"
[ -e "$WORK.partial" ] && complain "a file beside the directory"
expect 1 sweep "${GRID[@]}" -o "$WORK/no/such/folder.csv" && expect_line no/such/folder
finish
