#!/bin/bash
# Builds by gcc and clang at -O0 and -O3 and under ASan + UBSan convert to the same .snn and run to the same trace,
# logits and counts, to the byte.
. test/e2e/common.sh
JOBS=$(nproc)
CLANG=$(command -v clang-14 || command -v clang) || { echo "no clang here"; exit 1; }
IDS=$(json examples/opt-tiny/golden.json a.ids | tr -d '[] \n')
metrics() { grep -vE '"(wall_seconds|tokens_per_second|peak_resident_bytes)"' "$1"; }

# The program of every variant, in the directory that make check-variants and make asan use.
build() { # DIRECTORY COMPILER OPTIMISATION SANITIZERS DEFINES
    MAKEFLAGS= make -s -j"$JOBS" BUILD="build/$1" CC="$2" O="$3" SANITIZE="$4" DEFINES="$5" "build/$1/lassim" >"$WORK/make.$1.log" 2>&1 ||
        { complain "$1 does not build: $(tail -n 3 "$WORK/make.$1.log")"; finish; }
}
build debug gcc -O0 "" -DLASSIM_DEBUG
build gcc-O3 gcc -O3 "" ""
build clang-O0 "$CLANG" -O0 "" ""
build clang-O3 "$CLANG" -O3 "" ""
build asan gcc -O2 address,undefined ""

produce() { # PROGRAM DIRECTORY: every file that the builds are compared by
    local model ids
    mkdir -p "$2"
    for model in opt-tiny bare nofinal postln; do
        if [ $model = opt-tiny ]; then folder=examples/opt-tiny ids=$IDS
        else folder=test/data/variants/$model ids=$(cat test/data/variants/$model/golden.ids); fi
        expect 0 "$1" convert "$folder" -o "$2/$model.snn" --quiet
        expect 0 "$1" --model "$2/$model.snn" --token-ids "$ids" -n 0 --quiet --trace "$2/$model.bin" \
            --logits "$2/$model.npy" --metrics "$2/metrics.json"
        metrics "$2/metrics.json" >"$2/$model.json"
        rm "$2/metrics.json"
    done
    expect 0 "$1" convert test/data/variants/postln --code ternary --timesteps 11 -o "$2/ternary.snn" --quiet
    expect 0 "$1" --model "$2/ternary.snn" --token-ids 2,5,9 -n 4 --quiet --trace "$2/ternary.bin"
}
produce "$LASSIM" "$WORK/here"
for variant in debug gcc-O3 clang-O0 clang-O3 asan; do
    produce "build/$variant/lassim" "$WORK/$variant"
    diff -r "$WORK/here" "$WORK/$variant" >"$WORK/diff" || complain "$variant: $(tr '\n' ';' <"$WORK/diff")"
done
echo "figure: $(find "$WORK/here" -type f | wc -l) files, $(du -sk "$WORK/here" | cut -f1) KiB, the same by 6 builds"
finish
