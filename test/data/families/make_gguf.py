"""A checkpoint folder of make_golden.py as GGUF in the layout that llama.cpp reads.

Matrices are F16; vectors, positions and token types F32.  Numbers of config.json become float32 (rms_norm_eps 1e-5 is
9.99999974737875e-06 there).  llama: q and k have each head's rows in rotary pairs (2 i, 2 i + 1) instead of halves
(i, i + d / 2); qwen2 keeps halves.  gpt2: matrices are transposed from Conv1D.  bert: no pooler; its tokens have U+2581
where a word begins instead of ## where it goes on.
"""
import importlib.metadata
import json
import os

import gguf
import numpy as np
import safetensors.numpy
import sentencepiece

VERSION = importlib.metadata.version("gguf")
LLAMA = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
GPT2 = {"ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
        "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
BERT = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
        "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
        "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "wte": "token_embd",
           "wpe": "position_embd", "ln_f": "output_norm", "embeddings.word_embeddings": "token_embd",
           "embeddings.position_embeddings": "position_embd", "embeddings.token_type_embeddings": "token_types",
           "embeddings.LayerNorm": "token_embd_norm"}
FAMILIES = {"llama": ("model.layers.", LLAMA), "qwen2": ("model.layers.", LLAMA), "gpt2": ("h.", GPT2),
            "bert": ("encoder.layer.", BERT)}


def gguf_name(family, name):
    module, _, kind = name.rpartition(".")
    prefix, inside = FAMILIES[family]
    if module.startswith(prefix):
        layer, _, module = module.removeprefix(prefix).partition(".")
        return None if module not in inside else "blk.%s.%s.%s" % (layer, inside[module], kind)
    return OUTSIDE[module] + "." + kind if module in OUTSIDE else None


FLOAT32 = ("wpe.weight", "position_embeddings.weight", "token_type_embeddings.weight")  # as llama.cpp has them


def rotary_pairs(rows, heads):
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def converted(family, name, values, config):
    if family == "llama" and ".q_proj." in name:
        values = rotary_pairs(values, config["num_attention_heads"])
    if family == "llama" and ".k_proj." in name:
        values = rotary_pairs(values, config["num_key_value_heads"])
    if family == "gpt2" and values.ndim == 2 and name.startswith("h."):
        values = values.T
    wide = np.float32 if values.ndim == 1 or name.endswith(FLOAT32) else np.float16
    narrow = np.ascontiguousarray(values.astype(wide))
    assert (narrow.astype(np.float64) == values.astype(np.float64)).all()
    return narrow


def add_numbers(writer, family, config):
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config.get("max_position_embeddings", config.get("n_positions")))
    writer.add_embedding_length(config.get("hidden_size", config.get("n_embd")))
    writer.add_block_count(config.get("num_hidden_layers", config.get("n_layer")))
    inner = config.get("intermediate_size") or config.get("n_inner") or 4 * config["n_embd"]
    writer.add_feed_forward_length(inner)
    writer.add_head_count(config.get("num_attention_heads", config.get("n_head")))
    if family in ("llama", "qwen2"):
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_rope_freq_base(config["rope_theta"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if family == "llama":
        writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    if family in ("gpt2", "bert"):
        writer.add_layer_norm_eps(config.get("layer_norm_epsilon", config.get("layer_norm_eps")))
    if family == "bert":
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)


def read_json(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return json.load(f)


def byte_level_tokens(folder):
    """id -> token, merges, ids of special tokens."""
    if os.path.exists(os.path.join(folder, "tokenizer.json")):
        whole = read_json(folder, "tokenizer.json")
        tokens = {i: t for t, i in whole["model"]["vocab"].items()}
        special = {t["id"]: t["content"] for t in whole["added_tokens"]}
        return {**tokens, **special}, [" ".join(m) for m in whole["model"]["merges"]], special
    tokens = {i: t for t, i in read_json(folder, "vocab.json").items()}
    with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as f:
        merges = f.read().split("\n")[1:-1]
    last = max(tokens)
    return tokens, merges, {last: tokens[last]}


def add_byte_level(writer, folder, family, vocabulary):
    tokens, merges, special = byte_level_tokens(folder)
    kinds = [gguf.TokenType.CONTROL if i in special else
             gguf.TokenType.NORMAL if i in tokens else gguf.TokenType.UNUSED for i in range(vocabulary)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre({"llama": "llama-bpe", "qwen2": "qwen2", "gpt2": "gpt-2"}[family])
    writer.add_token_list([tokens.get(i, "[PAD%d]" % i) for i in range(vocabulary)])
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    config = read_json(folder, "config.json")
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(family == "llama")


def add_sentencepiece(writer, folder, vocabulary):
    model = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
    assert model.vocab_size() == vocabulary
    kinds = [gguf.TokenType.UNKNOWN if model.is_unknown(i) else gguf.TokenType.CONTROL if model.is_control(i) else
             gguf.TokenType.BYTE if model.is_byte(i) else gguf.TokenType.NORMAL for i in range(vocabulary)]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([model.id_to_piece(i) for i in range(vocabulary)])
    writer.add_token_scores([model.get_score(i) for i in range(vocabulary)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def add_wordpieces(writer, folder, vocabulary):
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as f:
        tokens = f.read().split("\n")[:-1]
    assert len(tokens) == vocabulary
    special = [t.startswith("[") and t.endswith("]") for t in tokens]
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_token_list([t if s else t[2:] if t.startswith("##") else "\u2581" + t for t, s in zip(tokens, special)])
    writer.add_token_types([gguf.TokenType.CONTROL if s else gguf.TokenType.NORMAL for s in special])
    writer.add_unk_token_id(1)
    writer.add_sep_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_bos_token_id(2)  # llama.cpp's name for [CLS] here
    writer.add_eos_token_id(3)
    writer.add_mask_token_id(4)


def write(folder, path):
    config = read_json(folder, "config.json")
    family = config["model_type"]
    writer = gguf.GGUFWriter(path, family)
    writer.add_name(os.path.basename(folder))
    add_numbers(writer, family, config)
    if family == "bert":
        add_wordpieces(writer, folder, config["vocab_size"])
    elif os.path.exists(os.path.join(folder, "tokenizer.model")):
        add_sentencepiece(writer, folder, config["vocab_size"])
    else:
        add_byte_level(writer, folder, family, config["vocab_size"])
    for name, values in safetensors.numpy.load_file(os.path.join(folder, "model.safetensors")).items():
        to = gguf_name(family, name)
        if to is not None and not name.endswith(".attn.bias"):
            writer.add_tensor(to, converted(family, name, values, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
