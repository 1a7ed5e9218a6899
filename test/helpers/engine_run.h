/* One run of the engine `event` on a model in memory, with everything it leaves behind; `fused` must leave the
 * same. */
#ifndef LASSIM_TEST_HELPERS_ENGINE_RUN_H
#define LASSIM_TEST_HELPERS_ENGINE_RUN_H

#include "kernel/session.h"

/* One call of lassim_session_feed. */
struct engine_piece {
    uint32_t tokens;
    enum lassim_read read;
};

struct engine_run {
    const struct model *model;
    uint32_t tokens;
    float *logits;                       /* [tokens][head_width] */
    int *read;                           /* [tokens] times that the token's logits came */
    struct counters *population, *token; /* [populations], [tokens] */
    uint64_t timesteps;
    char trace[64]; /* a temporary file, or "" */
};

/* Runs the pieces (ended by one of 0 tokens) on ids with both engines and requires the same of both.  traced: also writes a trace.  Aborts on failure; the
 * caller owns it: engine_run_free, which removes the trace. */
struct engine_run *engine_run_new(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                  const struct engine_piece *pieces, int traced);
/* The same with token types (NULL: feeds) of an encoder's one piece. */
struct engine_run *engine_run_typed(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                    const uint32_t *types, const struct engine_piece *pieces, int traced);
/* As engine_run_new with the engine of options alone. */
struct engine_run *engine_run_one(const struct model *model, struct lassim_options options, const uint32_t *ids,
                                  const struct engine_piece *pieces, int traced);
void engine_run_free(struct engine_run *run);
/* Sum over populations. */
struct counters engine_run_totals(const struct engine_run *run);

/* The first counter in which a and b differ, or NULL. */
const char *counters_difference(const struct counters *a, const struct counters *b);
void counters_print(const char *name, const struct counters *counters);

#endif
