#!/bin/bash
# Full disk, closed pipe, signals, a model cut short in mid-run: one line, the right exit status, a .partial trace
# that reads to its last whole block, and no half file under a final name.
. test/e2e/common.sh
need_model
run() { "$LASSIM" --model "$MODEL" "$@"; }

# Full disk: /dev/full takes nothing.
expect 1 run -p a -n 0 --trace /dev/full && expect_line /dev/full "No space left"
expect 1 run -p a -n 0 --metrics /dev/full && expect_line /dev/full
expect 1 run -p a -n 1 --logits /dev/full && expect_line /dev/full
run -p a -n 2 >/dev/full 2>"$WORK/err"
expect_equal $? 1 "stdout on a full device" && expect_line "standard output"
(ulimit -f 64; trap '' XFSZ; exec "$LASSIM" --model "$MODEL" -n 12 --trace "$WORK/limit.bin" >"$WORK/out" 2>"$WORK/err")
expect_equal $? 1 "a file that may not grow" && expect_line limit.bin
[ -e "$WORK/limit.bin" ] && complain "a trace that could not be written has its final name"

# Closed pipe.
run -n 12 --trace - 2>"$WORK/err" | head -c 100 >/dev/null
expect_equal "${PIPESTATUS[0]}" 1 "exit status on a closed pipe"
grep -q '^lassim: .*Broken pipe' "$WORK/err" || complain "closed pipe: $(tail -n 1 "$WORK/err")"

# Starts a long run and waits until its trace holds some blocks; $pid is its process.
start_long() {
    rm -f "$WORK/$1.bin" "$WORK/$1.bin.partial"
    "$LASSIM" --model "${2:-$MODEL}" -n 200 --temp 1 --trace "$WORK/$1.bin" >"$WORK/out" 2>"$WORK/err" </dev/null &
    pid=$!
    for _ in $(seq 600); do
        [ "$(stat -c %s "$WORK/$1.bin.partial" 2>/dev/null || echo 0)" -gt 200000 ] && return 0
        kill -0 $pid 2>/dev/null || break
        sleep 0.1
    done
    complain "no trace grows for $1"
}
expect_partial() {
    [ -e "$WORK/$1.bin" ] && complain "$1: a partial trace has its final name"
    "$LASSIM" trace info --json "$WORK/$1.bin.partial" >"$WORK/$1.info" 2>"$WORK/$1.note" || complain "$1: the partial trace does not read"
    expect_equal "$(json "$WORK/$1.info" complete)" false "$1, complete"
    [ "$(json "$WORK/$1.info" blocks)" -ge 1 ] || complain "$1: no whole block in the partial trace"
    expect 4 "$LASSIM" trace check "$WORK/$1.bin.partial" && expect_line "$1.bin.partial"
}
for case in INT:130 TERM:143 KILL:137; do
    start_long "${case%:*}"
    kill -s "${case%:*}" $pid
    wait $pid 2>/dev/null
    expect_equal $? "${case#*:}" "exit status after SIG${case%:*}"
    expect_partial "${case%:*}"
done

# A model cut short while it is mapped.
cp "$MODEL" "$WORK/cut.snn"
start_long cut "$WORK/cut.snn"
truncate -s 8192 "$WORK/cut.snn"
wait $pid
expect_equal $? 3 "exit status after the model was cut short" && expect_line cut.snn "cut short"
expect_partial cut

# convert: killed, it leaves no half file under the final name; a full disk neither; --no-clobber keeps the old one.
"$LASSIM" convert examples/opt-tiny -o "$WORK/killed.snn" --quiet 2>/dev/null &
pid=$!
sleep 0.5
kill -s KILL $pid
wait $pid 2>/dev/null
[ -e "$WORK/killed.snn" ] && complain "a killed convert leaves its final name"
(ulimit -f 2000; trap '' XFSZ; exec "$LASSIM" convert examples/opt-tiny -o "$WORK/limit.snn" >"$WORK/out" 2>"$WORK/err")
expect_equal $? 1 "convert to a file that may not grow" && expect_line limit.snn
[ -e "$WORK/limit.snn" ] && complain "a .snn that could not be written has its final name"
echo old >"$WORK/old.snn"
expect 1 "$LASSIM" convert examples/opt-tiny -o "$WORK/old.snn" --no-clobber && expect_line old.snn
expect_equal "$(cat "$WORK/old.snn")" old "--no-clobber"
finish
