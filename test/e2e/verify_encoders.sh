#!/bin/bash
# verify, sweep and tune for encoders: each line of a text is a sequence; sentence vectors, labels, masked-LM distributions, prose and
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

# sweep has the figures of verify, at any T; tune keeps a budget that verify confirms.
for name in bert-embed bert-classify bert-mlm; do
    expect 0 "$LASSIM" sweep --model "$WORK/$name.snn" --text "$WORK/lines.txt" --timesteps 6,16 --code radix,ternary \
        --threshold model,percentile --oat on,off --json --quiet -o "$WORK/$name.rows"
    expect_equal "$(wc -l <"$WORK/$name.rows")" 16 "$name, rows"
    sed -n 1p "$WORK/$name.rows" >"$WORK/row.json"
    expect 0 "$LASSIM" verify --model "$WORK/$name.snn" --text "$WORK/lines.txt" --json --quiet --timesteps 6 && cp "$WORK/out" "$WORK/v.json"
    case $name in
    bert-embed) figures="cosine_mean cosine_min" ;;
    bert-classify) figures="kl_mean kl_max" && expect_equal "$(json "$WORK/row.json" top1_agreement)" "$(json "$WORK/v.json" label_agreement)" "$name" ;;
    bert-mlm) figures="kl_mean kl_max top1_agreement" ;;
    esac
    for figure in $figures tokens saturations; do
        expect_equal "$(json "$WORK/row.json" $figure)" "$(json "$WORK/v.json" $figure)" "$name: $figure in sweep and verify"
    done
    expect_equal "$(json "$WORK/row.json" max_logit_error)" "$(json "$WORK/v.json" max_error)" "$name: largest error"
    [ "$(json "$WORK/row.json" ppl_dense)" = null ] || complain "$name: a perplexity of an encoder"
    budget=1e-4
    expect 0 "$LASSIM" tune --model "$WORK/$name.snn" --text "$WORK/lines.txt" --max-kl $budget -o "$WORK/tuned.snn" --json --quiet &&
        cp "$WORK/out" "$WORK/tuned.json"
    expect 0 "$LASSIM" verify --model "$WORK/tuned.snn" --text "$WORK/lines.txt" --max-kl $budget --json --quiet
    awk -v saved="$(json "$WORK/tuned.json" saved_percent)" 'BEGIN { exit !(saved > 0) }' || complain "$name: tune saves nothing"
    echo "figure: $name: tune saves $(json "$WORK/tuned.json" saved_percent) % of T = $(json "$WORK/tuned.json" uniform.timesteps)"
    expect 0 "$LASSIM" inspect --check "$WORK/tuned.snn"
done
expect 2 "$LASSIM" verify --model "$WORK/bert-embed.snn" --text "$WORK/lines.txt" --max-dppl 1 && expect_line "--max-dppl" "--max-kl"
expect 2 "$LASSIM" tune --model "$WORK/bert-mlm.snn" --text "$WORK/lines.txt" --max-dppl 1 -o "$WORK/no.snn" && expect_line "--max-dppl" "--max-kl"

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
