#!/bin/bash
# verify for encoders: each line of a text is a sequence; sentence vectors, labels, masked-LM distributions, prose and
# JSON, bounds; against the model's own weights and the checkpoint.
. test/e2e/common.sh
families=test/data/families
printf 'a small text\n\nand another one, a little longer than the first\nthe last\n' >"$WORK/lines.txt"

for name in bert-embed bert-classify bert-mlm; do
    expect 0 "$LASSIM" convert $families/$name -o "$WORK/$name.snn" --quiet
    for reference in "" "--reference $families/$name"; do
        # shellcheck disable=SC2086
        expect 0 "$LASSIM" verify --model "$WORK/$name.snn" --text "$WORK/lines.txt" --json --quiet $reference &&
            cp "$WORK/out" "$WORK/v.json" || continue
        expect_equal "$(json "$WORK/v.json" sequences)" 3 "$name, sequences"
        expect_equal "$(json "$WORK/v.json" saturations)" 0 "$name, saturations"
        expect_equal "$(json "$WORK/v.json" reference)" "$([ -n "$reference" ] && echo checkpoint || echo model)" "$name"
        case $name in
        bert-embed) figure=cosine_min least=0.99999 ;;
        bert-classify) figure=label_agreement least=1 ;;
        bert-mlm) figure=top1_agreement least=1 ;;
        esac
        value=$(json "$WORK/v.json" $figure)
        awk -v x="$value" -v least=$least 'BEGIN { exit !(x >= least && x <= 1) }' || complain "$name: $figure $value"
        echo "figure: $name${reference:+ against the checkpoint}: $figure $value"
    done
done

expect 0 "$LASSIM" verify --model "$WORK/bert-embed.snn" --text "$WORK/lines.txt" --quiet
grep -q "^least cosine  *0.99999" "$WORK/out" || complain "prose: $(cat "$WORK/out")"
expect 4 "$LASSIM" verify --model "$WORK/bert-embed.snn" --text "$WORK/lines.txt" --quiet --max-kl 1e-15 &&
    expect_line cosine --max-kl
# A cut sequence is another one; the first line alone is enough for a few tokens.
expect 0 "$LASSIM" verify --model "$WORK/bert-embed.snn" --text "$WORK/lines.txt" --json --quiet --context 4 --tokens-max 1 &&
    expect_equal "$(json "$WORK/out" sequences) $(json "$WORK/out" tokens)" "1 4" "cut"
printf '\n\n' >"$WORK/empty.txt"
expect 3 "$LASSIM" verify --model "$WORK/bert-embed.snn" --text "$WORK/empty.txt" --quiet && expect_line empty.txt "no line"
expect 3 "$LASSIM" verify --model "$WORK/bert-embed.snn" --text "$WORK/lines.txt" --reference $families/bert-mlm --quiet &&
    expect_line "is not the configuration"
finish
