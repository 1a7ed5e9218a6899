#!/bin/bash
# W5: the same feed-forward integrate-and-fire network and input spikes in lassim, Brian2 (C++ standalone) and NEST, synaptic
# events per second and equal spike counts.  bench_w5.sh [BUILD [ACTIVITY [TIMESTEPS [REPEATS]]]]; BUILD: build.
# Installs the peers (bench/peers/*.sh) where they are missing; writes BUILD/bench/w5.json; exit 1 if a count differs.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
nest=$(bench/peers/nest.sh)
brian2=$(bench/peers/brian2.sh)
folder=$build/bench/w5
rm -rf "$folder"
mkdir -p "$folder"
"$nest" bench/peers/w5_network.py "$folder" "${2:-0.1}" "${3:-1000}"
"$nest" bench/peers/w5_run.py "$build/lassim" "$PWD/$nest" "$PWD/$brian2" "$folder" "${4:-5}" "$build/bench/w5.json"
