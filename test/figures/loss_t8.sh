#!/bin/bash
# Loss at T = 8, converted for it (2,000 held-out tokens) and chosen at run time (500).  The bound is 1.6 times what a
# float64 prototype of the method showed.
. test/figures/common.sh
expect 0 "$LASSIM" convert examples/opt-tiny --timesteps 8 -o "$WORK/t8.snn" --quiet
measure "T = 8, converted" 8 2000 4e-4 1 0.97 --model "$WORK/t8.snn"
measure "T = 8, at run time" 8 500 4e-4 1 0.97 --model "$MODEL" --timesteps 8
finish
