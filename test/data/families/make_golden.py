#!/usr/bin/env python3
"""Makes the small random-weight checkpoints of this folder and their goldens with Hugging Face's transformers.

    build/venv/bin/pip install torch==2.15.0 transformers==5.24.0 sentencepiece==0.2.3 gguf==0.19.0 protobuf
    build/venv/bin/python test/data/families/make_golden.py      (from the root of the repository)

One folder a checkpoint (checkpoints.py says what each is for), in the files that such checkpoints come in.  golden.json
lists them with the versions that made them.  golden.ids: token ids, one sequence a line.  golden.npy, float32:
  *ForCausalLM, GPT2LMHeadModel, BertForMaskedLM   logits [tokens, vocabulary] of the one sequence
  BertForSequenceClassification   logits [sequences, labels]; types.npy the same for token types golden.types
  BertModel   sentence vectors [sequences, hidden], mean over the tokens, then normalised; hidden.npy [tokens, hidden]
              the last hidden states of the first sequence, pooler.npy [sequences, hidden] the pooler's outputs
computed from the files as they are here, in float64 but for what transformers itself does in float32 (rotary tables,
RMSNorm's division, eager softmax): about 1e-6 of their standard deviation.  A "refused" checkpoint has no golden.

gguf/NAME.gguf (make_gguf.py) and bin/NAME/pytorch_model.bin hold the weights of NAME once more.  Where only the
configuration differs, weights and tokenizer are links.  The same versions give the same bytes.
"""
import json
import os
import shutil

import numpy as np
import safetensors.torch
import torch
import transformers

import checkpoints
import make_gguf
import tokenizers_of

HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHTS = "model.safetensors"
AS_BIN = ["llama-grouped", "bert-embed"]
AS_GGUF = ["llama-plain", "llama-grouped", "qwen2-tied", "gpt2-plain", "bert-embed"]
POOLING = {"1_Pooling/config.json": {"word_embedding_dimension": 30, "pooling_mode_cls_token": False,
                                     "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
                                     "pooling_mode_mean_sqrt_len_tokens": False},
           "modules.json": [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind}
                            for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"),
                                                              ("2_Normalize", "Normalize")])],
           "sentence_bert_config.json": {"max_seq_length": 32, "do_lower_case": False}}


def random_tensor(rng, name, shape, transposed):
    """Norms near 1, small biases, matrices that keep the size of their input; q and k make scores that matter."""
    noise = rng.standard_normal(shape)
    if len(shape) == 1:
        norm = name.endswith("weight")
        return 1 + 0.2 * noise if norm else 0.2 * noise
    if "emb" in name or ".wte." in name or ".wpe." in name:
        return noise * (0.3 if "position" in name or "wpe" in name else 0.8)
    gain = 1.6 if any(k in name for k in ("q_proj", "k_proj", "query", "key", "c_attn")) else 1.0
    return noise * gain / np.sqrt(shape[0 if transposed else 1])


def random_weights(name, checkpoint, config):
    model = getattr(transformers, checkpoint.kind)(config)
    rng = np.random.default_rng(list(name.encode()))
    dtype = getattr(torch, checkpoint.dtype)
    weights = {}
    tied = set(model.all_tied_weights_keys) if config.tie_word_embeddings else set()
    for key, tensor in sorted(model.state_dict().items()):
        if key in tied or not tensor.is_floating_point():
            continue
        transposed = ".h." in key  # GPT-2's Conv1D
        values = random_tensor(rng, key, tuple(tensor.shape), transposed)
        weights[key] = torch.tensor(values, dtype=torch.float64).to(dtype).contiguous()
    return weights


def renamed(checkpoint, weights, config):
    if checkpoint.names == "gpt2-old":
        weights = {k.removeprefix("transformer."): v for k, v in weights.items()}
        mask = torch.tril(torch.ones(config.n_positions, config.n_positions)).view(1, 1, *2 * [config.n_positions])
        for layer in range(config.n_layer):
            weights["h.%d.attn.bias" % layer] = mask.to(torch.uint8).clone()
    if checkpoint.names == "bert-old":
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for now, then in old.items():
            weights = {k.replace(now, then): v for k, v in weights.items()}
    return weights


def link(folder, target):
    path = os.path.join(folder, os.path.basename(target))
    os.symlink(os.path.relpath(target, folder), path)


TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "tokenizer.model",
                   "vocab.txt")


def link_files(folder, base, names):
    for name in names:
        if os.path.exists(os.path.join(base, name)):
            link(folder, os.path.join(base, name))


