"""Golden values of NeuroBench's metrics by the neurobench package (2.3.0, with snntorch 1.0.0 and torch), run from the
repository's root after `make`:

    python test/data/neurobench/make.py

network.json, spikes.csv   a feed-forward network of integrate-and-fire neurons that lassim and snnTorch both run
network.golden.json        its metrics; spikes of every population, too
opt-tiny.golden.json       linear layers of examples/opt-tiny, driven by the spikes that lassim exports
"""
import csv
import json
import os
import subprocess

import numpy
import safetensors.torch
import snntorch
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, ParameterCount
from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations
from neurobench.models import SNNTorchModel, TorchModel
from torch.utils.data import DataLoader, TensorDataset

HERE = os.path.dirname(os.path.abspath(__file__))
LASSIM = os.environ.get("LASSIM", "build/lassim")
WORK = os.environ.get("WORK", "build/neurobench")
# Weights are eighths, so that no potential equals the threshold, where lassim spikes and snnTorch does not. Reset to zero:
# snnTorch resets a neuron that is left above its threshold before it spikes again.
SIZES, STEPS, THRESHOLD = (20, 16, 5), 60, 0.9375
IDS = "2,250,1345,9,10"


class Delayed(torch.nn.Module):
    """Two layers; a spike arrives one timestep after it was sent."""

    def __init__(self, weights):
        super().__init__()
        self.linear = torch.nn.ModuleList()
        self.neuron = torch.nn.ModuleList()
        for matrix in weights:
            linear = torch.nn.Linear(matrix.shape[0], matrix.shape[1], bias=False)
            linear.weight = torch.nn.Parameter(torch.tensor(matrix.T, dtype=torch.float32), requires_grad=False)
            self.linear.append(linear)
            self.neuron.append(snntorch.Leaky(beta=1.0, threshold=THRESHOLD, reset_mechanism="zero",
                                              reset_delay=False, init_hidden=True, output=True))
        self.reset()

    def reset(self):
        snntorch.utils.reset(self)
        self.before = [torch.zeros(1, n) for n in SIZES[:-1]]
        self.spikes = [0] * len(self.neuron)

    def forward(self, x):
        sent = [x]
        for i, (linear, neuron) in enumerate(zip(self.linear, self.neuron)):
            spike, _ = neuron(linear(self.before[i]))
            self.spikes[i] += int(spike.sum())
            sent.append(spike)
        self.before = sent[:-1]
        return sent[-1], None


def network():
    random = numpy.random.default_rng(5)
    weights = [random.integers(-3, 6, shape) / 8 * (random.random(shape) < 0.7) for shape in zip(SIZES, SIZES[1:])]
    spikes = random.random((STEPS, SIZES[0])) < 0.15
    names = ("in", "hidden", "out")
    json.dump({"format": "lassim.network.1", "timesteps": STEPS, "inputs": [{"name": "in", "size": SIZES[0]}],
               "populations": [{"name": name, "size": size, "model": "if", "threshold": THRESHOLD, "reset": "zero"}
                               for name, size in zip(names[1:], SIZES[1:])],
               "projections": [{"source": a, "target": b, "weights": matrix.tolist()}
                               for a, b, matrix in zip(names, names[1:], weights)]},
              open(os.path.join(HERE, "network.json"), "w"))
    with open(os.path.join(HERE, "spikes.csv"), "w") as out:
        out.write("time,neuron\n" + "".join(f"{t},{n}\n" for t, n in zip(*numpy.nonzero(spikes))))
    model = Delayed(weights)
    data = torch.tensor(spikes[None], dtype=torch.float32)
    loader = DataLoader(TensorDataset(data, torch.zeros(1)), batch_size=1)
    results = Benchmark(SNNTorchModel(model), loader, [], [],
                        [[ConnectionSparsity, ParameterCount],
                         [ActivationSparsity, SynapticOperations, MembraneUpdates]]).run(quiet=True)
    results = {key: value for key, value in results.items()}
    results["ParameterCount"] = sum(linear.weight.numel() for linear in model.linear)
    results["spikes"] = [int(spikes.sum())] + model.spikes
    return results


class Driven(torch.nn.Module):
    """The checkpoint's linear layers, each called with a token's spikes of one timestep."""

    def __init__(self, layers):
        super().__init__()
        self.linear = torch.nn.ModuleList(linear for linear, _ in layers)
        self.calls = [calls for _, calls in layers]

    def forward(self, x):
        for linear, calls in zip(self.linear, self.calls):
            for call in calls:
                linear(call[None])
        return x


def opt_tiny():
    os.makedirs(WORK, exist_ok=True)
    snn, trace, rows = (os.path.join(WORK, name) for name in ("opt.snn", "spikes.bin", "spikes.csv"))
    run = lambda *words: subprocess.run([LASSIM, *words], check=True, capture_output=True, text=True).stdout
    run("convert", "examples/opt-tiny", "-o", snn, "--quiet")
    run("--model", snn, "--token-ids", IDS, "-n", "0", "--quiet", "--trace", trace, "--logits", os.path.join(WORK, "l.npy"))
    run("trace", "export", "--format", "csv", trace, "-o", rows)
    populations = json.loads(run("trace", "info", "--json", trace))["populations"]
    number = {row["name"]: i for i, row in enumerate(populations)}
    checkpoint = {key.removeprefix("model."): value
                  for key, value in safetensors.torch.load_file("examples/opt-tiny/model.safetensors").items()}
    config = json.load(open("examples/opt-tiny/config.json"))
    tokens, steps = len(IDS.split(",")), 16
    spikes = {}
    for row in csv.DictReader(open(rows)):
        if row["kind"] in ("0", "1"):
            spikes.setdefault(int(row["population"]), []).append(row)

    def calls(name):
        population = populations[number[name]]
        inputs = torch.zeros(tokens, steps, population["neurons"])
        for row in spikes.get(number[name], []):
            value = int(row["sign"]) * (2 ** population["j"] if row["kind"] == "1" else 1)
            inputs[int(row["token"]), int(row["time"]) % steps, int(row["neuron"])] = value
        return inputs.reshape(tokens * steps, -1)

    def layer(weight, name):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        linear.weight = torch.nn.Parameter(weight.float(), requires_grad=False)
        return linear, calls(name)

    layers = []
    for i in range(config["num_hidden_layers"]):
        prefix = f"decoder.layers.{i}."
        for part, name in (("self_attn.q_proj", "norm1.ln"), ("self_attn.k_proj", "norm1.ln"),
                           ("self_attn.v_proj", "norm1.ln"), ("self_attn.out_proj", "att"), ("fc1", "norm2.ln"),
                           ("fc2", "fc")):
            layers.append(layer(checkpoint[prefix + part + ".weight"], f"layers.{i}.{name}"))
    layers.append(layer(checkpoint["decoder.embed_tokens.weight"], "final.ln"))
    loader = DataLoader(TensorDataset(torch.zeros(tokens, 1), torch.zeros(tokens)), batch_size=tokens)
    model = TorchModel(Driven(layers))
    results = dict(Benchmark(model, loader, [], [], [[ConnectionSparsity], [SynapticOperations]]).run(quiet=True))
    results["token_ids"] = IDS
    return results


for name, results in (("network", network()), ("opt-tiny", opt_tiny())):
    with open(os.path.join(HERE, name + ".golden.json"), "w") as out:
        json.dump(results, out, indent=1)
        out.write("\n")
    print(name, json.dumps(results))
