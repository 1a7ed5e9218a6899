#!/bin/bash
# A run on the bundled checkpoint: text, trace and metrics agree with each other, whatever way they were asked for.
. test/e2e/common.sh
need_model
PROMPT='Call me Ishmael.'
IDS=2,71,443,417,2205,108,113,101,712,50 # examples/opt-tiny/golden.json, a
run() { "$LASSIM" --model "$MODEL" "$@"; }
N=6

expect 0 run -p "$PROMPT" -n $N --trace "$WORK/a.bin" --metrics "$WORK/a.json"
[ -s "$WORK/err" ] && complain "a good run writes to stderr: $(head -n 2 "$WORK/err")"
# On a terminal the memory plan comes first.
script -qec "$LASSIM --model $MODEL --token-ids $IDS -n 0" /dev/null </dev/null >"$WORK/tty"
head -n 1 "$WORK/tty" | grep -q 'memory: weights .* MiB mapped, state .* MiB (KV cache .* MiB)' ||
    complain "no memory plan on a terminal: $(head -n 1 "$WORK/tty")"
head -n 1 "$WORK/out" | grep -q '^Call me Ishmael\.' || complain "the text does not begin with the prompt"
for word in tokens neurons timesteps spikes synaptic_operations dense_macs horowitz45_fp32 spiking dense; do
    grep -qw "$word" "$WORK/out" || complain "the table lacks $word"
done
[ -e "$WORK/a.bin.partial" ] && complain "a complete trace leaves its .partial"

# event pops exactly the packets that are counted; fused pops whole windows, which are fewer.
[ "$(json "$WORK/a.json" packets_popped)" -lt "$(json "$WORK/a.json" totals.events)" ] || complain "fused pops every packet"
expect 0 run --token-ids $IDS -n $N --engine event --metrics "$WORK/event.json" --quiet
expect_equal "$(json "$WORK/event.json" packets_popped)" "$(json "$WORK/event.json" totals.events)" "packets popped by event"

# Metrics: sums over every list give the totals; the trace read back gives the same counts.
expect_equal "$(json "$WORK/a.json" schema)" lassim.metrics.1 schema
expect_equal "$(json "$WORK/a.json" totals.tokens)" $((10 + N - 1)) "processed tokens"
"$LASSIM" trace info --json "$WORK/a.bin" >"$WORK/a.info" || complain "trace info"
expect_equal "$(json "$WORK/a.info" complete)" true "trace complete"
expect_equal "$(json "$WORK/a.info" timesteps)" "$(json "$WORK/a.json" totals.timesteps)" "timesteps of the trace"
for counter in windows events spikes spikes_positive spikes_negative spikes_normal spikes_outlier spikes_gate saturations \
    active_neurons synaptic_operations spike_product_operations membrane_updates threshold_tests dense_macs; do
    total=$(json "$WORK/a.json" totals.$counter)
    for list in populations layers tokens; do
        expect_equal "$(json "$WORK/a.json" $list.+.$counter)" "$total" "sum of $counter over $list"
    done
