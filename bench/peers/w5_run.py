#!/usr/bin/env python3
"""W5: w5_run.py LASSIM NEST_PYTHON BRIAN2_PYTHON FOLDER REPEATS OUT.json

Runs lassim (one and two threads), Brian2 and NEST on the network of w5_network.py in turn, REPEATS times, checks that
every neuron spikes equally often in all of them, and writes the times of simulation alone (preparation apart) with
medians, lowest and highest as OUT.json.  Exit status 1 if a count differs.
"""
import json
import os
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def last_json(command):
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return json.loads(text[text.rindex("\n{") + 1:] if "\n{" in text else text)


def lassim(program, folder, threads):
    command = [program, "simulate", folder + "/net.json", "-i", folder + "/spikes.npy", "-t", str(threads), "--json"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {"seconds": found["wall_seconds"], "setup_seconds": found["setup_seconds"]}


def lassim_counts(program, folder, targets):
    trace, rows = folder + "/trace.bin", folder + "/trace.npy"
    subprocess.run([program, "simulate", folder + "/net.json", "-i", folder + "/spikes.npy", "--trace", trace, "--quiet"],
                   check=True)
    subprocess.run([program, "trace", "export", trace, "-o", rows, "--format", "npy"], check=True)
    spikes = np.load(rows)
    return np.bincount(spikes["neuron"][spikes["population"] == 1], minlength=targets)


def summary(runs, events):
    seconds = sorted(r["seconds"] for r in runs)
    median = float(np.median(seconds))
    return {"seconds": {"median": median, "lowest": seconds[0], "highest": seconds[-1], "all": [r["seconds"] for r in runs]},
            "setup_seconds": float(np.median([r["setup_seconds"] for r in runs])),
            "synaptic_events_per_second": {"median": events / median, "lowest": events / seconds[-1],
                                           "highest": events / seconds[0]}}


def command_line(*words):
    try:
        return subprocess.run(words, stdout=subprocess.PIPE, universal_newlines=True).stdout.strip()
    except OSError:
        return ""


def cpu():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def main():
    program, nest, brian2, folder, repeats, out = sys.argv[1:7]
    facts = json.load(open(folder + "/w5.json"))
    events = facts["synaptic_events"]
    built = last_json([brian2, HERE + "/brian2.py", "build", folder, folder + "/brian2"])
    sides = {
        "lassim": lambda: lassim(program, folder, 1),
        "brian2": lambda: last_json([brian2, HERE + "/brian2.py", "run", folder + "/brian2", folder + "/brian2.npy"]),
        "lassim_2_threads": lambda: lassim(program, folder, 2),
        "nest": lambda: last_json([nest, HERE + "/nest.py", folder, folder + "/nest.npy"]),
    }
    runs = {name: [] for name in sides}
    for _ in range(int(repeats)):
        for name, side in sides.items():
            runs[name].append(side())
    counts = lassim_counts(program, folder, facts["targets"])
    equal = {peer: bool(np.array_equal(counts, np.load("%s/%s.npy" % (folder, peer)))) for peer in ("brian2", "nest")}
    result = {
        "work": "W5", "network": facts, "repeats": int(repeats), "output_spikes": int(counts.sum()),
        "equal_spike_counts": equal, "threads": {"lassim": 1, "lassim_2_threads": 2, "brian2": 1, "nest": 1},
        "versions": {"brian2": built["version"], "nest": runs["nest"][0]["version"],
                     "lassim": command_line(program, "--version")},
        "brian2_build_seconds": built["build_seconds"],
        "commit": command_line("git", "rev-parse", "--short", "HEAD"), "cpu": cpu(),
        "sides": {name: summary(found, events) for name, found in runs.items()},
    }
    medians = {name: side["seconds"]["median"] for name, side in result["sides"].items()}
    result["ratios"] = {"over_brian2": medians["brian2"] / medians["lassim"], "over_nest": medians["nest"] / medians["lassim"],
                        "two_threads_over_one": medians["lassim"] / medians["lassim_2_threads"]}
    with open(out, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    for name, side in result["sides"].items():
        print("%-18s %9.4f s  %8.3f G synaptic events/s" % (name, medians[name], side["synaptic_events_per_second"]["median"] / 1e9))
    print("lassim / Brian2 %.1f, lassim / NEST %.1f, spike counts equal: %s" % (
        result["ratios"]["over_brian2"], result["ratios"]["over_nest"], "yes" if all(equal.values()) else "NO"))
    return 0 if all(equal.values()) else 1


sys.exit(main())
