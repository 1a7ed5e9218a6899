/* The dense side: the model's own weights and a checkpoint, and what can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/eval.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

static uint32_t ids[] = {5, 9, 1, 7, 5, 3, 10, 4, 6, 6, 8, 2, 9};
enum { IDS = sizeof ids / sizeof *ids };

struct fixture {
    struct model *model;
    struct eval_text text;
    struct eval_watch watch;
    struct eval_dense dense;
};

static void set_up(struct fixture *f)
{
    struct lassim_error error;
    struct model_config config = tiny_config();
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->watch.lock, NULL);
    f->model = tiny_model_new(&config, 4, 0);
    naive_calibrate(f->model, ids, 6, 1.5);
    f->text = (struct eval_text){.ids = ids, .count = IDS, .context = 6, .bos = 2};
    if (eval_dense_new(f->model, NULL, &f->text, "/tmp/lassim-eval", 1, &f->watch, &f->dense, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
}

static void tear_down(struct fixture *f)
{
    eval_dense_free(&f->dense);
    tiny_model_free(f->model);
}

/* The logits that the session of the engine dense gives, chunk after chunk. */
static void collect(void *context, uint32_t token, const float *logits)
{
    float *out = context;
    memcpy(out + token * 11u, logits, 11 * sizeof *logits);
}

static void logits_are_the_dense_engines(void **state)
{
    (void)state;
    struct fixture f;
    struct lassim_error error;
    lassim_session *session;
    const struct lassim_options options = {.engine = LASSIM_ENGINE_DENSE, .threads = 1, .numa_off = 1};
    set_up(&f);
    assert_int_equal(session_open_model(f.model, &options, &session, &error), LASSIM_OK);
    for (size_t i = 0; i < eval_text_pieces(&f.text); i++) {
        float logits[5 * 11];
        uint32_t chunk[6];
        struct eval_piece piece;
        eval_text_piece(&f.text, i, chunk, &piece);
        assert_int_equal(lassim_session_feed(session, piece.inputs, piece.n, LASSIM_READ_ALL, collect, logits, &error),
                         LASSIM_OK);
        assert_memory_equal(logits, f.dense.logits + piece.at * 11, piece.n * 11 * sizeof *logits);
        lassim_session_reset(session);
    }
    lassim_session_close(session);
    tear_down(&f);
}

static void no_room_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct eval_dense dense;
    struct lassim_error error;
    set_up(&f);
    assert_int_equal(eval_dense_new(f.model, NULL, &f.text, "/no/such/folder", 1, &f.watch, &dense, &error),
                     LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "/no/such/folder"));
    assert_int_equal(
        eval_dense_new(f.model, "/no/such/folder", &f.text, "/tmp/lassim-eval", 1, &f.watch, &dense, &error),
        LASSIM_ERR_FILE);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_are_the_dense_engines),
                                       cmocka_unit_test(no_room_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
