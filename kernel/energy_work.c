#include "kernel/energy_work.h"

enum { WORD = 4, TABLE_ROW = 16 /* base and slope */ };

static void access_spiking(struct energy_work *work, uint64_t bytes, uint64_t buffer)
{
    LASSIM_INVARIANT(work->spiking_count < ENERGY_TRAFFIC_MAX, "%u kinds of access", work->spiking_count);
    work->spiking[work->spiking_count++] = (struct energy_traffic){bytes, buffer};
}

static void access_dense(struct energy_work *work, uint64_t elements, uint64_t buffer)
{
    LASSIM_INVARIANT(work->dense_count < ENERGY_TRAFFIC_MAX, "%u kinds of access", work->dense_count);
    work->dense[work->dense_count++] = (struct energy_traffic){elements, buffer};
}

static uint64_t resets(const struct population *population, const struct counters *counters)
{
    return population->code == CODE_INPUT ? 0 : counters->spikes;
}

static uint64_t injections(const struct population *population, const struct counters *counters)
{
    return counters->membrane_updates - counters->synaptic_operations - counters->spike_product_operations -
           resets(population, counters);
}

static int reads_cache(const struct population *population)
{
    return population->product == PRODUCT_VISIBLE || population->kind == POPULATION_WEIGHT;
}

static int writes_cache(const struct graph *graph, const struct population *population)
{
    if (population->kind == POPULATION_KEY) return !graph->config.rotary;
    return population->kind == POPULATION_VALUE || population->kind == POPULATION_KEY_TURNED;
}

const char *energy_cache_use(const struct graph *graph, uint32_t p)
{
    static const char *const uses[2][2] = {{"none", "write"}, {"read", "both"}};
    return uses[reads_cache(&graph->population[p])][writes_cache(graph, &graph->population[p])];
}

uint64_t energy_cache_elements(const struct graph *graph)
{
    return (uint64_t)graph->config.positions * graph->config.kv_heads * graph->config.head_dim;
}

uint64_t energy_row_bytes(const struct graph *graph, const struct model *model, uint32_t m)
{
    uint32_t targets = graph->matrix[m].targets;
    return model != NULL ? weight_row_bytes(model->matrix[m].type, targets) : (uint64_t)WORD * targets;
}

uint64_t energy_gate_partners(const struct graph *graph, uint32_t p)
{
    const struct population *population = &graph->population[p];
    if (population->code != CODE_HG || population->product == PRODUCT_NONE) return 0;
    return population->product == PRODUCT_ONE ? 1 : population->product_partners;
}

/* Weights and potentials that arriving spikes touch; returns the synapses of its matrices per spike. */
static uint64_t matrices_spiking(const struct graph *graph, const struct model *model, uint32_t p, uint64_t arrived,
                                 struct energy_work *work)
{
    uint64_t synapses = 0;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        if (slot->source != p) continue;
        uint64_t row = energy_row_bytes(graph, model, m);
        access_spiking(work, arrived * row, slot->sources * row);
        access_spiking(work, 2 * WORD * arrived * slot->targets, (uint64_t)WORD * slot->targets);
        synapses += slot->targets;
    }
    return synapses;
}

static void spiking_of(const struct graph *graph, const struct model *model, uint32_t p,
                       const struct counters *counters, struct energy_work *work)
{
    const struct population *population = &graph->population[p];
    uint64_t arrived = counters->spikes - counters->spikes_lost, own = (uint64_t)WORD * population->neurons;
    uint64_t cache = WORD * energy_cache_elements(graph), bias = injections(population, counters);
    access_spiking(work, 2 * WORD * (counters->spikes + counters->spikes_gate), ENERGY_FIFO);
    uint64_t synapses = matrices_spiking(graph, model, p, arrived, work);
    uint64_t others = counters->synaptic_operations - arrived * synapses + counters->spike_product_operations;
    access_spiking(work, 2 * WORD * others, own);
    access_spiking(work, WORD * (counters->threshold_tests + 2 * resets(population, counters) + 3 * bias), own);
    access_spiking(work, WORD * counters->spike_product_operations, reads_cache(population) ? cache : own);
    if (writes_cache(graph, population)) access_spiking(work, 2 * WORD * arrived, cache);
    if (population->code == CODE_HG && model != NULL)
        access_spiking(work, TABLE_ROW * (counters->spikes_gate / 2),
                       (uint64_t)TABLE_ROW * model->table[model->population[p].table].rows);
}

static void dense_of(const struct graph *graph, uint32_t p, const struct counters *counters, uint32_t tokens,
                     struct energy_work *work)
{
    const struct population *population = &graph->population[p];
    uint64_t elements = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->matrix[m].source == p) elements += (uint64_t)graph->matrix[m].sources * graph->matrix[m].targets;
    uint64_t runs = elements > 0 ? counters->dense_macs / elements : 0;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        uint64_t weights = (uint64_t)slot->sources * slot->targets;
        if (slot->source != p) continue;
        if (population->code == CODE_INPUT) {
            access_dense(work, (uint64_t)tokens * slot->targets, weights);
            continue;
        }
        access_dense(work, runs * weights, weights);
        access_dense(work, runs * slot->sources, slot->sources);
        access_dense(work, 2 * runs * slot->targets, slot->targets);
    }
    if (elements == 0 && reads_cache(population))
        access_dense(work, counters->dense_macs, energy_cache_elements(graph));
    if (writes_cache(graph, population))
        access_dense(work, (uint64_t)tokens * population->neurons, energy_cache_elements(graph));
}

void energy_work_of(const struct graph *graph, const struct model *model, uint32_t p, const struct counters *counters,
                    uint32_t tokens, struct energy_work *work)
{
    *work = (struct energy_work){
        .adds = counters->membrane_updates + counters->threshold_tests,
        .multiplies = graph->population[p].code == CODE_HG ? counters->spike_product_operations : 0,
        .events = counters->synaptic_operations + counters->spike_product_operations,
        .macs = counters->dense_macs,
    };
    spiking_of(graph, model, p, counters, work);
    dense_of(graph, p, counters, tokens, work);
}

struct counters energy_idle(const struct graph *graph, uint32_t p, const struct counters *counters)
{
    const struct population *population = &graph->population[p];
    struct counters idle = *counters;
    idle.spikes = idle.spikes_lost = idle.synaptic_operations = 0;
    idle.spike_product_operations = counters->spikes_gate / 2 * energy_gate_partners(graph, p);
    idle.membrane_updates = injections(population, counters) + idle.spike_product_operations;
    return idle;
}
