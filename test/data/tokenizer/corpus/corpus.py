"""The corpus of the golden test, 1,024 chunks of about 1 KB: the same as test/helpers/corpus.c makes, piece by piece from
parts.json and the texts of examples/opt-tiny, by a generator whose state is the chunk's number."""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..", "..")
CHUNKS = 1024
MASK = (1 << 64) - 1
ENDS = ["\n", " ", "\n\n", ""]
BLANKS = [" ", "\n", "\t", "\u00a0", "\u3000", "\r\n"]


def has_specials(number):
    """The chunks with added tokens in them."""
    return number % 4 == 3


class Corpus:
    def __init__(self):
        with open(os.path.join(HERE, "parts.json"), encoding="utf-8") as f:
            self.parts = json.load(f)
        self.lines = []
        for name in ("calibration.txt", "heldout.txt"):
            with open(os.path.join(ROOT, "examples", "opt-tiny", name), encoding="utf-8") as f:
                self.lines += [line for line in f.read().split("\n") if line]

    def draw(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 33) % n

    def pick(self, items):
        return items[self.draw(len(items))]

    def part(self, number):
        kind = self.draw(100)
        if kind < 35:
            return self.pick(self.lines) + self.pick(ENDS)
        if kind < 65:
            return self.pick(self.parts["sentences"]) + self.pick(ENDS)
        if kind < 80:
            return "".join([self.pick(self.parts["pieces"]) for _ in range(1 + self.draw(8))])
        if kind < 93:
            first, last = self.pick(self.parts["ranges"])
            return "".join([chr(first + self.draw(last - first + 1)) for _ in range(1 + self.draw(12))])
        if kind < 97:
            return self.pick(BLANKS) * (1 + self.draw(20))
        if has_specials(number):
            return self.pick(["", " "]) + self.pick(self.parts["specials"]) + self.pick(["", " "])
        return "".join([str(self.draw(10)) for _ in range(1 + self.draw(12))])

    def chunk(self, number):
        self.state = (number * 0x9e3779b97f4a7c15 + 1) & MASK
        text = ""
        while len(text.encode("utf-8")) < 1000:
            text += self.part(number)
        return text
