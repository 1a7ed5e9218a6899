/* A session under measurement in the benchmark's own process: a model, an engine, a number of threads, fed token
 * by token with the same seeded token ids on every side, so that sides can take turns within seconds and neither
 * start-up nor prompt is in a figure. */
#ifndef LASSIM_BENCH_ENGINE_H
#define LASSIM_BENCH_ENGINE_H

#include <stdio.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "kernel/session.h"

enum { ENGINE_CONTEXT_MAX = 2048 };

struct engine_side {
    lassim_session *session;
    uint32_t fed, vocabulary;
    double logits; /* of the last token fed: a sum, so that reading them is not left out */
};

static inline void engine_stop(const struct lassim_error *error)
{
    fprintf(stderr, "benchmark: %s\n", error->text);
    exit(1);
}

static inline lassim_model *engine_model(const char *path)
{
    struct lassim_error error;
    lassim_model *model;
    if (lassim_model_open(path, &model, &error) != LASSIM_OK) engine_stop(&error);
    return model;
}

/* Ends this program on failure, as all of these do. */
static inline struct engine_side engine_open(lassim_model *model, enum lassim_engine engine, unsigned threads)
{
    struct lassim_options options = {.engine = engine, .threads = threads};
    struct engine_side side = {NULL, 0, 0, 0};
    struct lassim_model_info info;
    struct lassim_error error;
    lassim_model_info(model, &info);
    side.vocabulary = info.vocabulary;
    if (lassim_session_open(model, &options, &side.session, &error) != LASSIM_OK) engine_stop(&error);
    return side;
}

static inline void engine_take_logits(void *context, uint32_t token, const float *logits)
{
    (void)token;
    ((struct engine_side *)context)->logits = (double)logits[0];
}

/* Token number i of the text that every side is fed: any id from 4 on (ids below are special), by splitmix64. */
static inline uint32_t engine_token(const struct engine_side *side, uint32_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return 4 + (uint32_t)((z ^ z >> 31) % (side->vocabulary - 4));
}

/* Feeds the next n <= ENGINE_CONTEXT_MAX tokens in one call, logits of the last; returns the seconds it took. */
static inline double engine_prompt(struct engine_side *side, uint32_t n)
{
    uint32_t ids[ENGINE_CONTEXT_MAX];
    struct lassim_error error;
    for (uint32_t i = 0; i < n; i++) ids[i] = engine_token(side, side->fed + i);
    double start = measure_now();
    if (lassim_session_feed(side->session, ids, n, LASSIM_READ_LAST, engine_take_logits, side, &error) != LASSIM_OK)
        engine_stop(&error);
    side->fed += n;
    return measure_now() - start;
}

/* Feeds n tokens one by one, logits of each, as a decoder does; returns the seconds a token. */
static inline double engine_decode(struct engine_side *side, uint32_t n)
{
    double start = measure_now();
    for (uint32_t i = 0; i < n; i++) engine_prompt(side, 1);
    return (measure_now() - start) / n;
}

static inline void engine_reset(struct engine_side *side)
{
    lassim_session_reset(side->session);
    side->fed = 0;
}

/* Counts since the session was opened or reset; zeros for the engine dense, which counts none. */
static inline struct counters engine_counts(const struct engine_side *side)
{
    struct counters sum = {0};
    uint32_t tokens;
    const struct counters *token = session_token_counters(side->session, &tokens);
    if (token != NULL)
        for (uint32_t t = 0; t < tokens; t++) counters_add(&sum, &token[t]);
    return sum;
}

/* after - before, over `tokens` tokens each. */
static inline json_t *engine_counts_json(const struct counters *before, const struct counters *after, double tokens)
{
    json_t *object = json_pack("{s:f}", "tokens", tokens);
#define ENGINE_COUNT(field, text) \
    json_object_set_new(object, #field, json_integer((json_int_t)(after->field - before->field)));
    LASSIM_COUNTERS(ENGINE_COUNT)
#undef ENGINE_COUNT
    return object;
}

#endif
