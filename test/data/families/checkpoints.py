"""The checkpoints of make_golden.py: NAME -> Checkpoint."""
import dataclasses


@dataclasses.dataclass
class Checkpoint:
    what: str
    kind: str  # class of transformers
    config: dict
    tokenizer: str = ""  # a function of tokenizers_of.py
    dtype: str = "float16"
    names: str = ""  # how tensor names differ from transformers': see make_golden.renamed
    weights_of: str = ""  # the checkpoint whose weights and tokenizer this configuration uses again
    refused: bool = False  # no golden: lassim does not run it and says so
    tokens: int = 10  # of golden.ids


ALL = {}


def add(name, what, kind, config, **more):
    ALL[name] = Checkpoint(what, kind, config, **more)


def again(name, what, base, **changes):
    """The weights of `base` under another configuration; a change to None drops the key."""
    refused = changes.pop("refused", False)
    tokens = changes.pop("tokens", 14)
    config = {k: v for k, v in {**ALL[base].config, **changes}.items() if v is not None}
    add(name, what, ALL[base].kind, config, dtype=ALL[base].dtype, weights_of=base, refused=refused, tokens=tokens)


def llama(**changes):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "vocab_size": 277,
            "bos_token_id": 274, "eos_token_id": 275, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
            "torch_dtype": "float16", "tie_word_embeddings": False, "num_hidden_layers": 2, **changes}


add("llama-plain", "Llama 2: untied head, as many key heads as heads, tokenizer.model", "LlamaForCausalLM",
    llama(vocab_size=347, bos_token_id=1, eos_token_id=2, hidden_size=24, intermediate_size=34,
          num_attention_heads=4, num_key_value_heads=4), tokenizer="llama2")
add("llama-grouped", "Llama 3: grouped heads, tied head, no rotary scaling", "LlamaForCausalLM",
    llama(hidden_size=32, intermediate_size=44, num_attention_heads=4, num_key_value_heads=2,
          tie_word_embeddings=True), tokenizer="llama3", tokens=14)
again("llama-linear", "linear rotary scaling, named by the old key `type`", base="llama-grouped",
      rope_scaling={"type": "linear", "factor": 2.5})
again("llama-dynamic", "dynamic NTK within the original length: no scaling", base="llama-grouped",
      rope_scaling={"type": "dynamic", "factor": 4.0})
