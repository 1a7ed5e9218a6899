#!/bin/bash
# At a real shape (OPT-125M's, 5 % active FFN) the engines event and fused give the same trace, logits and counts: F16 and
# 16-bit integer weights, sparse rows (single tokens) and dense tiles (a prompt), every level of vector instructions, and
# 1 to 8 threads.
. test/e2e/common.sh
IDS=$(seq -s, 1000 97 3300) # 24 tokens
metrics() { grep -vE '"(engine|packets_popped|wall_seconds|tokens_per_second|peak_resident_bytes)"' "$1"; }
expect 0 "$BUILD/bench/make_checkpoint" --preset 125m --ffn-active 0.05 "$WORK/opt-125m"

run() { # NAME LEVEL ENGINE THREADS
    local kind
    expect 0 env LASSIM_CPU="$2" "$LASSIM" --model "$WORK/$1.snn" --token-ids "$IDS" -n 4 --engine "$3" -t "$4" --quiet \
        --trace "$WORK/run.bin" --metrics "$WORK/run.json" --logits "$WORK/run.npy"
    if [ ! -e "$WORK/$1.bin" ]; then
        for kind in bin json npy; do mv "$WORK/run.$kind" "$WORK/$1.$kind"; done
        return
    fi
    cmp "$WORK/$1.bin" "$WORK/run.bin" || complain "$1, $3 on $2, $4 threads: another trace"
    cmp "$WORK/$1.npy" "$WORK/run.npy" || complain "$1, $3 on $2, $4 threads: other logits"
    cmp <(metrics "$WORK/$1.json") <(metrics "$WORK/run.json") || complain "$1, $3 on $2, $4 threads: other counts"
    echo "figure: $1, $3 on $2, $4 threads: same trace ($(stat -c %s "$WORK/run.bin") bytes), logits and counts as event"
}

for weights in keep i16; do
    expect 0 "$LASSIM" convert "$WORK/opt-125m" --weights $weights -o "$WORK/$weights.snn" --quiet
    run $weights avx512 event 2
    for level in portable avx2 avx512 amx; do run $weights $level fused 2; done
done
for threads in 1 2 3 4 5 6 7 8; do run keep amx fused $threads; done
run keep portable event 1
rm -rf "$WORK/opt-125m" "$WORK"/*.snn
finish
