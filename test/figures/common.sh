# Sourced by the scripts that measure loss against the original checkpoint on text that the model has never seen.
. test/e2e/common.sh
need_model

# measure NAME T TOKENS MAX_KL MAX_DPPL TOP1 ARGUMENTS...: complains past the bounds and of any saturation.
measure() {
    local name=$1 steps=$2 tokens=$3 kl=$4 change=$5 top1=$6
    shift 6
    expect 0 "$LASSIM" verify --text examples/opt-tiny/heldout.txt --reference examples/opt-tiny --tokens-max "$tokens" \
        --max-kl "$kl" --max-dppl "$change" --json --quiet "$@" && cp "$WORK/out" "$WORK/v.json" || return
    expect_equal "$(json "$WORK/v.json" reference)" checkpoint "$name, reference"
    expect_equal "$(json "$WORK/v.json" tokens)" "$tokens" "$name, tokens"
    expect_equal "$(json "$WORK/v.json" timesteps)" "$steps" "$name, T"
    expect_equal "$(json "$WORK/v.json" saturations)" 0 "$name, saturations"
    awk -v x="$(json "$WORK/v.json" top1_agreement)" -v least="$top1" 'BEGIN { exit !(x >= least) }' ||
        complain "$name: top-1 agreement $(json "$WORK/v.json" top1_agreement), expected at least $top1"
    echo "figure: $name, $tokens tokens: ppl $(json "$WORK/v.json" ppl_dense), change $(json "$WORK/v.json" dppl_percent) %," \
        "mean KL $(json "$WORK/v.json" kl_mean), max KL $(json "$WORK/v.json" kl_max)," \
        "top-1 $(json "$WORK/v.json" top1_agreement), saturations $(json "$WORK/v.json" saturations)"
}
