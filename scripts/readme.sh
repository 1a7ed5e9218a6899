#!/bin/sh
# readme.sh demo|figures|raster|all: writes anew what README.md shows of real runs.
#   demo     the two commands and what they print
#   figures  the tables, from bench/results/bench.json
#   raster   docs/images/raster.svg, from the trace of the second command
# readme.sh check: exit 1 and the differences if any of them is not what a run gives now (wall times, speeds and
# memory left out).  BUILD names the build directory.
set -eu
build=${BUILD:-build}
mode=${1:?demo, figures, raster, all or check}
work=$build/readme
program=${LASSIM:-$build/lassim}
rm -rf "$work"
mkdir -p "$work/run/build/demo"
root=$(pwd)
case $program in /*) ;; *) program=$root/$program ;; esac

# The two commands, as the reader types them, in a directory where these paths exist.
run_demo() {
    ln -s "$root/examples" "$work/run/examples"
    ln -s "$program" "$work/run/build/lassim"
    (
        cd "$work/run"
        for command in "build/lassim convert examples/opt-tiny -o build/demo/opt.snn" \
            "build/lassim --model build/demo/opt.snn --trace build/demo/spikes.bin"; do
            echo "\$ $command"
            $command 2>"$root/$work/stderr" || { cat "$root/$work/stderr" >&2; exit 1; }
        done
    ) >"$work/demo.txt"
    { echo '```console'; cat "$work/demo.txt"; echo '```'; } >"$work/demo.md"
}
make_raster() { "$build/bench/raster" "$work/run/build/demo/spikes.bin" >"$work/raster.svg"; }
make_figures() { "$build/bench/figures" bench/results/bench.json >"$work/figures.md"; }

# The lines between the markers <!-- BEGIN name --> and <!-- END name -->.
block() { awk -v name="$1" '$0 == "<!-- END " name " -->" { on = 0 } on { print } $0 == "<!-- BEGIN " name " -->" { on = 1 }' README.md; }
replace() {
    awk -v name="$1" -v file="$2" '
        $0 == "<!-- END " name " -->" { on = 0 }
        !on { print }
        $0 == "<!-- BEGIN " name " -->" { on = 1; found = 1; while ((getline line < file) > 0) print line }
        END { exit !found }' README.md >"$work/README.md" && cat "$work/README.md" >README.md
}
# Wall time, speed and memory: what differs from run to run.
mask() { sed -E 's/[0-9.]+ s, [0-9.]+ tokens\/s, [0-9.]+ MiB/S s, N tokens\/s, M MiB/'; }

status=0
same() { # NAME EXPECTED FOUND
    diff -u "$2" "$3" >"$work/diff" && return
    echo "README.md: $1 is not what a run gives now (scripts/readme.sh all writes it anew):"
    head -n 20 "$work/diff"
    status=1
}

case $mode in
demo) run_demo; replace demo "$work/demo.md" ;;
figures) make_figures; replace figures "$work/figures.md" ;;
raster) run_demo; make_raster; cp "$work/raster.svg" docs/images/raster.svg ;;
all)
    run_demo; replace demo "$work/demo.md"
    make_raster; cp "$work/raster.svg" docs/images/raster.svg
    make_figures; replace figures "$work/figures.md" ;;
check)
    run_demo; make_raster; make_figures
    mask <"$work/demo.md" >"$work/demo.found"
    block demo | mask >"$work/demo.wanted"
    block figures >"$work/figures.wanted"
    same demo "$work/demo.wanted" "$work/demo.found"
    same figures "$work/figures.wanted" "$work/figures.md"
    same docs/images/raster.svg docs/images/raster.svg "$work/raster.svg" ;;
*) echo "readme.sh: expected demo, figures, raster, all or check, found '$mode'" >&2; exit 2 ;;
esac
exit $status
