#include "kernel/fused_trace.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "kernel/trace_merge.h"

/* Neurons of a level whose encoding takes longer than waking the team. */
enum { SPLIT_NEURONS = 4096 };

struct fused_trace {
    const struct engine_setup *setup;
    struct trace_header_info info;
    struct trace_merge *merge;
    /* the level being encoded */
    const struct network *network;
    const struct fused_close *close;
    const struct event *phase;
    size_t count;
    const struct token_batch *batch;
    _Atomic uint64_t next; /* pair: token * count + population */
    _Atomic int failed;
};

enum lassim_status fused_trace_new(const struct engine_setup *setup, struct fused_trace **trace,
                                   struct lassim_error *error)
{
    size_t largest = 0;
    struct fused_trace *made = calloc(1, sizeof *made);
    *trace = NULL;
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the trace's records");
    made->setup = setup;
    enum lassim_status status = trace_info_from_model(setup->model, setup->steps, &made->info, error);
    for (uint32_t p = 0; status == LASSIM_OK && p < made->info.populations; p++) {
        size_t room = trace_encode_room(&made->info, p, made->info.population[p].neurons);
        if (room > largest) largest = room;
    }
    if (status == LASSIM_OK) {
        made->merge = trace_merge_new(setup->trace, team_workers(setup->team), largest);
        if (made->merge == NULL)
            status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the trace's records");
    }
    if (status == LASSIM_OK)
        *trace = made;
    else
        fused_trace_free(made);
    return status;
}

void fused_trace_free(struct fused_trace *trace)
{
    if (trace == NULL) return;
    trace_merge_free(trace->merge);
    trace_info_free(&trace->info);
    free(trace);
}

/* Windows open at multiples of T. */
static uint64_t window_number(const struct fused_trace *trace, const struct token_batch *batch, uint32_t t,
                              uint32_t level)
{
    return batch->start / trace->setup->steps + (batch->together ? 0 : t) + level;
}

enum lassim_status fused_trace_input(struct fused_trace *trace, const struct token_batch *batch, uint32_t t, uint32_t p,
                                     uint32_t row)
{
    struct token_window token = batch_window(batch, t);
    struct trace_counts counts = {{0}};
    const struct trace_key key = {window_number(trace, batch, t, 0), p, token.token};
    uint8_t *room = trace_merge_room(trace->merge, 0, trace_encode_room(&trace->info, p, 0));
    if (room == NULL) return LASSIM_ERR_RUN;
    size_t bytes = trace_encode_input(row, room, &counts);
    trace_merge_add(trace->merge, 0, &key, token.visible, bytes, &counts);
    return LASSIM_OK;
}

static int encode(struct fused_trace *trace, unsigned worker, uint32_t p, uint32_t t)
{
    const struct train *train = network_train(trace->network, p, batch_window(trace->batch, t).token);
    const struct population *population = &trace->setup->model->graph->population[p];
    const struct trace_key key = {window_number(trace, trace->batch, t, population->level), p, train->token};
    struct trace_counts counts = {{0}};
    uint8_t *room = trace_merge_room(trace->merge, worker, trace_encode_room(&trace->info, p, train->neurons));
    if (room == NULL) return -1;
    size_t bytes = population->code == CODE_HG
                       ? trace_encode_hg(&trace->info, p, train->hg, train->neurons, room, &counts)
                       : trace_encode_oat(&trace->info, p, train_emitted(train), train->neurons, room, &counts);
    trace_merge_add(trace->merge, worker, &key, train->visible, bytes, &counts);
    return 0;
}

static void encode_pairs(void *context, unsigned worker, unsigned workers)
{
    struct fused_trace *trace = context;
    uint64_t pairs = (uint64_t)trace->batch->count * trace->count;
    (void)workers;
    for (;;) {
        uint64_t pair = atomic_fetch_add_explicit(&trace->next, 1, memory_order_relaxed);
        if (pair >= pairs || atomic_load_explicit(&trace->failed, memory_order_relaxed)) return;
        uint32_t t = (uint32_t)(pair / trace->count);
        size_t i = (size_t)(pair % trace->count);
        if (!fused_close_result(trace->close, i, t)->result.opened) continue;
        if (encode(trace, worker, trace->phase[i].key.population, t) != 0) atomic_store(&trace->failed, 1);
    }
}

static int worth_splitting(const struct fused_trace *trace)
{
    const struct graph *graph = trace->setup->model->graph;
    uint32_t visible = batch_window(trace->batch, trace->batch->count - 1).visible;
    uint64_t neurons = 0;
    if (trace->batch->count * trace->count < 2) return 0;
    for (size_t i = 0; i < trace->count; i++)
        neurons += graph_window_neurons(graph, trace->phase[i].key.population, visible);
    return neurons * trace->batch->count >= SPLIT_NEURONS;
}

enum lassim_status fused_trace_level(struct fused_trace *trace, const struct network *network,
                                     const struct fused_close *close, const struct event *phase, size_t count,
                                     const struct token_batch *batch, int last)
{
    uint64_t complete = window_number(trace, batch, 0, phase[0].key.level) + 1;
    uint64_t next_batch = window_number(trace, batch, batch->count, 0);
    trace->network = network;
    trace->close = close;
    trace->phase = phase;
    trace->count = count;
    trace->batch = batch;
    atomic_store_explicit(&trace->next, 0, memory_order_relaxed);
    if (worth_splitting(trace))
        team_run(trace->setup->team, encode_pairs, trace);
    else
        encode_pairs(trace, 0, 1);
    if (atomic_load(&trace->failed)) return LASSIM_ERR_RUN;
    return trace_merge_flush(trace->merge, last || complete < next_batch ? complete : next_batch);
}

enum lassim_status fused_trace_end(struct fused_trace *trace)
{
    return trace_merge_flush(trace->merge, UINT64_MAX);
}

enum lassim_status fused_trace_fail(const struct fused_trace *trace, enum lassim_status status,
                                    struct lassim_error *error)
{
    const struct lassim_error *written = trace_writer_error(trace->setup->trace);
    if (written->status == LASSIM_OK)
        return lassim_fail(error, status, NULL, NULL, "no memory for the trace's records");
    if (error != NULL) *error = *written;
    return written->status;
}
