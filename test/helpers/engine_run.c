#include "test/helpers/engine_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep_logits(void *context, uint32_t token, const float *logits)
{
    struct engine_run *run = context;
    uint32_t width = run->model->graph->head_width;
    LASSIM_INVARIANT(token < run->tokens, "logits of token %u", token);
    memcpy(run->logits + (size_t)token * width, logits, width * sizeof *logits);
    run->read[token]++;
}

static struct engine_run *allocate(const struct model *model, const struct engine_piece *pieces)
{
    struct engine_run *run = calloc(1, sizeof *run);
    LASSIM_INVARIANT(run != NULL, "no memory");
    run->model = model;
    for (; pieces->tokens > 0; pieces++) run->tokens += pieces->tokens;
    run->logits = calloc((size_t)run->tokens * model->graph->head_width + 1, sizeof *run->logits);
    run->read = calloc(run->tokens + 1u, sizeof *run->read);
    run->population = calloc(model->graph->populations, sizeof *run->population);
    run->token = calloc(run->tokens + 1u, sizeof *run->token);
    LASSIM_INVARIANT(run->logits && run->read && run->population && run->token, "no memory");
    return run;
}

static enum lassim_status feed(struct engine_run *run, lassim_session *session, const uint32_t *ids,
                               const uint32_t *types, const struct engine_piece *piece, struct lassim_error *error)
{
    if (types == NULL) return lassim_session_feed(session, ids, piece->tokens, piece->read, keep_logits, run, error);
    return lassim_session_encode(session, ids, types, piece->tokens, piece->read, keep_logits, run, error);
}

static struct engine_run *run_one(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                  const uint32_t *types, const struct engine_piece *pieces, int traced)
{
    struct engine_run *run = allocate(model, pieces);
    struct lassim_error error = {0};
    lassim_session *session;
    uint32_t tokens;
    if (traced) {
        /* In memory where there is such a place: a trace is synced when it is complete. */
        const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(run->trace, sizeof run->trace, "%s/lassim-engine-%ld-%d.bin", place, (long)getpid(),
                 (int)options.engine);
        options.trace = run->trace;
    }
    LASSIM_INVARIANT(session_open_model(model, &options, &session, &error) == LASSIM_OK, "%s", error.text);
    for (; pieces->tokens > 0; ids += pieces->tokens, pieces++)
        LASSIM_INVARIANT(feed(run, session, ids, types, pieces, &error) == LASSIM_OK, "%s", error.text);
    memcpy(run->population, session_population_counters(session), model->graph->populations * sizeof *run->population);
    const struct counters *token = session_token_counters(session, &tokens);
    LASSIM_INVARIANT(tokens == run->tokens, "%u tokens", tokens);
    memcpy(run->token, token, tokens * sizeof *run->token);
    run->timesteps = session_timesteps(session);
    LASSIM_INVARIANT(lassim_session_finish(session, &error) == LASSIM_OK, "%s", error.text);
    lassim_session_close(session);
    return run;
}

static int same_files(const char *one, const char *two)
{
    FILE *a = fopen(one, "rb"), *b = fopen(two, "rb");
    int x, y;
    LASSIM_INVARIANT(a != NULL && b != NULL, "traces %s and %s", one, two);
    do {
        x = getc(a);
        y = getc(b);
    } while (x == y && x != EOF);
    fclose(a);
    fclose(b);
    return x == y;
}

static void require_same(const struct engine_run *a, const struct engine_run *b)
{
    size_t logits = (size_t)a->tokens * a->model->graph->head_width * sizeof *a->logits;
    size_t populations = a->model->graph->populations * sizeof *a->population;
    LASSIM_INVARIANT(memcmp(a->read, b->read, a->tokens * sizeof *a->read) == 0 &&
                         memcmp(a->logits, b->logits, logits) == 0,
                     "the engines' logits differ");
    LASSIM_INVARIANT(memcmp(a->population, b->population, populations) == 0 &&
                         memcmp(a->token, b->token, a->tokens * sizeof *a->token) == 0,
                     "the engines' counters differ");
    LASSIM_INVARIANT(a->timesteps == b->timesteps, "%llu and %llu timesteps", (unsigned long long)a->timesteps,
                     (unsigned long long)b->timesteps);
    LASSIM_INVARIANT(a->trace[0] == '\0' || same_files(a->trace, b->trace), "the engines' traces differ");
}

struct engine_run *engine_run_one(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                  const struct engine_piece *pieces, int traced)
{
    return run_one(model, options, ids, NULL, pieces, traced);
}

struct engine_run *engine_run_typed(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                    const uint32_t *types, const struct engine_piece *pieces, int traced)
{
    options.engine = LASSIM_ENGINE_FUSED;
    struct engine_run *fused = run_one(model, options, ids, types, pieces, traced);
    options.engine = LASSIM_ENGINE_EVENT;
    struct engine_run *event = run_one(model, options, ids, types, pieces, traced);
    require_same(event, fused);
    engine_run_free(fused);
    return event;
}

struct engine_run *engine_run_new(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                  const struct engine_piece *pieces, int traced)
{
    return engine_run_typed(model, options, ids, NULL, pieces, traced);
}

void engine_run_free(struct engine_run *run)
{
    if (run->trace[0] != '\0') unlink(run->trace);
    free(run->logits);
    free(run->read);
    free(run->population);
    free(run->token);
    free(run);
}

struct counters engine_run_totals(const struct engine_run *run)
{
    struct counters totals = {0};
    for (uint32_t p = 0; p < run->model->graph->populations; p++) counters_add(&totals, &run->population[p]);
    return totals;
}

const char *counters_difference(const struct counters *a, const struct counters *b)
{
#define COUNTER_DIFFERS(field, text) \
    if (a->field != b->field) return #field;
    LASSIM_COUNTERS(COUNTER_DIFFERS)
#undef COUNTER_DIFFERS
    return NULL;
}

void counters_print(const char *name, const struct counters *counters)
{
    printf("%s:", name);
#define COUNTER_PRINT(field, text) printf(" %s=%llu", #field, (unsigned long long)counters->field);
    LASSIM_COUNTERS(COUNTER_PRINT)
#undef COUNTER_PRINT
    printf("\n");
}
