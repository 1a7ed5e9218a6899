#include "layers/synapse_window.h"

#include "layers/synapse.h"
#include "layers/synapse_active.h"
#include "layers/synapse_amx.h"
#include "layers/synapse_integers.h"
#include "layers/synapse_tile.h"
#include "neurons/oat.h"
#include "neurons/real.h"

#define EXACT_DOUBLE (UINT64_C(1) << 53)

/* What a weight costs in hundredths of a cycle (measured on Zen 4; elsewhere the proportions are alike): in a sparse
 * row for one token, in a panel once, in a panel for each token. */
enum { SPARSE_COST = 35, PACK_COST = 150, DENSE_COST = 14, SAMPLED_TOKENS = 8 };

/* The scratch memory of a call, cut up. */
struct workspace {
    void *panel;
    double *acc;                 /* [SYNAPSE_TILE_TARGETS] */
    double *values;              /* [tokens][synapse_panel_stride(sources)] */
    uint32_t *row;               /* [sources] */
    uint32_t *code;              /* [sources] */
    struct synapse_window *part; /* [tokens] with a part of each code, */
    uint32_t *part_code;         /* [tokens][sources] */
    uint32_t union_rows;         /* in row, where that holds all tokens' */
};

/* One call's arguments; `per_grid` turns weights into integers. */
struct call {
    struct synapse_rows rows;
    const struct population_params *source;
    const struct synapse_window *window;
    uint32_t sources, tokens, from, to;
    double per_grid;
    unsigned shift; /* of the codes, where they are a part of the window's */
};

enum { PART_BITS = 8 /* codes of two parts: bounds from 2^53 to 2^61 */ };

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t values_bytes(uint32_t sources, uint32_t tokens)
{
    return rounded(synapse_panel_stride(sources) * tokens * sizeof(double));
}

size_t synapse_window_scratch(uint32_t sources, uint32_t tokens)
{
    size_t lists = 2 * rounded(sources * sizeof(uint32_t)) + rounded((size_t)tokens * sources * sizeof(uint32_t)) +
                   rounded(tokens * sizeof(struct synapse_window));
    size_t floats = rounded(synapse_panel_scratch(tokens)) + SYNAPSE_TILE_TARGETS * sizeof(double) +
                    values_bytes(sources, tokens) + lists;
    size_t integers = synapse_integers_scratch(sources, tokens); /* with AMX's */
    return floats > integers ? floats : integers;
}

static struct workspace cut(void *scratch, uint32_t sources, uint32_t tokens)
{
    struct workspace w;
    char *at = scratch;
    w.panel = at;
    at += rounded(synapse_panel_scratch(tokens));
    w.acc = (double *)(void *)at;
    at += SYNAPSE_TILE_TARGETS * sizeof(double);
    w.values = (double *)(void *)at;
    at += values_bytes(sources, tokens);
    w.row = (uint32_t *)(void *)at;
    at += rounded(sources * sizeof(uint32_t));
    w.code = (uint32_t *)(void *)at;
    at += rounded(sources * sizeof(uint32_t));
    w.part = (struct synapse_window *)(void *)at;
    at += rounded(tokens * sizeof *w.part);
    w.part_code = (uint32_t *)(void *)at;
    w.union_rows = 0;
    return w;
}

/* ---- sparse: each token's rows by themselves ---- */

static void sparse_token(const struct call *call, enum synapse_plane plane, const struct synapse_window *window,
                         struct workspace *w)
{
    unsigned shift = call->shift + (plane == SYNAPSE_OUTLIER ? call->source->j : 0);
    uint32_t n = synapse_active(plane, window->codes, call->sources, w->row, w->code);
    if (n == 0) return;
    synapse_values(plane, call->source, call->per_grid, w->row, w->code, n, w->values);
    for (uint32_t tile = call->from; tile < call->to; tile += SYNAPSE_TILE_TARGETS) {
        uint32_t width = call->to - tile < SYNAPSE_TILE_TARGETS ? call->to - tile : SYNAPSE_TILE_TARGETS;
        synapse_tile_rows(&call->rows, w->row, w->values, n, tile, width, w->acc);
        synapse_spill(w->acc, width, shift, window->sum + tile);
    }
}

static void sparse_plane(const struct call *call, enum synapse_plane plane, struct workspace *w)
{
    for (uint32_t t = 0; t < call->tokens; t++) sparse_token(call, plane, &call->window[t], w);
}

/* ---- dense: panels of the rows that any token needs ---- */

/* Active codes of all tokens, from a few of them. */
static uint64_t estimate_active(const struct call *call)
{
    uint32_t sampled = call->tokens < SAMPLED_TOKENS ? call->tokens : SAMPLED_TOKENS;
    uint64_t active = 0;
    for (uint32_t s = 0; s < sampled; s++) {
        const uint32_t *codes = call->window[(uint64_t)s * call->tokens / sampled].codes;
        for (uint32_t k = 0; k < call->sources; k++) active += (codes[k] & OAT_MAGNITUDE) != 0;
    }
    return active * call->tokens / sampled;
}

