/* NUMA placement on a machine made up for the test: every worker's weights lie on its node, the bytes of every node
 * are what the network asks for, and the results are those of one node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/session.h"
#include "layers/network_state.h"
#include "layers/synapse_shared.h"
#include "test/helpers/tiny_model.h"

enum { NODES = 2, TOKENS = 5, VOCABULARY = 300 };

/* What the session asked the machine for. */
struct machine {
    size_t bytes[NODES], anywhere;
    int threads;
};

static int bind_thread(void *context, unsigned pu)
{
    struct machine *machine = context;
    if (pu != TOPOLOGY_ANY) __atomic_fetch_add(&machine->threads, 1, __ATOMIC_RELAXED);
    return 0;
}

static int bind_memory(void *context, void *address, size_t bytes, unsigned node)
{
    struct machine *machine = context;
    (void)address;
    if (node < NODES)
        machine->bytes[node] += bytes;
    else
        machine->anywhere += bytes;
    return 0;
}

static struct model *wide_model(uint32_t offset)
{
    struct model_config config = tiny_config();
    config.vocabulary = VOCABULARY;
    config.hidden = config.embedding = 128;
    config.heads = 4;
    config.ffn = 330; /* not a multiple of anything that cuts */
    config.layers = 2;
    return tiny_model_mixed(&config, 9, 0, offset);
}

static void keep(void *context, uint32_t token, const float *logits)
{
    memcpy((float *)context + (size_t)token * VOCABULARY, logits, VOCABULARY * sizeof *logits);
}

static void run(struct topology *topology, const struct model *model, struct lassim_options options, float *logits,
                struct counters *counters)
{
    static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7};
    struct lassim_error error;
    lassim_session *session;
    assert_int_equal(session_open_on(topology, model, &options, &session, &error), LASSIM_OK);
    assert_int_equal(lassim_session_feed(session, ids, 3, LASSIM_READ_ALL, keep, logits, &error), LASSIM_OK);
    for (uint32_t t = 3; t < TOKENS; t++)
        assert_int_equal(lassim_session_feed(session, ids + t, 1, LASSIM_READ_ALL, keep, logits, &error), LASSIM_OK);
    memcpy(counters, session_population_counters(session), model->graph->populations * sizeof *counters);
    lassim_session_close(session);
}

/* Bytes of the weights that trains meet. */
static size_t weights_of(const struct model *model)
{
    size_t bytes = 0;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        const struct matrix_slot *slot = &model->graph->matrix[m];
        if (model->graph->population[slot->source].code != CODE_INPUT)
            bytes += weight_bytes(model->matrix[m].type, slot->sources, slot->targets);
    }
    return bytes;
}

static void two_nodes_share_the_weights(void **state)
{
    (void)state;
    for (uint32_t offset = 0; offset < WEIGHT_TYPES; offset++) {
        struct model *model = wide_model(offset);
        uint32_t populations = model->graph->populations;
        float base[TOKENS * VOCABULARY], placed[TOKENS * VOCABULARY];
        struct counters *expected = calloc(populations, sizeof *expected), *found = calloc(populations, sizeof *found);
        run(NULL, model, (struct lassim_options){.engine = LASSIM_ENGINE_EVENT, .threads = 1}, base, expected);
        for (int engine = LASSIM_ENGINE_FUSED; engine <= LASSIM_ENGINE_EVENT; engine++)
            for (uint32_t threads = 2; threads <= 4; threads++) {
                struct machine machine = {{0}, 0, 0};
                const struct topology_backend backend = {&machine, bind_thread, bind_memory};
                struct topology *topology;
                struct lassim_error error;
                assert_int_equal(topology_new("node:2 core:2 pu:1", &backend, &topology, &error), LASSIM_OK);
                memset(placed, 0, sizeof placed);
                run(topology, model, (struct lassim_options){.engine = (enum lassim_engine)engine, .threads = threads},
                    placed, found);
                topology_free(topology);
                assert_memory_equal(base, placed, sizeof base);
                assert_memory_equal(expected, found, populations * sizeof *found);
                assert_true(machine.threads >= (int)threads);
                assert_int_equal(machine.anywhere, 0);
                /* node 1 has no other state than its half of the weights and its workers' memory */
                assert_true(machine.bytes[0] > weights_of(model) / 3 && machine.bytes[1] > weights_of(model) / 3);
            }
        free(expected);
        free(found);
        tiny_model_free(model);
    }
}

