#!/usr/bin/env python3
"""Makes the sentence vectors that all-MiniLM-L6-v2 (build/models/minilm, `make models`) gives in the reference.

    build/venv/bin/pip install torch==2.15.0 transformers==5.24.0 scipy
    build/venv/bin/python test/data/minilm/make_golden.py      (from the root of the repository)

sentences.txt  500 sentences, one a line: 440 of examples/opt-tiny/heldout.txt, then the 30 pairs of pairs.tsv
pairs.tsv      how alike the two are (5: the same, 0: nothing in common), tab, one sentence, tab, the other
vectors.npy    int16 [500, 384], in units of 2^-15: transformers' BertModel in float64, each sentence alone, mean
               over its tokens ([CLS], [SEP] too), divided by its length; the rounding moves no cosine by more than 1e-7
golden.json    versions; ids of every sentence; the pairs' cosines before rounding, their order, largest first, and the
               rank correlation with the grades
"""
import importlib.metadata
import json
import os
import re

import numpy as np
import torch
import transformers
from scipy import stats

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
MODEL = os.path.join(ROOT, "build", "models", "minilm")
TEXT = os.path.join(ROOT, "examples", "opt-tiny", "heldout.txt")
SENTENCES = 500
LEAST_GAP = 1e-3  # between the cosines of pairs, so that their order is no accident of rounding


def pairs():
    with open(os.path.join(HERE, "pairs.tsv"), encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    return [(int(grade), one, other) for grade, one, other in rows]


def sentences_of(text, count):
    """The first `count` different sentences of 4 to 60 words."""
    found = {}
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = " ".join(paragraph.split())
        for sentence in re.split(r"(?<=[.!?][\"”])\s+|(?<=[.!?])\s+(?=[\"“A-Z])", paragraph):
            if 4 <= len(sentence.split()) <= 60:
                found[sentence] = None
    assert len(found) >= count, len(found)
    return list(found)[:count]


def vector(model, ids):
    with torch.no_grad():
        mean = model(torch.tensor([ids])).last_hidden_state[0].mean(0)
    return (mean / mean.norm()).numpy()


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    graded = pairs()
    with open(TEXT, encoding="utf-8") as f:
        sentences = sentences_of(f.read(), SENTENCES - 2 * len(graded))
    sentences += [s for _, one, other in graded for s in (one, other)]
    with open(os.path.join(HERE, "sentences.txt"), "w", encoding="utf-8") as f:
        f.write("".join(s + "\n" for s in sentences))
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    model = transformers.AutoModel.from_pretrained(MODEL, dtype=torch.float64).eval()
    ids = [tokenizer(s)["input_ids"] for s in sentences]
    vectors = np.array([vector(model, i) for i in ids])
    rounded = np.round(vectors * 32768).astype(np.int16)
    wide = rounded.astype(np.float64)
    moved = 1 - (vectors * wide).sum(1) / np.linalg.norm(wide, axis=1)
    assert moved.max() < 1e-7, moved.max()
    np.save(os.path.join(HERE, "vectors.npy"), rounded)
    first = SENTENCES - 2 * len(graded)
    cosines = (vectors[first::2] * vectors[first + 1::2]).sum(1)
    assert np.diff(np.sort(cosines)).min() > LEAST_GAP
    rank = stats.spearmanr(cosines, [grade for grade, _, _ in graded]).statistic
    print("longest %d tokens, rounding moves cosines by %.1e, least gap %.1e, rank correlation %.3f"
          % (max(map(len, ids)), moved.max(), np.diff(np.sort(cosines)).min(), rank))
    made_by = {n: importlib.metadata.version(n).split("+")[0] for n in ("torch", "transformers", "tokenizers")}
    golden = {"made_by": made_by, "rank_correlation": round(float(rank), 4),
              "order": list(map(int, np.argsort(-cosines))), "cosines": [round(float(c), 7) for c in cosines]}
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as f:
        members = ['"%s": %s' % (k, json.dumps(v)) for k, v in golden.items()]
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in ids)
        f.write("{\n" + ",\n".join(members) + ',\n"ids": [\n' + rows + "\n]\n}\n")


if __name__ == "__main__":
    main()
