#!/bin/bash
# Trained models (`make models`): MiniLM's sentence vectors, spiking against dense and against transformers', and SmolLM2's
# loss on English text, T = 16.  Says that it measured nothing where build/models is not there.
. "$(dirname "$0")/../e2e/common.sh"
MODELS=build/models
if [ ! -d "$MODELS/minilm" ] || [ ! -f "$MODELS/smollm2-f16.gguf" ]; then
    echo "figure: no build/models (make models): nothing measured"
    exit 0
fi

# holds EXPRESSION: arithmetic on decimals.
holds() { awk "BEGIN { exit !($1) }"; }

expect 0 "$LASSIM" convert "$MODELS/minilm" -o "$WORK/minilm.snn" --quiet
for engine in fused dense; do
    expect 0 "$LASSIM" embed --model "$WORK/minilm.snn" -f test/data/minilm/sentences.txt --lines --engine "$engine" \
        -o "$WORK/$engine.npy" --quiet
done
read -r near reference displaced < <("$BUILD/test/e2e/vectors_compare" "$WORK/fused.npy" "$WORK/dense.npy" \
    test/data/minilm/vectors.npy test/data/minilm/golden.json)
echo "figure: MiniLM, 500 sentences: smallest cosine to dense $near, to transformers $reference; pairs out of order: $displaced"
holds "${near:-0} >= 0.99999" || complain "spiking to dense: cosine $near"
holds "${reference:-0} >= 0.9999" || complain "spiking to transformers: cosine $reference"
expect_equal "${displaced:-none}" 0 "pairs out of order"

expect 0 "$LASSIM" convert "$MODELS/smollm2-f16.gguf" -o "$WORK/smollm2.snn" --quiet
expect 0 "$LASSIM" verify --model "$WORK/smollm2.snn" --reference "$MODELS/smollm2-f16.gguf" --text examples/opt-tiny/heldout.txt \
    --tokens-max 2000 --context 512 --max-kl 1e-5 --max-dppl 0.02 --json
cp "$WORK/out" "$WORK/verify.json"
top1=$(json "$WORK/verify.json" top1_agreement)
echo "figure: SmolLM2-135M F16, 2000 tokens: dPPL $(json "$WORK/verify.json" dppl_percent) %, mean KL $(json "$WORK/verify.json" kl_mean), top-1 $top1"
holds "${top1:-0} >= 0.998" || complain "top-1 agreement $top1"
for engine in fused dense; do
    expect 0 "$LASSIM" --model "$WORK/smollm2.snn" -p "The capital of France is" -n 64 --engine "$engine" --context 128 --quiet
    cp "$WORK/out" "$WORK/text.$engine"
done
cmp "$WORK/text.fused" "$WORK/text.dense" || complain "greedy texts differ"
finish
