#include "kernel/program/tune_model.h"

#include <stdlib.h>
#include <string.h>

#include "neurons/oat.h"

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
}

/* Largest outlier shift with which the sums of the matrices that p feeds stay below 2^62. */
static uint32_t most_shift(const struct model *model, uint32_t p)
{
    uint32_t most = model->population[p].j, feeds = 0;
    for (uint32_t m = 0; m < model->graph->matrices; m++) feeds |= model->graph->matrix[m].source == p;
    if (!feeds || model->graph->population[p].code != CODE_OAT) return most;
    for (uint32_t j = OAT_SHIFT_MAX; j > most; j--) {
        int fits = 1;
        for (uint32_t m = 0; m < model->graph->matrices; m++)
            if (model->graph->matrix[m].source == p)
                fits &= (unsigned __int128)model->matrix[m].bound << (j - most) < (uint64_t)PARAMS_SUM_LIMIT;
        if (fits) return j;
    }
    return most;
}

static uint8_t largest_shift(const struct population *population, const struct population_params *params)
{
    int8_t largest = 0;
    for (uint32_t i = 0; params->shift != NULL && i < population->neurons; i++)
        if (params->shift[i] > largest) largest = params->shift[i];
    return (uint8_t)largest;
}

enum lassim_status tune_groups_new(const struct model *model, struct tune_groups *groups, struct lassim_error *error)
{
    uint32_t populations = model->graph->populations;
    *groups = (struct tune_groups){.population = calloc(populations, sizeof *groups->population),
                                   .start = calloc(populations, sizeof *groups->start),
                                   .most_floor = calloc(populations, 1),
                                   .most_j = calloc(populations, 1)};
    if (groups->population == NULL || groups->start == NULL || groups->most_floor == NULL || groups->most_j == NULL) {
        tune_groups_free(groups);
        return no_memory(error);
    }
    for (uint32_t p = 0; p < populations; p++) {
        const struct population_params *params = &model->population[p];
        if (model->graph->population[p].code == CODE_INPUT) continue;
        groups->population[groups->count] = p;
        groups->start[groups->count] =
            (struct tune_setting){(uint8_t)params_steps(params, model->timesteps), (uint8_t)params->j, 0};
        groups->most_floor[groups->count] = largest_shift(&model->graph->population[p], params);
        groups->most_j[groups->count++] = (uint8_t)most_shift(model, p);
    }
    return LASSIM_OK;
}

void tune_groups_free(struct tune_groups *groups)
{
    free(groups->population);
    free(groups->start);
    free(groups->most_floor);
    free(groups->most_j);
    *groups = (struct tune_groups){0};
}

/* Shifts below floor become floor, told from a base that much higher: the largest sums do not grow. */
static int raise_shifts(const struct population *population, unsigned floor, struct population_params *params)
{
    if (floor == 0) return 0;
    int8_t *shift = malloc(population->neurons);
    if (shift == NULL) return -1;
    for (uint32_t i = 0; i < population->neurons; i++)
        shift[i] = (int8_t)(params->shift[i] > (int)floor ? params->shift[i] - (int)floor : 0);
    params->shift = shift;
    params->exponent += (int32_t)floor;
    return 0;
}

/* The window is as long as the longest T. */
static uint32_t longest(const struct tune_groups *groups, const struct tune_setting *settings)
{
    uint32_t most = 1;
    for (unsigned g = 0; g < groups->count; g++)
        if (settings[g].steps > most) most = settings[g].steps;
    return most;
}

enum lassim_status tune_model_make(const struct model *model, const struct tune_groups *groups,
                                   const struct tune_setting *settings, struct model *made, struct lassim_error *error)
{
    const struct graph *graph = model->graph;
    *made = *model;
    made->population = malloc(graph->populations * sizeof *made->population);
    made->matrix = malloc(graph->matrices * sizeof *made->matrix);
    if (made->population == NULL || made->matrix == NULL) {
        free(made->population);
        free(made->matrix);
        return no_memory(error);
    }
    memcpy(made->population, model->population, graph->populations * sizeof *made->population);
    memcpy(made->matrix, model->matrix, graph->matrices * sizeof *made->matrix);
    made->timesteps = longest(groups, settings);
    for (unsigned g = 0; g < groups->count; g++) {
        uint32_t p = groups->population[g], by = settings[g].j - groups->start[g].j;
        struct population_params *params = &made->population[p];
        if (raise_shifts(&graph->population[p], settings[g].floor, params) != 0) {
            tune_model_free(made, model);
            return no_memory(error);
        }
        params->steps = settings[g].steps < made->timesteps ? settings[g].steps : 0;
        params->j = settings[g].j;
        params->exponent -= (int32_t)by;
        for (uint32_t m = 0; by > 0 && m < graph->matrices; m++)
            if (graph->matrix[m].source == p) made->matrix[m].bound <<= by;
    }
    return LASSIM_OK;
}

void tune_model_free(struct model *made, const struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++)
        if (made->population[p].shift != model->population[p].shift) free((void *)made->population[p].shift);
    free(made->population);
    free(made->matrix);
    made->population = NULL;
    made->matrix = NULL;
}

enum lassim_status tune_model_write(const struct model *model, const char *path, int no_clobber,
                                    struct lassim_error *error)
{
    const struct graph *graph = model->graph;
    struct model_writer *writer;
    enum weight_type *types = calloc(graph->matrices, sizeof *types);
    if (types == NULL) return no_memory(error);
    for (uint32_t m = 0; m < graph->matrices; m++) types[m] = model->matrix[m].type;
    enum lassim_status status = model_writer_begin(path, no_clobber, graph, types, &writer, error);
    free(types);
    if (status != LASSIM_OK) return status;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        memcpy(model_writer_weights(writer, m), model->matrix[m].weights,
               weight_bytes(model->matrix[m].type, slot->sources, slot->targets));
    }
    return model_writer_finish(writer, model, error);
}
