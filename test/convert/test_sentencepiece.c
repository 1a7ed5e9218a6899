#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "convert/sentencepiece.h"
#include "test/helpers/checkpoint_fixture.h"

/* ---- a writer of messages ------------------------------------------------------------------------ */

static void put_varint(struct bytes *out, uint64_t value)
{
    for (; value > 127; value >>= 7) bytes_number(out, (value & 127) | 128, 1);
    bytes_number(out, value, 1);
}

static void put_number(struct bytes *out, unsigned field, uint64_t value)
{
    put_varint(out, field << 3);
    put_varint(out, value);
}

static void put_bytes(struct bytes *out, unsigned field, const void *data, size_t size)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, size);
    bytes_add(out, data, size);
}

static void put_piece(struct bytes *out, const char *text, float score, unsigned type)
{
    struct bytes piece = {0};
    put_bytes(&piece, 1, text, strlen(text));
    put_varint(&piece, 2 << 3 | 5);
    bytes_add(&piece, &score, 4);
    if (type != PIECE_NORMAL) put_number(&piece, 3, type);
    put_bytes(out, 1, piece.data, piece.size);
    bytes_clear(&piece);
}

/* trainer_spec of one number and a string to skip; normalizer_spec of one. */
static void put_spec(struct bytes *out, unsigned spec, unsigned field, uint64_t value)
{
    struct bytes inner = {0};
    put_bytes(&inner, 100, "skipped", 7);
    put_number(&inner, field, value);
    put_bytes(out, spec, inner.data, inner.size);
    bytes_clear(&inner);
}

static struct bytes small_model(void)
{
    struct bytes model = {0};
    put_piece(&model, "<unk>", 0, PIECE_UNKNOWN);
    put_piece(&model, "<s>", 0, PIECE_CONTROL);
    put_piece(&model, "</s>", 0, PIECE_CONTROL);
    put_piece(&model, "a", -1.5F, PIECE_NORMAL);
    put_spec(&model, 2, 3, SENTENCEPIECE_BPE);
    put_spec(&model, 2, 35, 1);
    put_spec(&model, 2, 43, UINT64_MAX); /* pad -1 */
    put_spec(&model, 3, 4, 0);
    put_bytes(&model, 4, "self test data", 14);
    return model;
}

static enum lassim_status read(const struct bytes *bytes, struct sentencepiece_model *model, struct lassim_error *error)
{
    return sentencepiece_read("dir/tokenizer.model", bytes->data, bytes->size, model, error);
}

/* ---- what is read -------------------------------------------------------------------------------- */

static void test_reads(void **state)
{
    (void)state;
    struct bytes bytes = small_model();
    struct sentencepiece_model model;
    struct lassim_error error = {0};
    assert_int_equal(read(&bytes, &model, &error), LASSIM_OK);
    assert_int_equal(model.pieces, 4);
    assert_int_equal(model.piece[0].type, PIECE_UNKNOWN);
    assert_memory_equal(model.piece[3].bytes, "a", 1);
    assert_int_equal(model.piece[3].length, 1);
    assert_int_equal(model.piece[3].type, PIECE_NORMAL);
    assert_true(model.piece[3].score == -1.5F);
    assert_int_equal(model.kind, SENTENCEPIECE_BPE);
    assert_true(model.byte_fallback && model.dummy_prefix && model.escape && !model.squeeze && !model.suffix);
    assert_int_equal(model.pad, -1);
    assert_int_equal(model.eos, 2);
    sentencepiece_clear(&model);
    bytes_clear(&bytes);
}

static void test_settings(void **state)
{
    (void)state;
    struct bytes bytes = small_model();
    struct sentencepiece_model model;
    struct lassim_error error = {0};
    struct tokenizer_draft draft;
    assert_int_equal(read(&bytes, &model, &error), LASSIM_OK);
    assert_int_equal(draft_begin(&draft, 4, &error), LASSIM_OK);
    assert_int_equal(sentencepiece_settings(&model, "m", &draft), LASSIM_OK);
    assert_int_equal(draft.options, TOKENIZER_FUSE_UNK | TOKENIZER_STORED_PATTERNS | TOKENIZER_BYTE_FALLBACK |
                                        TOKENIZER_STRIP_DECODED);
    assert_int_equal(draft.prefix, TOKENIZER_PREPEND);
    assert_int_equal(draft.unk, 0);
    assert_int_equal(draft.bos, 1);
    assert_int_equal(draft.eos, 2);
    assert_int_equal(draft.pad, TOKENIZER_NONE);
    model.bos = 3; /* no control piece */
    model.eos = INT64_MAX;
    assert_int_equal(sentencepiece_settings(&model, "m", &draft), LASSIM_OK);
    assert_int_equal(draft.bos, TOKENIZER_NONE);
    assert_int_equal(draft.eos, TOKENIZER_NONE);
    draft_clear(&draft);
    sentencepiece_clear(&model);
    bytes_clear(&bytes);
}

