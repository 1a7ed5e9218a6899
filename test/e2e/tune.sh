#!/bin/bash
# lassim tune: the budget holds where it was measured, the file is a model like others, event and fused agree on it, and a
# search that was killed ends with the same file.
. test/e2e/common.sh
need_model
TEXT=(--text examples/opt-tiny/calibration.txt --tokens-max "${TUNE_TOKENS:-24}")
tune() { "$LASSIM" tune --model "$MODEL" "${TEXT[@]}" "$@"; }

expect 0 "$LASSIM" verify --model "$MODEL" "${TEXT[@]}" --timesteps 8 --json
budget=$(json "$WORK/out" kl_mean)
expect 0 tune --max-kl "$budget" -o "$WORK/tuned.snn" --json && cp "$WORK/out" "$WORK/tuned.json"
[ -e "$WORK/tuned.snn.tune" ] && complain "the journal is left behind"
expect_equal "$(json "$WORK/tuned.json" schema)" lassim.tune.1 "schema"
expect_equal "$(json "$WORK/tuned.json" uniform.timesteps)" 8 "the best uniform T within the loss of T = 8"
awk -v saved="$(json "$WORK/tuned.json" saved_percent)" 'BEGIN { exit !(saved >= 10) }' ||
    complain "saves $(json "$WORK/tuned.json" saved_percent) % only"
expect 0 "$LASSIM" verify --model "$WORK/tuned.snn" "${TEXT[@]}" --max-kl "$budget" --json
expect_equal "$(json "$WORK/out" kl_mean)" "$(json "$WORK/tuned.json" tuned.kl_mean)" "mean KL that verify finds"
expect 0 "$LASSIM" inspect --check "$WORK/tuned.snn"
"$LASSIM" inspect --json "$WORK/tuned.snn" >"$WORK/inspect.json"
grep -q "\"tuned\"" "$WORK/inspect.json" || complain "the provenance does not say that it is tuned"
# Mixed T: the same trace from both engines, read back whole.
for engine in event fused; do
    expect 0 "$LASSIM" --model "$WORK/tuned.snn" -p "To be" -n 4 --engine $engine --trace "$WORK/$engine.bin" --quiet
done
cmp -s "$WORK/event.bin" "$WORK/fused.bin" || complain "other traces from the engines event and fused"
expect 0 "$LASSIM" trace check "$WORK/fused.bin"
expect 0 "$LASSIM" --model "$WORK/tuned.snn" -p "To be" -n 2 --timesteps 4 --engine event --trace "$WORK/event4.bin" --quiet
expect 0 "$LASSIM" --model "$WORK/tuned.snn" -p "To be" -n 2 --timesteps 4 --trace "$WORK/fused4.bin" --quiet
cmp -s "$WORK/event4.bin" "$WORK/fused4.bin" || complain "other traces from the engines at T = 4"

# Killed, and killed again once something was measured; what was measured is not measured twice.
lines() { cat "$WORK/killed.snn.tune" 2>/dev/null | wc -l; }
for least in 0 2; do
    "$LASSIM" tune --model "$MODEL" "${TEXT[@]}" --max-kl "$budget" -o "$WORK/killed.snn" --quiet &
    pid=$!
    sleep 0.5
    while kill -0 $pid 2>/dev/null && [ "$(lines)" -lt $least ]; do sleep 0.1; done
    kill -s KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
done
printf '0123456789abcdef 0x1p' >>"$WORK/killed.snn.tune" # a line cut short
expect 0 tune --max-kl "$budget" -o "$WORK/killed.snn" --json
cmp -s "$WORK/tuned.snn" "$WORK/killed.snn" || complain "a killed search ends with another model"
awk -v n="$(json "$WORK/out" measured)" -v all="$(json "$WORK/tuned.json" measured)" 'BEGIN { exit !(n < all) }' ||
    complain "everything was measured again"
# Another number of threads, the same answer.
expect 0 tune --max-kl "$budget" -t 1 -o "$WORK/one.snn" --quiet
cmp -s "$WORK/tuned.snn" "$WORK/one.snn" || complain "another model with one thread"
# Energy as cost, perplexity as budget.
expect 0 "$LASSIM" tune --model "$MODEL" --text examples/opt-tiny/calibration.txt --tokens-max 8 --max-dppl 2 --cost horowitz45_fp32 \
    -o "$WORK/energy.snn"
grep -q "tuned saves" "$WORK/out" || complain "no report"

expect 4 tune --max-kl 0 -o "$WORK/none.snn" && expect_line budget
expect 2 tune -o "$WORK/none.snn" && expect_line --max-kl
expect 2 tune --max-kl 1 --max-dppl 1 -o "$WORK/none.snn" && expect_line --max-kl
expect 2 tune --max-kl 1 --cost watts -o "$WORK/none.snn" && expect_line --cost
expect 1 tune --max-kl 1 -o "$WORK/no/such/folder.snn" && expect_line no/such/folder
expect 1 tune --max-kl 1 --no-clobber -o "$WORK/tuned.snn" && expect_line tuned.snn --no-clobber
[ -e "$WORK/tuned.snn.tune" ] && complain "a refused search left a journal"
[ -e "$WORK/none.snn" ] && complain "a refused search left a model"
finish
