#!/usr/bin/env python3
"""Makes what SmolLM2-135M-Instruct (build/models/smollm2-f16.gguf, `make models`) gives in two reference programs.

    build/venv/bin/pip install torch==2.15.0 transformers==5.24.0 accelerate gguf==0.19.0 llama-cpp-python==0.3.36
    build/venv/bin/python test/data/smollm2/make_golden.py      (from the root of the repository; 4 minutes)

The weights are the F16 ones of that file.  `reference` is transformers in float64 (float32 in its RMSNorm and rotary
tables), `llama_cpp` llama.cpp with its default F16 KV cache: its own rounding is what the two differ by.
golden.json   ids: the first 2,000 tokens of examples/opt-tiny/heldout.txt, as one chunk, nothing prepended
              perplexity: exp of the mean of nll.npy; llama.cpp's; mean and largest KL between the two, top-1 agreement
              greedy: prompts (special tokens are parsed), their ids, the 64 ids after them or those up to <|im_end|>;
              margin: the least lead of the chosen token's logit over the next
nll.npy       float32 [1999]: -log p(ids[i + 1] | ids[0 ... i]) of the reference
positions.npy int32 [64]: positions whose logits follow
top.npy       int32 [64, 50]: the reference's 50 largest logits' ids there, largest first
reference.npy, llama_cpp.npy   float32 [64, 50]: the logits of those ids
"""
import importlib.metadata
import json
import os

import llama_cpp
import numpy as np
import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "..", "build", "models")
FILE = "smollm2-f16.gguf"
TEXT = "examples/opt-tiny/heldout.txt"
TOKENS, POSITIONS, TOP, GREEDY = 2000, 64, 50, 64
PROMPTS = ["The capital of France is",
           "Once upon a time, in a village by the sea, there lived",
           "<|im_start|>user\nExplain in two sentences why the sky is blue.<|im_end|>\n<|im_start|>assistant\n"]
END = 2


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def reference_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def llama_logits(model, ids):
    model.reset()
    model.eval(ids)
    return np.array(model.scores[:len(ids)])


def greedy(logits_of, ids):
    """The ids that follow, and the least margin on the way."""
    out, margin = [], np.inf
    while len(out) < GREEDY:
        last = logits_of(ids + out)[-1]
        second, first = np.argsort(last)[-2:]
        margin = min(margin, float(last[first] - last[second]))
        out.append(int(first))
        if first == END:
            break
    return out, margin


def greedy_rows(reference, llama, tokenizer):
    rows = []
    for prompt in PROMPTS:
        ids = llama.tokenize(prompt.encode(), add_bos=False, special=True)
        ours, margin = greedy(lambda i: reference_logits(reference, i), ids)
        theirs, _ = greedy(lambda i: llama_logits(llama, i), ids)
        rows.append({"prompt": prompt, "prompt_ids": ids, "reference_ids": ours, "llama_cpp_ids": theirs,
                     "margin": round(margin, 4), "text": tokenizer.decode(ours)})
        print(prompt, "->", rows[-1]["text"], "margin", margin, "same" if ours == theirs else "llama.cpp differs")
    return rows


def compare(exact, theirs, ids):
    """Perplexities, KL and top-1 agreement; exact and theirs: logits, row i predicts ids[i + 1]."""
    at = np.arange(len(ids) - 1), np.array(ids[1:])
    kl, agree, nll, other = [], 0, [], []
    for first in range(0, len(ids) - 1, 100):
        rows = slice(first, min(first + 100, len(ids) - 1))
        p, q = log_softmax(exact[rows]), log_softmax(theirs[rows])
        kl.append((np.exp(p) * (p - q)).sum(-1))
        agree += int((p.argmax(-1) == q.argmax(-1)).sum())
        here = at[0][rows] - first, at[1][rows]
        nll.append(-p[here])
        other.append(-q[here])
    kl, nll, other = map(np.concatenate, (kl, nll, other))
    np.save(os.path.join(HERE, "nll.npy"), nll.astype(np.float32))
    return {"reference": float(np.exp(nll.mean())), "llama_cpp": float(np.exp(other.mean())),
            "kl_mean": float(kl.mean()), "kl_max": float(kl.max()), "top1_agreement": agree / len(nll)}


def save_top(exact, theirs):
    positions = np.arange(POSITIONS, dtype=np.int32) * 8 + 7
    top = np.argsort(-exact[positions], axis=1, kind="stable")[:, :TOP].astype(np.int32)
    for name, values in [("positions", positions), ("top", top),
                         ("reference", np.take_along_axis(exact[positions], top, 1).astype(np.float32)),
                         ("llama_cpp", np.take_along_axis(theirs[positions], top, 1).astype(np.float32))]:
        np.save(os.path.join(HERE, name + ".npy"), values)


def main():
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODELS, gguf_file=FILE)
    reference = transformers.AutoModelForCausalLM.from_pretrained(MODELS, gguf_file=FILE, dtype=torch.float32)
    reference = reference.double().eval()
    llama = llama_cpp.Llama(os.path.join(MODELS, FILE), n_ctx=2048, n_batch=512, n_threads=2, n_threads_batch=2,
                            logits_all=True, verbose=False)
    with open(os.path.join(HERE, "..", "..", "..", TEXT), encoding="utf-8") as f:
        text = f.read()
    ids = llama.tokenize(text.encode(), add_bos=False, special=False)
    assert tokenizer(text)["input_ids"] == ids
    ids = ids[:TOKENS]
    exact, theirs = reference_logits(reference, ids), llama_logits(llama, ids)
    save_top(exact, theirs)
    versions = {n: importlib.metadata.version(n).split("+")[0]
                for n in ("torch", "transformers", "gguf", "llama-cpp-python")}
    golden = {"made_by": versions, "model": FILE, "text": TEXT, "perplexity": compare(exact, theirs, ids),
              "greedy": greedy_rows(reference, llama, tokenizer), "ids": ids}
    print(golden["perplexity"])
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as f:
        members = ['"%s": %s' % (k, json.dumps(v)) for k, v in golden.items()]
        f.write("{\n" + ",\n".join(members) + "\n}\n")


if __name__ == "__main__":
    main()
