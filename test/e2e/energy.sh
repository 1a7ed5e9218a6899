#!/bin/bash
# Energy: every figure of every model recomputed from trace and counters to the last digit, whatever the weights, code, T
# and perturbation; models from a file; the printed tables; the errors.
. test/e2e/common.sh
need_model

recount() { # MODEL OPTION...
    local model=$1 figures
    shift
    expect 0 "$LASSIM" --model "$model" -n 6 --quiet --trace "$WORK/run.bin" --metrics "$WORK/run.json" "$@"
    expect 0 "$BUILD/test/e2e/energy_recount" "$WORK/run.json" "$WORK/run.bin" || return
    figures=$(cat "$WORK/out")
    [ "$figures" -gt 1000 ] || complain "$* : only $figures figures compared"
    echo "figure: $(basename "$model") $*: $figures energy figures recomputed"
}
recount "$MODEL"
recount "$MODEL" --timesteps 5 --engine event
recount "$MODEL" --drop-spikes 0.1 --seed 2
for weights in q8 q4; do
    expect 0 "$LASSIM" convert examples/opt-tiny --weights $weights --code ternary --timesteps 8 -o "$WORK/$weights.snn" --quiet
    recount "$WORK/$weights.snn"
done

# The engine dense: one side only.
expect 0 "$LASSIM" --model "$MODEL" -n 6 --quiet --engine dense --metrics "$WORK/dense.json"
expect 0 "$LASSIM" --model "$MODEL" -n 6 --quiet --metrics "$WORK/run.json"
for model in horowitz45_fp32 lemaire45_dram loihi; do
    expect_equal "$(json "$WORK/dense.json" energy.$model.spiking_joules)" null "$model, engine dense"
    for width in fp32 fp16 int8; do
        expect_equal "$(json "$WORK/dense.json" energy.$model.dense_${width}_joules)" \
            "$(json "$WORK/run.json" energy.$model.dense_${width}_joules)" "$model, $width: the engine dense counts as much"
    done
done

# More models, and one printed layer by layer.
sed -n '/^```json/,/^```/p' docs/energy.md | grep -v '^```' >"$WORK/models.json"
expect 0 "$LASSIM" --model "$MODEL" -n 2 --energy-models "$WORK/models.json" --metrics "$WORK/more.json"
grep -q '^mychip ' "$WORK/out" || complain "mychip is not printed"
[ "$(json "$WORK/more.json" energy.mychip.kind)" = memory ] || complain "mychip is not in the metrics"
expect 0 "$LASSIM" --model "$MODEL" -n 2 --energy loihi
grep -q '^layers.0.fc  *[0-9]' "$WORK/out" || complain "no layers for --energy"
grep -q '^truenorth' "$WORK/out" && complain "--energy loihi prints truenorth"

# The same file for a sweep, whose rows are a run's figures, and for what tune makes least.
expect 0 "$LASSIM" sweep --model "$MODEL" --text examples/opt-tiny/heldout.txt --tokens-max 9 --timesteps 4,8 --energy-models "$WORK/models.json" \
    --json --quiet -o "$WORK/rows.json"
tail -n 1 "$WORK/rows.json" >"$WORK/row.json"
for side in spiking dense dense_fp16; do
    awk -v x="$(json "$WORK/row.json" mychip_${side}_joules)" 'BEGIN { exit !(x > 0) }' || complain "no mychip_${side}_joules in a sweep"
done
expect 0 "$LASSIM" tune --model "$MODEL" --text examples/opt-tiny/calibration.txt --tokens-max 6 --max-kl 1 --energy-models "$WORK/models.json" \
    --cost mychip -o "$WORK/tuned.snn" --json --quiet
expect_equal "$(json "$WORK/out" cost)" mychip "cost that tune made least"
awk -v a="$(json "$WORK/out" before.cost)" -v b="$(json "$WORK/out" tuned.cost)" 'BEGIN { exit !(b > 0 && b < a && a < 1) }' || complain "tune: joules $(cat "$WORK/out")"
expect 2 "$LASSIM" tune --model "$MODEL" --text examples/opt-tiny/calibration.txt --max-kl 1 --cost mychip -o "$WORK/tuned.snn" &&
    expect_line "--cost" sops horowitz45_fp32 "'mychip'"

expect 2 "$LASSIM" --model "$MODEL" -n 0 --energy nobody && expect_line "--energy" horowitz45_fp32
echo '{"format": "lassim.energy.1", "models": [{"name": "loihi"}]}' >"$WORK/bad.json"
expect 3 "$LASSIM" --model "$MODEL" -n 0 --energy-models "$WORK/bad.json" && expect_line bad.json "models[0]" source
expect 3 "$LASSIM" sweep --model "$MODEL" --text examples/opt-tiny/heldout.txt --energy-models "$WORK/bad.json" -o "$WORK/no.csv" &&
    expect_line bad.json "models[0]" source
finish