done
populations=$(json "$WORK/a.json" populations.#)
expect_equal "$(json "$WORK/a.info" populations.#)" "$populations" "populations of the trace"
for counter in windows events spikes spikes_positive spikes_negative spikes_normal spikes_outlier spikes_gate active_neurons \
    synaptic_operations; do
    expect_equal "$(json "$WORK/a.info" $counter)" "$(json "$WORK/a.json" totals.$counter)" "$counter of the trace"
    expect_equal "$(json "$WORK/a.info" populations.7.$counter)" "$(json "$WORK/a.json" populations.7.$counter)" \
        "$counter of population 7 in the trace"
done
expect_equal "$(json "$WORK/a.json" populations.+.neurons)" "$(json "$WORK/a.json" totals.neurons)" neurons
expect 0 "$LASSIM" trace check "$WORK/a.bin"

# The same bytes for any number of threads, and for the prompt given in another way.
printf '%s\n' "$PROMPT" >"$WORK/prompt.txt"
for same in "-p|$PROMPT|-t|1" "-p|$PROMPT|-t|2" "-p|$PROMPT|-t|4|--numa|off" "--token-ids|$IDS" "-f|$WORK/prompt.txt"; do
    IFS='|' read -ra words <<<"$same"
    expect 0 run "${words[@]}" -n $N --trace "$WORK/b.bin" --quiet
    cmp -s "$WORK/a.bin" "$WORK/b.bin" || complain "another trace with $same"
done
run -p "$PROMPT" -n $N --trace - >"$WORK/c.bin" 2>"$WORK/c.txt" || complain "--trace - fails"
cmp -s "$WORK/a.bin" "$WORK/c.bin" || complain "--trace - writes another trace"
grep -q 'Call me Ishmael' "$WORK/c.txt" || complain "with --trace - the text belongs to stderr"

# --json holds what the prose holds; --quiet is the text alone.
expect 0 run -p "$PROMPT" -n $N --json && cp "$WORK/out" "$WORK/d.json"
expect_equal "$(json "$WORK/d.json" totals.spikes)" "$(json "$WORK/a.json" totals.spikes)" "--json, spikes"
expect_equal "$(json "$WORK/d.json" prompt)" "$PROMPT" "--json, prompt"
expect_equal "$(json "$WORK/d.json" prompt_ids | tr -d '[] ')" "$IDS" "--json, prompt_ids"
expect_equal "$(json "$WORK/d.json" ids.#)" $N "--json, generated ids"
expect 0 run -p "$PROMPT" -n $N --quiet
expect_equal "$(cat "$WORK/out")" "$(json "$WORK/d.json" prompt)$(json "$WORK/d.json" text)" "--quiet"

# Engine dense: the same greedy text at T = 16, null where nothing is counted.
expect 0 run -p "$PROMPT" -n $N --engine dense --json && cp "$WORK/out" "$WORK/e.json"
expect_equal "$(json "$WORK/e.json" ids)" "$(json "$WORK/d.json" ids)" "ids of the dense network"
expect_equal "$(json "$WORK/e.json" totals.spikes)" null "spikes of the dense engine"
expect_equal "$(json "$WORK/e.json" energy.horowitz45_fp32.spiking_joules)" null "energy of the dense engine"
expect_equal "$(json "$WORK/e.json" totals.dense_macs)" "$(json "$WORK/d.json" totals.dense_macs)" "dense MACs"

# -n 0 processes the prompt; logits of every processed token.
expect 0 run --token-ids $IDS -n 0 --logits "$WORK/l.npy" --metrics "$WORK/l.json" --quiet
expect_equal "$(json "$WORK/l.json" totals.tokens)" 10 "-n 0, tokens"
head -c 200 "$WORK/l.npy" | grep -aq "'descr': '<f4', 'fortran_order': False, 'shape': (10, 4096)" ||
    complain "--logits: $(head -c 128 "$WORK/l.npy" | tr -d '\0' | head -n 1)"
expect_equal $(($(stat -c %s "$WORK/l.npy") % 64)) 0 "--logits, aligned header"
expect 0 run --token-ids $IDS -n 3 --logits "$WORK/l3.npy" --quiet
head -c 200 "$WORK/l3.npy" | grep -aq "'shape': (12, 4096)" || complain "--logits, generated tokens"
cmp -s <(tail -c $((10 * 4096 * 4)) "$WORK/l.npy") <(tail -c $((12 * 4096 * 4)) "$WORK/l3.npy" | head -c $((10 * 4096 * 4))) ||
    complain "--logits of the prompt depend on what is generated"

# Sampling: a seed decides.
first=$(run -p "$PROMPT" -n 8 --temp 1.5 --seed 1 --quiet)
expect_equal "$(run -p "$PROMPT" -n 8 --temp 1.5 --seed 1 --quiet)" "$first" "same seed"
[ "$(run -p "$PROMPT" -n 8 --temp 1.5 --seed 2 --quiet)" != "$first" ] || complain "--seed changes nothing"
expect_equal "$(run -p "$PROMPT" -n 8 --temp 1.5 --top-k 1 --quiet)" "$(run -p "$PROMPT" -n 8 --quiet)" "--top-k 1"

# The context: full is the end of generation, more is wrong usage; other prompts that cannot be.
many=$(seq -s, 100 355)
expect 0 run --token-ids "$many" -n 5 --engine dense --json && expect_equal "$(json "$WORK/out" ids.#)" 1 "full context"
expect 2 run --token-ids "$many,7" -n 5 && expect_line prompt 257 256
expect 2 run --token-ids 4096 && expect_line --token-ids 4095
expect 2 run --token-ids 1,,2 && expect_line --token-ids
expect 3 run -f "$WORK/absent.txt" && expect_line "$WORK/absent.txt"

# --timesteps 8: fewer spikes, in the trace's header.
expect 0 run -p "$PROMPT" -n 1 --timesteps 8 --trace "$WORK/t8.bin" --quiet
"$LASSIM" trace info --json "$WORK/t8.bin" >"$WORK/t8.info"
expect_equal "$(json "$WORK/t8.info" T)" 8 "T of the trace"

# --no-clobber keeps what is there.
cp "$WORK/a.bin" "$WORK/kept.bin"
expect 1 run -p "Other" -n 0 --no-clobber --trace "$WORK/kept.bin" && expect_line "$WORK/kept.bin"
cmp -s "$WORK/a.bin" "$WORK/kept.bin" || complain "--no-clobber replaced a file"
finish
