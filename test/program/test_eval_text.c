#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "convert/convert.h"
#include "kernel/program/eval_text.h"
#include "test/helpers/bundled_model.h"
#include "test/helpers/tiny_model.h"

static struct model *model;

static enum lassim_status read_text(const char *bytes, uint64_t most, uint32_t context, struct eval_text *text,
                                    struct lassim_error *error)
{
    char path[] = "/tmp/lassim-text-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    close(fd);
    enum lassim_status status = eval_text_read(model, "m.snn", path, most, context, text, error);
    unlink(path);
    return status;
}

static void texts_are_encoded_and_cut(void **state)
{
    (void)state;
    struct eval_text whole, cut, other;
    struct lassim_error error;
    assert_int_equal(read_text("Call me Ishmael. Some years ago", 0, 0, &whole, &error), LASSIM_OK);
    assert_true(whole.count > 4 && whole.context == model->graph->config.positions);
    assert_int_equal(whole.bos, model->graph->config.bos);
    assert_int_not_equal(whole.ids[0], whole.bos);
    assert_int_equal(read_text("Call me Ishmael. Some years ago", 3, 7, &cut, &error), LASSIM_OK);
    assert_int_equal(cut.count, 3);
    assert_int_equal(cut.context, 7);
    assert_memory_equal(cut.ids, whole.ids, 3 * sizeof *cut.ids);
    assert_true(cut.hash != whole.hash);
    assert_int_equal(read_text("Call me Ishmael. Some years ago", 3, 7, &other, &error), LASSIM_OK);
    assert_true(cut.hash == other.hash);
    eval_text_free(&whole);
    eval_text_free(&cut);
    eval_text_free(&other);
}

/* Every target once, in order, whatever the context; each chunk begins with bos. */
static void chunks_cover_the_text(void **state)
{
    (void)state;
    uint32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, chunk[16];
    for (uint32_t context = 2; context <= 13; context++) {
        const struct eval_text text = {.ids = ids, .count = 11, .context = context, .bos = 99};
        size_t covered = 0;
        for (size_t i = 0; i < eval_text_pieces(&text); i++) {
            struct eval_piece piece;
            eval_text_piece(&text, i, chunk, &piece);
            assert_true(piece.n >= 1 && piece.n < context && piece.at == covered && piece.types == NULL);
            assert_ptr_equal(piece.targets, ids + covered);
            assert_int_equal(piece.inputs[0], 99);
            for (uint32_t k = 1; k < piece.n; k++) assert_int_equal(piece.inputs[k], ids[covered + k - 1]);
            covered += piece.n;
        }
        assert_int_equal(covered, 11);
    }
}

/* Lines are sequences, empty ones none, long ones cut, all of them known by the hash. */
static void an_encoders_lines_are_sequences(void **state)
{
    (void)state;
    struct eval_text text, joined, few;
    struct eval_piece piece;
    struct lassim_error error;
    struct model *decoder = model;
    char path[] = "/tmp/lassim-encoder-XXXXXX";
    close(mkstemp(path));
    const struct convert_options options = {
        .checkpoint = "test/data/families/bert-embed", .output = path, .calibration_tokens = 64, .no_self_check = 1};
    if (convert_checkpoint(&options, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(model_open(path, &model, &error), LASSIM_OK);
    assert_int_equal(read_text("the cat\n\nto the dog and the cat\na", 0, 5, &text, &error), LASSIM_OK);
    assert_int_equal(text.sequences, 3);
    assert_int_equal(eval_text_pieces(&text), 3);
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        eval_text_piece(&text, i, NULL, &piece);
        assert_true(piece.at == at && piece.n >= 3 && piece.n <= 5 && piece.types != NULL);
        assert_ptr_equal(piece.inputs, piece.targets);
        assert_int_equal(piece.inputs[0], text.ids[0]);                           /* [CLS] */
        assert_int_equal(piece.inputs[piece.n - 1], text.ids[text.start[1] - 1]); /* [SEP] */
        at += piece.n;
    }
    assert_int_equal(at, text.count);
    assert_int_equal(read_text("the cat\nto the dog and the cat\na", 0, 5, &joined, &error), LASSIM_OK);
    assert_true(joined.hash == text.hash);
    assert_int_equal(read_text("the cat\nto the dog and the cat\na", text.start[1] + 1, 5, &few, &error), LASSIM_OK);
    assert_int_equal(few.sequences, 2);
    assert_true(few.hash != text.hash);
    eval_text_free(&text);
    eval_text_free(&joined);
    eval_text_free(&few);
    assert_int_equal(read_text("\n\n", 0, 0, &text, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "no line"));
    model_close(model);
    model = decoder;
    unlink(path);
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct eval_text text;
    struct lassim_error error;
    assert_int_equal(read_text("", 0, 0, &text, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "no token"));
    assert_int_equal(read_text("text", 0, model->graph->config.positions + 1, &text, &error), LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "--context"));
    assert_int_equal(eval_text_read(model, "m.snn", "/no/such/text", 0, 0, &text, &error), LASSIM_ERR_FILE);
    struct model bare = *model;
    bare.tokenizer.size = 0;
    assert_int_equal(eval_text_read(&bare, "m.snn", "examples/opt-tiny/heldout.txt", 0, 0, &text, &error),
                     LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "m.snn: tokenizer"));
}

static int open_model(void **state)
{
    struct lassim_error error;
    (void)state;
    return model_open(bundled_model_path(), &model, &error) != LASSIM_OK;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    bundled_model_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_encoded_and_cut),
        cmocka_unit_test(chunks_cover_the_text),
        cmocka_unit_test(an_encoders_lines_are_sequences),
        cmocka_unit_test(what_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
