#!/bin/bash
# Tuned on the calibration text to the loss that T = 8 has there: on the held-out text at least 20 % fewer synaptic operations
# than T = 8 at no more loss.
. test/e2e/common.sh
need_model
CALIBRATION=(--text examples/opt-tiny/calibration.txt --tokens-max 600)
HELDOUT=(--text examples/opt-tiny/heldout.txt --tokens-max 4000)
column() { awk -F, -v name="$2" -v row="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR == row { print $at }' "$1"; }

expect 0 "$LASSIM" sweep --model "$MODEL" "${CALIBRATION[@]}" --timesteps 8 -o "$WORK/budget.csv"
expect 0 "$LASSIM" tune --model "$MODEL" "${CALIBRATION[@]}" --max-kl "$(column "$WORK/budget.csv" kl_mean 2)" -o "$WORK/tuned.snn" --json
cp "$WORK/out" "$WORK/tuned.json"
expect 0 "$LASSIM" sweep --model "$MODEL" "${HELDOUT[@]}" --timesteps 8 -o "$WORK/uniform.csv"
expect 0 "$LASSIM" sweep --model "$WORK/tuned.snn" "${HELDOUT[@]}" -o "$WORK/tuned.csv"
for name in kl_mean dppl_percent synaptic_operations; do
    echo "figure: held-out $name: T = 8 $(column "$WORK/uniform.csv" $name 2), tuned $(column "$WORK/tuned.csv" $name 2)"
done
awk -v a="$(column "$WORK/uniform.csv" synaptic_operations 2)" -v b="$(column "$WORK/tuned.csv" synaptic_operations 2)" \
    'BEGIN { printf "figure: %.1f %% fewer synaptic operations\n", 100 * (a - b) / a; exit !(b <= 0.8 * a) }' ||
    complain "less than 20 % fewer synaptic operations on held-out text"
awk -v a="$(column "$WORK/uniform.csv" kl_mean 2)" -v b="$(column "$WORK/tuned.csv" kl_mean 2)" 'BEGIN { exit !(b <= a) }' ||
    complain "more loss than T = 8 on held-out text"
finish
