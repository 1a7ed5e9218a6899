#!/bin/bash
# Every family perturbed: the same bytes from both engines and any number of threads, counts that the trace confirms,
# losses that verify sees; and its energy recomputed from trace and counters to the last digit.
. test/e2e/common.sh
FAMILIES=test/data/families
IDS=2,5,7,9,4,3

# run NAME OPTION...: the family's program on a few tokens, results to $WORK/NAME.{bin,json,npy}
run() {
    local name=$1
    shift
    case $family in
    bert-embed) set -- embed -o "$WORK/$name.npy" "$@" ;;
    bert-classify) set -- classify "$@" && : >"$WORK/$name.npy" ;;
    *) set -- -n 2 --quiet --logits "$WORK/$name.npy" "$@" ;;
    esac
    expect 0 "$LASSIM" "$@" --model "$WORK/$family.snn" --token-ids $IDS --trace "$WORK/$name.bin" --metrics "$WORK/$name.json"
}
same() { cmp -s "$WORK/$1.bin" "$WORK/$2.bin" && cmp -s "$WORK/$1.npy" "$WORK/$2.npy"; }

for family in gpt2-plain llama-grouped mistral qwen2-tied bert-embed bert-classify; do
    expect 0 "$LASSIM" convert $FAMILIES/$family -o "$WORK/$family.snn" --quiet
    run plain
    expect 0 "$BUILD/test/e2e/energy_recount" "$WORK/plain.json" "$WORK/plain.bin" &&
        echo "figure: $family: $(cat "$WORK/out") energy figures recomputed"
    # A neuron of every third population that is not an input.
    "$LASSIM" inspect --json "$WORK/$family.snn" >"$WORK/inspect.json"
    echo population,neuron,state >"$WORK/stuck.csv"
    for ((p = 1; p < $(json "$WORK/inspect.json" populations.#); p += 3)); do
        [ "$(json "$WORK/plain.json" populations.$p.code)" = input ] || echo "$p,0,firing" >>"$WORK/stuck.csv"
    done
    [ "$(wc -l <"$WORK/stuck.csv")" -gt 5 ] || complain "$family: few populations: $(cat "$WORK/stuck.csv")"
    for what in "--drop-spikes 0.1" "--threshold-noise 0.2" "--stuck-neurons $WORK/stuck.csv" \
        "--drop-spikes 0.05 --threshold-noise 0.1 --stuck-neurons $WORK/stuck.csv"; do
        # shellcheck disable=SC2086 # words
        run first $what --seed 5 --engine fused -t 1
        for how in "--engine fused -t 2" "--engine event -t 1" "--engine event -t 3"; do
            # shellcheck disable=SC2086 # words
            run again $what --seed 5 $how
            same first again || complain "$family $what $how: other bytes"
        done
        same first plain && complain "$family $what: nothing is perturbed"
        expect 0 "$BUILD/test/e2e/energy_recount" "$WORK/first.json" "$WORK/first.bin"
        expect 0 "$LASSIM" trace info --json "$WORK/first.bin"
        for counter in spikes spikes_lost synaptic_operations threshold_tests events active_neurons; do
            expect_equal "$(json "$WORK/out" $counter)" "$(json "$WORK/first.json" totals.$counter)" "$family $what: $counter of the trace"
        done
        expect 0 "$LASSIM" trace stats --json --model "$WORK/$family.snn" "$WORK/first.bin"
        expect_equal "$(json "$WORK/out" neurobench.spike_products)" "$(json "$WORK/first.json" neurobench.spike_products)" \
            "$family $what: NeuroBench's count in trace stats and metrics"
        awk "BEGIN { d = $(json "$WORK/out" neurobench.spike_products) * $(json "$WORK/out" neurobench.samples) - $(json "$WORK/first.json" totals.spike_product_operations); exit !(d * d < 1e-6) }" ||
            complain "$family $what: spike products of the trace"
    done
    # What it costs, the same from both engines.
    case $family in bert*) figure=max_error ;; *) figure=kl_mean ;; esac
    printf 'the cat of the dog and the cat\nto the dog\n' >"$WORK/text"
    verify() { expect 0 "$LASSIM" verify --model "$WORK/$family.snn" --text "$WORK/text" --tokens-max 12 --json --quiet "$@"; }
    verify && clean=$(json "$WORK/out" $figure)
    verify --drop-spikes 0.01 --seed 3 -t 2 && cp "$WORK/out" "$WORK/v.json"
    verify --drop-spikes 0.01 --seed 3 --engine event -t 1
    cmp -s "$WORK/out" "$WORK/v.json" || complain "$family: verify depends on engine or threads: $(cat "$WORK/out" "$WORK/v.json")"
    awk "BEGIN { exit !($(json "$WORK/v.json" $figure) > 10 * $clean) }" || complain "$family: lost spikes cost nothing: $clean, $(cat "$WORK/v.json")"
done

expect 2 "$LASSIM" embed --model "$WORK/bert-embed.snn" --token-ids $IDS --engine dense --drop-spikes 0.1 && expect_line "dense has no spikes"
printf 'a\nb\n' >"$WORK/lines"
expect 2 "$LASSIM" embed --model "$WORK/bert-embed.snn" -f "$WORK/lines" --lines --metrics "$WORK/m.json" && expect_line "--metrics" "one text"
expect 2 "$LASSIM" embed --model "$WORK/bert-embed.snn" --token-ids $IDS --metrics - && expect_line "--metrics" "standard output"
expect 0 "$LASSIM" embed --model "$WORK/bert-embed.snn" --token-ids $IDS --metrics - -o "$WORK/v.npy"
[ "$(json "$WORK/out" neurobench)" = null ] || complain "metrics on standard output: $(head -c 200 "$WORK/out")"
finish
