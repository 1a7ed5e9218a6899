#!/usr/bin/env python3
"""Trains a small tokenizer of every kind on the corpus and writes what the references make of the corpus with each.

    python3 -m venv build/venv
    build/venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 xxhash==4.1.0 gguf==0.19.0 protobuf
    build/venv/bin/python test/data/tokenizer/corpus/make_golden.py      (from the root of the repository)

NAME.golden: the reference; for each chunk the low halves of XXH3-64 of its ids (u32, little-endian, no special tokens
around them) and of their decoded text, "-" where the reference does not keep added tokens whole; then the same for the
whole corpus in one piece and for lists of random ids; then the ids of the first chunks in full.  Training does not give
the same tokenizer twice: those that are there are kept, and with them the same versions give the same bytes."""
import json
import os
import struct

import gguf
import sentencepiece
import tokenizers
import xxhash
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from corpus import CHUNKS, HERE, ROOT, Corpus, has_specials

MODELS = os.path.join(ROOT, "build", "models")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
RANDOM_LISTS, RANDOM_IDS = 64, 40
GGML = [r"[\p{P}\$\+<=>\^~\|]+", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)", r"\p{N}+",
        "[0-9][0-9][0-9]"]  # llama.cpp's "default"
SPACE = "\u2581"
CORPUS = Corpus()
TEXTS = [CORPUS.chunk(i) for i in range(CHUNKS)]


def low(data):
    return "%08x" % (xxhash.xxh3_64_intdigest(data) & 0xffffffff)


def of_ids(ids):
    return low(struct.pack("<%dI" % len(ids), *ids))


def write_golden(name, made_by, encode, decode, first, vocabulary, specials=True):
    lines = [made_by]
    for i, text in enumerate(TEXTS):
        if has_specials(i) and not specials:
            lines.append("- -")
            continue
        ids = encode(text)
        lines.append(of_ids(ids) + " " + low(decode(ids).encode("utf-8")))
    whole = encode("".join(t for i, t in enumerate(TEXTS) if specials or not has_specials(i)))
    lines.append(of_ids(whole) + " " + low(decode(whole).encode("utf-8")))
    for i in range(RANDOM_LISTS):
        CORPUS.state = i
        ids = [first + CORPUS.draw(vocabulary - first) for _ in range(RANDOM_IDS)]
        lines.append("%d " % first + low(decode(ids).encode("utf-8")))
    for i in range(2):
        lines.append(" ".join(map(str, encode(TEXTS[i]))))
    with open(os.path.join(HERE, name + ".golden"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


def golden_of(name, tokenizer, first=0):
    write_golden(name, "tokenizers " + tokenizers.__version__,
                 lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
                 lambda ids: tokenizer.decode(ids, skip_special_tokens=False), first, tokenizer.get_vocab_size())


def folder(name):
    path = os.path.join(HERE, name)
    os.makedirs(path, exist_ok=True)
    return path


def save(name, tokenizer):
    tokenizer.save(os.path.join(folder(name), "tokenizer.json"), pretty=False)


FLAGGED = [AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
           AddedToken("<word>", single_word=True, normalized=False), AddedToken("<Norm>", normalized=True)]


def trained(name, train):
    """The tokenizer in NAME/tokenizer.json, trained if it is not there."""
    path = os.path.join(folder(name), "tokenizer.json")
    if not os.path.exists(path):
        train().save(path, pretty=False)
    return Tokenizer.from_file(path)


def train_byte_level(size, specials, split, digits, nfc, ignore_merges, bos):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    before = pre_tokenizers.Split(Regex(split), "isolated") if split else pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([before, last]) if split or digits else last
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator([t for i, t in enumerate(TEXTS) if not has_specials(i)], trainer)
    if ignore_merges:  # words that no merge leads to
        data = json.loads(tokenizer.to_str())
        for word in ("\u0120dignity", "\u0120equal", "zzzzzzzzzzzz"):
            data["model"]["vocab"].setdefault(word, len(data["model"]["vocab"]))
        tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_special_tokens(specials)
    tokenizer.add_tokens(FLAGGED)
    if bos:
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=bos + " $A", pair=bos + " $A " + bos + ":1 $B:1",
                                          special_tokens=[(bos, tokenizer.token_to_id(bos))])])
    return tokenizer


