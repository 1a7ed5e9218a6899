#!/bin/bash
# The same trace bytes, logits and counts for any number of threads and any prompt chunk, for every type of stored
# weights; the same spikes per token and population when the prompt is fed by separate calls; converting twice gives the
# same bytes.
. test/e2e/common.sh
need_model
IDS=$(json examples/opt-tiny/golden.json b.ids | tr -d '[] \n' | cut -d, -f-24)

# metrics FILE: without what engine, time and memory have to do with.
metrics() { grep -vE '"(engine|packets_popped|wall_seconds|tokens_per_second|peak_resident_bytes)"' "$1"; }

# Threads and prompt chunks, on opt-tiny and every variant.
same_anyhow() { # MODEL IDS
    local name engine threads chunk kind
    name=$(basename "$1" .snn)
    for engine in event fused; do
        for threads in 1 2 4; do
            expect 0 "$LASSIM" --model "$1" --token-ids "$2" -n 0 -t $threads --engine $engine --quiet \
                --trace "$WORK/run.bin" --metrics "$WORK/run.json" --logits "$WORK/run.npy"
            if [ ! -e "$WORK/$name.bin" ]; then
                for kind in bin json npy; do mv "$WORK/run.$kind" "$WORK/$name.$kind"; done
                continue
            fi
            cmp -s "$WORK/$name.bin" "$WORK/run.bin" || complain "$name: another trace, $engine, $threads threads"
            cmp -s "$WORK/$name.npy" "$WORK/run.npy" || complain "$name: other logits, $engine, $threads threads"
            cmp -s <(metrics "$WORK/$name.json") <(metrics "$WORK/run.json") ||
                complain "$name: other counts, $engine, $threads threads"
        done
        for chunk in 1 2 5 1000; do
            expect 0 "$BUILD/test/e2e/run_pieces" $engine "$1" "$WORK/chunk.bin" "$WORK/chunk.f32" 2 $chunk "$2"
            cmp -s "$WORK/$name.bin" "$WORK/chunk.bin" || complain "$name: another trace, $engine, prompt chunk $chunk"
            cmp -s <(tail -c "$(stat -c %s "$WORK/chunk.f32")" "$WORK/$name.npy") "$WORK/chunk.f32" ||
                complain "$name: other logits, $engine, prompt chunk $chunk"
        done
    done
    [ "$(metrics "$WORK/$name.json" | wc -l)" -gt 100 ] || complain "$name: no metrics to compare"
}
same_anyhow "$MODEL" "$IDS"
for weights in i16 q8 q4; do
    expect 0 "$LASSIM" convert examples/opt-tiny --weights $weights -o "$WORK/$weights.snn" --quiet
    same_anyhow "$WORK/$weights.snn" "$(echo "$IDS" | cut -d, -f-8)"
done
cmp -s "$WORK/i16.npy" "$WORK/q8.npy" && complain "i16 and q8: the same logits"
cmp -s "$WORK/q8.npy" "$WORK/q4.npy" && complain "q8 and q4: the same logits"
for folder in test/data/variants/*/; do
    variant=$(basename "$folder")
    expect 0 "$LASSIM" convert "$folder" -o "$WORK/$variant.snn" --quiet
    expect 0 "$LASSIM" convert "$folder" -o "$WORK/again.snn" --quiet
    cmp -s "$WORK/$variant.snn" "$WORK/again.snn" || complain "$variant: convert twice, other bytes"
    same_anyhow "$WORK/$variant.snn" "$(cat "$folder/golden.ids")"
done
expect 0 "$LASSIM" convert examples/opt-tiny -o "$WORK/again.snn" --quiet
cmp -s "$MODEL" "$WORK/again.snn" || complain "opt-tiny: convert twice, other bytes"

# Separate calls on the cache: the same spikes, global timesteps aside (the step in the window stays).
spikes() {
    "$LASSIM" trace export --format csv "$1" -o "$WORK/export.csv" &&
        awk -F, -v T="$2" 'NR > 1 { print $2, $3, $1 % T, $4, $5, $6 }' "$WORK/export.csv" | LC_ALL=C sort
}
pieces() { # MODEL ID-LIST...
    local model=$1 name whole
    name=$(basename "$1" .snn)
    shift
    whole=$(IFS=,; echo "$*")
    expect 0 "$BUILD/test/e2e/run_pieces" event "$model" "$WORK/whole.bin" "$WORK/whole.f32" 1 0 "$whole"
    expect 0 "$BUILD/test/e2e/run_pieces" $PIECES "$model" "$WORK/pieces.bin" "$WORK/pieces.f32" 1 0 "$@"
    cmp -s "$WORK/whole.bin" "$WORK/pieces.bin" && complain "$name: separate calls took no time of their own"
    spikes "$WORK/whole.bin" 16 >"$WORK/whole.txt"
    spikes "$WORK/pieces.bin" 16 >"$WORK/pieces.txt"
    [ -s "$WORK/whole.txt" ] || complain "$name: no spikes to compare"
    cmp -s "$WORK/whole.txt" "$WORK/pieces.txt" || complain "$name: other spikes when fed by separate calls"
    cmp -s "$WORK/whole.f32" "$WORK/pieces.f32" || complain "$name: other logits when fed by separate calls"
    echo "figure: $name, separate calls: $(wc -l <"$WORK/whole.txt") spikes compared"
}
for PIECES in event fused; do
    pieces "$MODEL" 2,71 443 417,2205,108
    pieces "$WORK/bare.snn" 2 5,9,100,44 7,250,31 31 199,4,288
    pieces "$WORK/postln.snn" 2,5,9 100,44,7,250 31,31,199,4 288
done
finish
