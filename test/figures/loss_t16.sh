#!/bin/bash
# Loss at T = 16 on 2,000 held-out tokens.  The bounds are 5 times what a float64 prototype of the method showed.
. test/figures/common.sh
measure "T = 16" 16 2000 2e-8 0.002 0.999 --model "$MODEL"
finish
