/* Opening a session: options, topology, threads, pools, memory, engine. */
#include <stdlib.h>

#include "kernel/session_state.h"

enum { PROMPT_CHUNK_DEFAULT = 128, STEPS_MAX = 16, CONTEXT_LEAST = 256 };

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

static uint64_t state_bytes(const lassim_session *session, const struct engine_setup *setup)
{
    return session->options.engine == LASSIM_ENGINE_FUSED ? fused_engine_bytes(setup) : event_engine_bytes(setup);
}

/* Tokens queued ahead, or of a batch: an encoder's sequence goes all at once. */
static void set_chunk(const lassim_session *session, struct engine_setup *setup)
{
    uint32_t chunk = session->options.prompt_chunk ? session->options.prompt_chunk : PROMPT_CHUNK_DEFAULT;
    setup->prompt_chunk = chunk < setup->context && !session->model->graph->config.encoder ? chunk : setup->context;
}

/* Unless the caller chose the context it is the model's, halved as often as memory asks for. */
static void plan_context(lassim_session *session, struct engine_setup *setup)
{
    uint64_t available = memory_available("");
    setup->context = session->options.context ? session->options.context : session->model->graph->config.positions;
    set_chunk(session, setup);
    while (!session->options.context && setup->context > CONTEXT_LEAST &&
           state_bytes(session, setup) > available / 4 * 3) {
        setup->context /= 2;
        set_chunk(session, setup);
    }
    session->context = setup->context;
}

static enum lassim_status plan_memory(lassim_session *session, struct engine_setup *setup, struct lassim_error *error)
{
    const struct graph *graph = session->model->graph;
    plan_context(session, setup);
    const struct network_model model = engine_network_model(setup);
    session->plan = (struct memory_plan){.state = state_bytes(session, setup),
                                         .cache = network_cache_bytes(&model),
                                         .available = memory_available(""),
                                         .context = setup->context,
                                         .positions = graph->config.positions};
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

static enum lassim_status check_options(const struct model *model, const struct lassim_options *options,
                                        struct lassim_error *error)
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
    if (options->context > model->graph->config.positions)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "context", "%u is not in 1 .. the model's %u positions",
                           options->context, model->graph->config.positions);
    if (options->trace != NULL && options->engine == LASSIM_ENGINE_DENSE)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "trace", "the engine dense has no spikes to trace");
    enum lassim_status status = check_tables(model, options, error);
    return status == LASSIM_OK ? check_perturbation(options, error) : status;
}

enum lassim_status session_open_on(struct topology *topology, const struct model *model,
                                   const struct lassim_options *options, lassim_session **session,
                                   struct lassim_error *error)
{
    *session = NULL;
    enum lassim_status status = check_options(model, options, error);
    if (status != LASSIM_OK) return status;
    lassim_session *made = calloc(1, sizeof *made);
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a session");
    made->model = model;
    made->topology = topology;
    made->options = *options;
    made->steps = options->timesteps ? options->timesteps : model->timesteps;
    made->context = options->context ? options->context : model->graph->config.positions;
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
