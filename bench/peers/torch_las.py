#!/usr/bin/env python3
"""Peer of W2: one transformer layer the way LAS is published for PyTorch, beside the same layer as a plain network.

Written from the description (Chen, Song, Sun, arXiv 2505.09659), not from the authors' code: T explicit timesteps,
one dense tensor a step.
  OAT   |x| integrates, then fires T steps at theta(t) = alpha 2^-(t+1), reset by subtraction; a normal sub-neuron
        codes what is at most alpha_nor, an outlier one (alpha_nor 2^j) the rest.  Both trains of a step go through
        the weights together: one product a step.
  HG    a gate picks the sub-interval of x (octave, then part of the octave), its few-spike neuron codes the
        place in it in T steps of weight slope 2^-(t+1); the first step carries the value at the interval's foot.
  dot   spike products by running sums: step t gives S_A(t) S_B(t) - S_A(t-1) S_B(t-1), one product a step.
Softmax is exp, sum, 1/x, Hadamard product; LayerNorm a Hadamard square, 1/sqrt, Hadamard products.  All is
vectorised over tokens, heads and neurons; sums are accumulated in place; no gradients.

The spiking output is compared with the plain layer's: a relative error above 2 % ends the program.

  torch_las.py [--repeats N]     one JSON object: medians, lowest, highest, all samples
  torch_las.py --serve           answers each input line "las" or "dense" with the seconds of one layer
Options: --threads, --tokens, --timesteps, --hidden, --ffn, --heads, --activation relu|gelu, --encoder (no mask).
"""
import argparse
import json
import math
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F


class OAT:
    """Outlier-aware threshold neurons for values like `sample`: the train of one window, step by step."""

    def __init__(self, sample, steps, positive=False):
        large = float(sample.abs().max())
        typical = float(sample.pow(2).mean().sqrt())
        self.outlier = 2.0 ** math.ceil(math.log2(max(large, 1e-6)))
        self.normal = min(self.outlier, 2.0 ** math.ceil(math.log2(max(6 * typical, 1e-6))))
        self.steps, self.positive = steps, positive

    def fire(self, x):
        """Yields T tensors of signed, weighted spikes."""
        value = F.relu(x) if self.positive else x.abs()
        sign = None if self.positive else torch.sign(x)
        outliers = value > self.normal
        large = torch.where(outliers, value, 0.0)
        small = value.masked_fill_(outliers, 0.0)
        any_large = bool(outliers.any())
        for t in range(1, self.steps + 1):
            spikes = (small >= self.normal * 2.0**-t).to(x.dtype).mul_(self.normal * 2.0**-t)
            small.sub_(spikes)
            if any_large:
                more = (large >= self.outlier * 2.0**-t).to(x.dtype).mul_(self.outlier * 2.0**-t)
                large.sub_(more)
                spikes.add_(more)
            yield spikes if sign is None else spikes.mul_(sign)


class HG:
    """Hierarchically gated neurons: f by sub-intervals over [low, high], 2^parts of them an octave."""

    def __init__(self, f, low, high, steps, octave_parts=64, negative=False):
        octaves = range(math.floor(math.log2(low)), math.ceil(math.log2(high)))
        edges = [2.0**o * (1 + p / octave_parts) for o in octaves for p in range(octave_parts)] + [2.0 ** (octaves[-1] + 1)]
        edges = torch.tensor([0.0] + edges, dtype=torch.float64)
        if negative:
            edges = torch.cat([-edges.flip(0), edges[1:]])
        values = f(edges.clamp_min(low) if not negative else edges)
        self.inner = edges[1:-1].float()
        self.foot, self.width = edges[:-1].float(), (edges[1:] - edges[:-1]).float()
        self.value, self.slope = values[:-1].float(), (values[1:] - values[:-1]).float()
        self.steps = steps

    def fire(self, x):
        gate = torch.bucketize(x, self.inner, right=True)
        u = (x - self.foot[gate]).div_(self.width[gate])
        slope, base = self.slope[gate], self.value[gate]
        for t in range(1, self.steps + 1):
            spikes = (u >= 2.0**-t).to(x.dtype).mul_(2.0**-t)
            u.sub_(spikes)
            spikes.mul_(slope)
            yield spikes.add_(base) if t == 1 else spikes


