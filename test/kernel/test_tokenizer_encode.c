/* Added tokens with every flag, prefixes, and texts made to be slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/helpers/opened_tokenizer.h"

#define HERE "test/data/tokenizer/corpus/"
#define S "\xe2\x96\x81"

/* ---- added tokens -------------------------------------------------------------------------------- */

#define BYTE_LEVEL                                                                                       \
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"          \
    "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"a\":0," \
    "\"b\":1,\"\xc4\xa0\":2,\"_\":3,\"\xc3\xa9\":4,\"-\":5}}"

static void test_single_word(void **state)
{
    (void)state;
    struct opened_tokenizer opened = opened_tokenizer_json(
        "{" BYTE_LEVEL ",\"added_tokens\":[{\"id\":9,\"content\":\"ab\",\"single_word\":true,\"normalized\":false}]}",
        10);
    opened_tokenizer_encodes(opened.tokenizer, "ab", 0, IDS(9));
    opened_tokenizer_encodes(opened.tokenizer, "-ab-", 0, IDS(5, 9, 5));
    opened_tokenizer_encodes(opened.tokenizer, "aab ab", 0, IDS(0, 0, 1, 2, 9));
    opened_tokenizer_encodes(opened.tokenizer, "ab_ab", 0, IDS(0, 1, 3, 0, 1));
    opened_tokenizer_encodes(opened.tokenizer, "abab", 0, IDS(0, 1, 0, 1));
    opened_tokenizer_close(&opened);
}

/* normalized tokens are looked for in the normalised text, by their normalised strings. */
static void test_normalized(void **state)
{
    (void)state;
    struct opened_tokenizer opened =
        opened_tokenizer_json("{\"normalizer\":{\"type\":\"NFC\"}," BYTE_LEVEL ",\"added_tokens\":["
                              "{\"id\":8,\"content\":\"e\\u0301a\",\"normalized\":true},"
                              "{\"id\":9,\"content\":\"e\\u0301b\",\"normalized\":false}]}",
                              10);
    opened_tokenizer_encodes(opened.tokenizer, "\u00e9a", 0, IDS(8));
    opened_tokenizer_encodes(opened.tokenizer, "e\u0301a", 0, IDS(8));
    opened_tokenizer_encodes(opened.tokenizer, "e\u0301b", 0, IDS(9));
    opened_tokenizer_encodes(opened.tokenizer, "-\u00e9b", 0, IDS(5, 1)); /* its bytes have no token */
    opened_tokenizer_close(&opened);
}

/* ---- SentencePiece ------------------------------------------------------------------------------- */

#define PIECES                                                                                                        \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"byte_fallback\":true,\"vocab\":{\"<unk>" \
    "\":0,"                                                                                                           \
    "\"<0xC3>\":1,\"<0xA9>\":2,\"" S "\":3,\"a\":4,\"b\":5,\"" S "a\":6,\"ab\":7,\"<s>\":8},\"merges\":[\"a b\",\"" S \
    " a\"]},\"added_tokens\":[{\"id\":8,\"content\":\"<s>\",\"special\":true}],"                                      \
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" S             \
    "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \","   \
    "\"start\":1,\"stop\":0}]}"
#define METASPACE(scheme, split)                                                                       \
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"" S "\",\"prepend_scheme\":\"" scheme \
    "\",\"split\":" split "},"

