/* Any bytes as text for a tokenizer with all 256 bytes, some merges and added tokens: decoding gives back the text
 * with invalid UTF-8 replaced.  The first byte chooses add_prefix_space. */
#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer.h"
#include "kernel/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const merged[] = {"th", "the", " t", " the", "in", "ing", "\xc3\xa9", "  ", "\n\n", "12", "'s"};
static const uint8_t merges[][3] = {{'t', 'h', 0},   {0, 'e', 1},   {' ', 't', 2},   {' ', 1, 3},
                                    {'i', 'n', 4},   {4, 'g', 5},   {0xc3, 0xa9, 6}, {' ', ' ', 7},
                                    {'\n', '\n', 8}, {'1', '2', 9}, {'\'', 's', 10}};
static const char *const added[] = {"</s>", "<s>", "the<"};
enum { MERGES = 11, ADDED = 3, TOKENS = 256 + MERGES + ADDED };
enum { ITEMS = 80, OFFSETS = ITEMS + 8, FLAGS = OFFSETS + 4 * (TOKENS + 1), RECORDS = FLAGS + 2 * TOKENS };

static uint8_t blob[8192];
static size_t blob_size;

static void put(size_t at, uint32_t value)
{
    for (int i = 0; i < 4; i++) blob[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

/* Ids below 16 in `merges` are results of other merges (0: "th", ...), the others are bytes. */
static uint32_t symbol(uint8_t value)
{
    return value < MERGES && value != '\n' ? 256U + value : value;
}

static void make_blob(void)
{
    const uint32_t none = TOKENIZER_NONE;
    const uint32_t header[] = {2,
                               TOKENIZER_BYTE_LEVEL,
                               TOKENS,
                               MERGES,
                               0,
                               0,
                               TOKENIZER_GPT2,
                               0,
                               0,
                               none,
                               none,
                               none,
                               none,
                               none,
                               none,
                               none,
                               1,
                               0};
    size_t record = RECORDS, strings = record + 16 * MERGES, used = 0;
    memcpy(blob, TOKENIZER_MAGIC, 8);
    for (size_t i = 0; i < 18; i++) put(8 + 4 * i, header[i]);
    put(ITEMS, TOKENIZER_TEXT_A);
    for (size_t id = 0; id < TOKENS; id++) {
        const char *text = id < 256 ? NULL : id < 256 + MERGES ? merged[id - 256] : added[id - 256 - MERGES];
        size_t length = text == NULL ? 1 : strlen(text);
        if (text == NULL)
            blob[strings + used] = (uint8_t)id;
        else
            memcpy(blob + strings + used, text, length);
        blob[FLAGS + 2 * id] = id < 256 + MERGES ? TOKEN_BASE : TOKEN_ADDED;
        used += length;
        put(OFFSETS + 4 * id + 4, (uint32_t)used);
    }
    put(24, (uint32_t)used);
    for (size_t i = 0; i < MERGES; i++) {
        put(record + 16 * i, symbol(merges[i][0]));
        put(record + 16 * i + 4, symbol(merges[i][1]));
        put(record + 16 * i + 8, 256U + merges[i][2]);
        put(record + 16 * i + 12, (uint32_t)i);
    }
    blob_size = strings + used;
}

/* Opened once without and once with add_prefix_space. */
static const struct tokenizer *tokenizer_with(int prefix_space)
{
    static struct tokenizer *opened[2];
    static uint8_t copies[2][sizeof blob];
    if (blob_size == 0) make_blob();
    if (opened[prefix_space] == NULL) {
        put(36, prefix_space ? TOKENIZER_SPACE_UNLESS : TOKENIZER_NO_PREFIX);
        memcpy(copies[prefix_space], blob, blob_size);
        if (tokenizer_open("blob", copies[prefix_space], blob_size, &opened[prefix_space], NULL) != LASSIM_OK) abort();
    }
    return opened[prefix_space];
}

static void check(const uint8_t *text, size_t size, int prefix_space)
{
    struct lassim_error error = {0};
    const struct tokenizer *tokenizer = tokenizer_with(prefix_space);
    uint32_t *ids = NULL;
    uint8_t *bytes = NULL, *expected = malloc(3 * size + 1);
    size_t n, length, prefix = 0;
    if (expected == NULL) abort();
    size_t replaced = utf8_replace_invalid(text, size, expected);
    if (tokenizer_encode(tokenizer, text, size, 0, &ids, &n, &error) != LASSIM_OK) abort();
    if (tokenizer_decode(tokenizer, ids, n, 0, &bytes, &length, &error) != LASSIM_OK) abort();
    for (size_t i = 0, at = 0; i < length; i++) { /* prefix spaces are extra */
        if (at < replaced && bytes[i] == expected[at])
            at++;
        else if (bytes[i] == ' ')
            prefix++;
        else
            abort();
    }
    if (length != replaced + prefix || (!prefix_space && prefix > 0)) abort();
    free(bytes);
    free(ids);
    free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 1) check(data + 1, size - 1, data[0] & 1);
    return 0;
}
