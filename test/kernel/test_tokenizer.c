#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "convert/json.h"
#include "convert/tokenizer_files.h"
#include "kernel/tokenizer.h"
#include "kernel/tokenizer_tables.h"
#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/opened_tokenizer.h"

static size_t encode(const struct tokenizer *tokenizer, const void *text, size_t size, int add_bos, uint32_t **ids)
{
    struct lassim_error error = {0};
    size_t n = 0;
    if (tokenizer_encode(tokenizer, text, size, add_bos, ids, &n, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return n;
}

/* ---- golden ids --------------------------------------------------------------------------------- */

static void check_row(const struct tokenizer *tokenizer, const json_t *row, int add_bos)
{
    const json_t *text = json_object_get(row, "text"), *expected = json_object_get(row, "ids");
    uint32_t *ids = NULL;
    size_t n = encode(tokenizer, json_string_value(text), json_string_length(text), add_bos, &ids);
    int same = n == json_array_size(expected);
    for (size_t i = 0; same && i < n; i++) same = json_integer_value(json_array_get(expected, i)) == ids[i];
    if (!same) fail_msg("other ids for \"%s\"", json_string_value(text));
    free(ids);
}

static size_t check_golden(const char *folder, uint32_t vocabulary, const char *golden, int add_bos)
{
    struct opened_tokenizer built = opened_tokenizer_folder(folder, vocabulary);
    struct lassim_error error = {0};
    json_t *root = NULL, *row;
    if (json_read_file(golden, &root, &error) != LASSIM_OK) fail_msg("%s", error.text);
    json_t *rows = json_is_array(root) ? root : json_object_get(root, "rows");
    size_t index, count = json_array_size(rows);
    json_array_foreach(rows, index, row) check_row(built.tokenizer, row, add_bos);
    json_decref(root);
    opened_tokenizer_close(&built);
    return count;
}

static void test_golden(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    struct lassim_error error = {0};
    json_t *root = NULL;
    assert_int_equal(check_golden("examples/opt-tiny", 4096, "examples/opt-tiny/tokenizer-golden.json", 0), 10);
    assert_int_equal(json_read_file("examples/opt-tiny/golden.json", &root, &error), LASSIM_OK);
    assert_true(tokenizer_adds_bos(built.tokenizer));
    check_row(built.tokenizer, json_object_get(root, "a"), 1);
    json_decref(root);
    opened_tokenizer_close(&built);
}

static void test_golden_of_hugging_face(void **state)
{
    (void)state;
    assert_true(check_golden("examples/opt-tiny", 4096, "test/data/tokenizer/golden.json", 0) > 300);
    assert_true(check_golden("test/data/tokenizer/added", 500, "test/data/tokenizer/added/golden.json", 1) > 300);
}

/* ---- against a naive byte-pair encoder ---------------------------------------------------------- */

/* Merges the leftmost pair of lowest rank until none is left: O(n^2). */
static size_t naive_word(const struct tokenizer *tokenizer, const uint8_t *word, size_t length, uint32_t *ids)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) ids[n++] = tokenizer->byte_id[word[i]];
    for (;;) {
        const struct merge *best = NULL;
        size_t where = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const struct merge *merge = merge_table_find(&tokenizer->merges, ids[i], ids[i + 1]);
            if (merge == NULL || (best != NULL && merge->rank >= best->rank)) continue;
            best = merge;
            where = i;
        }
        if (best == NULL) return n;
        ids[where] = best->result;
        memmove(ids + where + 1, ids + where + 2, (n - where - 2) * sizeof *ids);
        n--;
    }
}

static void test_random_words(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 3000; round++) {
        uint8_t word[120];
        uint32_t expected[120], *ids = NULL;
        size_t length = 1 + (size_t)rand_r(&seed) % sizeof word;
        for (size_t i = 0; i < length; i++)
            word[i] = (uint8_t) "etaoinshrdlu"[(size_t)rand_r(&seed) % (round % 12 + 1)];
        size_t count = naive_word(built.tokenizer, word, length, expected);
        size_t n = encode(built.tokenizer, word, length, 0, &ids);
        assert_int_equal(n, count);
        assert_memory_equal(ids, expected, n * sizeof *ids);
        free(ids);
    }
    opened_tokenizer_close(&built);
}

/* The merge table is every record, the last of a pair given twice. */
static void test_merge_table(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    size_t found = 0;
    for (uint32_t left = 0; left < 4096; left++)
        for (uint32_t right = 0; right < 4096; right++) {
            const struct merge *merge = merge_table_find(&built.tokenizer->merges, left, right);
            if (merge == NULL) continue;
            assert_true(merge->left == left && merge->right == right);
            found++;
        }
    assert_int_equal(found, 3836); /* lines of merges.txt less the version */
    opened_tokenizer_close(&built);
}

