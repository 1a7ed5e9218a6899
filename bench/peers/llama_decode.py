#!/usr/bin/env python3
"""llama_decode.py MODEL.gguf THREADS TOKENS: seconds that llama.cpp takes for that many tokens, one at a time.

The ids are 1, 2, 3, ...: what is decoded does not change what a token costs.  A few tokens first, not counted.
"""
import sys
import time

import llama_cpp

WARM = 4


def main():
    model, threads, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    llama = llama_cpp.Llama(model, n_ctx=tokens + WARM + 1, n_threads=threads, n_threads_batch=threads, verbose=False)
    llama.eval(list(range(1, WARM + 1)))
    started = time.perf_counter()
    for i in range(tokens):
        llama.eval([WARM + 1 + i])
    print(time.perf_counter() - started)


main()
