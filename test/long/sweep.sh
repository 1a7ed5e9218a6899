#!/bin/bash
# The kills of test/e2e/sweep.sh, many of them on longer rows.
SWEEP_KILLS=40 SWEEP_TOKENS=600 SWEEP_PAUSE=4000 exec test/e2e/sweep.sh
