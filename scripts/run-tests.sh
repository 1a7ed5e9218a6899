#!/bin/bash
# run-tests.sh LOG_DIR JOBS COMMAND...: runs every command (one word list each) from the repository
# root, JOBS at a time, each with its own log; prints one line a command, the log of those that fail,
# every line of a log that begins with "figure:", and at the end "N passed, N failed".
set -u
logs=$1 jobs=$2
shift 2
mkdir -p "$logs"
rm -f "$logs"/*.log "$logs"/*.status
limit=${TEST_TIMEOUT:-1800}

run_one() {
    local logs=$1 limit=$2 command=$3 name started status
    name=$(printf '%s' "$command" | tr -c 'A-Za-z0-9._-' '_')
    started=$(date +%s)
    # shellcheck disable=SC2086 # a word list
    timeout -k 10 "$limit" $command >"$logs/$name.log" 2>&1 </dev/null
    status=$?
    echo "$status" >"$logs/$name.status"
    if [ "$status" = 0 ]; then
        printf 'ok      %4ss  %s\n' "$(($(date +%s) - started))" "$command"
    else
        printf 'FAILED  %4ss  %s (exit %s)\n' "$(($(date +%s) - started))" "$command" "$status"
        tail -n 60 "$logs/$name.log" | sed 's/^/    | /'
    fi
    grep -h '^figure:' "$logs/$name.log" | sed 's/^/    /'
    return 0
}
export -f run_one

[ $# = 0 ] || printf '%s\0' "$@" | xargs -0 -P "$jobs" -I '{}' bash -c 'run_one "$@"' run_one "$logs" "$limit" '{}'
passed=0 failed=0
for file in "$logs"/*.status; do
    [ -e "$file" ] || continue
    if [ "$(cat "$file")" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ] && [ $((passed + failed)) = $# ]
