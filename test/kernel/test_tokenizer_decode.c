#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/helpers/opened_tokenizer.h"

#define S "\xe2\x96\x81"

static void test_wordpiece(void **state)
{
    (void)state;
    struct opened_tokenizer opened = opened_tokenizer_json(
        "{\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"decoder\":{\"type\":\"WordPiece\",\"cleanup\":true},"
        "\"added_tokens\":[{\"id\":0,\"content\":\"[CLS]\",\"special\":true},{\"id\":11,\"content\":\" ' \"}],"
        "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[CLS]\",\"vocab\":{\"[CLS]\":0,\"it\":1,\"##s\":2,\".\":3,"
        "\"n't\":4,\"'s\":5,\"?\":6,\"do\":7,\"##.\":8,\"'\":9,\"##\":10}}}",
        12);
    opened_tokenizer_decodes(opened.tokenizer, 0, "its it.", IDS(1, 2, 1, 3));
    opened_tokenizer_decodes(opened.tokenizer, 0, "##s it", IDS(2, 1));
    opened_tokenizer_decodes(opened.tokenizer, 0, "don't it's?", IDS(7, 4, 1, 5, 6));
    opened_tokenizer_decodes(opened.tokenizer, 0, "[CLS] it", IDS(0, 1));
    opened_tokenizer_decodes(opened.tokenizer, 1, "it", IDS(0, 1));
    opened_tokenizer_decodes(opened.tokenizer, 0, "it.", IDS(1, 8));
    opened_tokenizer_decodes(opened.tokenizer, 0, "it '", IDS(1, 9)); /* one token alone has no space behind it */
    opened_tokenizer_decodes(opened.tokenizer, 0, "it", IDS(1, 10));
    opened_tokenizer_decodes(opened.tokenizer, 0, "", 0, NULL);
    opened_tokenizer_close(&opened);
}

static const char pieces[] =
    "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"" S "\"},\"decoder\":%s,\"added_tokens\":["
    "{\"id\":5,\"content\":\"" S "<x>\",\"special\":true}],\"model\":{\"byte_fallback\":true,\"vocab\":{\"" S
    "\":0,\"" S S "a\":1,\"<0xE4>\":2,\"<0xB8>\":3,\"<0xAD>\":4},\"merges\":[]}}";

static struct opened_tokenizer open_pieces(const char *decoder)
{
    char text[1024];
    snprintf(text, sizeof text, pieces, decoder);
    return opened_tokenizer_json(text, 7);
}

static void test_sentencepiece(void **state)
{
    (void)state;
    struct opened_tokenizer strip = open_pieces("{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},{"
                                                "\"type\":\"Strip\",\"content\":\" \",\"start\":1}]}");
    opened_tokenizer_decodes(strip.tokenizer, 0, " a", IDS(1));
    opened_tokenizer_decodes(strip.tokenizer, 0, "\u4e2d  a", IDS(2, 3, 4, 1));
    opened_tokenizer_decodes(strip.tokenizer, 0, "\xe4\xb8", IDS(2, 3)); /* as they are */
    opened_tokenizer_decodes(strip.tokenizer, 0, "<x> ", IDS(5, 0));
    opened_tokenizer_decodes(strip.tokenizer, 1, "", IDS(5, 0));
    opened_tokenizer_close(&strip);
    struct opened_tokenizer metaspace = open_pieces("{\"type\":\"Metaspace\",\"replacement\":\"" S "\"}");
    opened_tokenizer_decodes(metaspace.tokenizer, 0, "a  a", IDS(1, 1));
    opened_tokenizer_close(&metaspace);
    struct opened_tokenizer plain =
        open_pieces("{\"type\":\"Metaspace\",\"replacement\":\"" S "\",\"prepend_scheme\":\"never\"}");
    opened_tokenizer_decodes(plain.tokenizer, 0, "  a  a", IDS(1, 1));
    opened_tokenizer_close(&plain);
}

/* What a stream of tokens prints. */
static void test_token_bytes(void **state)
{
    (void)state;
    struct opened_tokenizer opened = open_pieces("{\"type\":\"Fuse\"}");
    static const char *const expected[7] = {" ", "  a", "\xe4", "\xb8", "\xad", " <x>", ""};
    for (uint32_t id = 0; id < 7; id++) {
        size_t size = 99;
        const uint8_t *bytes = tokenizer_token_bytes(opened.tokenizer, id, &size);
        assert_int_equal(size, strlen(expected[id]));
        assert_memory_equal(bytes, expected[id], size);
    }
    opened_tokenizer_close(&opened);
}

/* A normalised added token decodes as tokenizers 0.23 does it: normalised. */
static void test_normalized(void **state)
{
    (void)state;
    struct opened_tokenizer opened = opened_tokenizer_json(
        "{\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
        "\"decoder\":{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"id\":1,\"content\":\"e\\u0301\",\"normalized\":true}"
        ","
        "{\"id\":2,\"content\":\"o\\u0301\",\"normalized\":false}],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}",
        3);
    opened_tokenizer_decodes(opened.tokenizer, 0, "\u00e9ao\u0301", IDS(1, 0, 2));
    opened_tokenizer_close(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wordpiece),
        cmocka_unit_test(test_sentencepiece),
        cmocka_unit_test(test_token_bytes),
        cmocka_unit_test(test_normalized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
