#!/usr/bin/env python3
"""Runs gguf/*.gguf in llama.cpp and compares with the goldens: shows that make_gguf.py's layout is llama.cpp's.

    build/venv/bin/pip install llama-cpp-python==0.3.36 numpy      (compiles llama.cpp)
    build/venv/bin/python test/data/families/check_gguf.py      (from the root of the repository)
"""
import ctypes
import json
import os

import llama_cpp
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LARGEST = 5e-3  # of the golden's standard deviation; llama.cpp rounds activations to F16 on the way


def load(path, embedding):
    llama_cpp.llama_log_set(QUIET, ctypes.c_void_p(0))
    return llama_cpp.Llama(path, n_ctx=40, n_batch=40, n_threads=1, logits_all=not embedding, embedding=embedding,
                           verbose=False)


@llama_cpp.llama_log_callback
def quiet(_level, _text, _data):
    pass


QUIET = quiet


def logits(model, ids):
    model.eval(ids)
    return np.array(model.scores[:len(ids)])


def sentence(model, ids):
    """llama-cpp-python embeds texts; this takes ids."""
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for i, token in enumerate(ids):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, i, 1, 0, True
    context = model._ctx.ctx
    assert llama_cpp.llama_encode(context, batch) == 0
    size = model.n_embd()
    vector = np.array(llama_cpp.llama_get_embeddings_seq(context, 0)[:size])
    llama_cpp.llama_batch_free(batch)
    return vector / np.linalg.norm(vector)


def rows_of(name):
    with open(os.path.join(HERE, name, "golden.ids"), encoding="utf-8") as f:
        return [list(map(int, line.split(","))) for line in f]


def main():
    for file in sorted(os.listdir(os.path.join(HERE, "gguf"))):
        name = file.removesuffix(".gguf")
        with open(os.path.join(HERE, name, "config.json"), encoding="utf-8") as f:
            encoder = json.load(f)["model_type"] == "bert"
        golden = np.load(os.path.join(HERE, name, "golden.npy"))
        model = load(os.path.join(HERE, "gguf", file), encoder)
        rows = rows_of(name)
        found = np.array([sentence(model, row) for row in rows]) if encoder else logits(model, rows[0])
        error = np.abs(found - golden).max() / golden.std()
        print("%-14s differs by %.1e of the golden's standard deviation" % (name, error))
        assert error < LARGEST
    print("llama-cpp-python", llama_cpp.__version__)


if __name__ == "__main__":
    main()
