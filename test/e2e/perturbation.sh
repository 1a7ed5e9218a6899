#!/bin/bash
# Perturbed runs of opt-tiny: the same bytes for both engines and any number of threads, other bytes for another seed,
# today's bytes when off, counts that the trace confirms, and the errors.
. test/e2e/common.sh
need_model
IDS=$(json examples/opt-tiny/golden.json b.ids | tr -d '[] \n' | cut -d, -f-12)
cat >"$WORK/stuck.csv" <<END
population,neuron,state
layers.0.fc,7,silent
layers.1.q,3,firing
layers.0.norm1.rstd,0,firing
END

run() { # NAME OPTION...
    local name=$1
    shift
    expect 0 "$LASSIM" --model "$MODEL" --token-ids "$IDS" -n 0 --quiet --trace "$WORK/$name.bin" \
        --metrics "$WORK/$name.json" --logits "$WORK/$name.npy" "$@"
}
same() { cmp -s "$WORK/$1.bin" "$WORK/$2.bin" && cmp -s "$WORK/$1.npy" "$WORK/$2.npy"; }

run plain
run off --drop-spikes 0 --threshold-noise 0 --seed 5
same plain off || complain "probabilities of 0 change the run"
for what in "--drop-spikes 0.1" "--threshold-noise 0.2" "--stuck-neurons $WORK/stuck.csv" \
    "--drop-spikes 0.05 --threshold-noise 0.1 --stuck-neurons $WORK/stuck.csv"; do
    # shellcheck disable=SC2086 # words
    for how in "--engine fused -t 1" "--engine fused -t 2" "--engine event -t 1" "--engine event -t 3"; do
        run again $what --seed 5 $how
        [ "$how" = "--engine fused -t 1" ] && for kind in bin json npy; do mv "$WORK/again.$kind" "$WORK/first.$kind"; done &&
            continue
        same first again || complain "$what $how: other bytes"
    done
    same first plain && complain "$what: nothing is perturbed"
    expect 0 "$LASSIM" trace info --json "$WORK/first.bin"
    for counter in spikes spikes_lost synaptic_operations threshold_tests events active_neurons; do
        expect_equal "$(json "$WORK/out" $counter)" "$(json "$WORK/first.json" totals.$counter)" "$what: $counter of the trace"
    done
    expect_equal "$(json "$WORK/out" perturbation.seed)" 5 "$what: seed in the trace"
    expect_equal "$(json "$WORK/out" perturbation.stuck_hash)" "$(json "$WORK/first.json" perturbation.stuck_hash)" \
        "$what: stuck neurons in trace and metrics"
    expect 0 "$LASSIM" trace check "$WORK/first.bin"
done
run one --drop-spikes 0.1 --seed 1
run two --drop-spikes 0.1 --seed 2
same one two && complain "the seed changes nothing"
lost=$(json "$WORK/one.json" totals.spikes_lost) spikes=$(json "$WORK/one.json" totals.spikes)
[ $((lost * 100 / spikes)) -ge 9 ] && [ $((lost * 100 / spikes)) -le 10 ] || complain "$lost of $spikes lost, p = 0.1"
expect_equal "$(json "$WORK/plain.json" totals.spikes_lost)" 0 "spikes lost in an unperturbed run"

# A stuck neuron in the trace: T spikes a window, or none.
run stuck --stuck-neurons "$WORK/stuck.csv"
expect 0 "$LASSIM" trace dump "$WORK/stuck.bin"
expect_equal "$(grep -c ' layers.1.q [0-9]* 3 + normal$' "$WORK/out")" $((12 * 16)) "spikes of a firing neuron"
expect_equal "$(grep -c ' layers.0.fc [0-9]* 7 ' "$WORK/out")" 0 "spikes of a silent neuron"

# verify measures what it costs.
head -c 600 examples/opt-tiny/heldout.txt >"$WORK/text" 2>/dev/null || printf 'A photo of a cat on the mat.' >"$WORK/text"
expect 0 "$LASSIM" verify --model "$MODEL" --text "$WORK/text" --tokens-max 30 --json
clean=$(json "$WORK/out" kl_mean)
expect 0 "$LASSIM" verify --model "$MODEL" --text "$WORK/text" --tokens-max 30 --json --drop-spikes 0.01 --seed 3
dropped=$(json "$WORK/out" kl_mean)
awk "BEGIN { exit !($dropped > 10 * $clean) }" || complain "lost spikes cost nothing: $clean, $dropped"

expect 2 "$LASSIM" --model "$MODEL" -n 0 --drop-spikes 1.5 && expect_line drop-spikes
expect 2 "$LASSIM" --model "$MODEL" -n 0 --threshold-noise -1 && expect_line threshold-noise
expect 2 "$LASSIM" --model "$MODEL" -n 0 --drop-spikes 0.1 --engine dense && expect_line engine
expect 3 "$LASSIM" --model "$MODEL" -n 0 --stuck-neurons "$WORK/none.csv" && expect_line none.csv
printf 'population,neuron,state\nlayers.9.q,1,silent\n' >"$WORK/bad.csv"
expect 3 "$LASSIM" --model "$MODEL" -n 0 --stuck-neurons "$WORK/bad.csv" && expect_line bad.csv "line 2" population
finish