static void test_long_words(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    const char *units[] = {"the", " ", "a", "\n ", "\xe4\xb8\xad", "\xff", "1", "."};
    size_t size = 1 << 20;
    uint8_t *text = malloc(size);
    assert_non_null(text);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) { /* quadratic work would take hours */
        uint32_t *ids = NULL;
        for (size_t i = 0; i < size; i++) text[i] = (uint8_t)units[u][i % strlen(units[u])];
        clock_t start = clock();
        assert_true(encode(built.tokenizer, text, size, 0, &ids) > 0);
        assert_true(clock() - start < 60 * CLOCKS_PER_SEC);
        free(ids);
    }
    free(text);
    opened_tokenizer_close(&built);
}

/* ---- bytes in, bytes out ------------------------------------------------------------------------ */

static void test_round_trip(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    struct bytes text = bytes_of_file("examples/opt-tiny/heldout.txt");
    bytes_add(&text, "\0 NUL \0", 7);
    uint32_t *ids = NULL;
    uint8_t *bytes = NULL;
    size_t n = encode(built.tokenizer, text.data, text.size, 1, &ids), size = 0, streamed = 0;
    assert_int_equal(tokenizer_decode(built.tokenizer, ids, n, 1, &bytes, &size, NULL), LASSIM_OK);
    assert_int_equal(size, text.size);
    assert_memory_equal(bytes, text.data, size);
    assert_int_equal(bytes[size], 0);
    for (size_t i = 1; i < n; i++) { /* token by token */
        size_t length;
        const uint8_t *piece = tokenizer_token_bytes(built.tokenizer, ids[i], &length);
        assert_memory_equal(piece, bytes + streamed, length);
        streamed += length;
    }
    assert_int_equal(streamed, size);
    free(bytes);
    assert_int_equal(tokenizer_decode(built.tokenizer, ids, n, 0, &bytes, &size, NULL), LASSIM_OK);
    assert_int_equal(size, text.size + 4);
    assert_memory_equal(bytes, "</s>", 4);
    free(bytes);
    free(ids);
    bytes_clear(&text);
    opened_tokenizer_close(&built);
}

static void test_invalid_utf8(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    uint32_t *bad = NULL, *replaced = NULL;
    static const char text[] = "caf\xe9 \xf0\x9f\x98 \xed\xa0\x80";
    static const char same[] = "caf\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
    size_t n = encode(built.tokenizer, text, sizeof text - 1, 0, &bad);
    assert_int_equal(n, encode(built.tokenizer, same, sizeof same - 1, 0, &replaced));
    assert_memory_equal(bad, replaced, n * sizeof *bad);
    free(bad);
    free(replaced);
    opened_tokenizer_close(&built);
}

static void test_ids_without_token(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 5000);
    const uint32_t ids[] = {4999, 4096, UINT32_MAX, 76};
    uint8_t *bytes = NULL;
    size_t size = 9;
    assert_int_equal(tokenizer_vocabulary(built.tokenizer), 5000);
    assert_int_equal(tokenizer_decode(built.tokenizer, ids, 4, 0, &bytes, &size, NULL), LASSIM_OK);
    assert_int_equal(size, 1);
    assert_string_equal((char *)bytes, "H");
    assert_false(tokenizer_is_special(built.tokenizer, UINT32_MAX));
    free(bytes);
    opened_tokenizer_close(&built);
}

static void test_text_too_long(void **state)
{
    (void)state;
    struct opened_tokenizer built = opened_tokenizer_folder("examples/opt-tiny", 4096);
    struct lassim_error error = {0};
    uint32_t *ids = NULL;
    size_t n = 0;
    assert_int_equal(tokenizer_encode(built.tokenizer, "", (size_t)TOKENIZER_TEXT_MAX + 1, 0, &ids, &n, &error),
                     LASSIM_ERR_USAGE);
    n = encode(built.tokenizer, NULL, 0, 0, &ids);
    assert_int_equal(n, 0);
    free(ids);
    opened_tokenizer_close(&built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_golden_of_hugging_face),
        cmocka_unit_test(test_random_words),  cmocka_unit_test(test_merge_table),
        cmocka_unit_test(test_long_words),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_invalid_utf8),  cmocka_unit_test(test_ids_without_token),
        cmocka_unit_test(test_text_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
