#include "kernel/session.h"

#include <stdlib.h>

#include "kernel/session_state.h"

struct lassim_model {
    struct model *model;
};

const char *lassim_version(void)
{
    return LASSIM_VERSION;
}

enum lassim_status lassim_model_open(const char *path, lassim_model **model, struct lassim_error *error)
{
    *model = calloc(1, sizeof **model);
    if (*model == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    enum lassim_status status = model_open(path, &(*model)->model, error);
    if (status == LASSIM_OK) return LASSIM_OK;
    free(*model);
    *model = NULL;
    return status;
}

void lassim_model_close(lassim_model *model)
{
    if (model == NULL) return;
    model_close(model->model);
    free(model);
}

void lassim_model_info(const lassim_model *model, struct lassim_model_info *info)
{
    const struct model *m = model->model;
    const struct model_config *config = &m->graph->config;
    *info = (struct lassim_model_info){.vocabulary = config->vocabulary,
                                       .positions = config->positions,
                                       .timesteps = m->timesteps,
                                       .bos = config->bos,
                                       .eos = config->eos,
                                       .populations = m->graph->populations,
                                       .hash = m->hash,
                                       .family = graph_family_name(config->family),
                                       .encoder = config->encoder,
                                       .head = (enum lassim_head)config->head,
                                       .head_width = m->graph->head_width,
                                       .token_types = config->token_types};
}

const struct model *model_of(const lassim_model *model)
{
    return model->model;
}

enum lassim_status lassim_session_open(lassim_model *model, const struct lassim_options *options,
                                       lassim_session **session, struct lassim_error *error)
{
    return session_open_model(model->model, options, session, error);
}

void lassim_session_close(lassim_session *session)
{
    if (session == NULL) return;
    event_engine_free(session->event);
    fused_engine_free(session->fused);
    dense_engine_free(session->dense);
    trace_writer_abandon(session->trace);
    stuck_neurons_free(&session->stuck);
    accounting_free(session->accounting);
    for (unsigned node = 0; node < session->workers.nodes; node++) pool_free(session->pool[node]);
    team_free(session->team);
    topology_free(session->own_topology);
    free(session);
}

enum lassim_status lassim_session_finish(lassim_session *session, struct lassim_error *error)
{
    if (session->trace == NULL) return LASSIM_OK;
    if (session->failed)
        return lassim_fail(error, LASSIM_ERR_USAGE, session->options.trace, NULL,
                           "the run did not end well, its trace stays partial");
    struct trace_writer *trace = session->trace;
    session->trace = NULL;
    return trace_writer_finish(trace, session_timesteps(session), error);
}

static enum lassim_status check_feed(const lassim_session *session, const struct engine_feed *feed,
                                     struct lassim_error *error)
{
    const struct model_config *config = &session->model->graph->config;
    if (session->failed)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "feed", "an earlier call on this session failed");
    if (config->encoder && session->tokens > 0)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "encode", "the session holds a sequence already: reset it");
    if (feed->n > session->context - session->tokens)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "context",
                           "%u tokens after %u do not fit the %s %u positions", feed->n, session->tokens,
                           session->context < config->positions ? "session's" : "model's", session->context);
    for (uint32_t i = 0; i < feed->n; i++) {
        if (feed->ids[i] >= config->vocabulary)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "token ids", "%u is not below the vocabulary's %u",
                               feed->ids[i], config->vocabulary);
        if (feed->types != NULL && feed->types[i] >= config->token_types)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "token types", "%u is not below the model's %u",
                               feed->types[i], config->token_types);
    }
    return LASSIM_OK;
}

/* The dense engine has no event that starts a token, so its tokens are accounted for here. */
static void account_dense(lassim_session *session, const struct engine_feed *feed)
{
    uint32_t from, to, encoder = session->model->graph->config.encoder;
    engine_asked(session->model->graph, feed, &from, &to);
    for (uint32_t i = 0; i < feed->n; i++) {
        uint32_t at = session->tokens + i;
        struct token_window token = {at, at, encoder ? feed->n : at + 1, i >= from && i < to};
        account_token(session->accounting, &token);
    }
}

