#include "convert/calibrate.h"

#include <limits.h>
#include <stdlib.h>

#include "convert/grids.h"
#include "convert/quantise.h"
#include "neurons/real.h"

enum { PRODUCT_BITS = 62, CODE_BITS = 16, MATRICES_MAX = 4 /* that one population feeds: q, k, v */ };

/* What one population's decision needs. */
struct decision {
    struct calibration *calibration;
    uint32_t population;
    struct threshold_values values;
    double largest;
    double *maximum; /* [columns] */
    int *exponent;   /* [columns] */
    int base[OAT_SHIFT_MAX + 1];
    unsigned matrices;
    uint32_t matrix[MATRICES_MAX];
    struct grid_range range[MATRICES_MAX];
};

static struct grid_matrix grid_matrix_of(const struct calibration *calibration, uint32_t m)
{
    const struct matrix_slot *slot = &calibration->model->graph->matrix[m];
    return (struct grid_matrix){
        .tensor = calibration->tensors->matrix[m].weight,
        .sources = slot->sources,
        .targets = slot->targets,
        .input = calibration->model->graph->population[slot->source].code == CODE_INPUT,
    };
}

static int ceil_log2(uint32_t n)
{
    int bits = 0;
    while (((uint64_t)1 << bits) < n) bits++;
    return bits;
}

/* Largest j with which the spike products of q, k and v stay below 2^62 at the longest context: q.k sums
 * head_dim products of two codes (of the turned trains where rotary), e.v one product a key, where e's codes reach 2^17.
 * Turning sums two codes of at most 2^26 times 2^30: no limit. */
static int product_limit(const struct model_config *config, enum population_kind kind)
{
    int limit = OAT_SHIFT_MAX;
    if (kind == (config->rotary ? POPULATION_QUERY_TURNED : POPULATION_QUERY) ||
        kind == (config->rotary ? POPULATION_KEY_TURNED : POPULATION_KEY))
        limit = (PRODUCT_BITS - 2 * CODE_BITS - ceil_log2(config->head_dim)) / 2;
    else if (kind == POPULATION_VALUE)
        limit = PRODUCT_BITS - 2 * CODE_BITS - 1 - ceil_log2(config->positions);
    return limit < OAT_SHIFT_MAX ? limit : OAT_SHIFT_MAX;
}

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory");
}

static enum lassim_status not_exact(const struct grid_matrix *matrix, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_FILE, matrix->tensor->file, matrix->tensor->name,
                       "expected weights whose sums can be proved exact; these weights span too many bits");
}

/* Where matrix m goes if it is stored in an integer type, else NULL. */
static const struct quantised_out *quantised_of(const struct calibration *calibration, uint32_t m)
{
    if (calibration->quantised == NULL || calibration->quantised[m].weights == NULL) return NULL;
    return &calibration->quantised[m];
}

/* Smallest base, `base` or above, for which the bound with outlier shift j holds; INT_MAX if there is none. */
static int smallest_base(const struct grid_reach *reach, unsigned j, int base)
{
    int highest = reach->lowest + (int)reach->buckets - 1;
    if (base > highest) return base;
    while (base < highest && grid_reach_bound(reach, base) >= GRID_BOUND >> j) base++;
    return grid_reach_bound(reach, base) < GRID_BOUND >> j ? base : INT_MAX;
}

