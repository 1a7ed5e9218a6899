#!/usr/bin/env python3
"""W5's network and input spikes, for every simulator the same: w5_network.py FOLDER [ACTIVITY [TIMESTEPS]]

768 inputs feed 3,072 integrate-and-fire neurons densely, delay 1 timestep.  Weights are multiples of 1/256 in
-96/256 .. 127/256 (slightly excitatory in the mean), so every sum is exact in double whatever its order.  In every
timestep a share ACTIVITY (0.1) of the inputs spikes, drawn from a seeded generator.  Threshold 64, reset to 0.

Writes net.json, weights.npy (float32 [768, 3072]), spikes.npy (uint32 [n, 2]: time, neuron; time from 1), w5.json.
"""
import json
import sys

import numpy as np

SOURCES, TARGETS, THRESHOLD, SEED = 768, 3072, 64.0, 5


def main():
    folder = sys.argv[1]
    activity = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
    timesteps = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    random = np.random.default_rng(SEED)
    weights = random.integers(-96, 128, (SOURCES, TARGETS)).astype(np.float32) / 256
    time, neuron = np.nonzero(random.random((timesteps - 1, SOURCES)) < activity)
    np.save(folder + "/weights.npy", weights)
    np.save(folder + "/spikes.npy", np.stack([time + 1, neuron], axis=1).astype(np.uint32))
    network = {
        "format": "lassim.network.1",
        "timesteps": timesteps,
        "inputs": [{"name": "in", "size": SOURCES}],
        "populations": [{"name": "out", "size": TARGETS, "model": "if", "threshold": THRESHOLD}],
        "projections": [{"source": "in", "target": "out", "delay": 1, "weights": "weights.npy"}],
    }
    with open(folder + "/net.json", "w") as out:
        json.dump(network, out, indent=1)
    facts = {"sources": SOURCES, "targets": TARGETS, "threshold": THRESHOLD, "timesteps": timesteps,
             "activity": activity, "input_spikes": int(len(time)), "synaptic_events": int(len(time)) * TARGETS}
    with open(folder + "/w5.json", "w") as out:
        json.dump(facts, out)


main()
