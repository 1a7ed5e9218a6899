#!/bin/bash
# experiments.sh [BUILD]: the tables and pictures of docs/experiments.md, by lassim sweep and lassim tune on the bundled
# model and on a copy of it with outlier channels.  TOKENS, TUNE_TOKENS: held-out tokens of a point, tokens that tune
# measures on.  Works in BUILD/experiments: what is there already is not computed again, the tables go on where they
# stopped (remove it after a change of what is counted).  docs/experiments gets the complete ones.
set -eu
BUILD=${1:-build}
TOKENS=${TOKENS:-2000}
TUNE_TOKENS=${TUNE_TOKENS:-1000}
ROOT=$PWD
OUT=$ROOT/docs/experiments
WORK=$BUILD/experiments
LASSIM=$(realpath "$BUILD/lassim")
mkdir -p "$WORK/outliers" "$OUT"
cp examples/opt-tiny/*.json examples/opt-tiny/merges.txt "$WORK/outliers"
# 2 % of every LayerNorm's channels 64 times larger, undone in the next weights.
"$BUILD/test/e2e/outlier_checkpoint" examples/opt-tiny "$WORK/outliers/model.safetensors" 1 64 >"$WORK/log"
cd "$WORK"
"$LASSIM" convert "$ROOT/examples/opt-tiny" -o opt-tiny.snn --quiet
"$LASSIM" convert outliers -o outliers.snn --quiet
cp "$ROOT/examples/opt-tiny/heldout.txt" "$ROOT/examples/opt-tiny/calibration.txt" .
sweep() { "$LASSIM" sweep --text heldout.txt --tokens-max "$TOKENS" "$@"; }
# table NAME OPTION...: docs/experiments/NAME.csv; the checkout's path is none of its business.
TIMEFORMAT='%R s, of one core %U s'
table() {
    local name=$1
    shift
    printf '%s: ' "$name"
    { time sweep "$@" -o "$name.csv" --quiet; } 2>&1
    sed "s|$ROOT/||" "$name.csv" >"$OUT/$name.csv"
}

table timesteps --model opt-tiny.snn outliers.snn --timesteps 1-16 --oat on,off --code radix,ternary
table thresholds --model opt-tiny.snn outliers.snn --timesteps 8,16 --oat on,off --threshold model,percentile,channel
table nonlinearities --model opt-tiny.snn --timesteps 8,16 --hg table,exact,1e-4,1e-3,1e-2,1e-1
table weights --model opt-tiny.snn --timesteps 8,16 --code radix,ternary --weights keep,i16,q8,q4 --reference "$ROOT/examples/opt-tiny"
table lost-spikes --model opt-tiny.snn --timesteps 8,16 --drop-spikes 0,1e-5,1e-4,1e-3,1e-2,1e-1
table threshold-noise --model opt-tiny.snn --timesteps 8,16 --threshold-noise 0,1e-4,1e-3,1e-2,1e-1

# Where it wins: every layer's energy with 8-bit weights on both sides and its break-even, of a context of held-out text.
"$LASSIM" convert "$ROOT/examples/opt-tiny" --code ternary --timesteps 8 --weights q8 -o q8-ternary-8.snn --quiet
head -c 750 heldout.txt >context.txt
"$LASSIM" --model q8-ternary-8.snn -f context.txt -n 0 --energy lemaire45_sram | sed -n '/^energy lemaire45_sram:/,/^final/p' >"$OUT/layers.txt"

# Tuned on the calibration text to the loss that a uniform T has there, measured on the held-out one.
printf 'timesteps,budget,kl_mean_uniform,synaptic_operations_uniform,kl_mean_tuned,synaptic_operations_tuned,saved_percent\n' >tune.csv
column() { awk -F, -v name="$2" -v row="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR == row { print $at }' "$1"; }
for steps in 6 8 10; do
    "$LASSIM" sweep --model opt-tiny.snn --text calibration.txt --tokens-max "$TUNE_TOKENS" --timesteps $steps -o budget-$steps.csv --quiet
    budget=$(column budget-$steps.csv kl_mean 2)
    if [ ! -e tuned-$steps.json ]; then
        printf 'tune, budget of T = %s: ' $steps
        { time "$LASSIM" tune --model opt-tiny.snn --text calibration.txt --tokens-max "$TUNE_TOKENS" --max-kl "$budget" \
            -o tuned-$steps.snn --json --quiet >tuned-$steps.new; } 2>&1
        mv tuned-$steps.new tuned-$steps.json
    fi
    sweep --model opt-tiny.snn --timesteps $steps -o uniform-$steps.csv --quiet
    sweep --model tuned-$steps.snn -o tuned-$steps.csv --quiet
    uniform=$(column uniform-$steps.csv synaptic_operations 2) tuned=$(column tuned-$steps.csv synaptic_operations 2)
    printf '%s,%s,%s,%s,%s,%s,%s\n' $steps "$budget" "$(column uniform-$steps.csv kl_mean 2)" "$uniform" \
        "$(column tuned-$steps.csv kl_mean 2)" "$tuned" "$(awk -v a="$uniform" -v b="$tuned" 'BEGIN { printf "%.1f", 100 * (a - b) / a }')" >>tune.csv
done
cp tune.csv "$OUT/tune.csv"
cp tuned-8.json "$OUT/tuned-8.json"
"$ROOT/scripts/draw_timesteps.sh" "$OUT/timesteps.csv" >"$OUT/timesteps.svg.new"
mv "$OUT/timesteps.svg.new" "$OUT/timesteps.svg"