/* Raises base[j] to what the sums of matrix number i allow. */
static enum lassim_status limit_by_matrix(struct decision *d, unsigned i, struct lassim_error *error)
{
    const struct grid_matrix matrix = grid_matrix_of(d->calibration, d->matrix[i]);
    unsigned threads = d->calibration->threads;
    struct grid_reach reach;
    int failed;
    if (quantised_of(d->calibration, d->matrix[i]) != NULL)
        failed = quantise_reach_new(threads, &d->calibration->model->matrix[d->matrix[i]], matrix.sources,
                                    matrix.targets, d->exponent, &reach);
    else
        failed =
            grid_reach_new(threads, &matrix, d->exponent, grid_provisional(matrix.tensor->type, &d->range[i]), &reach);
    if (failed) return no_memory(error);
    int base = reach.lowest;
    for (unsigned j = 0; j <= OAT_SHIFT_MAX; j++) {
        base = smallest_base(&reach, j, base);
        if (base > d->base[j]) d->base[j] = base;
    }
    grid_reach_free(&reach);
    return d->base[0] == INT_MAX ? not_exact(&matrix, error) : LASSIM_OK;
}

static void find_matrices(struct decision *d)
{
    const struct graph *graph = d->calibration->model->graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        if (graph->matrix[m].source != d->population) continue;
        LASSIM_INVARIANT(d->matrices < MATRICES_MAX, "population %s", graph->population[d->population].name);
        d->matrix[d->matrices++] = m;
    }
}

/* What the matrices' weights are: integers in their place, or the range that decides their grid. */
static enum lassim_status look_at_weights(struct decision *d, struct lassim_error *error)
{
    const struct calibration *calibration = d->calibration;
    for (unsigned i = 0; i < d->matrices; i++) {
        uint32_t m = d->matrix[i];
        const struct grid_matrix matrix = grid_matrix_of(calibration, m);
        const struct quantised_out *out = quantised_of(calibration, m);
        if (out == NULL)
            d->range[i] = grid_range_of(calibration->threads, matrix.tensor);
        else if (quantise_matrix(calibration->threads, &matrix, out->type, out->scale, out->weights,
                                 &calibration->model->matrix[m]) != 0)
            return no_memory(error);
    }
    return LASSIM_OK;
}

/* exponent[] and base[]: per channel for LayerNorm outputs, one for all otherwise. */
static enum lassim_status allowed_thresholds(struct decision *d, struct lassim_error *error)
{
    const struct model *model = d->calibration->model;
    const struct population *population = &model->graph->population[d->population];
    int one = d->largest > 0 ? threshold_exponent(d->largest) : 0, highest = INT_MIN, lowest = INT_MAX;
    if (population->per_channel) threshold_exponents(d->maximum, d->values.columns, d->exponent);
    for (size_t i = 0; i < d->values.columns; i++) {
        if (!population->per_channel) d->exponent[i] = one;
        if (d->exponent[i] > highest) highest = d->exponent[i];
        if (d->exponent[i] < lowest) lowest = d->exponent[i];
    }
    if (lowest < highest - GRID_SPAN_MAX) lowest = highest - GRID_SPAN_MAX;
    int limit = product_limit(&model->graph->config, population->kind);
    for (int j = 0; j <= OAT_SHIFT_MAX; j++) d->base[j] = j <= limit ? lowest : INT_MAX;
    enum lassim_status status = LASSIM_OK;
    for (unsigned i = 0; i < d->matrices && status == LASSIM_OK; i++) status = limit_by_matrix(d, i, error);
    return status;
}

static enum lassim_status choose_thresholds(struct decision *d, struct lassim_error *error)
{
    const struct calibration *calibration = d->calibration;
    struct population_params *params = &calibration->model->population[d->population];
    int per_channel = calibration->model->graph->population[d->population].per_channel;
    int8_t *shift = NULL;
    if (per_channel && (shift = calloc(d->values.columns, 1)) == NULL) return no_memory(error);
    if (calibration->rule == THRESHOLD_ONE_AT_MAX) {
        threshold_one(d->largest, params);
        params->shift = shift;
        return LASSIM_OK;
    }
    enum lassim_status status = allowed_thresholds(d, error);
    if (status == LASSIM_OK)
        threshold_choose(calibration->threads, &d->values, calibration->model->timesteps, d->exponent, d->base, shift,
                         params);
    else
        free(shift);
    return status;
}

