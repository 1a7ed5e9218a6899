#!/bin/bash
# Wrong usage is exit 2 and one line; help and version answer everywhere; stdout that cannot be written is exit 1.
. test/e2e/common.sh

expect 2 "$LASSIM"
grep -q '^usage: lassim --model FILE' "$WORK/err" || complain "no usage on stderr without arguments"
[ -s "$WORK/out" ] && complain "usage without arguments belongs to stderr"

for command in "" convert inspect verify "trace info" "trace check" "trace dump" "trace export"; do
    for help in -h --help; do
        # shellcheck disable=SC2086 # words
        expect 0 "$LASSIM" $command $help
        grep -q "^usage: lassim ${command:---model}" "$WORK/out" || complain "lassim $command $help: no usage line"
        [ -s "$WORK/err" ] && complain "lassim $command $help writes to stderr"
    done
    # shellcheck disable=SC2086 # words
    expect 0 "$LASSIM" $command --version
    grep -qE '^lassim [0-9]+\.[0-9]+\.[0-9]+$' "$WORK/out" || complain "lassim $command --version"
    # shellcheck disable=SC2086 # words
    expect 2 "$LASSIM" $command --no-such-option && expect_line --no-such-option --help
done
expect 0 "$LASSIM" trace --help

expect 2 "$LASSIM" nonsense && expect_line nonsense convert
expect 2 "$LASSIM" trace nonsense && expect_line "trace info"
expect 2 "$LASSIM" --model && expect_line --model
expect 2 "$LASSIM" -n 3 && expect_line --model
expect 2 "$LASSIM" --model x --engine turbo && expect_line --engine fused event dense
expect 2 "$LASSIM" --model x --timesteps 17 && expect_line --timesteps "1 to 16"
expect 2 "$LASSIM" --model x --timesteps 0 && expect_line --timesteps
expect 2 "$LASSIM" --model x --threads 0 && expect_line --threads
expect 2 "$LASSIM" --model x -n many && expect_line --predict many
expect 2 "$LASSIM" --model x --engine dense --trace y && expect_line --trace dense event
expect 2 "$LASSIM" --model x -p a --token-ids 1 && expect_line --prompt
expect 2 "$LASSIM" --model x --trace - --metrics - && expect_line "standard output"
expect 2 "$LASSIM" convert && expect_line CKPT
expect 2 "$LASSIM" convert a && expect_line --output
expect 2 "$LASSIM" convert a b -o c && expect_line b
expect 2 "$LASSIM" convert a -o b --code morse && expect_line --code radix ternary
expect 2 "$LASSIM" convert a -o b --weights q5 && expect_line --weights keep
expect 2 "$LASSIM" inspect && expect_line FILE.snn
expect 2 "$LASSIM" verify --model x && expect_line --text
expect 2 "$LASSIM" trace export x -o y && expect_line --format
expect 2 "$LASSIM" trace export x --format hdf -o y && expect_line --format npy csv sonata
expect 2 "$LASSIM" $'bad\ncommand' && expect_line 'bad\x0acommand'

# Files that are not there are bad input files.
expect 3 "$LASSIM" --model "$WORK/absent.snn" && expect_line "$WORK/absent.snn"
expect 3 "$LASSIM" inspect "$WORK/absent.snn" && expect_line "$WORK/absent.snn"
expect 3 "$LASSIM" convert "$WORK/absent" -o "$WORK/x.snn" && expect_line "$WORK/absent"
expect 3 "$LASSIM" trace info "$WORK/absent.bin" && expect_line "$WORK/absent.bin"
expect 3 "$LASSIM" verify --model "$WORK/absent.snn" --text "$WORK/absent.txt" && expect_line "$WORK/absent.snn"

# Standard output that cannot take the answer.
"$LASSIM" --help >/dev/full 2>"$WORK/err"
expect_equal $? 1 "exit status of --help on a full device" && expect_line "standard output"
finish
