#!/bin/bash
# lassim embed and classify on small encoders: vectors and labels of both engines and the dense network, files of lines,
# pairs, what the checkpoint says of pooling, and every refusal.
. "$(dirname "$0")/common.sh"
FAMILIES=test/data/families

for name in bert-embed bert-classify bert-mlm; do
    expect 0 "$LASSIM" convert "$FAMILIES/$name" -o "$WORK/$name.snn" --quiet
done
EMBED="$LASSIM embed --model $WORK/bert-embed.snn"
CLASSIFY="$LASSIM classify --model $WORK/bert-classify.snn"

# The same bytes from both engines and any number of threads; the dense network is near.
printf 'the cat\n\nof the dog and the cat\r\nto\n' >"$WORK/lines.txt"
for run in "fused 1" "fused 2" "event 1" "dense 1"; do
    set -- $run
    expect 0 $EMBED -f "$WORK/lines.txt" --lines --engine "$1" -t "$2" -o "$WORK/$1$2.npy"
done
cmp "$WORK/fused1.npy" "$WORK/fused2.npy" || complain "vectors depend on the threads"
cmp "$WORK/fused1.npy" "$WORK/event1.npy" || complain "vectors depend on the engine"
"$BUILD/test/e2e/npy_compare" "$WORK/fused1.npy" "$WORK/dense1.npy" 1e-3 || complain "spiking vectors are far from dense ones"

# modules.json of that checkpoint asks for the mean, at length 1; the command line goes first.
expect 0 $EMBED -p "the cat" --json
expect_equal "$(json "$WORK/out" pooling)" mean pooling
expect_equal "$(json "$WORK/out" normalized)" true normalized
expect 0 $EMBED -p "the cat" --pooling cls --normalize off --json
expect_equal "$(json "$WORK/out" pooling)" cls pooling
expect_equal "$(json "$WORK/out" normalized)" false normalized
expect 0 $EMBED -p "the cat" --trace "$WORK/spikes.bin"
expect 0 "$LASSIM" trace check "$WORK/spikes.bin"

# Labels are the checkpoint's names; a pair is another text.
expect 0 $CLASSIFY --token-ids 2,5,7,9 --json
case $(json "$WORK/out" label) in negative | neutral | positive) ;; *) complain "label $(cat "$WORK/out")" ;; esac
expect 0 $CLASSIFY --token-ids 2,5,7,9
grep -q 'negative 0\.[0-9]*  neutral 0\.[0-9]*  positive 0\.[0-9]*' "$WORK/out" || complain "scores: $(cat "$WORK/out")"

# Refusals, each one line.
expect 2 $EMBED && expect_line "expected one of --prompt" "none"
expect 2 $EMBED -p a --token-ids 1 && expect_line "several"
expect 2 $EMBED -f "$WORK/lines.txt" --lines --trace "$WORK/t.bin" && expect_line "--trace" "one text"
expect 2 $CLASSIFY -p "the cat" --token-ids 99999 && expect_line "several"
expect 2 $CLASSIFY --token-ids 99999 && expect_line "--token-ids"
expect 2 "$LASSIM" embed --model "$WORK/bert-classify.snn" --token-ids 1 && expect_line "lassim classify"
expect 2 "$LASSIM" classify --model "$WORK/bert-embed.snn" -p a && expect_line "lassim embed"
expect 2 "$LASSIM" embed --model "$WORK/bert-mlm.snn" --token-ids 1 && expect_line "lassim verify"
expect 2 "$LASSIM" --model "$WORK/bert-embed.snn" -p a && expect_line "lassim embed"
: >"$WORK/empty.txt"
expect 3 $EMBED -f "$WORK/empty.txt" --lines && expect_line "empty.txt" "holds no text"
finish
