/* A tokenizer built from a folder (or from the text of a tokenizer.json) and opened; failing ends the test. */
#ifndef LASSIM_TEST_OPENED_TOKENIZER_H
#define LASSIM_TEST_OPENED_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "convert/tokenizer_files.h"
#include "kernel/tokenizer.h"

struct opened_tokenizer {
    struct tokenizer_blob_out blob;
    struct tokenizer *tokenizer;
};

struct opened_tokenizer opened_tokenizer_folder(const char *folder, uint32_t vocabulary);
struct opened_tokenizer opened_tokenizer_json(const char *text, uint32_t vocabulary);
/* Takes the blob over. */
struct opened_tokenizer opened_tokenizer_blob(struct tokenizer_blob_out blob);
void opened_tokenizer_close(struct opened_tokenizer *opened);

/* Checks the ids of text: expected[0 .. n). */
void opened_tokenizer_encodes(const struct tokenizer *tokenizer, const char *text, int add_special, size_t n,
                              const uint32_t *expected);
#define IDS(...)                                                       \
    sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]) \
    {                                                                  \
        __VA_ARGS__                                                    \
    }
/* Checks the text of ids[0 .. n). */
void opened_tokenizer_decodes(const struct tokenizer *tokenizer, int skip_special, const char *expected, size_t n,
                              const uint32_t *ids);

#endif