def write_checkpoint(name, checkpoint):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tokenizers_of.write(folder, "config.json", checkpoint.config)
    if checkpoint.weights_of:
        link_files(folder, os.path.join(HERE, checkpoint.weights_of), (WEIGHTS, *TOKENIZER_FILES))
        return folder
    getattr(tokenizers_of, checkpoint.tokenizer)(folder)
    config = transformers.AutoConfig.from_pretrained(folder)
    weights = renamed(checkpoint, random_weights(name, checkpoint, config), config)
    safetensors.torch.save_file(weights, os.path.join(folder, WEIGHTS), metadata={"format": "pt"})
    os.chmod(os.path.join(folder, WEIGHTS), 0o644)
    if name == "bert-embed":
        os.makedirs(os.path.join(folder, "1_Pooling"))
        for path, value in POOLING.items():
            tokenizers_of.write(folder, path, value)
    return folder


def write_bin(name):
    folder = os.path.join(HERE, "bin", name)
    base = os.path.join(HERE, name)
    os.makedirs(folder)
    torch.save(safetensors.torch.load_file(os.path.join(base, WEIGHTS)), os.path.join(folder, "pytorch_model.bin"))
    link_files(folder, base, ("config.json", *TOKENIZER_FILES, "modules.json", "1_Pooling"))


def sequences(name, checkpoint, config):
    rng = np.random.default_rng(list(("ids of " + name).encode()))
    if checkpoint.kind.startswith("Bert"):
        lengths = [checkpoint.tokens] if "Masked" in checkpoint.kind else [7, 11, 16, 24]
        return [[2, *map(int, rng.integers(5, config.vocab_size, n - 2)), 3] for n in lengths]
    first = [] if config.model_type == "gpt2" else [config.bos_token_id]
    return [first + list(map(int, rng.integers(0, config.vocab_size, checkpoint.tokens - len(first))))]


def run(model, ids, types=None):
    extra = {} if types is None else {"token_type_ids": torch.tensor([types])}
    with torch.no_grad():
        return model(torch.tensor([ids]), **extra)


def save(folder, name, array):
    array = np.asarray(array, dtype=np.float32)
    assert np.isfinite(array).all()
    np.save(os.path.join(folder, name), array)


def write_rows(folder, name, rows):
    tokenizers_of.write(folder, name, "".join(",".join(map(str, row)) + "\n" for row in rows))


def write_golden(name, checkpoint, folder):
    """Loads the folder as written, which must have every parameter and no other, but for GPT-2's masks."""
    kind = getattr(transformers, checkpoint.kind)
    upcast = checkpoint.config.get("reorder_and_upcast_attn")  # float32 or nothing, says transformers
    dtype = torch.float32 if upcast else torch.float64
    model, found = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager",
                                        output_loading_info=True)
    assert not found["missing_keys"] and not found["mismatched_keys"], (name, found)
    assert all(".attn.bias" in k for k in found["unexpected_keys"]), (name, found)
    model.eval()
    rows = sequences(name, checkpoint, model.config)
    write_rows(folder, "golden.ids", rows)
    outputs = [run(model, row) for row in rows]
    if checkpoint.kind == "BertModel":
        vectors = [o.last_hidden_state[0].mean(0) for o in outputs]
        save(folder, "golden.npy", [(v / v.norm()).numpy() for v in vectors])
        save(folder, "hidden.npy", outputs[0].last_hidden_state[0].numpy())
        save(folder, "pooler.npy", [o.pooler_output[0].numpy() for o in outputs])
    elif checkpoint.kind == "BertForSequenceClassification":
        types = [[int(i > len(row) // 2) for i in range(len(row))] for row in rows]
        write_rows(folder, "golden.types", types)
        save(folder, "golden.npy", [o.logits[0].numpy() for o in outputs])
        save(folder, "types.npy", [run(model, r, t).logits[0].numpy() for r, t in zip(rows, types)])
    else:
        save(folder, "golden.npy", outputs[0].logits[0].numpy())
        check_precision(name, kind, folder, rows[0], outputs[0].logits[0])


def check_precision(name, kind, folder, row, exact):
    single = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
    error = (run(single, row).logits[0] - exact).abs().max() / exact.std()
    print("%-18s logits' sd %.3f, float32 differs by %.1e of it" % (name, exact.std(), error))
    assert error < 1e-5


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for folder in ("bin", "gguf"):
        shutil.rmtree(os.path.join(HERE, folder), ignore_errors=True)
    for name, checkpoint in checkpoints.ALL.items():
        folder = write_checkpoint(name, checkpoint)
        if not checkpoint.refused:
            write_golden(name, checkpoint, folder)
    os.makedirs(os.path.join(HERE, "gguf"))
    for name in AS_BIN:
        write_bin(name)
    for name in AS_GGUF:
        make_gguf.write(os.path.join(HERE, name), os.path.join(HERE, "gguf", name + ".gguf"))
    made_by = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
               "tokenizers": tokenizers_of.VERSIONS["tokenizers"],
               "sentencepiece": tokenizers_of.VERSIONS["sentencepiece"], "gguf": make_gguf.VERSION}
    listed = {n: {"class": c.kind, "what": c.what, "dtype": c.dtype, "refused": c.refused}
              for n, c in checkpoints.ALL.items()}
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as f:
        json.dump({"made_by": made_by, "checkpoints": listed}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
