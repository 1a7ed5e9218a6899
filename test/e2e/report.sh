#!/bin/bash
# lassim report: what the page holds is what the metrics and the trace say, whatever is in them; how it looks is
# test/long/report_browser.sh's.
. test/e2e/common.sh
need_model
report() { "$LASSIM" report "$@"; }
# data_of PAGE: the JSON inside, to $WORK/data.json.
data_of() { sed -n '/id="data">$/,/^<\/script>$/p' "$1" | sed '1d;$d' >"$WORK/data.json"; }
data() { json "$WORK/data.json" "$1"; }
# Sum of all numbers in what a path holds.
sum_of() { data "$1" | tr -cs '0-9' '\n' | awk '{ sum += $1 } END { printf "%d\n", sum }'; }

"$LASSIM" --model "$MODEL" -p 'Call me Ishmael.' -n 12 --quiet --trace "$WORK/t.bin" --metrics "$WORK/m.json" >/dev/null ||
    complain "the run fails"
cat >"$WORK/rows.csv" <<'END'
timesteps,code,dppl_percent,kl_mean,spikes_per_neuron,unknown_column
4,radix,5.5322,5.2e-2,0.92,x
8,radix,0.0632,2.6e-4,2.04,y
END
expect 0 report --trace "$WORK/t.bin" --metrics "$WORK/m.json" --sweep "$WORK/rows.csv" -m "$MODEL" -o "$WORK/r.html"
[ -s "$WORK/out" ] || [ -s "$WORK/err" ] && complain "a good report prints: $(head -n 2 "$WORK/out" "$WORK/err")"
[ -e "$WORK/r.html.partial" ] && complain "a complete page leaves its .partial"
data_of "$WORK/r.html"

# Counters: from the metrics, and from the trace alone.
"$LASSIM" trace info --json "$WORK/t.bin" >"$WORK/t.info" || complain "trace info"
expect_equal "$(data trace.totals.spikes)" "$(json "$WORK/m.json" totals.spikes)" "spikes of the page and of the metrics"
for counter in spikes active_neurons synaptic_operations windows events spikes_outlier spikes_gate; do
    expect_equal "$(data trace.totals.$counter)" "$(json "$WORK/t.info" $counter)" "$counter of page and trace"
done
for counter in spikes windows neurons fan_out; do
    expect_equal "$(data trace.populations.7.$counter)" "$(json "$WORK/t.info" populations.7.$counter)" "$counter of population 7"
done
spikes=$(data trace.totals.spikes)
expect_equal "$(sum_of trace.time.rows)" "$spikes" "spikes of the heat map over time"
expect_equal "$(sum_of trace.tokens.rows)" "$spikes" "spikes of the heat map over tokens"
for path in totals.spikes totals.dense_macs energy.horowitz45_fp32.spiking_joules energy.horowitz45_fp32.dense_joules \
    layers.2.synaptic_operations tokens.3.spikes; do
    expect_equal "$(data metrics.$path)" "$(json "$WORK/m.json" $path)" "$path of page and metrics"
done

# Figures recomputed from the exported spikes: silent neurons, spikes of a token in a layer, outlier channels, the raster.
"$LASSIM" trace export --format csv "$WORK/t.bin" -o "$WORK/t.csv" || complain "trace export"
# Numbers of the populations whose names match.
numbers() { "$LASSIM" trace info "$WORK/t.bin" | awk -v want="$1" '/^population /{ on = 1; n = 0; next } on { if ($1 ~ want) print n; n++ }'; }
for name in layers.1.fc layers.2.norm1.ln; do
    number=$(numbers "^$name\$")
    expect_equal "$(data trace.populations.$number.name)" "$name" "name of population $number"
    spiking=$(awk -F, -v p="$number" '$2 == p && $6 != 2 { seen[$4] = 1 } END { n = 0; for (i in seen) n++; print n }' "$WORK/t.csv")
    expect_equal "$(data trace.populations.$number.silent)" $(($(data trace.populations.$number.neurons) - spiking)) "silent neurons of $name"
    expect_equal $(($(data trace.populations.$number.opened) * 16)) "$(json "$WORK/m.json" populations.$number.threshold_tests)" "neuron windows of $name"
    expect_equal "$(sum_of trace.populations.$number.histogram)" "$(data trace.populations.$number.neurons)" "neurons of $name's histogram"
done
first=$(numbers '^layers[.]1[.]' | head -n 1) last=$(numbers '^layers[.]1[.]' | tail -n 1)
expect_equal "$(data trace.layers.2)" 1 "third row of the heat maps"
expect_equal "$(data trace.tokens.rows.2.5)" \
    "$(awk -F, -v a="$first" -v b="$last" '$2 >= a && $2 <= b && $3 == 5 && $6 != 2 { n++ } END { print n + 0 }' "$WORK/t.csv")" "spikes of token 5 in layer 1"
norms=$(data trace.outliers.populations | tr -d '[] ')
expect_equal "$(data trace.outliers.spikes)" \
    "$(awk -F, -v norms="$norms" 'BEGIN { split(norms, list, ","); for (i in list) norm[list[i]] = 1 } ($2 in norm) && $6 == 1 { n++ } END { print n + 0 }' "$WORK/t.csv")" \
    "outlier spikes of the norms"
