#!/bin/bash
# README.md shows what the program prints, the trace's raster and the measured figures; it names the commands that
# set up, build and test.
. test/e2e/common.sh
BUILD=$BUILD LASSIM=$LASSIM scripts/readme.sh check || complain "README.md is out of date"
for words in 'make demo' 'make check' 'docs/images/raster.svg' 'docs/design.md' 'docs/trace-format.md' \
    'docs/snn-format.md' 'docs/interface.md'; do
    grep -qF -- "$words" README.md || complain "README.md does not name $words"
done
# Every relative link leads to a file.
for link in $(grep -oE '\]\([^)#]+' README.md | sed 's/^](//' | grep -v '^http'); do
    [ -e "$link" ] || complain "README.md links to $link, which is not there"
done
finish
