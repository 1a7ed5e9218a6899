/* The GGUF reader: files by gguf-py, headers and metadata broken once, truncation, bit flips. */
#include "convert/gguf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/gguf_metadata.h"
#include "test/helpers/gguf_draft.h"

static enum lassim_status read_bytes(const struct bytes *bytes, size_t size, size_t *tensors,
                                     struct lassim_error *error)
{
    struct gguf *gguf = NULL;
    *error = (struct lassim_error){0};
    uint8_t *exact = malloc(size + (size == 0)); /* a read past the end is then seen by ASan */
    assert_non_null(exact);
    memcpy(exact, bytes->data, size);
    enum lassim_status status = gguf_open("w.gguf", exact, size, &gguf, error);
    assert_true((status == LASSIM_OK) == (gguf != NULL));
    for (size_t i = 0; gguf != NULL && i < gguf->tensors; i++) {
        const struct gguf_tensor *tensor = &gguf->tensor[i];
        assert_true(tensor->data >= exact && tensor->bytes <= (size_t)(exact + size - tensor->data));
    }
    if (gguf != NULL && tensors != NULL) *tensors = gguf->tensors;
    gguf_close(gguf);
    free(exact);
    return status;
}

static void refuse(struct gguf_draft *draft, const char *part)
{
    struct lassim_error error;
    struct bytes file = gguf_draft_finish(draft);
    assert_refused(read_bytes(&file, file.size, NULL, &error), &error, part);
    assert_non_null(strstr(error.text, "w.gguf: "));
    bytes_clear(&file);
}

static void accept(struct gguf_draft *draft)
{
    struct lassim_error error;
    struct bytes file = gguf_draft_finish(draft);
    if (read_bytes(&file, file.size, NULL, &error) != LASSIM_OK) fail_msg("%s", error.text);
    bytes_clear(&file);
}

static void test_good_files(void **state)
{
    (void)state;
    static const char *const names[] = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",
                                        "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        size_t tensors = 0;
        struct lassim_error error;
        snprintf(path, sizeof path, "test/data/gguf/%s.gguf", names[i]);
        struct bytes file = bytes_of_file(path);
        if (read_bytes(&file, file.size, &tensors, &error) != LASSIM_OK) fail_msg("%s", error.text);
        assert_int_equal(tensors, 1);
        file.data[4] = 2; /* version 2 differs by nothing in a little-endian file */
        assert_int_equal(read_bytes(&file, file.size, &tensors, &error), LASSIM_OK);
        bytes_clear(&file);
    }
}

static void test_find(void **state)
{
    (void)state;
    struct lassim_error error;
    struct gguf *gguf;
    struct gguf_draft draft = {0};
    static const char *const keys[] = {"b", "a.b", "a", "ab", "a.a"};
    for (size_t i = 0; i < 5; i++) gguf_draft_number(&draft, keys[i], GGUF_UINT8, i);
    struct bytes file = gguf_draft_finish(&draft);
    assert_int_equal(gguf_open("w.gguf", file.data, file.size, &gguf, &error), LASSIM_OK);
    for (size_t i = 0; i < 5; i++) assert_int_equal(*gguf_find_entry(gguf, keys[i])->value.data, i);
    assert_null(gguf_find_entry(gguf, "a."));
    assert_null(gguf_find_entry(gguf, ""));
    assert_null(gguf_find_tensor(gguf, "a"));
    assert_int_equal(gguf->metadata_bytes, file.size - (32 - gguf->metadata_bytes % 32) % 32);
    gguf_close(gguf);
    bytes_clear(&file);
    gguf_close(NULL);
}

static void test_headers(void **state)
{
    (void)state;
    struct gguf_draft draft = {.version = 1};
    refuse(&draft, "version 1, expected 2 or 3");
    draft.version = 4;
    refuse(&draft, "version 4");
    draft.version = 0x03000000;
    refuse(&draft, "a big-endian file");
    static const uint64_t counts[] = {1, 1000000, UINT64_C(1) << 62, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        draft.tensors = counts[i];
        refuse(&draft, "tensors, expected at most");
        draft.entries = counts[i];
        refuse(&draft, "entries, expected at most");
    }
    accept(&draft);
    struct lassim_error error;
    struct bytes file = gguf_draft_finish(&draft);
    file.data[3] = 'X';
    assert_refused(read_bytes(&file, file.size, NULL, &error), &error, "not a GGUF file");
    bytes_clear(&file);
}