def integrate(train):
    total = None
    for step in train:
        total = step.clone() if total is None else total.add_(step)
    return total


def linear(train, weight, bias):
    """Bias once, then every step's spikes through the weights."""
    total = None
    for step in train:
        if total is None:
            total = bias.expand(step.shape[:-1] + bias.shape).clone()
        total.view(-1, bias.numel()).addmm_(step.reshape(-1, step.shape[-1]), weight)
    return total


def product(left, right, combine):
    """Spike products of two trains with running sums; `combine` multiplies two running sums."""
    a = b = total = before = None
    for da, db in zip(left, right):
        a = da.clone() if a is None else a.add_(da)
        b = db.clone() if b is None else b.add_(db)
        now = combine(a, b)
        if total is None:
            total, before = now.clone(), now
        else:
            total.add_(now - before)
            before = now
    return total


class Layer:
    """Post-norm: attention, + residual, LayerNorm, feed-forward, + residual, LayerNorm."""

    def __init__(self, o):
        self.o, d, f = o, o.hidden, o.ffn
        g = torch.Generator().manual_seed(1)
        self.w = {n: torch.randn(a, b, generator=g) * 0.04 for n, a, b in
                  (("q", d, d), ("k", d, d), ("v", d, d), ("o", d, d), ("fc1", d, f), ("fc2", f, d))}
        self.b = {n: torch.randn(w.shape[1], generator=g) * 0.02 for n, w in self.w.items()}
        self.gain = [1 + 0.1 * torch.randn(d, generator=g) for _ in range(2)]
        self.shift = [0.02 * torch.randn(d, generator=g) for _ in range(2)]
        self.x = F.layer_norm(torch.randn(o.tokens, d, generator=g), (d,))
        self.mask = None if o.encoder else torch.full((o.tokens, o.tokens), float("-inf")).triu(1)
        self.seen = {}
        self.dense(self.seen.__setitem__)
        T = o.timesteps
        self.oat = {n: OAT(v, T, positive=n == "fc" and o.activation == "relu") for n, v in self.seen.items()}
        self.exp = HG(lambda x: torch.exp(-x), 2.0**-20, 64.0, T)
        self.inverse = HG(lambda x: 1 / x, 0.5, 2.0 * o.tokens, T)
        self.rsqrt = HG(lambda x: x.rsqrt(), 2.0**-6, 64.0, T)
        self.gelu = HG(F.gelu, 2.0**-12, 16.0, T, negative=True)

    def heads(self, x):
        return x.view(self.o.tokens, self.o.heads, -1).transpose(0, 1)

    def activate(self, x):
        return F.relu(x) if self.o.activation == "relu" else F.gelu(x)

    def dense(self, see=lambda name, value: None):
        w, b, x = self.w, self.b, self.x
        see("x", x)
        q, k, v = (torch.addmm(b[n], x, w[n]) for n in "qkv")
        see("q", q), see("k", k), see("v", v)
        scores = self.heads(q) @ self.heads(k).transpose(1, 2) * (self.o.hidden // self.o.heads) ** -0.5
        if self.mask is not None:
            scores += self.mask
        p = torch.softmax(scores, -1)
        see("p", p)
        context = (p @ self.heads(v)).transpose(0, 1).reshape(x.shape)
        see("context", context)
        h = torch.addmm(b["o"], context, w["o"]).add_(x)
        for i in range(2):
            see(f"res{i}", h)
            see(f"xmu{i}", h - h.mean(-1, keepdim=True))
            h = F.layer_norm(h, (self.o.hidden,), self.gain[i], self.shift[i])
            see(f"ln{i}", h)
            if i == 0:
                inner = self.activate(torch.addmm(b["fc1"], h, w["fc1"]))
                see("fc", inner)
                h = torch.addmm(b["fc2"], inner, w["fc2"]).add_(h)
        return h

    def spike(self, name, x):
        return self.oat[name].fire(x)

    def norm(self, i, x):
        xmu = integrate(self.spike(f"res{i}", x))
        xmu -= xmu.mean(-1, keepdim=True)
        train = [step for step in self.spike(f"xmu{i}", xmu)]
        variance = product(train, train, torch.mul).mean(-1, keepdim=True).add_(1e-5)
        return product(train, self.rsqrt.fire(variance), torch.mul).mul_(self.gain[i]).add_(self.shift[i])

    def softmax(self, scores):
        scores = scores.amax(-1, keepdim=True).sub(scores)
        train = [step for step in self.exp.fire(scores.clamp_(max=63.9))]
        total = integrate(train).sum(-1, keepdim=True)
        return product(train, self.inverse.fire(total), torch.mul)

    def attention(self, x):
        train = [step for step in self.spike("x", x)]
        q, k, v = (linear(train, self.w[n], self.b[n]) for n in "qkv")
        scores = product(map(self.heads, self.spike("q", q)), map(self.heads, self.spike("k", k)),
                         lambda a, b: a @ b.transpose(1, 2)).mul_((self.o.hidden // self.o.heads) ** -0.5)
        if self.mask is not None:
            scores += self.mask
        p = self.softmax(scores)
        context = product(self.spike("p", p), map(self.heads, self.spike("v", v)), torch.matmul)
        return linear(self.spike("context", context.transpose(0, 1).reshape(x.shape)), self.w["o"], self.b["o"])

    def las(self):
        h = self.norm(0, self.attention(self.x).add_(self.x))
        train = self.spike("ln0", h)
        inner = linear(train, self.w["fc1"], self.b["fc1"])
        train = self.spike("fc", inner if self.o.activation == "relu" else integrate(self.gelu.fire(inner)))
        return self.norm(1, linear(train, self.w["fc2"], self.b["fc2"]).add_(h))


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def spread(samples):
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples), "samples": samples}


def about(o, error):
    return {"schema": "lassim-peer-torch-1", "torch": torch.__version__, "python": platform.python_version(),
            "blas": "mkl" if torch.backends.mkl.is_available() else "other", "threads": torch.get_num_threads(),
            "tokens": o.tokens, "timesteps": o.timesteps, "hidden": o.hidden, "ffn": o.ffn, "heads": o.heads,
            "activation": o.activation, "causal": not o.encoder, "relative_error": error}


def serve(layer):
    for line in sys.stdin:
        print(json.dumps({"seconds": seconds(layer.las if line.strip() == "las" else layer.dense)}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    for name, value in (("threads", 2), ("tokens", 128), ("timesteps", 16), ("hidden", 768), ("ffn", 3072),
                        ("heads", 12), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--activation", choices=("relu", "gelu"), default="relu")
    parser.add_argument("--encoder", action="store_true")
    parser.add_argument("--serve", action="store_true")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    with torch.inference_mode():
        layer = Layer(o)
        wanted, found = layer.dense(), layer.las()
        error = float((found - wanted).norm() / wanted.norm())
        if not error < 0.02:
            sys.exit(f"torch_las.py: the spiking layer is {error:.2g} off the plain one")
        layer.las(), layer.dense()
        if o.serve:
            print(json.dumps(about(o, error)), flush=True)
            return serve(layer)
        las, dense = [], []
        for _ in range(max(1, o.repeats)):
            las.append(seconds(layer.las))
            dense.append(seconds(layer.dense))
        print(json.dumps({**about(o, error), "las_seconds": spread(las), "dense_seconds": spread(dense),
                          "las_over_dense": statistics.median(las) / statistics.median(dense)}))


if __name__ == "__main__":
    main()
