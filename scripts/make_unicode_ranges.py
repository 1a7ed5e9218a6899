#!/usr/bin/env python3
"""Asks Hugging Face's tokenizers, for every code point, what its Unicode tables say where they are older than utf8proc's:

kernel/bert_categories.inc  what BERT's normalizer and pre-tokenizer take for control characters, accents, punctuation;
kernel/unicode_inert.inc    characters of Unicode 18 that its normal forms do not know: no decomposition, no composition,
                            no combining class.

    python3 -m venv build/venv && build/venv/bin/pip install tokenizers==0.23.3 unicodedata2==18.0.0
    build/venv/bin/python scripts/make_unicode_ranges.py      (from the root of the repository)
"""
import tokenizers
import unicodedata2 as unicodedata
from tokenizers import normalizers, pre_tokenizers

CLEAN = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
STRIP = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
NFC, NFD = normalizers.NFC(), normalizers.NFD()
SPLIT = pre_tokenizers.BertPreTokenizer()


def is_control(code):
    return code not in (0, 0xfffd) and CLEAN.normalize_str(chr(code)) == ""


def is_accent(code):
    return len(unicodedata.normalize("NFD", chr(code))) == 1 and STRIP.normalize_str(chr(code)) == ""


def is_inert(code):
    """Moves over no overlay and no iota below; decomposes only in newer tables; or starts a newer composition."""
    char = chr(code)
    if unicodedata.combining(char) != 0:
        behind = chr(0x345) if unicodedata.combining(char) < 240 else ""
        return NFD.normalize_str("a" + char + chr(0x334)) == "a" + char + chr(0x334) and \
            (unicodedata.combining(char) > 1 or
             (behind != "" and NFD.normalize_str("a" + behind + char) == "a" + behind + char))
    return (unicodedata.normalize("NFD", char) != char and NFD.normalize_str(char) == char) or code in NEW_STARTERS


def new_starters():
    found = set()
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) != 2 or parts[0].startswith("<"):
            continue
        pair = chr(int(parts[0], 16)) + chr(int(parts[1], 16))
        if unicodedata.normalize("NFC", pair) == chr(code) and NFC.normalize_str(pair) == pair:
            found.add(int(parts[0], 16))
    return found


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


def write(name, what, tables):
    with open(name, "w", encoding="ascii") as out:
        out.write("/* Made by scripts/make_unicode_ranges.py with tokenizers %s: %s,\n"
                  " * first and last code point of each range, ascending. */\n" % (tokenizers.__version__, what))
        out.write("/* clang-format off */\n")
        for table_name, has in tables:
            out.write(table(table_name, has))


def main():
    write("kernel/bert_categories.inc", "its categories are Unicode 8's",
          [("control_ranges", is_control), ("accent_ranges", is_accent), ("punctuation_ranges", is_punctuation)])
    write("kernel/unicode_inert.inc", "what its normal forms do not know", [("inert_ranges", is_inert)])


NEW_STARTERS = new_starters()
if __name__ == "__main__":
    main()
