#!/bin/bash
# Ternary code against radix code at T = 16: the same values neuron by neuron, so the same logits to the byte, with at
# least 20 % fewer spikes.
. test/e2e/common.sh
need_model
IDS=$(json examples/opt-tiny/golden.json b.ids | tr -d '[] \n' | cut -d, -f-48)
expect 0 "$LASSIM" convert examples/opt-tiny --code ternary -o "$WORK/ternary.snn" --quiet
cp "$MODEL" "$WORK/radix.snn"

# values TRACE: per population, token, neuron and kind the number that its spikes carry.
values() {
    "$LASSIM" trace export --format csv "$1" -o "$WORK/export.csv" &&
        awk -F, 'NR > 1 { sum[$2 " " $3 " " $4 " " $6] += $5 * 2 ^ (15 - $1 % 16) }
                 END { for (key in sum) print key, sum[key] }' "$WORK/export.csv" | LC_ALL=C sort
}
for code in radix ternary; do
    expect 0 "$LASSIM" --model "$WORK/$code.snn" --token-ids "$IDS" -n 0 --quiet --logits "$WORK/$code.npy" \
        --metrics "$WORK/$code.json"
    expect 0 "$LASSIM" --model "$WORK/$code.snn" --token-ids 2,71,443 -n 0 --quiet --trace "$WORK/$code.bin"
    values "$WORK/$code.bin" >"$WORK/$code.txt"
done
cmp -s "$WORK/radix.npy" "$WORK/ternary.npy" || complain "other logits with the ternary code"
[ "$(wc -l <"$WORK/radix.txt")" -gt 10000 ] || complain "too few values to compare: $(wc -l <"$WORK/radix.txt")"
cmp -s "$WORK/radix.txt" "$WORK/ternary.txt" || complain "other values with the ternary code"
for counter in spikes_gate active_neurons saturations windows dense_macs; do
    expect_equal "$(json "$WORK/ternary.json" totals.$counter)" "$(json "$WORK/radix.json" totals.$counter)" "$counter"
done
radix=$(json "$WORK/radix.json" totals.spikes) ternary=$(json "$WORK/ternary.json" totals.spikes)
[ $((5 * ternary)) -le $((4 * radix)) ] || complain "ternary code: $ternary spikes, expected at most 0.8 x $radix"
echo "figure: $(json "$WORK/radix.json" totals.tokens) tokens at T = 16: $radix spikes in radix code, $ternary in ternary" \
    "($(awk -v r="$radix" -v t="$ternary" 'BEGIN { printf "%.1f", 100 * (1 - t / r) }') % fewer)," \
    "$(wc -l <"$WORK/radix.txt") values compared"
finish