def byte_level(name, size, specials, split=None, digits=False, nfc=False, ignore_merges=False, bos=None):
    tokenizer = trained(name, lambda: train_byte_level(size, specials, split, digits, nfc, ignore_merges, bos))
    golden_of(name, tokenizer)
    return tokenizer


def train_wordpiece(size, lowercase):
    tokenizer = wordpiece_of(models.WordPiece(unk_token="[UNK]"), lowercase)
    trainer = trainers.WordPieceTrainer(vocab_size=size, limit_alphabet=500, show_progress=False,
                                        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.train_from_iterator([t for i, t in enumerate(TEXTS) if not has_specials(i)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def wordpiece_of(model, lowercase):
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def bert_text():
    """A cased one as vocab.txt."""
    path = os.path.join(folder("bert-cased"), "vocab.txt")
    if not os.path.exists(path):
        tokens = sorted(train_wordpiece(1200, False).get_vocab().items(), key=lambda item: item[1])
        with open(path, "w", encoding="utf-8", newline="\n") as f:
            f.write("".join(token + "\n" for token, _ in tokens))
    with open(os.path.join(folder("bert-cased"), "tokenizer_config.json"), "w", encoding="ascii") as f:
        f.write('{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}\n')
    tokenizer = wordpiece_of(models.WordPiece.from_file(path, unk_token="[UNK]"), False)
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    golden_of("bert-cased", tokenizer)


def bert_pairs(tokenizer):
    """Pairs and truncation: ids and types."""
    rows = []
    for i in range(40):
        CORPUS.state = i
        a, b = CORPUS.pick(CORPUS.lines), CORPUS.pick(CORPUS.parts["sentences"])
        if i % 4 == 0:
            a, b = b, a
        most = [None, 3, 4, 7, 12, 19, 20, 33][i % 8]
        if most is None:
            tokenizer.no_truncation()
        else:
            tokenizer.enable_truncation(most, strategy="longest_first")
        for pair in (None, b):
            encoded = tokenizer.encode(a, pair)
            rows.append({"a": a, "b": pair, "most": most, "ids": encoded.ids, "types": encoded.type_ids})
    tokenizer.no_truncation()
    with open(os.path.join(HERE, "bert.pairs.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows) + "\n]\n")


def pieces():
    path = os.path.join(folder("llama2"), "tokenizer.model")
    if not os.path.exists(path):
        sentences = CORPUS.lines + CORPUS.parts["sentences"] * 2
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_prefix=path[:-6], vocab_size=2400,
            model_type="bpe", byte_fallback=True, character_coverage=0.98, normalization_rule_name="identity",
            remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True,
            user_defined_symbols=["<user>", SPACE + "kept"], num_threads=1, minloglevel=2, max_sentence_length=20000)
        os.remove(path[:-6] + ".vocab")
    return sentencepiece.SentencePieceProcessor(model_file=path), path


def merges_of(model):
    """Rank order as Hugging Face derives it from scores."""
    n = model.get_piece_size()
    vocabulary = {model.id_to_piece(i): i for i in range(n)}
    merges = []
    for piece, i in vocabulary.items():
        cuts = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        cuts = [c for c in cuts if c[0] in vocabulary and c[1] in vocabulary]
        cuts.sort(key=lambda c: (vocabulary[c[0]], vocabulary[c[1]]))
        merges += [(left, right, model.get_score(i)) for left, right in cuts]
    merges.sort(key=lambda m: (m[2], len(m[0]), len(m[1])), reverse=True)
    return vocabulary, [(left, right) for left, right, _ in merges]


def pieces_tokenizer(vocabulary, merges):
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    return tokenizer


def llama2_json(model):
    vocabulary, merges = merges_of(model)
    plain = pieces_tokenizer(vocabulary, merges)
    plain.add_tokens([AddedToken(t, normalized=False) for t in ("<user>", SPACE + "kept")])
    golden_of("llama2-gguf", plain, 259)
    tokenizer = pieces_tokenizer(vocabulary, merges)
    tokenizer.add_tokens(FLAGGED)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    save("llama2-json", tokenizer)
    golden_of("llama2-json", tokenizer, 259)
    for scheme, split in (("first", False), ("always", True)):  # the test changes the file alike
        tokenizer.normalizer = None
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme=scheme, split=split)
        if split:
            tokenizer.decoder = decoders.Sequence([decoders.Metaspace(SPACE, prepend_scheme=scheme, split=split),
                                                   decoders.ByteFallback(), decoders.Fuse()])
        golden_of("llama2-" + scheme, tokenizer, 259)


def write_gguf(name, kind, tokens, types, extra):
    writer = gguf.GGUFWriter(os.path.join(HERE, name + ".gguf"), "llama")
    writer.add_tokenizer_model(kind)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    extra(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_of_pieces(model):
    n = model.get_piece_size()
    types = [2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else
             4 if model.id_to_piece(i) in ("<user>", SPACE + "kept") else 1 for i in range(n)]

    def extra(writer):
        writer.add_token_scores([model.get_score(i) for i in range(n)])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
    write_gguf("llama2", "llama", [model.id_to_piece(i) for i in range(n)], types, extra)


def gguf_of_byte_level(name, tokenizer, pre):
    data = json.loads(tokenizer.to_str())
    added = {t["id"]: t for t in data["added_tokens"]}
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    types = [3 if i in added and added[i]["special"] else 4 if i in added else 1 for i in range(len(tokens))]

    def extra(writer):
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges([" ".join(m) for m in data["model"]["merges"]])
        writer.add_bos_token_id(tokenizer.token_to_id("<|endoftext|>"))
        writer.add_eos_token_id(tokenizer.token_to_id("<|im_end|>"))
        writer.add_add_bos_token(False)
    write_gguf(name, "gpt2", tokens, types, extra)
    # A GGUF knows no flags of added tokens: the reference without them.
    for token in data["added_tokens"]:
        token.update(lstrip=False, rstrip=False, single_word=False, normalized=False)
    golden_of(name + "-gguf", Tokenizer.from_str(json.dumps(data)))
    data["normalizer"] = None
    data["pre_tokenizer"]["pretokenizers"] = [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False} for regex in GGML
    ] + [{"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]
    golden_of("ggml", Tokenizer.from_str(json.dumps(data)))


def gguf_of_wordpiece(name, tokenizer):
    def phantom(token):
        if token.startswith("[") and token.endswith("]"):
            return token
        return token[2:] if token.startswith("##") else SPACE + token
    tokens = [phantom(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())]

    def extra(writer):
        writer.add_bos_token_id(2)
        writer.add_unk_token_id(1)
        writer.add_sep_token_id(3)
        writer.add_pad_token_id(0)
        writer.add_mask_token_id(4)
    write_gguf(name, "bert", tokens, [3 if i < 5 else 1 for i in range(len(tokens))], extra)


def smollm2():
    """SmolLM2's tokenizer from its GGUF, put together as its tokenizer.json has it."""
    fields = gguf.GGUFReader(os.path.join(MODELS, "smollm2.gguf")).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([t for t, kind in zip(tokens, types) if kind == 3])
    golden_of("smollm2", tokenizer)


def main():
    qwen = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    byte_level("llama3", 1500, ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>"], LLAMA3, ignore_merges=True,
               bos="<|begin_of_text|>")
    gguf_of_byte_level("qwen2", byte_level("qwen2", 1200, qwen, QWEN2, nfc=True), "qwen2")
    byte_level("smollm", 1000, qwen, digits=True)
    uncased = trained("bert", lambda: train_wordpiece(1500, True))
    golden_of("bert", uncased)
    gguf_of_wordpiece("bert", uncased)
    bert_pairs(uncased)
    bert_text()
    model, _ = pieces()
    write_golden("llama2", "sentencepiece " + sentencepiece.__version__, model.encode, model.decode, 259,
                 model.get_piece_size(), specials=False)
    gguf_of_pieces(model)
    llama2_json(model)
    if os.path.isdir(MODELS):
        smollm2()
        minilm = Tokenizer.from_file(os.path.join(MODELS, "minilm", "tokenizer.json"))
        minilm.no_truncation()
        minilm.no_padding()
        golden_of("minilm", minilm)


if __name__ == "__main__":
    main()
