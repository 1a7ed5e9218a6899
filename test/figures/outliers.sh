#!/bin/bash
# Outlier channels: 2 % of the channels of every layer's two LayerNorms 64 times larger, undone in the next weights
# (F32).  At T = 8 outlier-aware thresholds and channel shifts keep the loss within 2 times that of the unscaled
# model; one threshold per population at the calibration maximum is worse by more than 5 times.
. test/e2e/common.sh
TOKENS=${OUTLIER_TOKENS:-400}
SEED=${SEED:-1}
FACTOR=64
echo "seed $SEED, factor $FACTOR"

# measure NAME MODEL: its mean KL against the original checkpoint into $kl.
measure() {
    kl=
    expect 0 "$LASSIM" verify --model "$2" --text examples/opt-tiny/heldout.txt --reference "${3:-examples/opt-tiny}" \
        --tokens-max "$TOKENS" --json --quiet && cp "$WORK/out" "$WORK/v.json" || return
    kl=$(json "$WORK/v.json" kl_mean)
    saturations=$(json "$WORK/v.json" saturations)
    echo "figure: T = 8, $1: mean KL $kl, change of ppl $(json "$WORK/v.json" dppl_percent) %, saturations $saturations"
}
# within VALUE LIMIT WHAT
within() { awk -v x="$1" -v y="$2" 'BEGIN { exit !(x != "" && y != "" && x <= y) }' || complain "$3: $1 is above $2"; }

mkdir "$WORK/outliers"
cp examples/opt-tiny/*.json examples/opt-tiny/merges.txt "$WORK/outliers"
expect 0 "$BUILD/test/e2e/outlier_checkpoint" examples/opt-tiny "$WORK/outliers/model.safetensors" "$SEED" $FACTOR
expect_equal "$(cat "$WORK/out")" "32 tensors scaled" "the copy with outliers"
# The network is the same: its dense logits are.
for folder in examples/opt-tiny "$WORK/outliers"; do
    expect 0 "$LASSIM" convert "$folder" --timesteps 8 -o "$WORK/$(basename "$folder").snn" --quiet
    expect 0 "$LASSIM" --model "$WORK/$(basename "$folder").snn" -p "Call me Ishmael." -n 0 --engine dense --quiet \
        --logits "$WORK/$(basename "$folder").npy"
done
difference=$("$BUILD/test/e2e/npy_compare" "$WORK/outliers.npy" "$WORK/opt-tiny.npy" 1e-5) ||
    complain "the copy is another network: logits differ by $difference of their standard deviation"
expect 0 "$BUILD/test/e2e/convert_one_threshold" examples/opt-tiny "$WORK/one.snn" 8
expect 0 "$BUILD/test/e2e/convert_one_threshold" "$WORK/outliers" "$WORK/outliers-one.snn" 8

measure "unscaled" "$WORK/opt-tiny.snn"
plain=$kl
measure "outliers" "$WORK/outliers.snn" "$WORK/outliers"
aware=$kl
expect_equal "$saturations" 0 "saturations with outlier-aware thresholds"
measure "unscaled, one threshold per population at the maximum" "$WORK/one.snn"
measure "outliers, one threshold per population at the maximum" "$WORK/outliers-one.snn" "$WORK/outliers"
within "$aware" "$(awk -v x="$plain" 'BEGIN { print 2 * x }')" "outliers cost more than 2 times the loss"
within "$(awk -v x="$aware" 'BEGIN { print 5 * x }')" "$kl" "one threshold is not 5 times worse"
finish