static void test_prefixes(void **state)
{
    (void)state;
    struct opened_tokenizer prepend = opened_tokenizer_json(
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"" S
        "\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" S "\"}]}," PIECES "}",
        9);
    opened_tokenizer_encodes(prepend.tokenizer, "a<s>a", 0, IDS(6, 8, 6));
    opened_tokenizer_encodes(prepend.tokenizer, " a ab", 0, IDS(3, 6, 3, 7));
    opened_tokenizer_encodes(prepend.tokenizer, "\u00e9", 0, IDS(3, 1, 2));
    opened_tokenizer_encodes(prepend.tokenizer, "\u4e2d\u6587a", 0, IDS(3, 0, 4)); /* E4 has no token: unk, fused */
    opened_tokenizer_decodes(prepend.tokenizer, 0, "a<s> a", IDS(6, 8, 6));
    opened_tokenizer_decodes(prepend.tokenizer, 1, "\u00e9", IDS(8, 3, 1, 2));
    opened_tokenizer_close(&prepend);
    struct opened_tokenizer first = opened_tokenizer_json("{" METASPACE("first", "false") PIECES "}", 9);
    opened_tokenizer_encodes(first.tokenizer, "a<s>a a", 0, IDS(6, 8, 4, 6));
    opened_tokenizer_encodes(first.tokenizer, " a", 0, IDS(6));
    opened_tokenizer_close(&first);
    struct opened_tokenizer always = opened_tokenizer_json("{" METASPACE("always", "true") PIECES "}", 9);
    opened_tokenizer_encodes(always.tokenizer, "a<s>a a", 0, IDS(6, 8, 6, 6));
    opened_tokenizer_close(&always);
    struct opened_tokenizer never = opened_tokenizer_json("{" METASPACE("never", "true") PIECES "}", 9);
    opened_tokenizer_encodes(never.tokenizer, "a<s>a a", 0, IDS(4, 8, 4, 6));
    opened_tokenizer_close(&never);
}

/* Where a token reaches over a space the text is one word, else it is cut: the ids are the same. */
static void test_space_inside(void **state)
{
    (void)state;
    struct opened_tokenizer opened = opened_tokenizer_json(
        "{" METASPACE("never", "false") "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":0,\"" S
                                        "\":1,\"a" S "\":2,\"a" S "a\":3},\"merges\":[\"a " S "\",\"a" S " a\"]}}",
        4);
    opened_tokenizer_encodes(opened.tokenizer, "a a a", 0, IDS(2, 3));
    opened_tokenizer_close(&opened);
}

/* ---- slow texts ---------------------------------------------------------------------------------- */

static void is_fast(const struct tokenizer *tokenizer, const char *unit, size_t size)
{
    struct lassim_error error = {0};
    uint32_t *ids = NULL;
    size_t n = 0, length = strlen(unit);
    char *text = malloc(size);
    assert_non_null(text);
    size = size / length * length;
    for (size_t i = 0; i < size; i++) text[i] = unit[i % length];
    clock_t start = clock();
    if (tokenizer_encode(tokenizer, text, size, 0, &ids, &n, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_true(clock() - start < 60 * CLOCKS_PER_SEC); /* quadratic work would take hours */
    free(ids);
    free(text);
}

static void test_slow_texts(void **state)
{
    (void)state;
    static const char *const folders[] = {HERE "llama3",      HERE "qwen2",  HERE "smollm",
                                          HERE "llama2-json", HERE "llama2", HERE "bert"};
    static const char *const units[] = {" ",        "\n",      "a", "\n ",    "\u0301\u0323", "\u1100", "1",      "<",
                                        "<right> ", " <left>", S,   "\u4e2d", "\xf0",         "ab",     "A\u030a"};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        struct opened_tokenizer opened = opened_tokenizer_folder(folders[f], 4000);
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) is_fast(opened.tokenizer, units[u], 1 << 19);
        opened_tokenizer_close(&opened);
    }
}

/* Tokens inside the white space that others strip. */
static void test_stripping_tokens(void **state)
{
    (void)state;
    struct opened_tokenizer opened = opened_tokenizer_json(
        "{" BYTE_LEVEL ",\"added_tokens\":[{\"id\":8,\"content\":\"\\t\",\"rstrip\":true,\"normalized\":false},"
        "{\"id\":9,\"content\":\"\\n\",\"lstrip\":true,\"normalized\":false}]}",
        10);
    opened_tokenizer_encodes(opened.tokenizer, "a\t\n\tb", 0, IDS(0, 8, 9, 8, 1));
    is_fast(opened.tokenizer, "\t\n", 1 << 20);
    is_fast(opened.tokenizer, "\t", 1 << 20);
    is_fast(opened.tokenizer, "\n", 1 << 20);
    opened_tokenizer_close(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_word),  cmocka_unit_test(test_normalized), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_space_inside), cmocka_unit_test(test_slow_texts), cmocka_unit_test(test_stripping_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
