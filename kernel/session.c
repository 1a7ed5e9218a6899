#include "kernel/session.h"

#include <stdlib.h>

#include "kernel/dense_engine.h"
#include "kernel/event_engine.h"
#include "kernel/fused_engine.h"
#include "kernel/stuck_neurons.h"

enum { PROMPT_CHUNK_DEFAULT = 64, STEPS_MAX = 16 };

struct lassim_model {
    struct model *model;
};

struct lassim_session {
    const struct model *model;
    struct lassim_options options;
    uint32_t steps, tokens, threads;
    struct topology *topology, *own_topology; /* own: this machine's, unless the caller brought one */
    struct team *team;
    struct network_team workers; /* and the memory nodes that they run on, */
    unsigned node[TEAM_THREADS_MAX];
    struct pool *pool[TEAM_THREADS_MAX]; /* [workers.nodes] one on each */
    struct memory_plan plan;
    struct stuck_neurons stuck;
    struct trace_perturbation perturbation;
    struct accounting *accounting;
    struct trace_writer *trace;
    struct event_engine *event;
    struct fused_engine *fused;
    struct dense_engine *dense;
    int failed; /* a feed ended early: the state is of no more use */
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
    *info = (struct lassim_model_info){config->vocabulary, config->positions,     m->timesteps, config->bos,
                                       config->eos,        m->graph->populations, m->hash};
}

const struct model *model_of(const lassim_model *model)
{
    return model->model;
}

/* 1: workers, the calling thread among them, have a PU each.  More threads than PUs is a test's wish: let the
 * scheduler place them. */
static int binds_workers(const lassim_session *session)
{
    return !session->options.numa_off && session->threads <= topology_pus(session->topology);
}

/* The writer's thread may run wherever the calling one may: for that moment not only on the PU it is bound to. */
static enum lassim_status open_trace(lassim_session *session, struct lassim_error *error)
{
    struct trace_header_info info;
    enum lassim_status status = trace_info_from_model(session->model, session->steps, &info, error);
    if (status != LASSIM_OK) return status;
    info.perturbation = session->perturbation;
    info.perturbation.rule.stuck = NULL;
    int bound = binds_workers(session);
    if (bound) (void)topology_bind_thread(session->topology, TOPOLOGY_ANY); /* a refusal costs speed, not results */
    status = trace_writer_open(session->options.trace, (int)session->options.no_clobber, &info, &session->trace, error);
    if (bound) (void)topology_bind_thread(session->topology, topology_place(session->topology, 0, session->threads).pu);
    trace_info_free(&info);
    return status;
}

/* Numbers the nodes that the workers run on, in order, and opens a pool on each. */
static enum lassim_status open_pools(lassim_session *session, int bind, struct lassim_error *error)
{
    unsigned home = TOPOLOGY_ANY;
    session->workers = (struct network_team){.workers = session->threads};
    for (unsigned w = 0; w < session->threads; w++) {
        unsigned node = bind ? topology_place(session->topology, w, session->threads).node : TOPOLOGY_ANY;
        if (w == 0 || node != home) {
            struct pool **pool = &session->pool[session->workers.nodes++];
            enum lassim_status status = pool_new(session->topology, node, SIZE_MAX, pool, error);
            if (status != LASSIM_OK) return status;
            home = node;
        }
        session->node[w] = session->workers.nodes - 1;
    }
    if (session->workers.nodes > 1) session->workers.node = session->node;
    return LASSIM_OK;
}

/* Topology, threads and the pools: what every engine stands on. */
static enum lassim_status open_machine(lassim_session *session, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    if (session->topology == NULL) status = topology_new(NULL, NULL, &session->own_topology, error);
    if (status != LASSIM_OK) return status;
    if (session->topology == NULL) session->topology = session->own_topology;
    session->threads = session->options.threads ? session->options.threads : topology_cores(session->topology);
    int bind = binds_workers(session);
    status = team_new(session->threads, session->topology, bind, &session->team, error);
    return status == LASSIM_OK ? open_pools(session, bind, error) : status;
}

