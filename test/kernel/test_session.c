/* The engine's metamorphic tests on small models: the same logits, counters and trace bytes for any number
 * of threads and any prompt chunk; the same spikes when a prompt is fed in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/session.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 6, VOCABULARY_MAX = 64, POPULATIONS_MAX = 64 };

struct run {
    float logits[TOKENS][VOCABULARY_MAX];
    int read[TOKENS];
    struct counters population[POPULATIONS_MAX], token[TOKENS];
    uint64_t timesteps;
    uint8_t *trace;
    size_t trace_bytes;
};

static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7, 5};

enum { VARIANTS = 5 };

static struct model_config config_of(int variant)
{
    struct model_config config = tiny_config();
    if (variant == 1) { /* post-LN with projections, like OPT-350m */
        config.pre_norm = config.final_norm = 0;
        config.embedding = 4;
        config.layers = 2;
    }
    if (variant == 2) { /* no final norm, two blocks */
        config.final_norm = 0;
        config.layers = 2;
    }
    if (variant >= 3) { /* an FFN so wide that one token's windows are split over the workers; pre- and post-LN */
        config.ffn = 2500;
        config.heads = 4;
        config.pre_norm = config.final_norm = variant == 3;
    }
    return config;
}

static void keep_logits(void *context, uint32_t token, const float *logits)
{
    struct run *run = context;
    assert_true(token < TOKENS && !run->read[token]);
    memcpy(run->logits[token], logits, tiny_config().vocabulary * sizeof *logits);
    run->read[token] = 1;
}

static void read_trace(struct run *run, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    run->trace = malloc(1 << 20);
    run->trace_bytes = fread(run->trace, 1, 1 << 20, file);
    fclose(file);
    assert_true(run->trace_bytes > 0 && run->trace_bytes < 1 << 20);
    unlink(path);
}

/* Feeds all tokens in pieces of `piece`. */
static struct run *run_model(const struct model *model, struct lassim_options options, uint32_t piece,
                             enum lassim_read read, int traced)
{
    char path[64];
    struct lassim_error error = {0};
    lassim_session *session;
    struct run *run = calloc(1, sizeof *run);
    snprintf(path, sizeof path, "/tmp/lassim-test-%ld.bin", (long)getpid());
    if (traced) options.trace = path;
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_OK);
    for (uint32_t first = 0; first < TOKENS; first += piece) {
        uint32_t n = TOKENS - first < piece ? TOKENS - first : piece;
        assert_int_equal(lassim_session_feed(session, ids + first, n, read, keep_logits, run, &error), LASSIM_OK);
    }
    uint32_t tokens;
    memcpy(run->population, session_population_counters(session), model->graph->populations * sizeof(struct counters));
    memcpy(run->token, session_token_counters(session, &tokens), sizeof run->token);
    assert_int_equal(tokens, TOKENS);
    run->timesteps = session_timesteps(session);
    if (traced) {
        assert_int_equal(lassim_session_finish(session, &error), LASSIM_OK);
        read_trace(run, path);
    }
    lassim_session_close(session);
    return run;
}

static void free_run(struct run *run)
{
    free(run->trace);
    free(run);
}

static void assert_same(const struct run *a, const struct run *b, int same_time)
{
    assert_memory_equal(a->logits, b->logits, sizeof a->logits);
    assert_memory_equal(a->read, b->read, sizeof a->read);
    assert_memory_equal(a->population, b->population, sizeof a->population);
    assert_memory_equal(a->token, b->token, sizeof a->token);
    if (!same_time) return;
    assert_int_equal(a->timesteps, b->timesteps);
    assert_int_equal(a->trace_bytes, b->trace_bytes);
    assert_memory_equal(a->trace, b->trace, a->trace_bytes);
}

static void threads_and_chunks_change_nothing(void **state)
{
    (void)state;
    for (uint32_t offset = 0; offset < WEIGHT_TYPES; offset++) {
        int variant = (int)offset % VARIANTS;
        struct model_config config = config_of(variant);
        struct model *model = tiny_model_mixed(&config, 7, variant == 2, offset);
        struct run *base = run_model(model, (struct lassim_options){.engine = LASSIM_ENGINE_EVENT, .threads = 1},
                                     TOKENS, LASSIM_READ_ALL, 1);
        assert_true(base->population[0].spikes == TOKENS);
        for (uint32_t threads = 1; threads <= 4; threads++)
            for (uint32_t chunk = 1; chunk <= TOKENS; chunk += 2) {
                struct lassim_options options = {.threads = threads, .prompt_chunk = chunk};
                for (int engine = LASSIM_ENGINE_FUSED; engine <= LASSIM_ENGINE_EVENT; engine++) {
                    options.engine = (enum lassim_engine)engine;
                    struct run *other = run_model(model, options, TOKENS, LASSIM_READ_ALL, 1);
                    assert_same(base, other, 1);
                    free_run(other);
                }
            }
        struct run *untraced = run_model(model, (struct lassim_options){.threads = 2}, TOKENS, LASSIM_READ_ALL, 0);
        assert_memory_equal(base->logits, untraced->logits, sizeof base->logits);
        assert_memory_equal(base->population, untraced->population, sizeof base->population);
        free_run(untraced);
        free_run(base);
        tiny_model_free(model);
    }
}