static enum lassim_status choose_grids(const struct decision *d, struct lassim_error *error)
{
    struct model *model = d->calibration->model;
    const struct population_params *params = &model->population[d->population];
    for (unsigned i = 0; i < d->matrices; i++) {
        const struct grid_matrix matrix = grid_matrix_of(d->calibration, d->matrix[i]);
        struct matrix *out = &model->matrix[d->matrix[i]];
        unsigned threads = d->calibration->threads;
        int failed;
        if (quantised_of(d->calibration, d->matrix[i]) != NULL)
            failed =
                quantise_bound(threads, out, matrix.sources, matrix.targets, params->shift, params->j, &out->bound);
        else
            failed = grid_choose(threads, &matrix, &d->range[i], params->shift, params->j, out);
        if (failed != 0) return failed == -2 ? no_memory(error) : not_exact(&matrix, error);
    }
    return LASSIM_OK;
}

static enum lassim_status decide(struct decision *d, struct lassim_error *error)
{
    find_matrices(d);
    d->exponent = malloc(d->values.columns * sizeof *d->exponent);
    if (d->exponent == NULL) return no_memory(error);
    enum lassim_status status = look_at_weights(d, error);
    if (status == LASSIM_OK) status = choose_thresholds(d, error);
    free(d->exponent);
    return status == LASSIM_OK ? choose_grids(d, error) : status;
}

/* Notes what the residual reaches. */
static void note_largest(struct calibration *calibration, const struct population *p, double largest)
{
    if ((p->kind == POPULATION_RESIDUAL || p->into_residual) && largest > calibration->residual_max)
        calibration->residual_max = largest;
}

enum lassim_status calibrate_observe(void *context, uint32_t population, const double *values, size_t rows,
                                     size_t columns, struct lassim_error *error)
{
    struct calibration *calibration = context;
    struct model *model = calibration->model;
    const struct population *p = &model->graph->population[population];
    struct decision d = {.calibration = calibration,
                         .population = population,
                         .values = {.x = values, .rows = rows, .columns = columns, .relu = p->relu}};
    d.maximum = malloc(columns * sizeof *d.maximum);
    if (d.maximum == NULL) return no_memory(error);
    enum lassim_status status = LASSIM_OK;
    if (threshold_maxima(&d.values, d.maximum) != 0)
        status = lassim_fail(error, LASSIM_ERR_FILE, NULL, p->name,
                             "expected finite values on the calibration text; the checkpoint's network overflows");
    for (size_t i = 0; i < columns; i++)
        if (d.maximum[i] > d.largest) d.largest = d.maximum[i];
    model->calibrated_max[population] = d.largest;
    note_largest(calibration, p, d.largest);
    if (status == LASSIM_OK && p->kind == POPULATION_WEIGHT)
        model->population[population] = (struct population_params){.scale = 1, .exponent = 0, .j = 1};
    else if (status == LASSIM_OK && p->code == CODE_OAT)
        status = decide(&d, error);
    free(d.maximum);
    return status;
}

enum lassim_status calibrate_inputs(struct calibration *calibration, struct lassim_error *error)
{
    const struct graph *graph = calibration->model->graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        if (graph->population[graph->matrix[m].source].code != CODE_INPUT) continue;
        const struct grid_matrix matrix = grid_matrix_of(calibration, m);
        const struct grid_range range = grid_range_of(calibration->threads, matrix.tensor);
        if (grid_choose(calibration->threads, &matrix, &range, NULL, 0, &calibration->model->matrix[m]) != 0)
            return not_exact(&matrix, error);
    }
    return LASSIM_OK;
}

int calibrate_residual_grid(const struct calibration *calibration)
{
    double largest = calibration->residual_max;
    if (!(largest > 0)) largest = 1;
    return real_floor_log2(largest) + 1 + CALIBRATE_RESIDUAL_MARGIN - CALIBRATE_RESIDUAL_BITS;
}