static enum lassim_status plan_memory(lassim_session *session, const struct engine_setup *setup,
                                      struct lassim_error *error)
{
    const struct graph *graph = session->model->graph;
    int fused = session->options.engine == LASSIM_ENGINE_FUSED;
    session->plan = (struct memory_plan){.state = fused ? fused_engine_bytes(setup) : event_engine_bytes(setup),
                                         .cache = network_cache_bytes(graph),
                                         .available = memory_available("")};
    for (uint32_t m = 0; m < graph->matrices; m++)
        session->plan.weights +=
            weight_bytes(session->model->matrix[m].type, graph->matrix[m].sources, graph->matrix[m].targets);
    return memory_plan_check(&session->plan, error);
}

static enum lassim_status open_perturbation(lassim_session *session, struct lassim_error *error)
{
    const struct lassim_options *options = &session->options;
    struct trace_perturbation *perturbation = &session->perturbation;
    if (options->stuck_neurons != NULL) {
        enum lassim_status status =
            stuck_neurons_read(options->stuck_neurons, session->model->graph, &session->stuck, error);
        if (status != LASSIM_OK) return status;
        perturbation->stuck = session->stuck.count;
        perturbation->stuck_hash = session->stuck.hash;
        if (session->stuck.count > 0) perturbation->rule.stuck = (const uint8_t *const *)session->stuck.state;
    }
    perturbation->rule.seed = options->seed;
    perturbation->rule.drop = options->drop_spikes;
    perturbation->rule.noise = options->threshold_noise;
    perturbation->on = options->drop_spikes > 0 || options->threshold_noise > 0 || session->stuck.count > 0;
    if (!perturbation->on) *perturbation = (struct trace_perturbation){0};
    return LASSIM_OK;
}

static enum lassim_status open_event(lassim_session *session, struct lassim_error *error)
{
    enum lassim_status status = open_perturbation(session, error);
    if (status == LASSIM_OK) status = open_machine(session, error);
    if (status != LASSIM_OK) return status;
    struct engine_setup setup = {.model = session->model,
                                 .steps = session->steps,
                                 .prompt_chunk = session->options.prompt_chunk,
                                 .team = session->team,
                                 .workers = &session->workers,
                                 .pools = session->pool,
                                 .accounting = session->accounting,
                                 .perturbation = session->perturbation.on ? &session->perturbation.rule : NULL};
    status = plan_memory(session, &setup, error);
    if (status == LASSIM_OK && session->options.trace != NULL) status = open_trace(session, error);
    if (status != LASSIM_OK) return status;
    setup.trace = session->trace;
    if (session->options.engine == LASSIM_ENGINE_FUSED) return fused_engine_new(&setup, &session->fused, error);
    return event_engine_new(&setup, &session->event, error);
}

static enum lassim_status open_dense(lassim_session *session, struct lassim_error *error)
{
    struct dense_weights weights;
    enum lassim_status status = open_machine(session, error);
    if (status != LASSIM_OK) return status;
    dense_weights_of_model(session->model, &weights);
    return dense_engine_new(session->model->graph, &weights, session->team, &session->dense, error);
}

static enum lassim_status check_perturbation(const struct lassim_options *options, struct lassim_error *error)
{
    if (!(options->drop_spikes >= 0 && options->drop_spikes <= 1))
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "drop_spikes", "%g is not in 0 .. 1", options->drop_spikes);
    if (!(options->threshold_noise >= 0 && options->threshold_noise <= PERTURB_NOISE_MAX))
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "threshold_noise", "%g is not in 0 .. %d",
                           options->threshold_noise, PERTURB_NOISE_MAX);
    int perturbed = options->drop_spikes > 0 || options->threshold_noise > 0 || options->stuck_neurons != NULL;
    if (perturbed && options->engine == LASSIM_ENGINE_DENSE)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "engine", "dense has no spikes to perturb");
    return LASSIM_OK;
}

