#include "test/helpers/hand_network.h"

#include <stdlib.h>
#include <string.h>

struct arena {
    uint8_t *memory;
    size_t used;
};

static void *from_arena(void *context, unsigned node, size_t bytes)
{
    (void)node;
    struct arena *arena = context;
    void *memory = arena->memory + arena->used;
    arena->used += (bytes + 63) / 64 * 64;
    return memset(memory, 0, bytes);
}

void hand_new(struct hand *hand, const struct model *model, unsigned steps, unsigned workers)
{
    hand_new_windows(hand, model, steps, workers, 0);
}

void hand_new_windows(struct hand *hand, const struct model *model, unsigned steps, unsigned workers,
                      uint32_t window_tokens)
{
    *hand = (struct hand){.model = model, .workers = workers, .deaf = HAND_NOBODY};
    hand->view = (struct network_model){.graph = model->graph,
                                        .population = model->population,
                                        .matrix = model->matrix,
                                        .norm = model->norm,
                                        .table = model->table,
                                        .rotary = model->rotary,
                                        .code = model->code,
                                        .steps = steps,
                                        .residual_grid = model->residual_grid,
                                        .context = model->graph->config.positions};
    const struct network_team team = {workers, 1, NULL};
    struct arena arena = {aligned_alloc(64, network_bytes(&hand->view, &team, window_tokens)), 0};
    LASSIM_INVARIANT(arena.memory != NULL, "no memory");
    hand->memory = arena.memory;
    hand->network = network_new(&hand->view, &team, window_tokens, from_arena, &arena);
    LASSIM_INVARIANT(hand->network != NULL && arena.used == network_bytes(&hand->view, &team, window_tokens),
                     "%zu bytes used", arena.used);
}

void hand_free(struct hand *hand)
{
    free(hand->memory);
}

static void deliver(struct hand *hand, const struct packet *packet)
{
    if (packet->population == hand->deaf) return;
    hand->packets++;
    for (unsigned w = 0; w < hand->workers; w++)
        network_receive(hand->network, packet, hand->backwards ? hand->workers - 1 - w : w, hand->workers);
}

static void deliver_step(struct hand *hand, uint32_t p, uint32_t step)
{
    const struct train *train = network_train(hand->network, p, 0);
    for (uint32_t i = 0; i < train->packet_count; i++)
        if (train->packets[i].step == step) deliver(hand, &train->packets[i]);
}

static void run_level(struct hand *hand, uint32_t level, const struct token_window *token)
{
    const struct graph *graph = hand->model->graph;
    uint32_t fired[8], n = 0;
    for (uint32_t p = 0; p < graph->populations; p++) {
        struct close_result result;
        if (graph->population[p].level != level || graph->population[p].code == CODE_INPUT) continue;
        network_close(hand->network, p, token, 0, &result);
        hand->saturations += result.saturations;
        hand->injections += result.bias_injections;
        if (result.opened) fired[n++] = p;
    }
    for (uint32_t step = 0; step < hand->view.steps; step++)
        for (uint32_t i = 0; i < n; i++) deliver_step(hand, fired[hand->backwards ? n - 1 - i : i], step);
}

void hand_input(struct hand *hand, const struct token_window *token, uint32_t id)
{
    for (uint32_t p = 0; p < hand->model->graph->inputs; p++) {
        uint32_t spike, row = graph_input_row(hand->model->graph, p, id, token->position, 0);
        struct packet packet;
        network_input(hand->network, p, row, token, &spike, &packet);
        deliver(hand, &packet);
    }
}

void hand_levels(struct hand *hand, const struct token_window *token, uint32_t from, uint32_t to)
{
    for (uint32_t level = from; level < to; level++) run_level(hand, level, token);
}

void hand_token(struct hand *hand, uint32_t t, uint32_t id, float *logits)
{
    struct token_window token = {t, t, t + 1, 1};
    hand_input(hand, &token, id);
    hand_levels(hand, &token, 1, hand->model->graph->levels);
    network_close_head(hand->network, &token, logits);
}

uint32_t hand_population(const struct hand *hand, const char *name)
{
    for (uint32_t p = 0; p < hand->model->graph->populations; p++)
        if (strcmp(hand->model->graph->population[p].name, name) == 0) return p;
    LASSIM_INVARIANT(0, "no population %s", name);
}
