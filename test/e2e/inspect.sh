#!/bin/bash
# inspect on a small .snn: what it prints, its JSON, --check, and a damaged file.
. test/e2e/common.sh
SEED=test/fuzz/corpus/model/tiny-0.snn

expect 0 "$LASSIM" inspect "$SEED" --check
for word in "OPT, decoder, 1 layers of 4 neurons" "layers.0.norm1.res" "final.ln" "HG tables" "rsqrt" "Not spike-driven" \
    "row maximum" "octave of the sum" "closing of windows" "Provenance" "Self-check" "weights checked"; do
    grep -qF "$word" "$WORK/out" || complain "inspect does not print '$word'"
done
[ "$(sed -n '/^Not spike-driven/,/^Every other/p' "$WORK/out" | wc -l)" = 5 ] || complain "not exactly three controls"
[ -s "$WORK/err" ] && complain "inspect writes to stderr"

expect 0 "$LASSIM" inspect "$SEED" --json
cp "$WORK/out" "$WORK/tiny.json"
expect_equal "$(json "$WORK/tiny.json" schema)" "lassim.inspect.1" schema
expect_equal "$(json "$WORK/tiny.json" weights_checked)" "false" weights_checked
expect_equal "$(json "$WORK/tiny.json" populations.0.name)" "tok" "first population"
expect_equal "$(json "$WORK/tiny.json" populations.2.name)" "layers.0.norm1.res" "third population"
expect_equal "$(json "$WORK/tiny.json" populations.5.fan_out)" "12" "fan-out of ln"
expect_equal "$(json "$WORK/tiny.json" weights.1.type)" "F16" "type of pos"
expect_equal "$(json "$WORK/tiny.json" not_spike_driven.2.name)" "closing of windows" "third control"
expect_equal "$(json "$WORK/tiny.json" provenance.model)" "tiny" provenance
expect_equal "$(json "$WORK/tiny.json" readout.labels)" "[]" readout
offset=$(json "$WORK/tiny.json" sections.3.offset)
expect_equal "$(json "$WORK/tiny.json" sections.3.name)" "weights" "fourth section"

# A weight that changed is found by --check alone, anything else at once.
cp "$SEED" "$WORK/weight.snn"
printf '\x55' | dd of="$WORK/weight.snn" bs=1 seek="$offset" conv=notrunc 2>/dev/null
expect 0 "$LASSIM" inspect "$WORK/weight.snn"
expect 3 "$LASSIM" inspect "$WORK/weight.snn" --check && expect_line "$WORK/weight.snn" "weights of tok" checksum
cp "$SEED" "$WORK/config.snn"
printf '\x55' | dd of="$WORK/config.snn" bs=1 seek="$(json "$WORK/tiny.json" sections.0.offset)" conv=notrunc 2>/dev/null
expect 3 "$LASSIM" inspect "$WORK/config.snn" && expect_line "section config" checksum
head -c 3000 "$SEED" >"$WORK/short.snn"
expect 3 "$LASSIM" inspect "$WORK/short.snn" && expect_line "expected 7377 bytes, the file has 3000"
"$LASSIM" inspect "$SEED" >/dev/full 2>"$WORK/err"
expect_equal $? 1 "exit status on a full device" && expect_line "standard output"
finish
