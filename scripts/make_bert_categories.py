#!/usr/bin/env python3
"""Makes kernel/bert_categories.inc: what BERT's normalizer and pre-tokenizer take for control characters, accents and
punctuation, asked of Hugging Face's tokenizers for every code point.

    python3 -m venv build/venv && build/venv/bin/pip install tokenizers==0.23.3
    build/venv/bin/python scripts/make_bert_categories.py      (from the root of the repository)
"""
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

CLEAN = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
STRIP = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
SPLIT = pre_tokenizers.BertPreTokenizer()


def is_control(code):
    return code not in (0, 0xfffd) and CLEAN.normalize_str(chr(code)) == ""


def is_accent(code):
    return len(unicodedata.normalize("NFD", chr(code))) == 1 and STRIP.normalize_str(chr(code)) == ""


def is_punctuation(code):
    return len(SPLIT.pre_tokenize_str("a" + chr(code) + "b")) == 3


def ranges(has):
    found = []
    for code in range(0x110000):
        if 0xd800 <= code < 0xe000 or not has(code):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def table(name, has):
    lines, line = ["static const struct code_range %s[] = {" % name], "   "
    for first, last in ranges(has):
        item = " {0x%x, 0x%x}," % (first, last)
        if len(line) + len(item) > 120:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join(lines + [line, "};\n"])


def main():
    with open("kernel/bert_categories.inc", "w", encoding="ascii") as out:
        out.write("/* Made by scripts/make_bert_categories.py with tokenizers %s, whose categories here are\n"
                  " * Unicode 8's: first and last code point of each range, ascending. */\n" % tokenizers.__version__)
        out.write("/* clang-format off */\n")
        out.write(table("control_ranges", is_control))
        out.write(table("accent_ranges", is_accent))
        out.write(table("punctuation_ranges", is_punctuation))


if __name__ == "__main__":
    main()
