#!/bin/bash
# The same trace, logits and counts whatever vector instructions the CPU has (LASSIM_CPU), for every type of stored
# weights: a prompt (many tokens on each row), then single tokens; and for any number of threads up to 8.
. test/e2e/common.sh
need_model
IDS=$(json examples/opt-tiny/golden.json b.ids | tr -d '[] \n' | cut -d, -f-40)
metrics() { grep -vE '"(engine|packets_popped|wall_seconds|tokens_per_second|peak_resident_bytes)"' "$1"; }

cp "$MODEL" "$WORK/keep.snn"
for weights in i16 q8 q4; do
    expect 0 "$LASSIM" convert examples/opt-tiny --weights $weights -o "$WORK/$weights.snn" --quiet
done

# run NAME LEVEL ENGINE THREADS [OPTION...]: compares with the first run of NAME.
run() {
    local name=$1 level=$2 engine=$3 threads=$4 kind
    shift 4
    expect 0 env LASSIM_CPU="$level" "$LASSIM" --model "$WORK/$name.snn" --token-ids "$IDS" --engine "$engine" \
        -t "$threads" --quiet --trace "$WORK/run.bin" --metrics "$WORK/run.json" --logits "$WORK/run.npy" "$@"
    if [ ! -e "$WORK/$name.bin" ]; then
        for kind in bin json npy; do mv "$WORK/run.$kind" "$WORK/$name.$kind"; done
        return
    fi
    for kind in bin npy; do
        cmp -s "$WORK/$name.$kind" "$WORK/run.$kind" || complain "$name, $engine on $level, $threads threads: another .$kind"
    done
    cmp -s <(metrics "$WORK/$name.json") <(metrics "$WORK/run.json") ||
        complain "$name, $engine on $level, $threads threads: other counts"
}

for name in keep i16 q8 q4; do
    for level in portable avx2 avx512 amx; do
        run $name $level event 2 -n 6
        run $name $level fused 2 -n 6
    done
done
for threads in 1 3 5 8; do run keep amx fused $threads -n 6; done
[ "$(metrics "$WORK/keep.json" | wc -l)" -gt 100 ] || complain "no metrics to compare"
finish
