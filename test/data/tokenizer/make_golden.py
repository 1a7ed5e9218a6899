#!/usr/bin/env python3
"""Makes golden.json, added/tokenizer.json and added/golden.json with Hugging Face's tokenizers.

    python3 -m venv build/venv && build/venv/bin/pip install tokenizers==0.23.3
    build/venv/bin/python test/data/tokenizer/make_golden.py      (from the root of the repository)

golden.json: texts and their ids under examples/opt-tiny's vocab.json and merges.txt, none prepended.
added/: a small byte-level BPE trained here with every kind of added token, add_prefix_space and a bos template;
its golden.json holds ids with special tokens added.  The same version gives the same bytes.
"""
import json
import os
import random

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
OPT_TINY = os.path.join(HERE, "..", "..", "..", "examples", "opt-tiny")

SENTENCES = """\
The quick brown fox jumps over the lazy dog.
I can't say they've won; we'll see, I'd hope, she's sure, you're right, I'm off.
CAN'T THEY'VE WE'LL I'D SHE'S YOU'RE I'M
don’t use curly quotes’s ‘single’ “double”
O'Brien's rock'n'roll 'tis 'twas ''' '''s 's 't 're 've 'm 'll 'd 'x
1 12 123 1,234,567.89 3.14159e-10 0x1F 1st 2nd ½ ² ³ ① Ⅷ ৩ ٣ 三
Größe, Äpfel, Übermut, Straße, daß
El niño comió una manzana; ¿qué pasó? ¡Ojalá!
L’été dernier, à Noël, où est le cœur de l’œuvre ?
Zażółć gęślą jaźń
Příliš žluťoučký kůň úpěl ďábelské ódy
Съешь же ещё этих мягких французских булок, да выпей чаю
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία
דג סקרן שט בים מאוכזב ולפתע מצא חברה
نص حكيم له سر قاطع وذو شأن عظيم
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण
আমি বাংলায় গান গাই
นายสังฆภัณฑ์ เฮงพิทักษ์ฝั่ง
いろはにほへと ちりぬるを 色は匂へど
我能吞下玻璃而不伤身体。
키스의 고유조건은 입술끼리 만나야 하고
Tôi có thể ăn thủy tinh mà không hại gì.
ქართული ენა არის ლამაზი
Հայերեն լեզու
ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ
𝒜𝓁𝑔𝑒𝒷𝓇𝒶 𝟙𝟚𝟛 𐍈 𠜎
e\u0301 vs é, n\u0303 vs ñ, A\u030a vs Å vs Å
emoji 😀 😃😄 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 ☃ ☃️ ❤ ❤️ ✨✨✨
arrows → ← ↑ ↓ ⇒ math ∀x∈ℝ: ⌈x⌉ ≥ x, ∑∫√∞ ± × ÷
box ┌─┬─┐ │ │ │ └─┴─┘ ▓▒░ ●○◦
currency $5 €5 £5 ¥5 ₹5 ¢5 5% 5‰
zero\u200bwidth\u200cjoin\u200der\u2060 \ufeffbom soft\u00adhyphen
nbsp\u00a0between\u00a0words \u00a0\u00a0 double
thin\u2009space hair\u200aspace ideographic\u3000space ogham\u1680space line\u2028sep para\u2029sep nel\u0085x
control \u0001\u0002\u001b[31mred\u001b[0m \u007f end
tab\tseparated\tvalues\t\tdouble
trailing spaces   
   leading spaces
\t\tleading tabs
a  b   c    d     e
 x  y ⏎ z \r⏎ w ⏎⏎⏎ v
int main(void) { return printf("%d\\n", x->y[3] & ~0xFFu); } /* C */
def f(self, *args, **kwargs): return {k: v for k, v in kwargs.items() if k != '_'}
SELECT * FROM t WHERE a >= 10 AND b LIKE '%x%' -- comment
<html><body class="x">&amp; &lt;b&gt;</body></html>
#include <stdio.h>⏎⏎\tint\tx = 1;⏎    if (x) {⏎        y();⏎    }⏎
https://example.org/a/b?c=d&e=f#g user@example.com C:\\Users\\x
foo_bar fooBar FooBar FOO_BAR foo-bar foo.bar __init__ ____
!!! ??? ... ---- ==== **** #### ~~~~ ^^^^ |||| \\\\\\\\
aAaAaA AAAAAAA aaaaaaaaaaaaaaaaaaaaaaaaaa thethethethethethe
ﬁ ﬂ ﬃ ligatures ＦＵＬＬ ｗｉｄｔｈ １２３
</s> <s> <pad> <unk> < /s>
Call me Ishmael. Some years ago--never mind how long precisely--having little or no money in my purse""".split("\n")
SENTENCES = [s.replace("⏎", "\n") for s in SENTENCES]  # ⏎ stands for a line feed inside a text
PIECES = [" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2003", "a", "the", "The", "it's", "'s", "'", "1", "23", "½",
          "é", "ß", "ж", "中", "文", "😀", "👩‍👧", "_", "-", "--", ".", "...", "(", ")", "\u0301", "\u200b", "ing", "tion",
          "<s>", "</s>", "<pad>", "\u0085", "\u1680", "\\n", "{", "}", "=", "==", "Ġ", "Ċ", "Ā", "#", "\u0000", "\u001f"]


def texts(seed, extra):
    rng = random.Random(seed)
    lines = ["", " ", "  ", "\n", "\n\n", " \n", "\t", "a", " a"] + SENTENCES
    for _ in range(250):
        lines.append("".join(rng.choice(PIECES + extra) for _ in range(rng.randrange(1, 14))))
    with open(os.path.join(OPT_TINY, "heldout.txt"), encoding="utf-8") as f:
        lines.append(f.read()[1000:3000])
    return [line.replace("\u0000", "\u0001") for line in lines]  # strict JSON readers refuse NUL


def write_golden(path, tokenizer, lines):
    rows = [{"text": t, "ids": tokenizer.encode(t).ids} for t in lines]
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"made_by": %s, "rows": [\n' % json.dumps("tokenizers " + tokenizers.__version__))
        f.write(",\n".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows) + "\n]}\n")


def opt_tiny():
    model = models.BPE.from_file(os.path.join(OPT_TINY, "vocab.json"), os.path.join(OPT_TINY, "merges.txt"))
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["</s>", "<pad>"])  # what tokenizer_config.json names
    return tokenizer


def with_added():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=["<bos>", "<eos>", "<pad>"], show_progress=False)
    tokenizer.train_from_iterator([" ".join(SENTENCES)], trainer)
    tokenizer.add_tokens([
        AddedToken("<mask>", lstrip=True, special=True),
        AddedToken("<right>", rstrip=True, normalized=False),
        AddedToken("<both>", lstrip=True, rstrip=True, normalized=True),
        AddedToken("<a", normalized=True), AddedToken("<ab>", normalized=True), AddedToken("b>c", normalized=False),
        AddedToken("été", normalized=True), AddedToken("😀😀", normalized=False), AddedToken(" hi", normalized=True)])
    bos = tokenizer.token_to_id("<bos>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", bos)])
    return tokenizer


def main():
    write_golden(os.path.join(HERE, "golden.json"), opt_tiny(), texts(1, []))
    added = with_added()
    folder = os.path.join(HERE, "added")
    os.makedirs(folder, exist_ok=True)
    added.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    extra = ["<bos>", "<eos>", "<mask>", "<right>", "<both>", "<a", "<ab>", "b>c", "été", "😀😀", " hi", "hi"] * 2
    write_golden(os.path.join(folder, "golden.json"), added, texts(2, extra))


if __name__ == "__main__":
    main()
