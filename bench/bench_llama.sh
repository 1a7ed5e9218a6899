#!/bin/bash
# The Llama half of W1: SmolLM2-135M decodes one token at a time, every spike counted, against llama.cpp on the same F16
# weights.  bench_llama.sh [BUILD [REPEATS [TOKENS]]]: sides take turns; writes bench/results/llama.json.
# Needs `make models`; installs llama.cpp (bench/peers/llama.sh) where it is missing.  PEER: another Python that has it.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
repeats=${2:-5}
tokens=${3:-64}
gguf=build/models/smollm2-f16.gguf
work=$build/bench/llama
[ -f "$gguf" ] || { echo "bench_llama.sh: expected $gguf (make models)" >&2; exit 1; }
peer=${PEER:-$(bench/peers/llama.sh)}
threads=$(nproc)
mkdir -p "$work" bench/results
for weights in keep i16; do
    [ -f "$work/$weights.snn" ] || "$build/lassim" convert "$gguf" --weights "$weights" -o "$work/$weights.snn" --quiet
done

ours() { # WEIGHTS ENGINE: seconds of the tokens after the first few
    "$build/lassim" --model "$work/$1.snn" --token-ids 1,2,3,4 -n $((tokens + 1)) --engine "$2" --context $((tokens + 8)) \
        --metrics "$work/metrics.json" --quiet >/dev/null
    sed -n 's/.*"wall_seconds": *\([0-9.e+-]*\).*/\1/p' "$work/metrics.json" | head -n 1 |
        awk -v n="$tokens" '{ print $1 * n / (n + 4) }'
}

: >"$work/rows"
for i in $(seq "$repeats"); do
    echo "bench_llama.sh: $i of $repeats" >&2
    echo "$("$peer" bench/peers/llama_decode.py "$gguf" "$threads" "$tokens") $(ours keep fused) $(ours i16 fused) $(ours keep dense)" \
        >>"$work/rows"
done

# Medians and spread of milliseconds a token, and of the ratio to llama.cpp turn by turn.
spread() { # AWK EXPRESSION
    awk "{ print $1 }" "$work/rows" | sort -g |
        awk '{ x[NR] = $1 } END { printf "{\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}", x[int((NR + 1) / 2)], x[1], x[NR] }'
}
{
    printf '{"date": "%s", "commit": "%s", "model": "SmolLM2-135M-Instruct, F16", "threads": %s, "tokens": %s, "repeats": %s,\n' \
        "$(date -u +%Y-%m-%d)" "$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)" "$threads" "$tokens" "$repeats"
    printf '"cpu": "%s", "load": %s,\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(cut -d ' ' -f 1 /proc/loadavg)"
    printf '"llama_cpp_milliseconds": %s,\n' "$(spread "1000 * \$1 / $tokens")"
    printf '"fused_f16_milliseconds": %s,\n"fused_i16_milliseconds": %s,\n"dense_f16_milliseconds": %s,\n' \
        "$(spread "1000 * \$2 / $tokens")" "$(spread "1000 * \$3 / $tokens")" "$(spread "1000 * \$4 / $tokens")"
    printf '"ratio_f16": %s,\n"ratio_i16": %s,\n"ratio_dense_f16": %s}\n' "$(spread '$1 / $2')" "$(spread '$1 / $3')" "$(spread '$1 / $4')"
} >"$work/llama.json"
mv "$work/llama.json" bench/results/llama.json
cat bench/results/llama.json
