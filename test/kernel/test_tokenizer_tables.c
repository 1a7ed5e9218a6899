#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/tokenizer_tables.h"

/* ---- sets ---------------------------------------------------------------------------------------- */

enum { STRINGS = 300, LONGEST = 6 };

/* Random different strings of a, b and c. */
static struct token_set random_set(uint8_t storage[STRINGS][LONGEST], unsigned *seed)
{
    struct token_set set = {.entry = calloc(STRINGS, sizeof *set.entry)};
    assert_non_null(set.entry);
    while (set.count < STRINGS) {
        uint8_t *string = storage[set.count];
        uint32_t length = 1 + (uint32_t)rand_r(seed) % LONGEST;
        int new = 1;
        for (uint32_t i = 0; i < length; i++) string[i] = (uint8_t)('a' + rand_r(seed) % 3);
        for (uint32_t i = 0; i < set.count; i++)
            new &= set.entry[i].length != length || memcmp(set.entry[i].bytes, string, length) != 0;
        if (new) {
            set.entry[set.count] = (struct token_entry){string, length, set.count};
            set.count++;
        }
    }
    return set;
}

static void test_longest(void **state)
{
    (void)state;
    static uint8_t storage[STRINGS][LONGEST];
    unsigned seed = (unsigned)time(NULL);
    uint32_t a, b;
    print_message("seed %u\n", seed);
    struct token_set set = random_set(storage, &seed);
    assert_int_equal(token_set_sort(&set, &a, &b), 0);
    for (int round = 0; round < 20000; round++) {
        uint8_t text[10];
        size_t size = (size_t)rand_r(&seed) % sizeof text, longest = 0, length = 0;
        for (size_t i = 0; i < size; i++) text[i] = (uint8_t)('a' + rand_r(&seed) % 4); /* d starts none */
        uint32_t expected = TOKENIZER_NONE;
        for (uint32_t i = 0; i < set.count; i++) {
            const struct token_entry *entry = &set.entry[i];
            if (entry->length > size || entry->length <= longest || memcmp(entry->bytes, text, entry->length) != 0)
                continue;
            longest = entry->length;
            expected = entry->id;
        }
        assert_int_equal(token_set_longest(&set, text, size, &length), expected);
        if (expected != TOKENIZER_NONE) assert_int_equal(length, longest);
    }
    free(set.entry);
}

static void test_equal_strings(void **state)
{
    (void)state;
    struct token_entry entries[3] = {
        {(const uint8_t *)"ab", 2, 7}, {(const uint8_t *)"a", 1, 8}, {(const uint8_t *)"ab", 2, 9}};
    struct token_set set = {.entry = entries, .count = 3};
    uint32_t a = 0, b = 0;
    assert_int_equal(token_set_sort(&set, &a, &b), 1);
    assert_int_equal(a + b, 16);
}

/* ---- merges -------------------------------------------------------------------------------------- */

static void test_merges(void **state)
{
    (void)state;
    enum { IDS = 20, MERGES = 150 };
    unsigned seed = (unsigned)time(NULL);
    struct merge merge[MERGES];
    struct merge_table table = {0};
    print_message("seed %u\n", seed);
    for (uint32_t i = 0; i < MERGES; i++)
        merge[i] = (struct merge){(uint32_t)rand_r(&seed) % IDS, (uint32_t)rand_r(&seed) % IDS, i, i};
    assert_int_equal(merge_table_build(&table, merge, MERGES, IDS), 0);
    for (uint32_t left = 0; left < IDS; left++)
        for (uint32_t right = 0; right < IDS; right++) {
            const struct merge *found = merge_table_find(&table, left, right);
            uint32_t expected = TOKENIZER_NONE;
            for (uint32_t i = 0; i < MERGES; i++)
                if (merge[i].left == left && merge[i].right == right) expected = i;
            assert_int_equal(found == NULL ? TOKENIZER_NONE : found->rank, expected);
        }
    merge_table_clear(&table);
}

static void test_no_merges(void **state)
{
    (void)state;
    struct merge_table table = {0};
    assert_int_equal(merge_table_build(&table, NULL, 0, 3), 0);
    assert_null(merge_table_find(&table, 0, 2));
    merge_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_equal_strings),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_no_merges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
