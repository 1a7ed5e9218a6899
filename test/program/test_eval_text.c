#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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

/* Every target once, in order, whatever the context. */
static void chunks_cover_the_text(void **state)
{
    (void)state;
    uint32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, inputs[16];
    for (uint32_t context = 2; context <= 13; context++) {
        const struct eval_text text = {.ids = ids, .count = 11, .context = context, .bos = 99};
        size_t covered = 0;
        for (size_t at = 0; at < text.count; at += context - 1) {
            uint32_t n = eval_text_chunk(&text, at, inputs);
            assert_true(n >= 1 && n < context && at == covered);
            assert_int_equal(inputs[0], 99);
            for (uint32_t i = 1; i < n; i++) assert_int_equal(inputs[i], ids[at + i - 1]);
            covered += n;
        }
        assert_int_equal(covered, 11);
    }
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
    struct graph encoder = *model->graph;
    bare = *model;
    encoder.config.encoder = 1;
    bare.graph = &encoder;
    assert_int_equal(eval_text_read(&bare, "m.snn", "examples/opt-tiny/heldout.txt", 0, 0, &text, &error),
                     LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "encoder"));
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
        cmocka_unit_test(what_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
