#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "convert/tokenizer_pieces.h"
#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/opened_tokenizer.h"

#define S "\xe2\x96\x81"
#define PIECE(text, score, type)            \
    {                                       \
        text, sizeof(text) - 1, score, type \
    }

static enum lassim_status make(const struct piece *piece, size_t n, enum piece_origin origin, uint32_t vocabulary,
                               struct tokenizer_blob_out *blob, struct lassim_error *error)
{
    struct tokenizer_draft draft;
    enum lassim_status status = draft_begin(&draft, vocabulary, error);
    draft.kind = TOKENIZER_SENTENCEPIECE;
    draft.prefix = TOKENIZER_NO_PREFIX;
    draft.options = TOKENIZER_BYTE_FALLBACK | TOKENIZER_FUSE_UNK | TOKENIZER_STORED_PATTERNS;
    if (status == LASSIM_OK) status = pieces_read(&draft, "f", "pieces", piece, n, origin);
    if (status == LASSIM_OK) status = draft_finish(&draft, "f", blob);
    draft_clear(&draft);
    return status;
}

static struct opened_tokenizer open_pieces(const struct piece *piece, size_t n, enum piece_origin origin)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    if (make(piece, n, origin, 30, &blob, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return opened_tokenizer_blob(blob);
}
#define OPEN(piece, origin) open_pieces(piece, sizeof(piece) / sizeof *(piece), origin)

/* The highest score first; of equal ones the leftmost, whichever piece it leads to. */
static void test_scores(void **state)
{
    (void)state;
    static const struct piece pieces[] = {PIECE("a", -9, 1),  PIECE("b", -9, 1),  PIECE("c", -9, 1),
                                          PIECE("ab", -5, 1), PIECE("bc", -3, 1), PIECE("abc", -7, 1)};
    static const struct piece equal[] = {PIECE("a", -9, 1), PIECE("b", -9, 1), PIECE("c", -9, 1), PIECE("bc", -3, 1),
                                         PIECE("ab", -3, 1)};
    struct opened_tokenizer opened = OPEN(pieces, PIECES_OF_SENTENCEPIECE);
    opened_tokenizer_encodes(opened.tokenizer, "abc", 0, IDS(5)); /* bc, then a bc */
    opened_tokenizer_encodes(opened.tokenizer, "abab", 0, IDS(3, 3));
    opened_tokenizer_close(&opened);
    opened = OPEN(equal, PIECES_OF_SENTENCEPIECE);
    opened_tokenizer_encodes(opened.tokenizer, "abc", 0, IDS(4, 2));
    opened_tokenizer_encodes(opened.tokenizer, "bcabc", 0, IDS(3, 4, 2));
    opened_tokenizer_close(&opened);
}

static void test_types(void **state)
{
    (void)state;
    static const struct piece pieces[] = {PIECE("<unk>", 0, 2), PIECE("<s>", 0, 3), PIECE("<0xE9>", 0, 6),
                                          PIECE("a", -2, 1),    PIECE("b", -2, 1),  PIECE("u" S "v", 0, 4),
                                          PIECE("zz", 0, 5),    PIECE(S, -2, 1),    PIECE("ab", 0, 4)};
    struct opened_tokenizer opened = OPEN(pieces, PIECES_OF_SENTENCEPIECE);
    opened_tokenizer_encodes(opened.tokenizer, "a<s>u v", 0, IDS(3, 1, 5)); /* user-defined: in the normalised text */
    opened_tokenizer_encodes(opened.tokenizer, "zz", 0, IDS(0));
    assert_true(tokenizer_is_special(opened.tokenizer, 1));
    assert_false(tokenizer_is_special(opened.tokenizer, 5));
    opened_tokenizer_decodes(opened.tokenizer, 1, "u vzz\xe9", IDS(1, 5, 6, 2));
    opened_tokenizer_close(&opened);
    opened = OPEN(pieces, PIECES_OF_GGUF);
    opened_tokenizer_encodes(opened.tokenizer, "u v", 0, IDS(0, 7, 0));
    opened_tokenizer_encodes(opened.tokenizer, "u" S "v", 0, IDS(5)); /* in the text itself */
    opened_tokenizer_encodes(opened.tokenizer, "ab", 0, IDS(8));
    opened_tokenizer_close(&opened);
}

/* Of equal strings the last has the string; the first still decodes. */
static void test_duplicates(void **state)
{
    (void)state;
    static const struct piece pieces[] = {PIECE("a", -2, 1), PIECE("aa", -1, 1), PIECE("a", -2, 1), PIECE("", 0, 1),
                                          PIECE("aa", -3, 1)};
    struct opened_tokenizer opened = OPEN(pieces, PIECES_OF_GGUF);
    opened_tokenizer_encodes(opened.tokenizer, "aaa", 0, IDS(4, 2));
    opened_tokenizer_decodes(opened.tokenizer, 0, "aaaaa", IDS(0, 1, 3, 4));
    opened_tokenizer_close(&opened);
}

static void refused(struct piece piece, enum piece_origin origin, const char *expected)
{
    const struct piece pieces[] = {PIECE("a", -2, 1), PIECE("b", -2, 1), piece};
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    assert_refused(make(pieces, 3, origin, 3, &blob, &error), &error, expected);
    assert_null(blob.data);
}

static void test_refusals(void **state)
{
    (void)state;
    char long_piece[PIECE_BYTES_MAX + 2];
    memset(long_piece, 'x', sizeof long_piece);
    refused((struct piece)PIECE("c", 0, 0), PIECES_OF_GGUF, "f: pieces[2]: type 0, expected 1 .. 6");
    refused((struct piece)PIECE("c", 0, 7), PIECES_OF_GGUF, "type 7");
    refused((struct piece)PIECE("c", 0, INT64_MIN), PIECES_OF_GGUF, "type");
    refused((struct piece)PIECE("c", NAN, 1), PIECES_OF_GGUF, "expected a finite number");
    refused((struct piece)PIECE("c", -INFINITY, 1), PIECES_OF_GGUF, "expected a finite number");
    refused((struct piece)PIECE("<0xg0>", 0, 6), PIECES_OF_GGUF, "expected a byte");
    refused((struct piece)PIECE("<0xaa>", 0, 6), PIECES_OF_GGUF, "expected a byte");
    refused((struct piece)PIECE("x", 0, 6), PIECES_OF_GGUF, "expected a byte");
    refused((struct piece)PIECE("a\0b", 0, 1), PIECES_OF_GGUF, "without NUL");
    refused((struct piece)PIECE("\xff", 0, 1), PIECES_OF_GGUF, "expected UTF-8");
    refused((struct piece)PIECE("", 0, 1), PIECES_OF_SENTENCEPIECE, "not empty");
    refused((struct piece){long_piece, PIECE_BYTES_MAX + 1, 0, 1}, PIECES_OF_GGUF, "1025 bytes, expected at most 1024");
    refused((struct piece)PIECE("ab", 0, 5), PIECES_OF_SENTENCEPIECE, "pieces[2]: an UNUSED piece that merges lead to");
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    const struct piece three[] = {PIECE("a", 0, 1), PIECE("b", 0, 1), PIECE("c", 0, 1)};
    assert_refused(make(three, 3, PIECES_OF_GGUF, 2, &blob, &error), &error, "3 pieces, expected at most 2");
    assert_refused(make(three, 0, PIECES_OF_GGUF, 2, &blob, &error), &error, "expected pieces");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
