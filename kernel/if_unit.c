/* One unit of the integrate-and-fire engine: what a worker does with its 256 neurons in a window. */
#include <string.h>

#include "kernel/if_engine_state.h"

/* Adds what arrives through a route at step k to input[0 .. n); 1 if anything did. */
static int receive(const struct if_engine *engine, uint32_t r, uint32_t k, uint32_t tile, uint32_t n, double *input)
{
    const struct if_arrivals *arrivals = &engine->arrivals[r];
    const struct if_route *route = &engine->network->route[r];
    uint32_t count = arrivals->count[k], sources = engine->network->population[route->source].size;
    if (count == 0) return 0;
    const uint32_t *rows = arrivals->rows + (size_t)k * sources;
    int64_t sum[IF_UNIT] __attribute__((aligned(64))) = {0};
    if (route->dense)
        row_sum(&route->rows, engine->setup.cpu, tile, rows, count, sum);
    else
        synapse_list_sum(&route->list, rows, count, tile * IF_UNIT, tile * IF_UNIT + n, sum);
    for (uint32_t i = 0; i < n; i++) input[i] += (double)sum[i] * route->step;
    return 1;
}

static void take_spikes(const struct if_engine *engine, struct if_unit *unit, uint32_t k, const uint32_t *spikes,
                        uint32_t count)
{
    const struct if_state *state = &engine->state[unit->population];
    size_t first = (size_t)unit->tile * IF_UNIT;
    uint32_t code = if_code_bit(engine->now + k);
    memset(unit->bits[k], 0, sizeof unit->bits[k]);
    for (uint32_t i = 0; i < count; i++) {
        unit->bits[k][spikes[i] / 64] |= UINT64_C(1) << spikes[i] % 64;
        state->count[first + spikes[i]]++;
        if (state->codes != NULL) state->codes[first + spikes[i]] |= code;
    }
    unit->fired |= UINT32_C(1) << k;
}

void if_unit_run(struct if_engine *engine, struct if_unit *unit)
{
    const struct if_state *state = &engine->state[unit->population];
    const struct lif_params *params = &state->population->params;
    size_t first = (size_t)unit->tile * IF_UNIT;
    uint32_t n =
        state->population->size - (uint32_t)first < IF_UNIT ? state->population->size - (uint32_t)first : IF_UNIT;
    uint32_t spikes[IF_UNIT];
    unit->visits = unit->fired = 0;
    for (uint32_t k = 0; k < engine->steps; k++) {
        double input[IF_UNIT] __attribute__((aligned(64))) = {0};
        int visited = params->leak != 1 || unit->restless;
        for (uint32_t i = 0; i < state->ins; i++)
            visited |= receive(engine, engine->in[state->first_in + i], k, unit->tile, n, input);
        if (!visited) continue;
        unit->visits++;
        uint32_t count = lif_step(params, engine->now + k, state->v + first, state->ready ? state->ready + first : NULL,
                                  input, n, spikes, &unit->restless);
        if (count > 0) take_spikes(engine, unit, k, spikes, count);
    }
}
