#!/usr/bin/env python3
"""W5 in Brian2, C++ standalone: brian2.py FOLDER COUNTS.npy BUILD_FOLDER  (folder: w5_network.py's)

v_post += w in `synapses` before the test in `thresholds`: with a delay of 0 the spikes of one timestep, emitted after the
synapses' turn, arrive in the next.  Built with -O3 -march=native, one thread; what is timed is the time that the
program's own run of the network takes (its last run time), not its start and its writing of results.  Prints one line
of JSON; writes every neuron's number of spikes.  An executable that is there already for the same network runs again.
"""
import json
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
# This file's own folder would hide the module: both are called brian2.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
started = time.perf_counter()
import numpy as np  # noqa: E402
import brian2 as b  # noqa: E402


def main():
    folder, counts_file, build = sys.argv[1], sys.argv[2], sys.argv[3]
    facts = json.load(open(folder + "/w5.json"))
    weights = np.load(folder + "/weights.npy").astype(float)
    spikes = np.load(folder + "/spikes.npy").astype(np.int64)
    b.set_device("cpp_standalone", build_on_run=False, directory=build)
    b.prefs.devices.cpp_standalone.openmp_threads = 0
    b.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O3", "-march=native", "-std=c++11"]
    step = 1 * b.ms
    b.defaultclock.dt = step
    b.magic_network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    inputs = b.SpikeGeneratorGroup(facts["sources"], spikes[:, 1], spikes[:, 0] * step)
    neurons = b.NeuronGroup(facts["targets"], "v : 1", threshold="v >= %r" % facts["threshold"], reset="v = 0")
    synapses = b.Synapses(inputs, neurons, "w : 1", on_pre="v_post += w")
    synapses.connect(True)
    synapses.w = weights.reshape(-1)
    # Counts only: as little as the others do with their spikes.
    monitor = b.SpikeMonitor(neurons, record=False)
    network = b.Network(inputs, neurons, synapses, monitor)
    network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    network.run(facts["timesteps"] * step)
    b.device.build(directory=build, compile=True, run=True, debug=False, with_output=False)
    # The whole includes reading the weights; the program measures its run itself.
    seconds = b.device._last_run_time
    np.save(counts_file, np.asarray(monitor.count[:]).astype(np.int64))
    print(json.dumps({"version": b.__version__, "setup_seconds": time.perf_counter() - started - seconds,
                      "seconds": seconds}))


main()
