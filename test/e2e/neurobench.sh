#!/bin/bash
# NeuroBench's metrics against the neurobench package's own (test/data/neurobench/make.py): of a network that both ran, and
# of the linear layers of opt-tiny driven by lassim's spikes.
. test/e2e/common.sh
need_model
DATA=test/data/neurobench

same() { # NAME KEY...: $WORK/NAME.json against the golden values; the package sums in float32
    local name=$1 key got want
    shift
    for key; do
        got=$(json "$WORK/$name.json" "neurobench.$key") want=$(json "$DATA/$name.golden.json" "$key")
        awk "BEGIN { d = $got - $want; if (d < 0) d = -d; exit !(d <= 1e-6 * ($want + 1e-12)) }" ||
            complain "$name, $key: $got, the package says $want"
    done
}

expect 0 "$LASSIM" simulate "$DATA/network.json" --input "$DATA/spikes.csv" --trace "$WORK/network.bin" --quiet
expect 0 "$LASSIM" trace stats --json --network "$DATA/network.json" "$WORK/network.bin"
cp "$WORK/out" "$WORK/network.json"
for p in 0 1 2; do
    expect_equal "$(json "$WORK/network.json" populations.$p.spikes)" "$(json "$DATA/network.golden.json" spikes.$p)" "spikes of population $p"
done
same network ConnectionSparsity ParameterCount ActivationSparsity MembraneUpdates SynapticOperations.Effective_MACs \
    SynapticOperations.Effective_ACs SynapticOperations.Dense

IDS=$(json "$DATA/opt-tiny.golden.json" token_ids)
expect 0 "$LASSIM" --model "$MODEL" --token-ids "$IDS" -n 0 --quiet --trace "$WORK/t.bin" --logits "$WORK/t.npy" --metrics "$WORK/m.json"
expect 0 "$LASSIM" trace stats --json --model "$MODEL" "$WORK/t.bin"
cp "$WORK/out" "$WORK/opt-tiny.json"
same opt-tiny ConnectionSparsity SynapticOperations.Effective_MACs SynapticOperations.Effective_ACs SynapticOperations.Dense
# What stands beside it is lassim's own count.
awk "BEGIN { d = $(json "$WORK/opt-tiny.json" neurobench.spike_products) * 5 - $(json "$WORK/m.json" totals.spike_product_operations); exit !(d * d < 1e-6) }" ||
    complain "other spike products than the metrics'"
expect 0 "$LASSIM" trace stats --model "$MODEL" "$WORK/t.bin"
grep -q '^SynapticOperations ' "$WORK/out" || complain "nothing of NeuroBench in prose"

expect 3 "$LASSIM" trace stats --model "$MODEL" "$WORK/network.bin" && expect_line "not of this model"
expect 3 "$LASSIM" trace stats --network "$DATA/network.json" "$WORK/t.bin" && expect_line "not of this network"
expect 2 "$LASSIM" trace stats --model "$MODEL" --network "$DATA/network.json" "$WORK/t.bin"
finish
