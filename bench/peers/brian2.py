#!/usr/bin/env python3
"""W5 in Brian2, C++ standalone (folder: w5_network.py's):

brian2.py build FOLDER BUILD   writes and compiles the program: -O3 -march=native, one thread
brian2.py run BUILD COUNTS.npy runs it; writes every neuron's number of spikes

v_post += w in `synapses` before the test in `thresholds`: with a delay of 0 the spikes of one timestep, emitted after the
synapses' turn, arrive in the next.  What counts as time is what the program measures of its own run, without its start
and its reading and writing of arrays.  Prints one line of JSON.
"""
import glob
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
# This file's own folder would hide the module: both are called brian2.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
import numpy as np  # noqa: E402


def build(folder, target):
    import brian2 as b
    started = time.perf_counter()
    facts = json.load(open(folder + "/w5.json"))
    weights = np.load(folder + "/weights.npy").astype(float)
    spikes = np.load(folder + "/spikes.npy").astype(np.int64)
    b.set_device("cpp_standalone", build_on_run=False)
    b.prefs.devices.cpp_standalone.openmp_threads = 0
    b.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O3", "-march=native", "-std=c++11"]
    step = 1 * b.ms
    b.defaultclock.dt = step
    inputs = b.SpikeGeneratorGroup(facts["sources"], spikes[:, 1], spikes[:, 0] * step)
    neurons = b.NeuronGroup(facts["targets"], "v : 1", threshold="v >= %r" % facts["threshold"], reset="v = 0")
    synapses = b.Synapses(inputs, neurons, "w : 1", on_pre="v_post += w")
    synapses.connect(True)
    synapses.w = weights.reshape(-1)
    monitor = b.SpikeMonitor(neurons, record=False, name="counter")  # counts only
    network = b.Network(inputs, neurons, synapses, monitor)
    network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    network.run(facts["timesteps"] * step)
    b.device.build(directory=target, compile=True, run=False, debug=False)
    print(json.dumps({"version": b.__version__, "build_seconds": time.perf_counter() - started}))


def run(target, counts_file):
    started = time.perf_counter()
    subprocess.run(["./main"], cwd=target, check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - started
    seconds = float(open(target + "/results/last_run_info.txt").read().split()[0])
    counts, = glob.glob(target + "/results/_array_counter_count*")
    np.save(counts_file, np.fromfile(counts, dtype=np.int32).astype(np.int64))
    print(json.dumps({"setup_seconds": whole - seconds, "seconds": seconds}))


if sys.argv[1] == "build":
    build(*sys.argv[2:])
else:
    run(*sys.argv[2:])