/* What only one node's workers have: sums of rows that they share, for three matrices. */
static uint64_t shared_sums_of(const struct model *model, unsigned workers)
{
    uint64_t largest = 0;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        uint64_t bytes = synapse_partials_bytes(model->graph->matrix[m].targets, workers);
        if (bytes > largest) largest = bytes;
    }
    return 3 * largest;
}

static void numa_off_copies_nothing(void **state)
{
    (void)state;
    struct model *model = wide_model(1);
    struct machine machine = {{0}, 0, 0};
    const struct topology_backend backend = {&machine, bind_thread, bind_memory};
    struct topology *topology;
    struct lassim_error error;
    lassim_session *off, *bound;
    struct lassim_options options = {.threads = 4, .numa_off = 1};
    assert_int_equal(topology_new("node:2 core:2 pu:1", &backend, &topology, &error), LASSIM_OK);
    assert_int_equal(session_open_on(topology, model, &options, &off, &error), LASSIM_OK);
    assert_int_equal(machine.threads, 0);
    assert_int_equal(machine.bytes[0] + machine.bytes[1], 0);
    options.numa_off = 0;
    assert_int_equal(session_open_on(topology, model, &options, &bound, &error), LASSIM_OK);
    assert_true(session_memory_plan(bound)->state + shared_sums_of(model, options.threads) >=
                session_memory_plan(off)->state + weights_of(model));
    lassim_session_close(off);
    lassim_session_close(bound);
    topology_free(topology);
    tiny_model_free(model);
}

/* Every allocation is as large as network_bytes says and lies where it should. */
struct nodes {
    size_t bytes[NODES];
    void *memory[4096];
    unsigned node[4096], count;
};

static void *on_node(void *context, unsigned node, size_t bytes)
{
    struct nodes *nodes = context;
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_true(node < NODES && nodes->count < 4096 && memory != NULL);
    nodes->bytes[node] += (bytes + 63) / 64 * 64;
    nodes->node[nodes->count] = node;
    nodes->memory[nodes->count++] = memory;
    return memset(memory, 0, bytes);
}

static unsigned node_holding(const struct nodes *nodes, const void *memory)
{
    for (unsigned i = 0; i < nodes->count; i++)
        if (nodes->memory[i] == memory) return nodes->node[i];
    return TOPOLOGY_ANY;
}

static void parts_are_the_matrices_columns(void **state)
{
    static const unsigned node_of[3] = {0, 0, 1};
    const struct network_team team = {3, NODES, node_of};
    (void)state;
    for (uint32_t offset = 0; offset < WEIGHT_TYPES; offset++) {
        struct model *model = wide_model(offset);
        const struct graph *graph = model->graph;
        const struct network_model view = {.graph = graph,
                                           .population = model->population,
                                           .matrix = model->matrix,
                                           .norm = model->norm,
                                           .table = model->table,
                                           .code = model->code,
                                           .steps = 8,
                                           .residual_grid = model->residual_grid,
                                           .context = graph->config.positions};
        struct nodes nodes = {.count = 0};
        struct network *network = network_new(&view, &team, 4, on_node, &nodes);
        assert_int_equal(nodes.bytes[0] + nodes.bytes[1], network_bytes(&view, &team, 4));
        for (unsigned w = 0; w < 3; w++) {
            assert_int_equal(node_holding(&nodes, network->scratch[w]), node_of[w]);
            assert_int_equal(node_holding(&nodes, network->window_scratch[w]), node_of[w]);
            for (uint32_t m = 0; m < graph->matrices; m++) {
                const struct matrix_slot *slot = &graph->matrix[m];
                struct matrix_part part = network_part(network, m, w);
                if (graph->population[slot->source].code == CODE_INPUT) {
                    assert_ptr_equal(part.matrix.weights, model->matrix[m].weights);
                    continue;
                }
                assert_int_equal(node_holding(&nodes, part.matrix.weights), node_of[w]);
                for (uint32_t s = 0; s < slot->sources; s++)
                    for (uint32_t t = part.from; t < part.to; t++)
                        assert_true(matrix_value(&part.matrix, part.to - part.from, s, t - part.from) ==
                                    matrix_value(&model->matrix[m], slot->targets, s, t));
            }
        }
        for (unsigned i = 0; i < nodes.count; i++) free(nodes.memory[i]);
        tiny_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_nodes_share_the_weights),
        cmocka_unit_test(numa_off_copies_nothing),
        cmocka_unit_test(parts_are_the_matrices_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