static void test_values(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    gguf_draft_key(&draft, "k", 13);
    bytes_number(&draft.metadata, 0, 8);
    refuse(&draft, "w.gguf: k: byte 33: a value of type 13, expected 0 to 12");
    gguf_draft_key(&draft, "k", GGUF_STRING);
    bytes_number(&draft.metadata, UINT64_MAX, 8);
    refuse(&draft, "a string of 18446744073709551615 bytes");
    gguf_draft_key(&draft, "k", GGUF_STRING);
    bytes_number(&draft.metadata, 100, 8);
    refuse(&draft, "k: byte 45: a string of 100 bytes, expected at most the 19");
    gguf_draft_number(&draft, "k", GGUF_BOOL, 2);
    refuse(&draft, "a bool of value 2");
    for (int i = 0; i < GGUF_TYPES; i++) {
        gguf_draft_key(&draft, "k", GGUF_ARRAY);
        bytes_number(&draft.metadata, (uint64_t)i, 4);
        bytes_number(&draft.metadata, UINT64_C(1) << 61, 8);
        refuse(&draft, "w.gguf: k: ");
    }
    gguf_draft_number(&draft, "k", GGUF_UINT8, 1);
    gguf_draft_number(&draft, "l", GGUF_UINT8, 1);
    gguf_draft_number(&draft, "k", GGUF_STRING, 1);
    bytes_number(&draft.metadata, 0, 8);
    refuse(&draft, "w.gguf: k: key defined twice");
}

static void test_keys(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    struct bytes key = {0};
    gguf_draft_number(&draft, "", GGUF_UINT8, 1);
    refuse(&draft, "a key of 0 bytes");
    gguf_draft_number(&draft, "a\nb\x1b[2J", GGUF_UINT8, 1);
    refuse(&draft, "a\\x0ab\\x1b[2J: a key of 7 bytes");
    gguf_draft_number(&draft, "\xc3\xa9", GGUF_UINT8, 1);
    refuse(&draft, "printable ASCII");
    for (int i = 0; i < GGUF_KEY_MAX; i++) bytes_text(&key, "k");
    bytes_number(&key, 0, 1);
    gguf_draft_number(&draft, (const char *)key.data, GGUF_UINT8, 1);
    accept(&draft);
    key.size--;
    bytes_text(&key, "k");
    bytes_number(&key, 0, 1);
    gguf_draft_number(&draft, (const char *)key.data, GGUF_UINT8, 1);
    refuse(&draft, "a key of 65536 bytes");
    bytes_clear(&key);
}

/* `depth` arrays of one array each around an empty array. */
static void nest(struct gguf_draft *draft, int depth)
{
    gguf_draft_key(draft, "deep", GGUF_ARRAY);
    for (int i = 0; i < depth; i++) {
        bytes_number(&draft->metadata, GGUF_ARRAY, 4);
        bytes_number(&draft->metadata, 1, 8);
    }
    bytes_number(&draft->metadata, GGUF_UINT8, 4);
    bytes_number(&draft->metadata, 0, 8);
}

static void test_nesting(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    nest(&draft, GGUF_DEPTH_MAX - 1);
    accept(&draft);
    nest(&draft, GGUF_DEPTH_MAX);
    refuse(&draft, "deep: byte");
    nest(&draft, 10000);
    refuse(&draft, "nested deeper than 8");
    gguf_draft_key(&draft, "deep", GGUF_ARRAY); /* wide instead: 2^63 empty arrays, of which two are there */
    bytes_number(&draft.metadata, GGUF_ARRAY, 4);
    bytes_number(&draft.metadata, UINT64_C(1) << 63, 8);
    for (int i = 0; i < 24; i++) bytes_number(&draft.metadata, 0, 1);
    refuse(&draft, "deep: ends at byte");
}

static struct bytes sample(void)
{
    static const char *const tokens[] = {"<s>", "a", "", "\xe2\x96\x81the"};
    static const float scores[] = {0, -1, -2, -3};
    static const int32_t kinds[] = {3, 1, 1, 1};
    static const uint64_t shape[] = {32, 3};
    uint8_t data[102] = {1, 2, 3};
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, "general.architecture", "llama");
    gguf_draft_strings(&draft, "tokenizer.ggml.tokens", tokens, 4);
    gguf_draft_floats(&draft, "tokenizer.ggml.scores", scores, 4);
    gguf_draft_int32s(&draft, "tokenizer.ggml.token_type", kinds, 4);
    gguf_draft_number(&draft, "tokenizer.ggml.add_bos_token", GGUF_BOOL, 1);
    nest(&draft, 2);
    gguf_draft_tensor(&draft, "q", 2, shape, 8, data, 102);
    gguf_draft_tensor(&draft, "f", 1, shape, 1, data, 64);
    return gguf_draft_finish(&draft);
}

static void test_truncated(void **state)
{
    (void)state;
    struct lassim_error error;
    struct bytes file = sample();
    assert_int_equal(read_bytes(&file, file.size, NULL, &error), LASSIM_OK);
    for (size_t size = 0; size < file.size; size++) assert_refused(read_bytes(&file, size, NULL, &error), &error, "");
    bytes_clear(&file);
}

/* Any single bit: accepted with everything inside the file, or one line. */
static void test_bit_flips(void **state)
{
    (void)state;
    size_t refused = 0;
    struct lassim_error error;
    struct bytes file = sample();
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum lassim_status status = read_bytes(&file, file.size, NULL, &error);
        if (status != LASSIM_OK) assert_refused(status, &error, "");
        refused += status != LASSIM_OK;
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_in_range(refused, 1500, file.size * 8 - 1500);
    bytes_clear(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files), cmocka_unit_test(test_find),      cmocka_unit_test(test_headers),
        cmocka_unit_test(test_values),     cmocka_unit_test(test_keys),      cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_bit_flips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