again("llama-llama3", "llama3 rotary scaling: one frequency kept, one smoothed, two divided", base="llama-grouped",
      max_position_embeddings=256, rope_scaling={
          "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 128})
again("llama-yarn", "yarn rotary scaling, its own attention factor", base="llama-grouped", max_position_embeddings=256,
      rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64})
again("llama-yarn-given", "yarn with attention_factor, beta_fast and beta_slow given", base="llama-grouped",
      max_position_embeddings=256, rope_scaling={
          "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32, "attention_factor": 0.75,
          "beta_fast": 8.0, "beta_slow": 0.5})
again("llama-theta", "rope_theta 500000, rms_norm_eps 0.01", base="llama-grouped", rope_theta=500000.0,
      rms_norm_eps=1e-2)
again("llama-new-keys", "transformers 5 keys: rope_parameters and dtype", base="llama-grouped", rope_theta=None,
      torch_dtype=None, dtype="float16", rope_parameters={"rope_type": "linear", "factor": 1.5, "rope_theta": 5000.0})
again("llama-few-keys", "what may be left out: key heads, theta, scaling, biases, act", base="llama-plain",
      hidden_act=None, num_key_value_heads=None, rope_theta=None, attention_bias=None, mlp_bias=None, tokens=10)
again("llama-gelu", "hidden_act gelu", base="llama-grouped", hidden_act="gelu", tokens=8)
again("llama-gelu-tanh", "hidden_act gelu_pytorch_tanh", base="llama-grouped", hidden_act="gelu_pytorch_tanh", tokens=8)
again("llama-relu", "hidden_act relu", base="llama-grouped", hidden_act="relu", tokens=8)
again("llama-longrope", "longrope rotary scaling", base="llama-grouped", refused=True, rope_scaling={
    "rope_type": "longrope", "factor": 4.0, "short_factor": [1.0] * 4, "long_factor": [2.0] * 4,
    "original_max_position_embeddings": 32})
add("llama-bias", "biases in attention and FFN, BF16", "LlamaForCausalLM",
    llama(hidden_size=30, intermediate_size=37, num_attention_heads=5, num_key_value_heads=5, attention_bias=True,
          mlp_bias=True, tie_word_embeddings=True, torch_dtype="bfloat16"), tokenizer="llama3", dtype="bfloat16")
add("llama-head-dim", "head_dim 6 is not hidden / heads, one key head, odd sizes, more ids than tokens, F32",
    "LlamaForCausalLM",
    llama(hidden_size=25, intermediate_size=37, num_attention_heads=5, num_key_value_heads=1, head_dim=6,
          vocab_size=289, tie_word_embeddings=True, rms_norm_eps=1e-6, torch_dtype="float32"), tokenizer="llama3",
    dtype="float32")
add("mistral", "Mistral without sliding window, head_dim given", "MistralForCausalLM",
    {**llama(hidden_size=24, intermediate_size=45, num_attention_heads=4, num_key_value_heads=1, head_dim=10,
             torch_dtype="bfloat16"), "architectures": ["MistralForCausalLM"], "model_type": "mistral",
     "sliding_window": None}, tokenizer="llama3", dtype="bfloat16")
again("mistral-sliding", "sliding_window 4", base="mistral", refused=True, sliding_window=4)


def qwen2_config(**changes):
    return {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "vocab_size": 283,
            "bos_token_id": 274, "eos_token_id": 274, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
            "rope_theta": 1000000.0, "use_sliding_window": False, "sliding_window": 32, "max_window_layers": 1,
            "torch_dtype": "float16", "num_hidden_layers": 2, **changes}


add("qwen2-tied", "tied head, grouped heads, six ids without a token", "Qwen2ForCausalLM",
    qwen2_config(hidden_size=32, intermediate_size=45, num_attention_heads=4, num_key_value_heads=2,
                 tie_word_embeddings=True), tokenizer="qwen2")
add("qwen2-untied", "untied head, three layers, BF16", "Qwen2ForCausalLM",
    qwen2_config(vocab_size=277, hidden_size=20, intermediate_size=31, num_attention_heads=2, num_key_value_heads=1,
                 num_hidden_layers=3, tie_word_embeddings=False, torch_dtype="bfloat16"), tokenizer="qwen2",
    dtype="bfloat16")
again("qwen2-sliding", "use_sliding_window true", base="qwen2-tied", refused=True, use_sliding_window=True)


def gpt2_config(**changes):
    return {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
            "vocab_size": 277, "bos_token_id": 276, "eos_token_id": 276, "n_positions": 48, "n_ctx": 48, "n_layer": 2,
            "layer_norm_epsilon": 1e-5, **changes}


add("gpt2-plain", "as the published checkpoints: names without `transformer.`, attn.bias masks, no lm_head",
    "GPT2LMHeadModel", gpt2_config(n_embd=24, n_head=4), tokenizer="gpt2", names="gpt2-old")
add("gpt2-odd", "n_inner, odd sizes, scale_attn_by_inverse_layer_idx, three layers, untied head, F32",
    "GPT2LMHeadModel", gpt2_config(n_embd=15, n_head=3, n_inner=37, n_layer=3,
    scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False, torch_dtype="float32"), tokenizer="gpt2",
    dtype="float32")
again("gpt2-unscaled", "scale_attn_weights false", base="gpt2-plain", scale_attn_weights=False, tokens=10)
again("gpt2-upcast", "reorder_and_upcast_attn and inverse_layer_idx: the same numbers", base="gpt2-plain",
      scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True, tokens=10)
again("gpt2-gelu", "activation_function gelu (erf)", base="gpt2-plain", activation_function="gelu", tokens=8)
again("gpt2-quick", "activation_function quick_gelu", base="gpt2-plain", activation_function="quick_gelu", tokens=8)
again("gpt2-relu", "activation_function relu", base="gpt2-plain", activation_function="relu", tokens=8)


def bert_config(architecture, **changes):
    return {"architectures": [architecture], "model_type": "bert", "hidden_act": "gelu", "vocab_size": 151,
            "hidden_size": 24, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 38,
            "max_position_embeddings": 40, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0,
            "position_embedding_type": "absolute", **changes}


LABELS = {"id2label": {"0": "negative", "1": "neutral", "2": "positive"},
          "label2id": {"negative": 0, "neutral": 1, "positive": 2}}
add("bert-mlm", "masked-LM head with the decoder tied, as the published checkpoints: gamma, beta, no decoder.weight",
    "BertForMaskedLM", bert_config("BertForMaskedLM"), tokenizer="bert", names="bert-old")
add("bert-mlm-untied", "masked-LM head with a decoder of its own, gelu_new, odd sizes, BF16", "BertForMaskedLM",
    bert_config("BertForMaskedLM", hidden_size=27, num_attention_heads=3, intermediate_size=41, hidden_act="gelu_new",
                tie_word_embeddings=False, torch_dtype="bfloat16"), tokenizer="bert", dtype="bfloat16")
add("bert-classify", "pooler and classifier of three labels", "BertForSequenceClassification",
    bert_config("BertForSequenceClassification", **LABELS), tokenizer="bert")
again("bert-relu", "hidden_act relu", base="bert-classify", hidden_act="relu")
again("bert-gelu-new", "hidden_act gelu_new, layer_norm_eps 1e-3", base="bert-classify", hidden_act="gelu_new",
      layer_norm_eps=1e-3)
add("bert-embed", "sentence vectors: names without `bert.`, modules.json with mean pooling and normalisation",
    "BertModel", bert_config("BertModel", hidden_size=30, num_attention_heads=3, intermediate_size=41),
    tokenizer="bert")
