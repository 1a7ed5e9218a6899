"""Small tokenizers in the files that each family keeps them in, trained on examples/opt-tiny/heldout.txt."""
import collections
import importlib.metadata
import io
import json
import os
import re

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {name: importlib.metadata.version(name) for name in ("tokenizers", "sentencepiece")}
TEXT = os.path.join(HERE, "..", "..", "..", "examples", "opt-tiny", "heldout.txt")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TOKENS = 277  # of every byte-level vocabulary here: 256 bytes, merges, special tokens


def text():
    with open(TEXT, encoding="utf-8") as f:
        return f.read()


def write(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def byte_level(specials, pattern=None, normalizer=None, bos=None):
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = [] if pattern is None else [pre_tokenizers.Split(Regex(pattern), "isolated")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split + [level]) if split else level
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=TOKENS - len(specials), show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text()], trainer)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    if bos is not None:
        template = processors.TemplateProcessing(single=bos + " $A",
                                                 special_tokens=[(bos, tokenizer.token_to_id(bos))])
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer


def gpt2(folder):
    """vocab.json and merges.txt, nothing prepended; <|endoftext|> is the last id."""
    vocabulary = json.loads(byte_level(["<|endoftext|>"]).to_str())["model"]
    vocabulary["vocab"]["<|endoftext|>"] = TOKENS - 1
    write(folder, "vocab.json", json.dumps(vocabulary["vocab"], ensure_ascii=False))
    write(folder, "merges.txt", "#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in vocabulary["merges"]))
    names = {k: "<|endoftext|>" for k in ("bos_token", "eos_token", "unk_token")}
    write(folder, "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, **names})


def llama3(folder):
    """tokenizer.json with Llama 3's pattern; <|begin_of_text|> is prepended."""
    tokenizer = byte_level(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"], LLAMA3, bos="<|begin_of_text|>")
    write(folder, "tokenizer.json", tokenizer.to_str())
    write(folder, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast",
                                            "bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"})


def qwen2(folder):
    """tokenizer.json with Qwen2's pattern and NFC; nothing prepended."""
    tokenizer = byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], QWEN2, normalizers.NFC())
    write(folder, "tokenizer.json", tokenizer.to_str())
    write(folder, "tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": False,
                                            "bos_token": None, "eos_token": "<|endoftext|>",
                                            "pad_token": "<|endoftext|>", "unk_token": None})


def llama2(folder):
    """tokenizer.model: SentencePiece's BPE with byte fallback; <s> is prepended."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text().split("\n")), model_writer=model, model_type="bpe", vocab_size=347,
        byte_fallback=True, character_coverage=1.0, split_digits=True, num_threads=1, minloglevel=2, pad_id=-1,
        normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True)
    with open(os.path.join(folder, "tokenizer.model"), "wb") as f:
        f.write(model.getvalue())
    write(folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True,
                                            "add_eos_token": False, "legacy": True, "bos_token": "<s>",
                                            "eos_token": "</s>", "unk_token": "<unk>", "pad_token": None})


WORDPIECES = 151


def bert(folder):
    """vocab.txt, lower case; [CLS] text [SEP]."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,;:!?'\"-()&$", *letters, *("##" + c for c in letters)]
    words = collections.Counter(re.findall("[a-z]{2,}", text().lower()))
    words = sorted(words, key=lambda w: (-words[w], w))
    tokens += ["##" + s for s in ("ing", "ed", "er", "ly", "es", "tion")]
    tokens += words[:WORDPIECES - len(tokens)]
    write(folder, "vocab.txt", "".join(t + "\n" for t in tokens))
    names = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
             "mask_token": "[MASK]"}
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True,
                                            "strip_accents": None, "tokenize_chinese_chars": True, **names})
