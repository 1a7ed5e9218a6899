#!/bin/bash
# A checkpoint of OPT-125m's shape converts within the stated bound of anonymous memory, 2 GB plus one layer in
# float32, and within 300 MiB: it needs between 150 and 200 on one core, and a copy of its weights has 250 MB.
# RLIMIT_DATA counts private anonymous mappings, touched or not; the mapped checkpoint and output are shared and
# do not count.  With too little, convert says so in one line and leaves no file under the final name.
. test/e2e/common.sh
checkpoint=$WORK/opt-125m
"$BUILD/bench/make_checkpoint" --preset 125m "$checkpoint" || complain "make_checkpoint"

# Thread stacks and the buffers of BLAS go by cores: one makes the figures the same on every machine.
core=$(taskset -pc $$ | sed 's/.*: *//; s/[-,].*//')
layer=$((4 * (4 * 768 * 768 + 2 * 768 * 3072)))

# convert_within STATUS BYTES [OPTION...]
convert_within() {
    local status=$1 bytes=$2
    shift 2
    rm -f "$WORK"/opt.snn*
    expect "$status" env OPENBLAS_NUM_THREADS=1 taskset -c "$core" prlimit --data="$bytes" \
        "$LASSIM" convert "$checkpoint" -o "$WORK/opt.snn" --json "$@"
}

for run in "$((2000000000 + layer))" "$((300 << 20))" "$((300 << 20)) --weights i16" "$((300 << 20)) --weights q4"; do
    limit=${run%% *}
    convert_within 0 $run || continue
    [ -s "$WORK/opt.snn" ] || complain "no output within $limit bytes"
    expect_equal "$(json "$WORK/out" self_check.saturations)" 0 "saturations"
    echo "figure: convert${run#"$limit"}, OPT-125m's shape, within $((limit / 1000000)) MB of anonymous memory:" \
        "mean KL $(json "$WORK/out" self_check.kl_mean)"
done
convert_within 1 $((100 << 20))
expect_line "no memory"
[ ! -e "$WORK/opt.snn" ] || complain "a file under the final name after a failure"
rm -rf "$checkpoint" "$WORK"/opt.snn*
finish
