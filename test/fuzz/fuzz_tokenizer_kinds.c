/* Any bytes as text for tokenizers of every kind (those of test/data/tokenizer/corpus): encoding works, SentencePiece
 * and byte-level without normaliser give the text back, and normal forms are stable. */
#include <stdlib.h>
#include <string.h>

#include "convert/tokenizer_files.h"
#include "kernel/tokenizer.h"
#include "kernel/unicode.h"
#include "kernel/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"llama3", "llama2-json", "qwen2", "smollm", "bert", "bert-cased", "llama2"};
enum { KINDS = sizeof names / sizeof *names, GIVE_BACK = 2 /* the first ones decode to the text */ };

static const struct tokenizer *opened(int kind)
{
    static struct tokenizer *tokenizers[KINDS];
    static struct tokenizer_blob_out blobs[KINDS];
    if (tokenizers[kind] != NULL) return tokenizers[kind];
    char folder[64] = "test/data/tokenizer/corpus/";
    strcat(folder, names[kind]);
    if (tokenizer_build(folder, 4000, &blobs[kind], NULL) != LASSIM_OK ||
        tokenizer_open("blob", blobs[kind].data, blobs[kind].size, &tokenizers[kind], NULL) != LASSIM_OK)
        abort();
    return tokenizers[kind];
}

/* Spaces around added tokens that strip them do not come back, nor does one in front: compared without spaces. */
static size_t without_spaces(uint8_t *text, size_t size)
{
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        int32_t code;
        size_t step = utf8_next(text + at, size - at, &code);
        if (!utf8_is_space(code) && code != 0x2581) {
            memmove(text + kept, text + at, step);
            kept += step;
        }
        at += step;
    }
    return kept;
}

static void check(int kind, const uint8_t *text, size_t size)
{
    const struct tokenizer *tokenizer = opened(kind);
    struct lassim_error error = {0};
    uint32_t *ids = NULL;
    uint8_t *bytes = NULL;
    size_t n, length;
    if (tokenizer_encode(tokenizer, text, size, 0, &ids, &n, &error) != LASSIM_OK) abort();
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= tokenizer_vocabulary(tokenizer)) abort();
    if (tokenizer_decode(tokenizer, ids, n, 0, &bytes, &length, &error) != LASSIM_OK) abort();
    if (kind < GIVE_BACK) {
        uint8_t *copy = malloc(size + 1);
        if (copy == NULL) abort();
        memcpy(copy, text, size);
        size = without_spaces(copy, size);
        if (without_spaces(bytes, length) != size || memcmp(copy, bytes, size) != 0) abort();
        free(copy);
    }
    free(ids);
    free(bytes);
}

static int same(const struct text_buffer *a, const struct text_buffer *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

static void check_forms(const uint8_t *text, size_t size)
{
    struct text_buffer nfc = {0}, nfd = {0}, again = {0}, of_nfd = {0}, of_nfc = {0};
    if (unicode_nfc(text, size, &nfc) != 0 || unicode_nfd(text, size, &nfd) != 0) abort();
    if (unicode_nfc(nfc.bytes, nfc.size, &again) != 0 || !same(&again, &nfc)) abort();
    if (unicode_nfc(nfd.bytes, nfd.size, &of_nfd) != 0 || !same(&of_nfd, &nfc)) abort();
    if (unicode_nfd(nfc.bytes, nfc.size, &of_nfc) != 0 || !same(&of_nfc, &nfd)) abort();
    free(nfc.bytes);
    free(nfd.bytes);
    free(again.bytes);
    free(of_nfd.bytes);
    free(of_nfc.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text = malloc(3 * size + 1);
    if (text == NULL) abort();
    size_t length = utf8_replace_invalid(data, size, text);
    check_forms(text, length);
    for (int kind = 0; kind < KINDS; kind++) check(kind, text, length);
    free(text);
    return 0;
}
