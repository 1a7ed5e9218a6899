#!/bin/sh
# replay.sh BUILD NAME: runs every file of test/fuzz/corpus/NAME through fuzz target NAME once.
set -u
set -- "$1/test/fuzz/replay_$2" "test/fuzz/corpus/$2"
find "$2" -type f -print0 | sort -z | xargs -0 -r "$1"
