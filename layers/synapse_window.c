#include "layers/synapse_window.h"

#include "layers/synapse.h"
#include "layers/synapse_integers.h"
#include "layers/synapse_tile.h"
#include "neurons/oat.h"
#include "neurons/real.h"

#define EXACT_DOUBLE (UINT64_C(1) << 53)

enum {
    DENSE_TOKENS = 4,     /* fewer do not share rows often enough */
    DENSE_PER_MILLE = 150 /* active sources from which dense tiles win (bench: synapse) */
};

/* Which codes a pass takes. */
enum plane { PLANE_ALL, PLANE_NORMAL, PLANE_OUTLIER };

/* The rows that a token's window reads, and the integer of each in units of 2^grid. */
struct active_rows {
    uint32_t *row;
    double *value;
    uint32_t count;
};

size_t synapse_window_scratch(uint32_t sources, uint32_t tokens)
{
    size_t sparse = (size_t)sources * (sizeof(uint32_t) + sizeof(double)) + SYNAPSE_TILE_TARGETS * sizeof(double);
    size_t floats = (size_t)sources * tokens * sizeof(double) + synapse_panel_scratch(tokens) + sparse + 256;
    size_t integers = synapse_integers_scratch(sources, tokens);
    return floats > integers ? floats : integers;
}

static int in_plane(enum plane plane, uint32_t code)
{
    if ((code & OAT_MAGNITUDE) == 0) return 0;
    return plane == PLANE_ALL || (plane == PLANE_OUTLIER) == ((code & OAT_OUTLIER) != 0);
}

/* v of one source; outliers alone are counted in units of 2^j. */
static int64_t source_value(const struct population_params *source, enum plane plane, uint32_t neuron, uint32_t code)
{
    int64_t value = plane == PLANE_ALL ? oat_value(code, source->j) : oat_value(code & ~OAT_OUTLIER, 0);
    return source->shift != NULL ? value * (INT64_C(1) << source->shift[neuron]) : value;
}

static void find_active(const struct population_params *source, enum plane plane, const uint32_t *codes,
                        uint32_t sources, double per_grid, struct active_rows *active)
{
    active->count = 0;
    for (uint32_t k = 0; k < sources; k++) {
        if (!in_plane(plane, codes[k])) continue;
        active->row[active->count] = k;
        active->value[active->count++] = (double)source_value(source, plane, k, codes[k]) * per_grid;
    }
}

/* sum += acc 2^shift; acc holds exact integers. */
static void add_exact(const double *acc, uint32_t n, unsigned shift, int64_t *sum)
{
    for (uint32_t i = 0; i < n; i++) sum[i] += (int64_t)((uint64_t)(int64_t)acc[i] << shift);
}

static void receive_sparse(const struct matrix *matrix, uint32_t targets, const struct active_rows *active,
                           uint32_t from, uint32_t to, unsigned shift, double *acc, int64_t *sum)
{
    const struct synapse_rows rows = {matrix->weights, matrix->type, matrix->grid, targets};
    for (uint32_t tile = from; active->count > 0 && tile < to; tile += SYNAPSE_TILE_TARGETS) {
        uint32_t width = to - tile < SYNAPSE_TILE_TARGETS ? to - tile : SYNAPSE_TILE_TARGETS;
        synapse_tile_rows(&rows, active->row, active->value, active->count, tile, width, acc);
        add_exact(acc, width, shift, sum + tile);
    }
}

/* The scratch memory of a call, cut up. */
struct workspace {
    double *values; /* [tokens][sources] */
    void *panel;
    struct active_rows active;
    double *acc;
};

static struct workspace cut(void *scratch, uint32_t sources, uint32_t tokens)
{
    struct workspace w;
    char *at = scratch;
    w.panel = at;
    at += (synapse_panel_scratch(tokens) + 63) / 64 * 64;
    w.acc = (double *)(void *)at;
    at += SYNAPSE_TILE_TARGETS * sizeof(double);
    w.values = (double *)(void *)at;
    at += (size_t)sources * tokens * sizeof(double);
    w.active.value = (double *)(void *)at;
    at += sources * sizeof(double);
    w.active.row = (uint32_t *)(void *)at;
    w.active.count = 0;
    return w;
}

static uint32_t count_active(const uint32_t *codes, uint32_t sources)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < sources; k++) count += (codes[k] & OAT_MAGNITUDE) != 0;
    return count;
}

