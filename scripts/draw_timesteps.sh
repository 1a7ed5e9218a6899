#!/bin/bash
# draw_timesteps.sh ROWS.csv: the picture of a sweep over timesteps, OAT and code, as SVG on stdout.  One row of panels a
# model: mean KL against T, and mean KL against synaptic operations a token.
set -eu
awk -F, '
function text(x, y, anchor, size, words) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\">%s</text>\n", x, y, anchor, size, words
}
function line(x1, y1, x2, y2, style) {
    printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" style=\"%s\"/>\n", x1, y1, x2, y2, style
}
function log10(x) { return log(x) / log(10) }
function place_y(kl) { return TOP + row * STEP + (HIGH - log10(kl)) / (HIGH - LOW) * PANEL }
function axes(left, width, title,  e) {
    for (e = LOW; e <= HIGH; e += 2) {
        line(left, place_y(10 ^ e), left + width, place_y(10 ^ e), "stroke:#ddd")
        text(left - 6, place_y(10 ^ e) + 4, "end", 12, "10<tspan dy=\"-5\" font-size=\"9\">" e "</tspan>")
    }
    line(left, place_y(10 ^ LOW), left + width, place_y(10 ^ LOW), "stroke:#444")
    text(left, TOP + row * STEP - 10, "start", 14, title)
}
function curve(points, colour, dash) {
    printf "<polyline points=\"%s\" style=\"fill:none;stroke:%s;stroke-width:2%s\"/>\n", points, colour, dash ? ";stroke-dasharray:6 4" : ""
}
BEGIN {
    LEFT = 60; TOP = 70; PANEL = 260; WIDTH = 380; GAP = 90; STEP = 350; LOW = -9; HIGH = 1
    colour["on"] = "#1764ab"; colour["off"] = "#c0392b"
}
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
    model = $at["model"]
    if (!(model in seen)) { seen[model] = 1; models[++count] = model }
    T = $at["timesteps"] + 0; key = model SUBSEP $at["oat"] SUBSEP $at["code"]
    kl[key, T] = $at["kl_mean"]; sops[key, T] = $at["synaptic_operations"] / $at["tokens"]
    if (!most || sops[key, T] > most) most = sops[key, T]
}
END {
    every = most > 4e7 ? 10 ^ int(log10(most)) : 5e6; high = (int(most / every) + 1) * every
    width = 2 * LEFT + 2 * WIDTH + GAP; height = TOP + count * STEP
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" role=\"img\">\n", width, height
    print "<title>Loss against timesteps and against synaptic operations</title>"
    printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height
    x = LEFT
    for (o = 0; o < 2; o++) for (c = 0; c < 2; c++) {
        line(x, 20, x + 30, 20, "stroke:" colour[o ? "off" : "on"] ";stroke-width:2" (c ? ";stroke-dasharray:6 4" : ""))
        text(x + 36, 24, "start", 12, (o ? "one threshold" : "OAT") ", " (c ? "ternary" : "radix")); x += 190
    }
    for (row = 0; row < count; row++) {
        axes(LEFT, WIDTH, models[row + 1] ": mean KL against T (both codes alike)")
        for (T = 1; T <= 16; T++) text(LEFT + (T - 1) / 15 * WIDTH, TOP + row * STEP + PANEL + 18, "middle", 11, T)
        right = LEFT + WIDTH + GAP
        axes(right, WIDTH, "against millions of synaptic operations a token, T = 1 to 16")
        for (e = 0; e <= high; e += every) {
            x = right + e / high * WIDTH
            line(x, TOP + row * STEP, x, TOP + row * STEP + PANEL, "stroke:#ddd")
            text(x, TOP + row * STEP + PANEL + 18, "middle", 12, e / 1e6)
        }
        for (o = 0; o < 2; o++) for (c = 0; c < 2; c++) {
            key = models[row + 1] SUBSEP (o ? "off" : "on") SUBSEP (c ? "ternary" : "radix"); a = b = ""
            for (T = 1; T <= 16; T++) {
                if (!((key SUBSEP T) in kl) || kl[key, T] <= 0) continue
                y = place_y(kl[key, T])
                a = a sprintf("%.1f,%.1f ", LEFT + (T - 1) / 15 * WIDTH, y)
                b = b sprintf("%.1f,%.1f ", right + sops[key, T] / high * WIDTH, y)
            }
            if (!c) curve(a, colour[o ? "off" : "on"], 0)
            curve(b, colour[o ? "off" : "on"], c)
        }
    }
    print "</svg>"
}' "$1"