/* Fills w->row with the rows of any token where that may be worth it. */
static int worth_dense(const struct call *call, enum synapse_plane plane, struct workspace *w)
{
    uint64_t each = PACK_COST + (uint64_t)DENSE_COST * call->tokens, sparse;
    if (call->tokens < 2) return 0;
    sparse = SPARSE_COST * estimate_active(call);
    if (sparse < each * call->sources / 16) return 0; /* the union is seldom that small */
    w->union_rows = synapse_union(plane, call->window, call->tokens, call->sources, w->row);
    return sparse > each * w->union_rows;
}

/* One token's values of the union's rows. */
static void token_values(const struct call *call, enum synapse_plane plane, uint32_t t, struct workspace *w)
{
    const uint32_t *codes = call->window[t].codes, n = w->union_rows;
    if (n < call->sources) {
        for (uint32_t k = 0; k < n; k++) w->code[k] = codes[w->row[k]];
        codes = w->code;
    }
    synapse_values(plane, call->source, call->per_grid, w->row, codes, n, w->values + t * synapse_panel_stride(n));
}

static void dense_plane(const struct call *call, enum synapse_plane plane, struct workspace *w)
{
    for (uint32_t t = 0; t < call->tokens; t++) token_values(call, plane, t, w);
    for (uint32_t tile = call->from; tile < call->to; tile += SYNAPSE_PANEL_TARGETS) {
        uint32_t width = call->to - tile < SYNAPSE_PANEL_TARGETS ? call->to - tile : SYNAPSE_PANEL_TARGETS;
        const double *acc =
            synapse_panel(&call->rows, w->row, w->union_rows, w->values, call->tokens, tile, width, w->panel);
        for (uint32_t t = 0; t < call->tokens; t++)
            synapse_spill(acc + (size_t)t * SYNAPSE_PANEL_TARGETS, width, call->shift, call->window[t].sum + tile);
    }
}

/* In doubles: all spikes at once, or the outliers apart, as the bound of the codes' sums allows. */
static void receive_exact(const struct call *call, uint64_t bound, struct workspace *w)
{
    enum synapse_plane first = bound < EXACT_DOUBLE ? SYNAPSE_ALL : SYNAPSE_NORMAL;
    if (worth_dense(call, first, w))
        dense_plane(call, first, w);
    else
        sparse_plane(call, first, w);
    if (first == SYNAPSE_NORMAL) sparse_plane(call, SYNAPSE_OUTLIER, w);
}

/* Bounds beyond double: the lower and the upper half of each code's bits by themselves. */
static void receive_parts(const struct call *call, uint64_t bound, struct workspace *w)
{
    struct call part = *call;
    part.window = w->part;
    for (part.shift = 0; part.shift < 2 * PART_BITS; part.shift += PART_BITS) {
        for (uint32_t t = 0; t < call->tokens; t++) {
            uint32_t *codes = w->part_code + (size_t)t * call->sources;
            const uint32_t *whole = call->window[t].codes;
            for (uint32_t k = 0; k < call->sources; k++)
                codes[k] = (whole[k] & ~(uint32_t)OAT_MAGNITUDE) | (whole[k] >> part.shift & ((1u << PART_BITS) - 1));
            w->part[t] = (struct synapse_window){codes, call->window[t].sum};
        }
        receive_exact(&part, bound >> PART_BITS, w);
    }
}

/* Bounds beyond those: 64-bit integers, row by row. */
static void receive_wide(const struct matrix *matrix, const struct call *call, const struct synapse_window *window)
{
    for (uint32_t k = 0; k < call->sources; k++) {
        if ((window->codes[k] & OAT_MAGNITUDE) == 0) continue;
        int64_t value = synapse_source_value(call->source, k, window->codes[k]);
        for (uint32_t i = call->from; i < call->to; i++)
            window->sum[i] += value * synapse_integer(matrix, call->rows.targets, k, i);
    }
}

void synapse_window_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                            const struct population_params *source, const struct synapse_window *window,
                            uint32_t tokens, uint32_t from, uint32_t to, const struct synapse_amx_ready *ready,
                            void *scratch)
{
    const struct call call = {.rows = {matrix->weights, matrix->type, matrix->grid, targets},
                              .source = source,
                              .window = window,
                              .sources = sources,
                              .tokens = tokens,
                              .from = from,
                              .to = to,
                              .per_grid = real_power_of_two(-matrix->grid)};
    if (from >= to) return;
    if (!weight_is_float(matrix->type)) {
        synapse_integers_receive(matrix, sources, targets, source, window, tokens, from, to, ready, scratch);
        return;
    }
    if (synapse_amx_receive(ready, matrix, targets, window, tokens, from, to, 0, scratch)) return;
    uint64_t normal = matrix->bound >> source->j; /* the bound without outliers */
    if (normal >> PART_BITS >= EXACT_DOUBLE) {
        for (uint32_t t = 0; t < tokens; t++) receive_wide(matrix, &call, &window[t]);
        return;
    }
    struct workspace w = cut(scratch, sources, tokens);
    if (normal < EXACT_DOUBLE)
        receive_exact(&call, matrix->bound, &w);
    else
        receive_parts(&call, matrix->bound, &w);
}