static void pieces_on_the_cache_give_the_same_spikes(void **state)
{
    (void)state;
    for (int variant = 0; variant < VARIANTS; variant++) {
        struct model_config config = config_of(variant);
        struct model *model = tiny_model_mixed(&config, 11, 0, (uint32_t)variant + 1);
        struct run *whole = run_model(model, (struct lassim_options){.engine = LASSIM_ENGINE_EVENT, .threads = 2},
                                      TOKENS, LASSIM_READ_ALL, 0);
        for (uint32_t piece = 1; piece < TOKENS; piece++) {
            for (int engine = LASSIM_ENGINE_FUSED; engine <= LASSIM_ENGINE_EVENT; engine++) {
                struct lassim_options options = {.engine = (enum lassim_engine)engine, .threads = 2};
                struct run *pieces = run_model(model, options, piece, LASSIM_READ_ALL, 0);
                assert_same(whole, pieces, 0);
                free_run(pieces);
            }
        }
        free_run(whole);
        tiny_model_free(model);
    }
}

/* Tokens whose logits nobody asks for open no head-side window; everything before the head is the same. */
static void unread_tokens_stop_before_the_head(void **state)
{
    (void)state;
    for (int variant = 0; variant < VARIANTS; variant++) {
        struct model_config config = config_of(variant);
        struct model *model = tiny_model_new(&config, 3, 0);
        struct run *all = run_model(model, (struct lassim_options){.threads = 1}, TOKENS, LASSIM_READ_ALL, 0);
        struct run *last = run_model(model, (struct lassim_options){.threads = 1}, TOKENS, LASSIM_READ_LAST, 0);
        assert_memory_equal(all->logits[TOKENS - 1], last->logits[TOKENS - 1], sizeof all->logits[0]);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            if (model->graph->population[p].head_side) {
                assert_int_equal(all->population[p].windows, TOKENS);
                assert_int_equal(last->population[p].windows, 1);
            } else {
                assert_memory_equal(&all->population[p], &last->population[p], sizeof all->population[p]);
            }
        }
        free_run(all);
        free_run(last);
        tiny_model_free(model);
    }
}

static void a_reset_session_starts_over(void **state)
{
    (void)state;
    struct model_config config = config_of(1);
    struct model *model = tiny_model_new(&config, 5, 0);
    struct lassim_options options = {.threads = 2};
    struct lassim_error error;
    lassim_session *session;
    struct run first = {0}, second = {0};
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_OK);
    assert_int_equal(lassim_session_feed(session, ids, 3, LASSIM_READ_ALL, keep_logits, &first, &error), LASSIM_OK);
    lassim_session_reset(session);
    assert_int_equal(session_timesteps(session), 0);
    assert_int_equal(lassim_session_feed(session, ids, 3, LASSIM_READ_ALL, keep_logits, &second, &error), LASSIM_OK);
    assert_memory_equal(&first, &second, sizeof first);
    lassim_session_close(session);
    tiny_model_free(model);
}

static void bad_calls_are_refused(void **state)
{
    (void)state;
    struct model_config config = config_of(0);
    struct model *model = tiny_model_new(&config, 5, 0);
    struct lassim_options options = {.threads = 1};
    struct lassim_error error = {0};
    lassim_session *session;
    const uint32_t wrong = config.vocabulary;
    uint32_t many[64] = {0};
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_OK);
    assert_int_equal(lassim_session_feed(session, &wrong, 1, LASSIM_READ_ALL, NULL, NULL, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_session_feed(session, many, config.positions + 1, LASSIM_READ_ALL, NULL, NULL, &error),
                     LASSIM_ERR_USAGE);
    assert_int_equal(lassim_session_feed(session, ids, 2, LASSIM_READ_NONE, NULL, NULL, &error), LASSIM_OK);
    lassim_session_stop(session);
    assert_int_equal(lassim_session_feed(session, ids, 2, LASSIM_READ_ALL, NULL, NULL, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "interrupted"));
    lassim_session_close(session);
    options.timesteps = 17;
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_ERR_USAGE);
    options.timesteps = 0;
    options.engine = (enum lassim_engine)3;
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_ERR_USAGE);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_chunks_change_nothing),
        cmocka_unit_test(pieces_on_the_cache_give_the_same_spikes),
        cmocka_unit_test(unread_tokens_stop_before_the_head),
        cmocka_unit_test(a_reset_session_starts_over),
        cmocka_unit_test(bad_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