static enum lassim_status check_options(const struct lassim_options *options, struct lassim_error *error)
{
    if (options->engine != LASSIM_ENGINE_EVENT && options->engine != LASSIM_ENGINE_FUSED &&
        options->engine != LASSIM_ENGINE_DENSE)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "engine", "%d is not one of event, fused and dense",
                           (int)options->engine);
    if (options->timesteps > STEPS_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "timesteps", "%u is not in 1 .. %d", options->timesteps,
                           STEPS_MAX);
    if (options->threads > TEAM_THREADS_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "threads", "%u is not in 1 .. %d", options->threads,
                           TEAM_THREADS_MAX);
    if (options->trace != NULL && options->engine == LASSIM_ENGINE_DENSE)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "trace", "the engine dense has no spikes to trace");
    return check_perturbation(options, error);
}

/* Tables of the exact function send values, which only whole windows can carry. */
static enum lassim_status check_tables(const struct model *model, const struct lassim_options *options,
                                       struct lassim_error *error)
{
    for (uint32_t t = 0; t < model->tables; t++)
        if (model->table[t].exact && (options->engine == LASSIM_ENGINE_EVENT || options->trace != NULL))
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "HG tables",
                               "exact functions send no spikes: expected the engine fused, and no trace");
    return LASSIM_OK;
}

enum lassim_status session_open_on(struct topology *topology, const struct model *model,
                                   const struct lassim_options *options, lassim_session **session,
                                   struct lassim_error *error)
{
    *session = NULL;
    enum lassim_status status = check_options(options, error);
    if (status == LASSIM_OK) status = check_tables(model, options, error);
    if (status != LASSIM_OK) return status;
    lassim_session *made = calloc(1, sizeof *made);
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a session");
    made->model = model;
    made->topology = topology;
    made->options = *options;
    made->steps = options->timesteps ? options->timesteps : model->timesteps;
    if (made->options.prompt_chunk == 0) made->options.prompt_chunk = PROMPT_CHUNK_DEFAULT;
    if (made->options.prompt_chunk > model->graph->config.positions)
        made->options.prompt_chunk = model->graph->config.positions;
    made->accounting = accounting_new(model->graph);
    if (made->accounting == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the counters");
    else
        status = options->engine == LASSIM_ENGINE_DENSE ? open_dense(made, error) : open_event(made, error);
    if (status == LASSIM_OK)
        *session = made;
    else
        lassim_session_close(made);
    return status;
}

enum lassim_status session_open_model(const struct model *model, const struct lassim_options *options,
                                      lassim_session **session, struct lassim_error *error)
{
    return session_open_on(NULL, model, options, session, error);
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

static enum lassim_status check_feed(const lassim_session *session, const uint32_t *ids, uint32_t n,
                                     struct lassim_error *error)
{
    const struct model_config *config = &session->model->graph->config;
    if (session->failed)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "feed", "an earlier call on this session failed");
    if (n > config->positions - session->tokens)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "context",
                           "%u tokens after %u do not fit the model's %u positions", n, session->tokens,
                           config->positions);
    for (uint32_t i = 0; i < n; i++)
        if (ids[i] >= config->vocabulary)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "token ids", "%u is not below the vocabulary's %u",
                               ids[i], config->vocabulary);
    return LASSIM_OK;
}

/* The dense engine has no event that starts a token, so its tokens are accounted for here. */
static void account_dense(lassim_session *session, uint32_t n, enum lassim_read read)
{
    for (uint32_t i = 0; i < n; i++) {
        int asked = read == LASSIM_READ_ALL || (read == LASSIM_READ_LAST && i + 1 == n);
        struct token_window token = {session->tokens + i, session->tokens + i, asked};
        account_token(session->accounting, &token);
    }
}

enum lassim_status lassim_session_feed(lassim_session *session, const uint32_t *ids, uint32_t n, enum lassim_read read,
                                       lassim_logits_callback *callback, void *context, struct lassim_error *error)
{
    enum lassim_status status = check_feed(session, ids, n, error);
    if (status != LASSIM_OK) return status;
    if (session->event != NULL) {
        status = event_engine_feed(session->event, ids, n, read, callback, context, error);
    } else if (session->fused != NULL) {
        status = fused_engine_feed(session->fused, ids, n, read, callback, context, error);
    } else {
        status = dense_engine_feed(session->dense, ids, n, read, callback, context, error);
        if (status == LASSIM_OK) account_dense(session, n, read);
    }
    session->failed = status != LASSIM_OK;
    session->tokens += n;
    return status;
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
