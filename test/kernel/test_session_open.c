/* How much a session has room for: the context, what memory follows from it, and what an encoder takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/session.h"
#include "test/helpers/tiny_model.h"

static const uint32_t ids[8] = {2, 5, 9, 1, 7, 5, 3, 4}, types[8] = {0, 1, 0, 1, 0, 0, 2, 0};
static const enum lassim_engine engines[] = {LASSIM_ENGINE_EVENT, LASSIM_ENGINE_FUSED};

static lassim_session *open_with(const struct model *model, enum lassim_engine engine, uint32_t context)
{
    lassim_session *session;
    struct lassim_error error;
    const struct lassim_options options = {.engine = engine, .threads = 1, .numa_off = 1, .context = context};
    if (session_open_model(model, &options, &session, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return session;
}

static void the_context_limits_a_sequence(void **state)
{
    (void)state;
    struct lassim_error error;
    struct model_config config = tiny_config_of(FAMILY_LLAMA);
    struct model *model = tiny_model_new(&config, 1, 0);
    for (size_t e = 0; e < 2; e++) {
        lassim_session *whole = open_with(model, engines[e], 0), *small = open_with(model, engines[e], 4);
        assert_int_equal(lassim_session_context(whole), config.positions);
        assert_int_equal(lassim_session_context(small), 4);
        assert_true(session_memory_plan(small)->state < session_memory_plan(whole)->state);
        assert_true(session_memory_plan(small)->cache < session_memory_plan(whole)->cache);
        assert_int_equal(lassim_session_feed(small, ids, 3, LASSIM_READ_NONE, NULL, NULL, &error), LASSIM_OK);
        assert_int_equal(lassim_session_feed(small, ids, 2, LASSIM_READ_NONE, NULL, NULL, &error), LASSIM_ERR_USAGE);
        assert_non_null(strstr(error.text, "session's 4 positions"));
        assert_int_equal(lassim_session_feed(small, ids, 1, LASSIM_READ_NONE, NULL, NULL, &error), LASSIM_OK);
        lassim_session_close(whole);
        lassim_session_close(small);
    }
    lassim_session *session;
    const struct lassim_options options = {.context = config.positions + 1};
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "context"));
    tiny_model_free(model);
}

static void an_encoder_takes_one_sequence(void **state)
{
    (void)state;
    struct lassim_error error;
    struct model_config config = tiny_config_of(FAMILY_BERT);
    struct model *model = tiny_model_new(&config, 1, 0);
    for (size_t e = 0; e < 2; e++) {
        lassim_session *session = open_with(model, engines[e], 0);
        assert_int_equal(lassim_session_encode(session, ids, types, 4, LASSIM_READ_ALL, NULL, NULL, &error), LASSIM_OK);
        assert_int_equal(lassim_session_encode(session, ids, NULL, 1, LASSIM_READ_ALL, NULL, NULL, &error),
                         LASSIM_ERR_USAGE);
        assert_non_null(strstr(error.text, "reset"));
        lassim_session_reset(session);
        assert_int_equal(lassim_session_encode(session, ids, types, 7, LASSIM_READ_ALL, NULL, NULL, &error),
                         LASSIM_ERR_USAGE);
        assert_non_null(strstr(error.text, "positions"));
        assert_int_equal(lassim_session_encode(session, ids, types + 5, 2, LASSIM_READ_ALL, NULL, NULL, &error),
                         LASSIM_ERR_USAGE);
        assert_non_null(strstr(error.text, "token types"));
        assert_int_equal(lassim_session_feed(session, ids, 6, LASSIM_READ_LAST, NULL, NULL, &error), LASSIM_OK);
        lassim_session_close(session);
    }
    tiny_model_free(model);
}

/* The same numbers again after a reset, and whatever the context. */
struct kept {
    float values[8][8];
};

static void keep(void *context, uint32_t token, const float *values)
{
    memcpy(((struct kept *)context)->values[token], values, sizeof((struct kept *)context)->values[token]);
}

static void sequences_do_not_depend_on_each_other(void **state)
{
    (void)state;
    struct lassim_error error;
    struct model_config config = tiny_config_of(FAMILY_BERT);
    config.layers = 2;
    struct model *model = tiny_model_new(&config, 2, 0);
    for (size_t e = 0; e < 2; e++) {
        struct kept first = {{{0}}}, again = {{{0}}}, tight = {{{0}}};
        lassim_session *session = open_with(model, engines[e], 0), *other = open_with(model, engines[e], 4);
        assert_int_equal(lassim_session_encode(session, ids, NULL, 4, LASSIM_READ_ALL, keep, &first, &error), 0);
        lassim_session_reset(session);
        assert_int_equal(lassim_session_encode(session, ids + 2, NULL, 6, LASSIM_READ_NONE, NULL, NULL, &error), 0);
        lassim_session_reset(session);
        assert_int_equal(lassim_session_encode(session, ids, NULL, 4, LASSIM_READ_ALL, keep, &again, &error), 0);
        assert_int_equal(lassim_session_encode(other, ids, NULL, 4, LASSIM_READ_ALL, keep, &tight, &error), 0);
        assert_memory_equal(&first, &again, sizeof first);
        assert_memory_equal(&first, &tight, sizeof first);
        lassim_session_close(session);
        lassim_session_close(other);
    }
    tiny_model_free(model);
}

static void a_decoder_does_not_encode(void **state)
{
    (void)state;
    struct lassim_error error;
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 1, 0);
    lassim_session *session = open_with(model, LASSIM_ENGINE_FUSED, 0);
    assert_int_equal(lassim_session_encode(session, ids, NULL, 2, LASSIM_READ_ALL, NULL, NULL, &error),
                     LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "decoder"));
    lassim_session_close(session);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_context_limits_a_sequence),
        cmocka_unit_test(an_encoder_takes_one_sequence),
        cmocka_unit_test(sequences_do_not_depend_on_each_other),
        cmocka_unit_test(a_decoder_does_not_encode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
