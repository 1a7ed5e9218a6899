#!/bin/bash
# The report of a real run in a real browser: every figure drawn, no console error, nothing overlapping, cut off or too
# small at 1280 and 400 pixels, light and dark; figures equal the counters.  Screenshots and a print stay in $BUILD/report.
. test/e2e/common.sh
need_model
CHROMIUM=${CHROMIUM:-chromium} # or another program of that family
command -v "$CHROMIUM" >/dev/null || { echo "FAILED: no $CHROMIUM: scripts/deps.sh install browser"; exit 1; }
SHOTS=$BUILD/report
mkdir -p "$SHOTS"
HERE=$(cd "$WORK" && pwd)

# browse OPTION... URL: headless Chromium with a profile of its own.
browse() {
    timeout 120 "$CHROMIUM" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-extensions \
        --user-data-dir="$HERE/profile" --allow-file-access-from-files --virtual-time-budget=20000 "$@" 2>"$WORK/chromium.log"
}
# frame NAME PAGE WIDTH HEIGHT FIGURES [SCRIPT]: NAME holds PAGE in a frame of that width (a window cannot be 400 pixels wide).
frame() {
    printf '<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe id="frame" data-expected="%s" src="%s" style="width:%spx;height:%spx;border:0;display:block"></iframe><pre id="result"></pre><script>%s</script>' \
        "$5" "$2" "$3" "$4" "${6-}" >"$WORK/$1"
}
# check PAGE WIDTH FIGURES [OPTION...]: what report_check.js finds, to $WORK/result.json; complains about what is wrong.
check() {
    local page=$1 width=$2 figures=$3
    shift 3
    frame frame.html "$page" "$width" 5200 "$figures" "$(cat test/long/report_check.js)"
    browse --window-size=1400,1000 "$@" --dump-dom "file://$HERE/frame.html" >"$WORK/dom.html" || complain "chromium fails on $page"
    sed -n '/<pre id="result">/,/<\/pre>/p' "$WORK/dom.html" | sed -e 's/.*<pre id="result">//' -e 's/<\/pre>.*//' \
        -e 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' >"$WORK/result.json"
    [ -s "$WORK/result.json" ] || { complain "$page at $width: no result"; return; }
    local found i
    found=$(json "$WORK/result.json" wrong.#)
    for ((i = 0; i < found; i++)); do complain "$page at $width $*: $(json "$WORK/result.json" wrong.$i)"; done
}

"$LASSIM" --model "$MODEL" -n 24 --quiet --trace "$WORK/t.bin" --metrics "$WORK/m.json" >/dev/null || complain "the run fails"
cat >"$WORK/sweep.csv" <<'END' || complain "no rows"
timesteps,code,dppl_percent,kl_mean,top1_agreement,spikes_per_neuron_into_weights
4,radix,5.5322,5.2e-2,0.795,0.92
8,radix,0.0632,2.6e-4,0.987,2.04
12,radix,-0.0019,1.1e-6,0.999,3.27
16,radix,-0.0001,4.1e-9,1,4.50
4,ternary,5.5322,5.2e-2,0.795,0.88
8,ternary,0.0632,2.6e-4,0.987,1.71
12,ternary,-0.0019,1.1e-6,0.999,2.54
16,ternary,-0.0001,4.1e-9,1,3.36
END
"$LASSIM" report --trace "$WORK/t.bin" --metrics "$WORK/m.json" --sweep "$WORK/sweep.csv" -m "$MODEL" -o "$WORK/all.html" ||
    complain "the report fails"
every="raster time steps tokens distribution silent saturated outliers energy operations loss pareto"
for width in 1280 400; do
    check all.html $width "$every"
    height=$([ $width = 400 ] && echo 9000 || echo 6900) # at least the page's
    frame look.html all.html $width $height ""
    browse --window-size=$width,$height --screenshot="$SHOTS/report-$width.png" "file://$HERE/look.html" >/dev/null
    [ "$(stat -c %s "$SHOTS/report-$width.png" 2>/dev/null || echo 0)" -gt 50000 ] || complain "no screenshot at $width"
done
check all.html 1280 "$every" --blink-settings=preferredColorScheme=0
expect_equal "$(json "$WORK/result.json" totals.time)" "$(json "$WORK/m.json" totals.spikes)" "spikes drawn over time"
expect_equal "$(json "$WORK/result.json" totals.tokens)" "$(json "$WORK/m.json" totals.spikes)" "spikes drawn by token"
expect_equal "$(json "$WORK/result.json" totals.operations)" "$(json "$WORK/m.json" totals.synaptic_operations)" "operations drawn"
joules=$(json "$WORK/m.json" energy.horowitz45_fp32.spiking_joules)
drawn=$(json "$WORK/result.json" joules.0)
awk -v a="$joules" -v b="${drawn##* }" 'BEGIN { exit !(a == b && a > 0) }' || complain "the bar of $joules J is drawn as $drawn"

# A page by itself reports the same on its root; pages of one input; hostile ones.
browse --window-size=1280,1000 --dump-dom "file://$HERE/all.html" >"$WORK/dom.html"
grep -q '<html[^>]* data-errors="0"[^>]* data-empty="" data-drawn="yes"' "$WORK/dom.html" || complain "the page's root: $(grep -o '<html[^>]*>' "$WORK/dom.html")"
"$LASSIM" report --metrics "$WORK/m.json" -o "$WORK/metrics.html" && check metrics.html 400 "energy operations tokens"
"$LASSIM" simulate examples/if-small/net.json -i examples/if-small/spikes.csv --trace "$WORK/if.bin" --quiet
"$LASSIM" report --trace "$WORK/if.bin" -o "$WORK/if.html" && check if.html 400 "raster time steps tokens distribution"
if "$LASSIM" --help | grep -q '^  sweep'; then # rows of a real sweep
    "$LASSIM" sweep -m "$MODEL" --text examples/opt-tiny/heldout.txt --tokens-max 40 --timesteps 4,8,16 --code radix,ternary \
        -o "$WORK/real.csv" --quiet >/dev/null || complain "the sweep fails"
    "$LASSIM" report --sweep "$WORK/real.csv" -o "$WORK/real.html" && check real.html 400 "loss pareto"
fi
printf '{"schema": "lassim.metrics.1", "engine": "</script><script>x()</script>", "totals": {"spikes": "<b>"}, "populations": [7, null, {"name": "\\u2028<!--"}], "layers": [3, {"layer": "a", "synaptic_operations": 1}], "energy": {"</script>": {"spiking_joules": 1, "dense_joules": [2]}, "__proto__": 3}, "tokens": 3, "perturbation": 5}' >"$WORK/bad.json"
printf 'timesteps,"</script>",dppl_percent,spikes,__proto__\n4,"<!--\001\033[31m\xff\xe2\x80\xa8",1,x,1\nx,<b>,,2,2\n1e300,<i>,1e300,1e300,\n' >"$WORK/bad.csv"
"$LASSIM" report --metrics "$WORK/bad.json" --sweep "$WORK/bad.csv" -o "$WORK/bad.html" && check bad.html 1280 "energy"

browse --print-to-pdf="$SHOTS/report.pdf" --no-pdf-header-footer "file://$HERE/all.html" >/dev/null
[ "$(stat -c %s "$SHOTS/report.pdf" 2>/dev/null || echo 0)" -gt 50000 ] || complain "no print"
rm -rf "$WORK/profile"
finish
