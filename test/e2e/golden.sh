#!/bin/bash
# Logits through the program against those that PyTorch computed: engine dense to 1e-4 of their standard deviation,
# event at T = 16 to 1e-3, for opt-tiny and every odd-shaped variant, the variants with and without their tokenizer.
. test/e2e/common.sh
need_model

check() { # NAME MODEL IDS GOLDEN.npy
    local engine limit difference
    for engine in dense:1e-4 event:1e-3 fused:1e-3; do
        limit=${engine#*:} engine=${engine%:*}
        expect 0 "$LASSIM" --model "$2" --token-ids "$3" -n 0 --quiet --engine "$engine" --logits "$WORK/$1.npy" || continue
        difference=$("$BUILD/test/e2e/npy_compare" "$WORK/$1.npy" "$4" "$limit") ||
            complain "$1, engine $engine: largest logit error $difference of the standard deviation, expected $limit"
        echo "figure: $1, engine $engine: largest logit error $difference of the standard deviation (at most $limit)"
    done
}

for text in a b; do
    check "opt-tiny-$text" "$MODEL" "$(json examples/opt-tiny/golden.json $text.ids | tr -d '[] \n')" \
        examples/opt-tiny/golden-$text.npy
done
for folder in test/data/variants/*/; do
    variant=$(basename "$folder")
    ids=$(cat "$folder/golden.ids")
    expect 0 "$LASSIM" convert "$folder" -o "$WORK/$variant.snn" --quiet
    check "$variant" "$WORK/$variant.snn" "$ids" "$folder/golden.npy"
    cp "$WORK/$variant.npy" "$WORK/with.npy"

    # The same checkpoint without tokenizer files: ids in, ids out, texts refused by one line.
    rm -rf "$WORK/bare"
    cp -r "$folder" "$WORK/bare"
    rm "$WORK/bare"/{vocab.json,merges.txt,tokenizer_config.json}
    expect 0 "$LASSIM" convert "$WORK/bare" -o "$WORK/bare.snn" --quiet
    check "$variant-without-tokenizer" "$WORK/bare.snn" "$ids" "$folder/golden.npy"
    expect 0 "$LASSIM" --model "$WORK/bare.snn" --token-ids "$ids" -n 3 --quiet
    grep -qxE "$ids(,[0-9]+){1,3}" "$WORK/out" || complain "$variant without tokenizer prints: $(cat "$WORK/out")"
    expect 0 "$LASSIM" --model "$WORK/bare.snn" --token-ids "$ids" -n 1 --json && cp "$WORK/out" "$WORK/bare.json"
    expect_equal "$(json "$WORK/bare.json" text)" null "$variant without tokenizer, text"
    expect_equal "$(json "$WORK/bare.json" prompt_ids | tr -d '[] \n')" "$ids" "$variant without tokenizer, prompt_ids"
    expect 2 "$LASSIM" --model "$WORK/bare.snn" -p a && expect_line "no tokenizer" --token-ids
    expect 2 "$LASSIM" --model "$WORK/bare.snn" && expect_line "no tokenizer" --token-ids
    expect 3 "$LASSIM" verify --model "$WORK/bare.snn" --text examples/opt-tiny/heldout.txt && expect_line bare.snn tokenizer
done
finish