static void settings_refused(unsigned spec, unsigned field, uint64_t value, const char *expected)
{
    struct bytes bytes = small_model();
    struct sentencepiece_model model;
    struct lassim_error error = {0};
    struct tokenizer_draft draft;
    put_spec(&bytes, spec, field, value);
    if (spec == 3 && field == 2) { /* a charsmap is bytes */
        bytes_clear(&bytes);
        bytes = small_model();
        put_bytes(&bytes, 3, "\x12\x02xy", 4);
    }
    assert_int_equal(read(&bytes, &model, &error), LASSIM_OK);
    assert_int_equal(draft_begin(&draft, 4, &error), LASSIM_OK);
    assert_refused(sentencepiece_settings(&model, "m", &draft), &error, expected);
    draft_clear(&draft);
    sentencepiece_clear(&model);
    bytes_clear(&bytes);
}

static void test_refuses_settings(void **state)
{
    (void)state;
    settings_refused(2, 3, SENTENCEPIECE_UNIGRAM, "trainer_spec.model_type: expected BPE, found UNIGRAM");
    settings_refused(2, 3, SENTENCEPIECE_WORD, "found WORD");
    settings_refused(2, 3, 99, "found an unknown number");
    settings_refused(2, 24, 1, "treat_whitespace_as_suffix false");
    settings_refused(3, 5, 0, "escape_whitespaces true");
    settings_refused(3, 2, 0, "precompiled_charsmap: expected none (the identity), found 2 bytes");
}

/* ---- hostile bytes ------------------------------------------------------------------------------- */

static void refused(const void *data, size_t size, const char *expected)
{
    struct bytes bytes = {0};
    struct sentencepiece_model model;
    struct lassim_error error = {0};
    bytes_add(&bytes, data, size);
    assert_refused(read(&bytes, &model, &error), &error, expected);
    assert_ptr_equal(strstr(error.text, "dir/tokenizer.model: byte "), error.text);
    sentencepiece_clear(&model);
    bytes_clear(&bytes);
}
#define REFUSED(literal, expected) refused(literal, sizeof(literal) - 1, expected)

static void test_refuses_bytes(void **state)
{
    (void)state;
    REFUSED("", "byte 0: expected pieces");
    REFUSED("\x0a", "byte 1: expected a whole number (the file is cut short)");
    REFUSED("\x0a\x05"
            "ab",
            "byte 0: expected a field that ends inside the file");
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "ends inside the file");
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "byte 1: expected a number of at most 64 bits");
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "at most 64 bits");
    REFUSED("\x02\x00", "byte 0: expected a field number above 0");
    REFUSED("\x0b", "byte 0: expected wire type 0, 1, 2 or 5");
    REFUSED("\x0f", "wire type");
    REFUSED("\x0d\x01\x02", "byte 1: expected a whole number");
    REFUSED("\x08\x01", "expected a message in this field");
    REFUSED("\x0a\x02\x08\x01", "expected a piece of string, float and type");
    REFUSED("\x0a\x02\x10\x01", "expected a piece of string, float and type");
    REFUSED("\x12\x02\x1a\x00", "expected a number in this field");
    REFUSED("\x0a\x03\x0a\x05"
            "a",
            "byte 2: expected a field that ends inside");
}

/* Cut short at every byte: a whole number of fields is a shorter model, everything else is refused. */
static void test_cut_short(void **state)
{
    (void)state;
    struct bytes bytes = bytes_of_file("test/data/tokenizer/corpus/llama2/tokenizer.model");
    size_t refusals = 0;
    for (size_t cut = 0; cut < bytes.size; cut++) {
        struct sentencepiece_model model;
        struct lassim_error error = {0};
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, bytes.data, cut);
        if (sentencepiece_read("m", exact, cut, &model, &error) != LASSIM_OK) {
            assert_refused(error.status, &error, "m: byte ");
            refusals++;
        }
        sentencepiece_clear(&model);
        free(exact);
    }
    assert_true(refusals > bytes.size * 9 / 10);
    bytes_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),         cmocka_unit_test(test_settings),  cmocka_unit_test(test_refuses_settings),
        cmocka_unit_test(test_refuses_bytes), cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
