#!/bin/bash
# T = 8 chosen at run time, on as many tokens as test/figures measures for a model converted for it.
. test/figures/common.sh
measure "T = 8, at run time" 8 2000 4e-4 1 0.97 --model "$MODEL" --timesteps 8
finish
