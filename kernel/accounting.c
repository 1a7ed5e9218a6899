#include "kernel/accounting.h"

#include <stdlib.h>
#include <string.h>

struct accounting {
    const struct graph *graph;
    struct counters *population; /* [populations] */
    struct counters *token;      /* [positions] */
    uint64_t *macs;              /* [populations] dense MACs of the matrices that it feeds */
    uint32_t tokens;
};

struct accounting *accounting_new(const struct graph *graph)
{
    struct accounting *accounting = calloc(1, sizeof *accounting);
    if (accounting == NULL) return NULL;
    accounting->graph = graph;
    accounting->population = calloc(graph->populations, sizeof *accounting->population);
    accounting->token = calloc(graph->config.positions, sizeof *accounting->token);
    accounting->macs = calloc(graph->populations, sizeof *accounting->macs);
    if (accounting->population == NULL || accounting->token == NULL || accounting->macs == NULL) {
        accounting_free(accounting);
        return NULL;
    }
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        if (graph->population[slot->source].code == CODE_INPUT) continue; /* a look-up, no product */
        accounting->macs[slot->source] += (uint64_t)slot->sources * slot->targets;
    }
    return accounting;
}

void accounting_free(struct accounting *accounting)
{
    if (accounting == NULL) return;
    free(accounting->population);
    free(accounting->token);
    free(accounting->macs);
    free(accounting);
}

void accounting_reset(struct accounting *accounting)
{
    memset(accounting->population, 0, accounting->graph->populations * sizeof *accounting->population);
    memset(accounting->token, 0, accounting->tokens * sizeof *accounting->token);
    accounting->tokens = 0;
}

static void add(struct accounting *accounting, uint32_t population, uint32_t token, const struct counters *counters)
{
    counters_add(&accounting->population[population], counters);
    counters_add(&accounting->token[token], counters);
}

static uint64_t dense_macs(const struct accounting *accounting, uint32_t p, uint32_t visible)
{
    const struct graph *graph = accounting->graph;
    enum population_kind kind = graph->population[p].kind;
    int meets = kind == (graph->config.rotary ? POPULATION_QUERY_TURNED : POPULATION_QUERY);
    if (meets || kind == POPULATION_WEIGHT) return (uint64_t)graph->config.heads * graph->config.head_dim * visible;
    return accounting->macs[p];
}

void account_token(struct accounting *accounting, const struct token_window *token)
{
    const struct graph *graph = accounting->graph;
    if (token->token >= accounting->tokens) accounting->tokens = token->token + 1;
    for (uint32_t p = 0; p < graph->populations; p++) {
        if (graph->population[p].head_side && !token->asked) continue;
        struct counters counters = {.dense_macs = dense_macs(accounting, p, token->visible)};
        if (counters.dense_macs != 0) add(accounting, p, token->token, &counters);
    }
}

void account_head(struct accounting *accounting, const struct token_window *token, uint64_t bias_injections)
{
    struct counters counters = {.membrane_updates = bias_injections};
    if (bias_injections > 0) add(accounting, accounting->graph->head_source, token->token, &counters);
}

void account_input(struct accounting *accounting, const struct packet *packet)
{
    struct counters counters = {.windows = 1, .active_neurons = 1};
    add(accounting, packet->population, packet->token, &counters);
}

void account_close(struct accounting *accounting, uint32_t population, const struct token_window *token,
                   const struct close_result *result, uint32_t neurons, uint64_t active, unsigned steps)
{
    struct counters counters = {.saturations = result->saturations, .membrane_updates = result->bias_injections};
    if (result->opened) {
        counters.windows = 1;
        counters.threshold_tests = (uint64_t)steps * neurons;
        counters.active_neurons = active;
    }
    add(accounting, population, token->token, &counters);
}

/* Partners that one spike meets in spike products. */
static uint64_t partners(const struct population *population, uint32_t visible)
{
    switch (population->product) {
    case PRODUCT_NONE: return 0;
    case PRODUCT_ONE: return 1;
    case PRODUCT_FIXED: return population->product_partners;
    case PRODUCT_VISIBLE: return visible;
    }
    return 0;
}

static void add_spikes(struct accounting *accounting, uint32_t p, uint32_t token, uint32_t visible,
                       const struct tally *tally)
{
    const struct population *population = &accounting->graph->population[p];
    /* Half of the gates are sub-interval gates: they carry f(l) into products like a code spike. */
    uint64_t arrived = tally->spikes - tally->lost;
    uint64_t products = (arrived + tally->gates / 2) * partners(population, visible);
    uint64_t resets = population->code == CODE_INPUT ? 0 : tally->spikes;
    struct counters counters = {
        .events = tally->events,
        .spikes = tally->spikes,
        .spikes_positive = tally->spikes - tally->negative,
        .spikes_negative = tally->negative,
        .spikes_normal = population->code == CODE_HG ? 0 : tally->spikes - tally->outlier,
        .spikes_outlier = tally->outlier,
        .spikes_gate = tally->gates,
        .spikes_lost = tally->lost,
        .synaptic_operations = arrived * population->fan_out,
        .spike_product_operations = products,
    };
    counters.membrane_updates = counters.synaptic_operations + products + resets;
    add(accounting, p, token, &counters);
}

void account_packet(struct accounting *accounting, const struct packet *packet)
{
    const struct tally tally = {.events = 1,
                                .spikes = packet->count - packet->gates + packet->lost,
                                .negative = packet->negative,
                                .outlier = packet->outlier,
                                .gates = packet->gates,
                                .lost = packet->lost};
    add_spikes(accounting, packet->population, packet->token, packet->visible, &tally);
}

void account_train(struct accounting *accounting, uint32_t population, const struct token_window *token,
                   const struct tally *tally)
{
    add_spikes(accounting, population, token->token, token->visible, tally);
}

const struct counters *accounting_populations(const struct accounting *accounting)
{
    return accounting->population;
}

const struct counters *accounting_tokens(const struct accounting *accounting, uint32_t *tokens)
{
    *tokens = accounting->tokens;
    return accounting->token;
}
