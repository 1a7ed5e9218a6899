/* The corpus of the tokenizers' golden test, made as test/data/tokenizer/corpus/corpus.py makes it. */
#ifndef LASSIM_TEST_CORPUS_H
#define LASSIM_TEST_CORPUS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "test/helpers/checkpoint_fixture.h"

enum { CORPUS_CHUNKS = 1024 };

struct corpus {
    json_t *parts;      /* parts.json */
    struct bytes texts; /* lines are cut out of it */
    const char **line;  /* [lines], terminated */
    size_t lines;
    uint64_t state;
};

/* From the root of the repository; fails the test where a file is missing. */
struct corpus corpus_open(void);
void corpus_close(struct corpus *corpus);
/* A number below n from the generator. */
uint64_t corpus_draw(struct corpus *corpus, uint64_t n);
/* Chunk `number`, about 1 KB of UTF-8; bytes_clear it. */
struct bytes corpus_chunk(struct corpus *corpus, unsigned number);
/* 1 for the chunks with added tokens in them. */
int corpus_has_specials(unsigned number);

#endif
