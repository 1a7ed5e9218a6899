#!/usr/bin/env python3
"""W5 in NEST: nest.py FOLDER COUNTS.npy  (folder: w5_network.py's)

iaf_psc_delta with tau_m so long that its propagator e^(-h/tau_m) is 1, no refractoriness, reset to 0: in a step the
potential takes what arrives in, then is compared with the threshold.  A spike_generator per input makes a parrot_neuron
spike, one step later, whose synapses are NEST's own kind (several times faster than a generator's): everything is one
step late and one step more is simulated.  Only Run() is timed.
Prints one line of JSON; writes every neuron's number of spikes.
"""
import json
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
# This file's own folder would hide the module: both are called nest.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
import numpy as np  # noqa: E402

started = time.perf_counter()
import nest  # noqa: E402

STEP = 1.0  # h, ms


def main():
    folder, counts_file = sys.argv[1], sys.argv[2]
    facts = json.load(open(folder + "/w5.json"))
    weights = np.load(folder + "/weights.npy").astype(float)
    spikes = np.load(folder + "/spikes.npy").astype(np.int64)
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.SetKernelStatus({"resolution": STEP, "local_num_threads": 1, "print_time": False})
    neurons = nest.Create("iaf_psc_delta", facts["targets"], params={
        "E_L": 0.0, "V_m": 0.0, "V_reset": 0.0, "V_th": facts["threshold"], "tau_m": 1e300, "C_m": 1.0, "t_ref": 0.0,
        "I_e": 0.0, "V_min": -1e300})
    generators = nest.Create("spike_generator", facts["sources"])
    order = np.lexsort((spikes[:, 0], spikes[:, 1]))
    ends = np.searchsorted(spikes[order, 1], np.arange(facts["sources"] + 1))
    times = spikes[order, 0] * STEP
    generators.set([{"spike_times": times[ends[i]:ends[i + 1]]} for i in range(facts["sources"])])
    parrots = nest.Create("parrot_neuron", facts["sources"])
    nest.Connect(generators, parrots, "one_to_one", {"delay": STEP})
    nest.Connect(parrots, neurons, "all_to_all",
                 {"synapse_model": "static_synapse", "weight": weights.T, "delay": STEP})
    recorder = nest.Create("spike_recorder", params={"record_to": "memory"})
    nest.Connect(neurons, recorder)
    nest.Prepare()
    built = time.perf_counter()
    # Run(t) simulates the steps stamped h .. t: timesteps 1 .. timesteps - 1 of the network's counting, and one more.
    nest.Run(facts["timesteps"] * STEP)
    ended = time.perf_counter()
    nest.Cleanup()
    senders = np.asarray(recorder.get("events", "senders")) - neurons[0].global_id
    np.save(counts_file, np.bincount(senders, minlength=facts["targets"]).astype(np.int64))
    print(json.dumps({"version": nest.__version__, "setup_seconds": built - started, "seconds": ended - built}))


main()
