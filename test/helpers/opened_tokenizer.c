#include "test/helpers/opened_tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

struct opened_tokenizer opened_tokenizer_blob(struct tokenizer_blob_out blob)
{
    struct lassim_error error = {0};
    struct opened_tokenizer opened = {.blob = blob};
    if (tokenizer_open("blob", blob.data, blob.size, &opened.tokenizer, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
    return opened;
}

struct opened_tokenizer opened_tokenizer_folder(const char *folder, uint32_t vocabulary)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    if (tokenizer_build(folder, vocabulary, &blob, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return opened_tokenizer_blob(blob);
}

struct opened_tokenizer opened_tokenizer_json(const char *text, uint32_t vocabulary)
{
    char *folder = folder_new();
    folder_write(folder, "tokenizer.json", text, strlen(text));
    struct opened_tokenizer opened = opened_tokenizer_folder(folder, vocabulary);
    folder_remove(folder);
    return opened;
}

void opened_tokenizer_close(struct opened_tokenizer *opened)
{
    tokenizer_close(opened->tokenizer);
    free(opened->blob.data);
}

void opened_tokenizer_encodes(const struct tokenizer *tokenizer, const char *text, int add_special, size_t n,
                              const uint32_t *expected)
{
    struct lassim_error error = {0};
    uint32_t *ids = NULL;
    size_t count = 0;
    if (tokenizer_encode(tokenizer, text, strlen(text), add_special, &ids, &count, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < count && i < n; i++)
        if (ids[i] != expected[i]) fail_msg("\"%s\": id %zu is %u, not %u", text, i, ids[i], expected[i]);
    assert_int_equal(count, n);
    free(ids);
}

void opened_tokenizer_decodes(const struct tokenizer *tokenizer, int skip_special, const char *expected, size_t n,
                              const uint32_t *ids)
{
    struct lassim_error error = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_int_equal(tokenizer_decode(tokenizer, ids, n, skip_special, &bytes, &size, &error), LASSIM_OK);
    assert_int_equal(bytes[size], 0);
    assert_string_equal((char *)bytes, expected);
    assert_int_equal(size, strlen(expected));
    free(bytes);
}
