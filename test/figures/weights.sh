#!/bin/bash
# What stored integer weights lose at T = 16 on 2,000 held-out tokens: against the checkpoint, where weight loss counts,
# and against the model's own weights, where only the spiking does.  The bounds are some 2 times what was measured.
. test/figures/common.sh

# own MODEL NAME MAX_KL: the spiking network against the same weights run densely.
own() {
    expect 0 "$LASSIM" verify --model "$1" --text examples/opt-tiny/heldout.txt --tokens-max 500 --max-kl "$3" \
        --max-dppl 0.002 --json --quiet || return
    expect_equal "$(json "$WORK/out" reference)" model "$2, reference"
    expect_equal "$(json "$WORK/out" saturations)" 0 "$2, saturations"
    echo "figure: weights $2, own weights, 500 tokens: change $(json "$WORK/out" dppl_percent) %," \
        "mean KL $(json "$WORK/out" kl_mean), top-1 $(json "$WORK/out" top1_agreement)"
}

# stored WEIGHTS MAX_KL MAX_DPPL TOP1
stored() {
    local model=$MODEL
    if [ "$1" != keep ]; then
        model=$WORK/$1.snn
        expect 0 "$LASSIM" convert examples/opt-tiny --weights "$1" -o "$model" --quiet || return
    fi
    measure "weights $1, T = 16" 16 2000 "$2" "$3" "$4" --model "$model"
    own "$model" "$1" 2e-8
    echo "figure: weights $1: $(stat -c %s "$model") bytes"
}
stored keep 2e-8 0.002 0.999
stored i16 2e-8 0.002 0.999
stored q8 2e-4 0.05 0.98
stored q4 3e-2 1.5 0.85
finish
