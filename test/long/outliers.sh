#!/bin/bash
# test/figures/outliers.sh with other channels and more tokens.
status=0
for seed in 2 3 4; do
    SEED=$seed OUTLIER_TOKENS=1000 bash test/figures/outliers.sh || status=1
done
exit $status
