#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "test/helpers/opened_tokenizer.h"

/* Words a, b, c, ..; single: x A y; pair: A x B y z with types 0, 2, 1, 1, 7. */
static const char json[] =
    "{\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"decoder\":{\"type\":\"WordPiece\"},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"vocab\":{\"?\":0,\"a\":1,\"b\":2,\"c\":3,\"x\":4,\"y\":5,"
    "\"z\":6}},\"post_processor\":{\"type\":\"TemplateProcessing\",\"special_tokens\":{\"yz\":{\"ids\":[5,6]}},"
    "\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":3}},"
    "{\"SpecialToken\":{\"id\":\"y\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
    "{\"SpecialToken\":{\"id\":\"x\",\"type_id\":2}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},"
    "{\"SpecialToken\":{\"id\":\"yz\",\"type_id\":7}}]}}";

static struct opened_tokenizer opened;

static enum lassim_status encode(const char *a, const char *b, size_t most, enum tokenizer_overflow overflow,
                                 struct tokenizer_encoding *encoding, struct lassim_error *error)
{
    struct tokenizer_text first = {a, strlen(a)}, second = {b, b == NULL ? 0 : strlen(b)};
    *encoding = (struct tokenizer_encoding){0};
    return tokenizer_encode_pair(opened.tokenizer, &first, b == NULL ? NULL : &second, most, overflow, encoding, error);
}

/* ids and types as one digit each. */
static void gives(const char *a, const char *b, size_t most, const char *ids, const char *types)
{
    struct tokenizer_encoding encoding;
    struct lassim_error error = {0};
    if (encode(a, b, most, TOKENIZER_TRUNCATE, &encoding, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(encoding.n, strlen(ids));
    for (size_t i = 0; i < encoding.n; i++) {
        assert_int_equal(encoding.ids[i], ids[i] - '0');
        assert_int_equal(encoding.types[i], types[i] - '0');
    }
    tokenizer_encoding_clear(&encoding);
    assert_null(encoding.ids);
}

static void test_templates(void **state)
{
    (void)state;
    gives("a b", NULL, SIZE_MAX, "4125", "0330");
    gives("", NULL, SIZE_MAX, "45", "00");
    gives("a b", "c", SIZE_MAX, "124356", "002177");
    gives("", "", SIZE_MAX, "456", "277");
    opened_tokenizer_encodes(opened.tokenizer, "a b", 1, IDS(4, 1, 2, 5));
    opened_tokenizer_encodes(opened.tokenizer, "a b", 0, IDS(1, 2));
    assert_int_equal(tokenizer_cls(opened.tokenizer), 4);
    assert_int_equal(tokenizer_sep(opened.tokenizer), 5);
    assert_false(tokenizer_adds_bos(opened.tokenizer));
}

static void test_truncation(void **state)
{
    (void)state;
    gives("a b c", NULL, 4, "4125", "0330");
    gives("a b c", NULL, 2, "45", "00");
    gives("a b c a", "b", 6, "124256", "002177"); /* only the longer one */
    gives("b", "a b c a", 6, "241256", "021177");
    gives("a b c a", "b c a", 7, "1242356", "0021177"); /* both */
    gives("a b c", "b c a", 6, "142356", "021177");
    gives("a b c", "b c a", 3, "456", "277");
}

/* The lengths that are left against cutting token by token: the longer one first, the second on a tie but for the one
 * token that is over when both are cut. */
static void test_every_length(void **state)
{
    (void)state;
    for (size_t a = 0; a <= 6; a++)
        for (size_t b = 0; b <= 6; b++)
            for (size_t most = 3; most <= 16; most++) {
                char first[16] = "", second[16] = "";
                struct tokenizer_encoding encoding;
                struct lassim_error error = {0};
                for (size_t i = 0; i < a; i++) strcat(first, "a ");
                for (size_t i = 0; i < b; i++) strcat(second, "b ");
                assert_int_equal(encode(first, second, most, TOKENIZER_TRUNCATE, &encoding, &error), LASSIM_OK);
                size_t kept_a = 0, kept_b = 0, room = most - 3;
                for (size_t i = 0; i < encoding.n; i++) {
                    kept_a += encoding.ids[i] == 1;
                    kept_b += encoding.ids[i] == 2;
                }
                assert_int_equal(kept_a + kept_b, a + b < room ? a + b : room);
                size_t least = a < b ? a : b, half = room / 2;
                assert_true(kept_a <= a && kept_b <= b);
                if (a + b > room)
                    assert_true(kept_a >= (least < half ? least : half) && kept_b >= (least < half ? least : half));
                tokenizer_encoding_clear(&encoding);
            }
}

static void refused(const char *a, const char *b, size_t most, enum tokenizer_overflow overflow, const char *expected)
{
    struct tokenizer_encoding encoding;
    struct lassim_error error = {0};
    assert_int_equal(encode(a, b, most, overflow, &encoding, &error), LASSIM_ERR_USAGE);
    if (strstr(error.text, expected) == NULL) fail_msg("\"%s\" without \"%s\"", error.text, expected);
    assert_null(encoding.ids);
}

static void test_refusals(void **state)
{
    (void)state;
    refused("a b", NULL, 3, TOKENIZER_REFUSE, "text of 4 tokens, expected at most 3");
    refused("a b", NULL, 1, TOKENIZER_TRUNCATE, "room for the 2 special ones");
    refused("a", "b", 2, TOKENIZER_TRUNCATE, "room for the 3 special ones");
}

static void test_no_pair(void **state)
{
    (void)state;
    static const char single[] =
        "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"},"
        "\"model\":{\"vocab\":{\"a\":0},\"merges\":[]},\"post_processor\":{\"type\":\"TemplateProcessing\","
        "\"single\":[{\"Sequence\":{\"id\":\"A\"}}]}}";
    struct opened_tokenizer kept = opened;
    opened = opened_tokenizer_json(single, 2);
    refused("a", "a", SIZE_MAX, TOKENIZER_REFUSE, "no template for two texts");
    opened_tokenizer_encodes(opened.tokenizer, "a", 1, IDS(0));
    opened_tokenizer_close(&opened);
    opened = kept;
}

static int setup(void **state)
{
    (void)state;
    opened = opened_tokenizer_json(json, 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    opened_tokenizer_close(&opened);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates), cmocka_unit_test(test_truncation), cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_no_pair),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
