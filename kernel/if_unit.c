/* One unit of the integrate-and-fire engine: what a worker does with its 256 neurons in a window. */
#include <string.h>

#include "kernel/if_engine_state.h"

/* What arrives through a route at step k, where something does: out[0 .. n). */
static void receive(const struct if_engine *engine, uint32_t r, uint32_t k, uint32_t tile, uint32_t n, double *out)
{
    const struct if_arrivals *arrivals = &engine->arrivals[r];
    const struct if_route *route = &engine->network->route[r];
    uint32_t count = arrivals->count[k], sources = engine->network->population[route->source].size;
    const uint32_t *rows = arrivals->rows + (size_t)k * sources;
    if (route->dense) {
        row_sum(&route->rows, engine->setup.cpu, tile, rows, count, route->step, out);
        return;
    }
    int64_t sum[IF_UNIT] = {0};
    synapse_list_sum(&route->list, rows, count, tile * IF_UNIT, tile * IF_UNIT + n, sum);
    for (uint32_t i = 0; i < n; i++) out[i] = (double)sum[i] * route->step;
}

/* Adds what arrives through a further route. */
static void add(const struct if_engine *engine, uint32_t r, uint32_t k, uint32_t tile, uint32_t n, double *input)
{
    double more[IF_UNIT] __attribute__((aligned(64)));
    receive(engine, r, k, tile, n, more);
    for (uint32_t i = 0; i < n; i++) input[i] += more[i];
}

/* The input of the unit at step k; returns 0, input untouched, if nothing arrives. */
static int receive_all(const struct if_engine *engine, const struct if_state *state, uint32_t k, uint32_t tile,
                       uint32_t n, double *input)
{
    int any = 0;
    for (uint32_t i = 0; i < state->ins; i++) {
        uint32_t r = engine->in[state->first_in + i];
        if (engine->arrivals[r].count[k] == 0) continue;
        if (any)
            add(engine, r, k, tile, n, input);
        else
            receive(engine, r, k, tile, n, input);
        any = 1;
    }
    return any;
}

static void take_spikes(const struct if_engine *engine, struct if_unit *unit, uint32_t k)
{
    const struct if_state *state = &engine->state[unit->population];
    size_t first = (size_t)unit->tile * IF_UNIT;
    uint32_t code = if_code_bit(engine->now + k);
    unit->fired |= UINT32_C(1) << k;
    for (uint32_t w = 0; w < IF_UNIT_WORDS; w++) {
        for (uint64_t left = unit->bits[k][w]; left != 0; left &= left - 1) {
            size_t i = first + w * 64 + (unsigned)__builtin_ctzll(left);
            state->count[i]++;
            if (state->codes != NULL) state->codes[i] |= code;
        }
    }
}

void if_unit_run(struct if_engine *engine, struct if_unit *unit)
{
    const struct if_state *state = &engine->state[unit->population];
    const struct lif_params *params = &state->population->params;
    size_t first = (size_t)unit->tile * IF_UNIT;
    uint32_t n =
        state->population->size - (uint32_t)first < IF_UNIT ? state->population->size - (uint32_t)first : IF_UNIT;
    double input[IF_UNIT] __attribute__((aligned(64)));
    unit->visits = unit->fired = 0;
    for (uint32_t k = 0; k < engine->steps; k++) {
        if (!receive_all(engine, state, k, unit->tile, n, input)) {
            if (params->leak == 1 && !unit->restless) continue;
            memset(input, 0, sizeof input);
        }
        unit->visits++;
        uint64_t *ready = state->ready != NULL ? state->ready + first : NULL;
        if (lif_step(params, engine->now + k, state->v + first, ready, input, n, unit->bits[k], &unit->restless))
            take_spikes(engine, unit, k);
    }
}
