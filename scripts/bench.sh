#!/bin/sh
# bench.sh BUILD [quick]: runs every benchmark and writes BUILD/bench/bench.json (machine, date, commit, flags and all
# results).  A full run also replaces bench/results/bench.json and the figures of README.md; a quick one prints
# them.  Models are made once, under BUILD/bench/models; peers take part where bench/peers/install.sh has put them.
# What `make bench-large` (bench/results/large.json) and the W5 runs (BUILD/bench/w5.json) measured is taken in.  Called by `make bench [QUICK=1]`, which builds what this runs.
set -eu
build=$1
quick=${2:+--quick}
out=$build/bench
work=$out/work
mkdir -p "$work"

load=$(cut -d ' ' -f 1 /proc/loadavg)
escape() { sed 's/["\\]/\\&/g' | tr -d '\000-\037'; }

step() { # NAME COMMAND...: stdout to $work/NAME.json
    name=$1
    shift
    echo "bench: $name" >&2
    # shellcheck disable=SC2086 # no word when not quick
    "$@" $quick >"$work/$name.json.part"
    mv "$work/$name.json.part" "$work/$name.json"
}

models() { # NAME...: NAME=FILE words
    bench/models.sh "$build" "$@"
}

# OpenBLAS takes a CPU younger than itself for a Prescott (SSE3): a peer deserves the kernels for what the CPU can do.
blas_core() { OPENBLAS_VERBOSE=2 "$build/lassim" --version 2>&1 | sed -n 's/^Core: //p'; }
if [ -z "${OPENBLAS_CORETYPE:-}" ] && [ "$(blas_core)" = Prescott ]; then
    if grep -qw avx512vl /proc/cpuinfo; then
        export OPENBLAS_CORETYPE=SkylakeX
    elif grep -qw avx2 /proc/cpuinfo; then
        export OPENBLAS_CORETYPE=Haswell
    fi
fi

commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
modified=false
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || modified=true

step queue "$out/micro/bench_queue"
step neurons "$out/micro/bench_neurons"
step synapse "$out/micro/bench_synapse"
step run "$out/bench_run" "$build/lassim" examples/opt-tiny "$work"
step loss "$out/bench_loss" "$build/lassim" examples/opt-tiny "$work"

if [ -n "$quick" ]; then
    shapes="125m 125m-i16" layers="layers layers-i16" large_shapes=""
else
    shapes="125m 125m-i16" layers="layers layers-i16 layers50" large_shapes="1.3b 1.3b-i16"
fi
python=build/peers/torch/bin/python
peer=""
[ ! -x "$python" ] || peer="--peer $python bench/peers/torch_las.py"
# shellcheck disable=SC2046,SC2086 # words of NAME=FILE; no shape, no word
{
    step read "$out/micro/bench_read"
    step decode "$out/bench_decode" $(models $shapes $large_shapes)
    step prompt "$out/bench_prompt" $peer $(models $layers)
    step context "$out/bench_context" "$out/models/125m.snn"
    step memory "$out/bench_memory" "$build/lassim" "$work" $(models 125m ${large_shapes%% *})
}
# bench_w5.sh would install what is missing: that is for `make peers` to say.
if [ -z "$quick" ] && [ -f bench/bench_w5.sh ] && [ -d build/peers/nest ] && [ -d build/peers/brian2 ]; then
    echo "bench: w5" >&2
    bash bench/bench_w5.sh "$build" >&2
fi

{
    printf '{"schema": "lassim-bench-1", "command": "make bench%s", "quick": %s,\n' \
        "${quick:+ QUICK=1}" "$([ -n "$quick" ] && echo true || echo false)"
    printf '"date": "%s", "commit": "%s", "modified": %s,\n' "$(date -u +%Y-%m-%d)" "$commit" "$modified"
    printf '"compiler": "%s",\n' "$(${CC:-gcc} --version | head -n 1 | escape)"
    printf '"flags": "%s", "openblas_core": "%s",\n' "$(printf '%s' "${BENCH_FLAGS:-unknown}" | escape)" "$(blas_core | escape)"
    printf '"machine": {"cpu": "%s", "cores": %s, "memory_kib": %s, "kernel": "%s", "load": %s}' \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | escape)" "$(nproc)" \
        "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)" "$(uname -r | escape)" "$load"
    for name in run loss synapse queue neurons read decode prompt context memory; do
        printf ',\n"%s": ' "$name"
        cat "$work/$name.json"
    done
    for file in "$out/w5.json" bench/results/large.json; do
        [ ! -f "$file" ] || { printf ',\n"%s": ' "$(basename "$file" .json)"; cat "$file"; }
    done
    echo '}'
} >"$out/bench.json.part"
mv "$out/bench.json.part" "$out/bench.json"
"$out/figures" "$out/bench.json" >"$work/figures.md"
echo "bench: wrote $out/bench.json" >&2
sed -n 's/^| \(W[0-9]\) | \(.*\) | [^|]* | [^|]* | – | not measured: \(.*\) |$/bench: left out: \1, \2: \3/p' "$work/figures.md" >&2

if [ -n "$quick" ]; then
    cat "$work/figures.md"
else
    mkdir -p bench/results
    cp "$out/bench.json" bench/results/bench.json
    BUILD=$build scripts/readme.sh figures
fi