[ "$(data trace.outliers.spikes)" -gt 0 ] || complain "the run has no outlier spikes to draw"
stride=$(data trace.raster.populations.$number.1) windows=$(data trace.raster.windows)
expect_equal "$(data trace.raster.populations.$number.3)" \
    "$(awk -F, -v p="$number" -v s="$stride" -v w="$windows" '$2 == p && $4 % s == 0 && $1 < 16 * w && $6 != 2 { n++ } END { print n + 0 }' "$WORK/t.csv")" \
    "spikes drawn of population $number"
expect_equal "$(data trace.token_texts.0)" '</s>' "text of the first token"
expect_equal "$(data trace.token_ids.0)" 2 "id of the first token"
expect_equal "$(data sweep.rows.1.0)" 8 "T of the sweep's second row"
expect_equal "$(data sweep.columns.5)" unknown_column "a column that is not known"

# The same again, byte for byte; one input each; nothing of the others.
expect 0 report --trace "$WORK/t.bin" --metrics "$WORK/m.json" --sweep "$WORK/rows.csv" -m "$MODEL" -o "$WORK/again.html"
cmp -s "$WORK/r.html" "$WORK/again.html" || complain "two reports of the same differ"
report --trace - -o - <"$WORK/t.bin" >"$WORK/piped.html" || complain "report from and to a pipe"
data_of "$WORK/piped.html"
expect_equal "$(data trace.totals.spikes)" "$spikes" "spikes through a pipe"
for input in metrics:m.json sweep:rows.csv trace:t.bin; do
    expect 0 report --"${input%:*}" "$WORK/${input#*:}" -o "$WORK/one.html"
    data_of "$WORK/one.html"
    for other in metrics sweep trace; do
        if [ $other = "${input%:*}" ]; then data $other >/dev/null || complain "no $other in its own page"
        else data $other >/dev/null && complain "$other in the page of ${input%:*}"; fi
    done
done
"$LASSIM" simulate examples/if-small/net.json -i examples/if-small/spikes.csv --trace "$WORK/if.bin" --metrics "$WORK/if.json" --quiet
expect 0 report --trace "$WORK/if.bin" --metrics "$WORK/if.json" -o "$WORK/if.html"

# A long run's page stays small and says what share it draws; a cut-off trace is drawn to its end.
"$LASSIM" --model "$MODEL" -p 'It was' -n 120 --quiet --trace "$WORK/long.bin" --metrics "$WORK/long.json" >/dev/null
expect 0 report --trace "$WORK/long.bin" --metrics "$WORK/long.json" -o "$WORK/long.html"
[ "$(stat -c %s "$WORK/long.html")" -lt 3000000 ] || complain "the page of a long run has $(stat -c %s "$WORK/long.html") bytes"
data_of "$WORK/long.html"
expect_equal "$(data trace.raster.full)" true "a long raster is drawn in part"
[ $(($(data trace.raster.windows) * 16)) -lt "$(data trace.timesteps)" ] || complain "a raster in part that covers all"
head -c 60000 "$WORK/t.bin" >"$WORK/cut.bin"
expect 0 report --trace "$WORK/cut.bin" -o "$WORK/cut.html" && expect_line cut.bin
data_of "$WORK/cut.html"
expect_equal "$(data trace.complete)" false "a cut-off trace's page"

# Hostile names end nothing: four scripts, one comment, whatever the inputs hold.
printf '{"schema": "lassim.metrics.1", "engine": "</script><script>x()</script>", "totals": {"spikes": "<b>"}, "populations": [7, null, {"name": "\\u2028<!--"}], "layers": {}, "energy": {"</script>": {"spiking_joules": 1, "dense_joules": [2]}}, "tokens": 3}' >"$WORK/bad.json"
printf 'timesteps,"</script>",dppl_percent\n4,"<!--\001\033[31m\xff\xe2\x80\xa8",1\n' >"$WORK/<b> &.csv"
expect 0 report --metrics "$WORK/bad.json" --sweep "$WORK/<b> &.csv" -o "$WORK/bad.html"
expect_equal "$(grep -o '</script' "$WORK/bad.html" | wc -l)" 4 "ends of scripts"
expect_equal "$(grep -o '<!--' "$WORK/bad.html" | wc -l)" 1 "comments"
LC_ALL=C grep -q "$(printf '\033')" "$WORK/bad.html" && complain "a control character is in the page"
data_of "$WORK/bad.html"
expect_equal "$(data metrics.engine)" '</script><script>x()</script>' "a hostile name reads back"

# What is refused, in one line.
expect 2 report -o "$WORK/x.html" && expect_line --metrics --sweep --trace
expect 2 report --trace "$WORK/t.bin" && expect_line --output
expect 2 report --metrics "$WORK/m.json" -m "$MODEL" -o "$WORK/x.html" && expect_line --model
expect 2 report --trace "$WORK/t.bin" -o "$WORK/t.bin" && expect_line t.bin
expect 3 report --metrics "$WORK/t.info" -o "$WORK/x.html" && expect_line t.info schema
expect 3 report --metrics "$WORK/rows.csv" -o "$WORK/x.html" && expect_line rows.csv "line 1"
expect 3 report --sweep "$WORK/t.bin" -o "$WORK/x.html" && expect_line t.bin
expect 3 report --trace "$WORK/m.json" -o "$WORK/x.html" && expect_line m.json
expect 3 report --trace "$WORK/absent" -o "$WORK/x.html" && expect_line absent
expect 3 report --trace "$WORK/if.bin" -m "$MODEL" -o "$WORK/x.html" && expect_line "$MODEL" hash
[ -e "$WORK/x.html" ] && complain "a failed report leaves a page"
expect 1 report --metrics "$WORK/m.json" --no-clobber -o "$WORK/r.html" && expect_line r.html
finish
