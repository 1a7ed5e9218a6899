#!/bin/sh
# models.sh BUILD NAME...: makes the models of the benchmarks under BUILD/bench/models that are not there yet and
# prints NAME=FILE for each; a model of a weight type that this lassim cannot write is left out with a
# word on stderr.  Delete the folder to have them made anew: a newer converter may lay them out otherwise.
#   125m 1.3b 6.7b ...   preset of make_checkpoint, 5 % of the FFN active
#   layers, layers50     12 post-norm layers of 768/12/3072, a small vocabulary, 5 % and 50 % of the FFN active
# with -i16, -q8 or -q4 after any of them for `convert --weights` (default: as the checkpoint, F16).
set -eu
build=$1
shift
models=$build/bench/models
mkdir -p "$models"

checkpoint() { # BASE FOLDER
    case $1 in
    layers) set -- "$2" --preset 125m --post-norm --vocabulary 2048 --positions 512 ;;
    layers50) set -- "$2" --preset 125m --post-norm --vocabulary 2048 --positions 512 --ffn-active 0.5 ;;
    *) set -- "$2" --preset "$1" --shard-bytes 2000000000 ;;
    esac
    folder=$1
    shift
    "$build/bench/make_checkpoint" "$@" "$folder"
}

for name in "$@"; do
    base=${name%-i16} base=${base%-q8} base=${base%-q4}
    weights=${name#"$base"} weights=${weights#-}
    file=$models/$name.snn
    if [ -n "$weights" ] && ! "$build/lassim" convert --help | grep -A2 -e '--weights' | grep -qw "$weights"; then
        echo "models.sh: $name left out: this lassim has no convert --weights $weights" >&2
        continue
    fi
    if ! "$build/lassim" inspect "$file" >/dev/null 2>&1; then # none, or of another format version
        echo "models.sh: making $file" >&2
        if [ ! -f "$models/$name.checkpoint/complete" ]; then # a run cut short goes on from here
            rm -rf "$models/$name.checkpoint"
            checkpoint "$base" "$models/$name.checkpoint"
            touch "$models/$name.checkpoint/complete"
        fi
        "$build/lassim" convert "$models/$name.checkpoint" --weights "${weights:-keep}" -o "$file" --quiet >&2
        rm -rf "$models/$name.checkpoint"
    fi
    echo "$name=$file"
done
