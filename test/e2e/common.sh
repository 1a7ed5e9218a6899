# Sourced by the end-to-end scripts: LASSIM is the program, BUILD its build directory; both have defaults so
# that a script can be run by hand from the repository root.
set -u
BUILD=${BUILD:-build}
LASSIM=${LASSIM:-$BUILD/lassim}
NAME=$(basename "$0" .sh)
WORK=$BUILD/e2e/$NAME
rm -rf "$WORK"
mkdir -p "$WORK"
failures=0

complain() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect STATUS COMMAND...: runs it, stdout to $WORK/out, stderr to $WORK/err, compares the exit status.
expect() {
    local wanted=$1 status
    shift
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
    status=$?
    [ "$status" = "$wanted" ] && return 0
    complain "exit $status instead of $wanted: $*"
    head -n 5 "$WORK/err"
    return 1
}

# The last command's stderr is one line that begins with "lassim: " and contains every argument.
expect_line() {
    local part
    [ "$(wc -l <"$WORK/err")" = 1 ] || complain "expected one line on stderr, found: $(head -n 5 "$WORK/err")"
    grep -q '^lassim: ' "$WORK/err" || complain "expected a line 'lassim: ...', found: $(cat "$WORK/err")"
    for part; do
        grep -qF -e "$part" "$WORK/err" || complain "expected '$part' in: $(cat "$WORK/err")"
    done
}

# json FILE PATH: the value at a dotted path ("totals.spikes", "populations.0.name").
json() { "$BUILD/test/e2e/json_get" "$1" "$2"; }

expect_equal() { [ "$1" = "$2" ] || complain "$3: $1 is not $2"; }

# The bundled checkpoint converted once per build, at $MODEL.
need_model() {
    MODEL=$BUILD/e2e/opt.snn
    (
        flock 9
        [ "$MODEL" -nt "$LASSIM" ] || "$LASSIM" convert examples/opt-tiny -o "$MODEL" --quiet
    ) 9>"$BUILD/e2e/lock" || { echo "FAILED: examples/opt-tiny does not convert"; exit 1; }
}

finish() {
    [ "$failures" = 0 ] && exit 0
    echo "$failures failed"
    exit 1
}