static enum lassim_status run_feed(lassim_session *session, const struct engine_feed *feed, struct lassim_error *error)
{
    enum lassim_status status = check_feed(session, feed, error);
    if (status != LASSIM_OK) return status;
    if (session->event != NULL) {
        status = event_engine_feed(session->event, feed, error);
    } else if (session->fused != NULL) {
        status = fused_engine_feed(session->fused, feed, error);
    } else {
        status = dense_engine_feed(session->dense, feed, error);
        if (status == LASSIM_OK) account_dense(session, feed);
    }
    session->failed = status != LASSIM_OK;
    session->tokens += feed->n;
    return status;
}

enum lassim_status lassim_session_feed(lassim_session *session, const uint32_t *ids, uint32_t n, enum lassim_read read,
                                       lassim_logits_callback *callback, void *context, struct lassim_error *error)
{
    const struct engine_feed feed = {ids, NULL, n, read, callback, context};
    return run_feed(session, &feed, error);
}

enum lassim_status lassim_session_encode(lassim_session *session, const uint32_t *ids, const uint32_t *types,
                                         uint32_t n, enum lassim_read read, lassim_logits_callback *callback,
                                         void *context, struct lassim_error *error)
{
    const struct engine_feed feed = {ids, types, n, read, callback, context};
    if (!session->model->graph->config.encoder)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "encode", "the model is a decoder: expected an encoder");
    return run_feed(session, &feed, error);
}

uint32_t lassim_session_context(const lassim_session *session)
{
    return session->context;
}

void lassim_session_reset(lassim_session *session)
{
    LASSIM_INVARIANT(session->trace == NULL, "a traced session cannot be reset");
    if (session->event != NULL) event_engine_reset(session->event);
    if (session->fused != NULL) fused_engine_reset(session->fused);
    if (session->dense != NULL) {
        dense_engine_reset(session->dense);
        accounting_reset(session->accounting);
    }
    session->tokens = 0;
}

void lassim_session_stop(lassim_session *session)
{
    if (session->event != NULL) event_engine_stop(session->event);
    if (session->fused != NULL) fused_engine_stop(session->fused);
    if (session->dense != NULL) dense_engine_stop(session->dense);
}

void lassim_session_progress(lassim_session *session, uint64_t *timesteps, uint64_t *tokens)
{
    *timesteps = 0;
    if (session->event != NULL)
        event_engine_progress(session->event, timesteps, tokens);
    else if (session->fused != NULL)
        fused_engine_progress(session->fused, timesteps, tokens);
    else
        dense_engine_progress(session->dense, tokens);
}

const struct counters *session_population_counters(const lassim_session *session)
{
    return session->dense == NULL ? accounting_populations(session->accounting) : NULL;
}

const struct counters *session_dense_counters(const lassim_session *session)
{
    return accounting_populations(session->accounting);
}

const struct counters *session_token_counters(const lassim_session *session, uint32_t *tokens)
{
    const struct counters *counters = accounting_tokens(session->accounting, tokens);
    return session->dense == NULL ? counters : NULL;
}

uint64_t session_timesteps(lassim_session *session)
{
    uint64_t timesteps = 0, tokens;
    if (session->dense == NULL) lassim_session_progress(session, &timesteps, &tokens);
    return timesteps;
}

uint64_t session_packets_popped(const lassim_session *session)
{
    if (session->event != NULL) return event_engine_popped(session->event);
    return session->fused != NULL ? fused_engine_popped(session->fused) : 0;
}

uint64_t session_dense_macs(const lassim_session *session)
{
    uint32_t tokens;
    uint64_t macs = 0;
    const struct counters *counters = accounting_tokens(session->accounting, &tokens);
    for (uint32_t i = 0; i < tokens; i++) macs += counters[i].dense_macs;
    return macs;
}

uint32_t session_steps(const lassim_session *session)
{
    return session->steps;
}

const struct memory_plan *session_memory_plan(const lassim_session *session)
{
    return session->options.engine == LASSIM_ENGINE_DENSE ? NULL : &session->plan;
}

const struct trace_perturbation *session_perturbation(const lassim_session *session)
{
    return &session->perturbation;
}

uint32_t session_threads(const lassim_session *session)
{
    return session->threads;
}

struct team *session_team(const lassim_session *session)
{
    return session->team;
}