static int worth_dense(const struct synapse_window *window, uint32_t tokens, uint32_t sources)
{
    uint64_t active = 0;
    if (tokens < DENSE_TOKENS) return 0;
    for (uint32_t t = 0; t < tokens; t++) active += count_active(window[t].codes, sources);
    return active * 1000 >= (uint64_t)sources * tokens * DENSE_PER_MILLE;
}

static void sparse_plane(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                         const struct population_params *source, enum plane plane, const struct synapse_window *window,
                         uint32_t tokens, uint32_t from, uint32_t to, struct workspace *w)
{
    double per_grid = real_power_of_two(-matrix->grid);
    unsigned shift = plane == PLANE_OUTLIER ? source->j : 0;
    for (uint32_t t = 0; t < tokens; t++) {
        find_active(source, plane, window[t].codes, sources, per_grid, &w->active);
        receive_sparse(matrix, targets, &w->active, from, to, shift, w->acc, window[t].sum);
    }
}

/* The rows that any of the tokens needs: silent ones are not read. */
static uint32_t union_of_rows(enum plane plane, const struct synapse_window *window, uint32_t tokens, uint32_t sources,
                              uint32_t *row)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < sources; k++) {
        uint32_t t = 0;
        while (t < tokens && !in_plane(plane, window[t].codes[k])) t++;
        if (t < tokens) row[n++] = k;
    }
    return n;
}

static void dense_plane(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                        const struct population_params *source, enum plane plane, const struct synapse_window *window,
                        uint32_t tokens, uint32_t from, uint32_t to, const struct workspace *w)
{
    const struct synapse_rows rows = {matrix->weights, matrix->type, matrix->grid, targets};
    double per_grid = real_power_of_two(-matrix->grid);
    uint32_t *row = w->active.row, n = union_of_rows(plane, window, tokens, sources, row);
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t k = 0; k < n; k++) {
            uint32_t code = window[t].codes[row[k]];
            w->values[(size_t)t * n + k] =
                in_plane(plane, code) ? (double)source_value(source, plane, row[k], code) * per_grid : 0;
        }
    for (uint32_t tile = from; tile < to; tile += SYNAPSE_PANEL_TARGETS) {
        uint32_t width = to - tile < SYNAPSE_PANEL_TARGETS ? to - tile : SYNAPSE_PANEL_TARGETS;
        const double *acc = synapse_panel(&rows, row, n, w->values, tokens, tile, width, w->panel);
        for (uint32_t t = 0; t < tokens; t++)
            add_exact(acc + (size_t)t * SYNAPSE_PANEL_TARGETS, width, 0, window[t].sum + tile);
    }
}

/* Bounds beyond double: 64-bit integers, row by row. */
static void receive_wide(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                         const struct population_params *source, const struct synapse_window *window, uint32_t from,
                         uint32_t to)
{
    for (uint32_t k = 0; k < sources; k++) {
        if (!in_plane(PLANE_ALL, window->codes[k])) continue;
        int64_t value = source_value(source, PLANE_ALL, k, window->codes[k]);
        for (uint32_t i = from; i < to; i++) window->sum[i] += value * synapse_integer(matrix, targets, k, i);
    }
}

void synapse_window_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                            const struct population_params *source, const struct synapse_window *window,
                            uint32_t tokens, uint32_t from, uint32_t to, void *scratch)
{
    struct workspace w = cut(scratch, sources, tokens);
    if (from >= to) return;
    if (!weight_is_float(matrix->type)) {
        synapse_integers_receive(matrix, sources, targets, source, window, tokens, from, to, scratch);
        return;
    }
    if (matrix->bound >> source->j >= EXACT_DOUBLE) {
        for (uint32_t t = 0; t < tokens; t++) receive_wide(matrix, sources, targets, source, &window[t], from, to);
        return;
    }
    enum plane first = matrix->bound < EXACT_DOUBLE ? PLANE_ALL : PLANE_NORMAL;
    if (worth_dense(window, tokens, sources))
        dense_plane(matrix, sources, targets, source, first, window, tokens, from, to, &w);
    else
        sparse_plane(matrix, sources, targets, source, first, window, tokens, from, to, &w);
    if (first == PLANE_NORMAL)
        sparse_plane(matrix, sources, targets, source, PLANE_OUTLIER, window, tokens, from, to, &w);
}
