#include "layers/synapse_dense.h"

#include <string.h>

#include "layers/synapse_codes.h"
#include "layers/synapse_planes.h"
#include "neurons/oat.h"

enum {
    TILE_UNITS = 4,    /* of a panel: 128 targets */
    PANEL_PAIRS = 128, /* 64 KiB a panel */
    SAMPLES = 8,       /* tokens whose codes a plan looks at */
    SAMPLE_NEURONS = 256,
    TOKENS_LEAST = 3, /* fewer do not share rows often enough */
    BITS = 16,        /* of a magnitude */
    BITS_LEAST = 11   /* that a plane covers: fewer do not make folds rarer in effect */
};

/* Measured with bench synapse on AVX2 and AVX-512: a panel's packing, a fold, a row and token done sparsely, each in
 * the time of one dense product of a row and a token. */
static const double COST_PACK = 10, COST_FOLD = 3.2, COST_PLANE = 0.9, COST_SPARSE = 4.5;

/* The scratch memory of a call, cut up. */
struct workspace {
    struct synapse_pair *panel;      /* [TILE_UNITS][PANEL_PAIRS] */
    struct synapse_accumulator *acc; /* [planes][tokens][units] */
    uint32_t *codes[2];              /* planes: [tokens][pairs] */
    int16_t *code[2];                /* planes of one token: [sources], and one more */
    uint32_t *any;                   /* [sources]: not 0 where a token has a normal code, then those rows */
    uint32_t *row;                   /* [2 pairs] */
    struct synapse_group group[SYNAPSE_GROUPS];
    uint32_t groups, pairs;
    int in_order; /* row[i] = i (but for the one that makes an odd number even) */
};

static size_t up_to_line(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t pairs_max(uint32_t sources)
{
    return ((size_t)sources + SYNAPSE_SHIFTS + 1) / 2;
}

/* Hands out the parts; called with at = NULL it only adds up their size. */
static size_t cut(struct workspace *w, char *at, uint32_t sources, uint32_t tokens)
{
    const size_t plane = up_to_line(pairs_max(sources) * tokens * sizeof(uint32_t));
    const size_t panel = (size_t)TILE_UNITS * PANEL_PAIRS * sizeof(struct synapse_pair);
    const size_t acc = 2 * (size_t)tokens * TILE_UNITS * sizeof(struct synapse_accumulator);
    const size_t code = up_to_line(((size_t)sources + 1) * sizeof(int16_t)),
                 any = up_to_line(sources * sizeof(uint32_t));
    const size_t row = up_to_line(2 * pairs_max(sources) * sizeof(uint32_t));
    if (at != NULL) {
        w->panel = (struct synapse_pair *)(void *)at;
        w->acc = (struct synapse_accumulator *)(void *)(at + panel);
        w->codes[0] = (uint32_t *)(void *)(at + panel + acc);
        w->codes[1] = (uint32_t *)(void *)(at + panel + acc + plane);
        at += panel + acc + 2 * plane;
        w->code[0] = (int16_t *)(void *)at;
        w->code[1] = (int16_t *)(void *)(at + code);
        w->any = (uint32_t *)(void *)(at + 2 * code);
        w->row = (uint32_t *)(void *)(at + 2 * code + any);
    }
    return panel + acc + 2 * plane + 2 * code + any + row;
}

size_t synapse_dense_scratch(uint32_t sources, uint32_t tokens)
{
    return cut(NULL, NULL, sources, tokens);
}

/* The magnitude if the code is a normal one, else 0. */
static inline uint32_t normal(uint32_t code)
{
    return code & OAT_OUTLIER ? 0 : code & OAT_MAGNITUDE;
}

/* ---- codes ---- */

/* The rows that any of the tokens needs, by shift: silent ones are not read. */
static void find_rows(const struct population_params *source, uint32_t sources, const struct synapse_window *window,
                      uint32_t tokens, struct workspace *w)
{
    uint32_t n = 0;
    memset(w->any, 0, sources * sizeof *w->any);
    for (uint32_t t = 0; t < tokens; t++) synapse_codes_merge(window[t].codes, sources, w->any);
    for (uint32_t k = 0; k < sources; k++)
        if (w->any[k] != 0) w->any[n++] = k;
    w->groups = synapse_codes_sort_rows(source, w->any, n, w->row, w->group);
    w->in_order = n == sources && w->groups == 1;
    w->pairs = w->groups == 0 ? 0 : (w->group[w->groups - 1].first + w->group[w->groups - 1].count) / 2;
}

/* Codes of one token in the order of the rows, two in a dword. */
static void pair_codes(const struct workspace *w, const int16_t *code, uint32_t *pairs)
{
    if (w->in_order)
        memcpy(pairs, code, w->pairs * sizeof *pairs);
    else
        for (uint32_t p = 0; p < w->pairs; p++)
            pairs[p] = (uint16_t)code[w->row[2 * p]] | (uint32_t)(uint16_t)code[w->row[2 * p + 1]] << 16;
    /* a group of odd size was filled up with its last row, which counts once */
    for (uint32_t g = 0; g < w->groups; g++) {
        uint32_t last = w->group[g].first + w->group[g].count - 1;
        if (w->row[last] == w->row[last - 1]) pairs[last / 2] &= 0xffff;
    }
}

static void make_planes(const struct synapse_plan *plan, uint32_t sources, const struct synapse_window *window,
                        uint32_t tokens, struct workspace *w)
{
    for (uint32_t t = 0; t < tokens; t++) {
        if (plan->planes == 1)
            synapse_plane_clamped(window[t].codes, sources, (uint32_t)plan->covered, w->code[0]);
        else
            synapse_plane_halves(window[t].codes, sources, w->code[0], w->code[1]);
        for (unsigned p = 0; p < plan->planes; p++) pair_codes(w, w->code[p], w->codes[p] + (size_t)t * w->pairs);
    }
}

/* ---- tiles ---- */

static void spill(const struct synapse_lanes *lanes, const struct synapse_accumulator *acc, uint32_t width,
                  unsigned shift, int64_t *sum)
{
    int64_t rest[SYNAPSE_UNIT] = {0};
    uint32_t units = width / SYNAPSE_UNIT, whole = units * SYNAPSE_UNIT;
    lanes->spill(acc, units, shift, sum);
    if (whole == width) return;
    lanes->spill(acc + units, 1, shift, rest);
    for (uint32_t i = whole; i < width; i++) sum[i] += rest[i - whole];
}

/* One group of rows onto one tile of all tokens. */
static void add_group(const struct synapse_lanes *lanes, const struct synapse_plan *plan,
                      const struct synapse_rows *rows, const struct synapse_group *group,
                      const struct synapse_window *window, uint32_t tokens, uint32_t tile, uint32_t width,
                      const struct workspace *w)
{
    const uint32_t units = (width + SYNAPSE_UNIT - 1) / SYNAPSE_UNIT, end = (group->first + group->count) / 2;
    struct synapse_block block = {
        .panel = w->panel, .units = units, .stride = PANEL_PAIRS, .code_stride = w->pairs, .tokens = tokens};
    memset(w->acc, 0, (size_t)plan->planes * tokens * units * sizeof *w->acc);
    for (uint32_t p = group->first / 2; p < end; p += block.pairs) {
        block.pairs = end - p < PANEL_PAIRS ? end - p : PANEL_PAIRS;
        lanes->pack(rows, w->row + 2 * (size_t)p, block.pairs, tile, width, PANEL_PAIRS, w->panel);
        for (unsigned plane = 0; plane < plan->planes; plane++) {
            block.codes = w->codes[plane] + p;
            block.fold = plan->fold[plane];
            block.acc = w->acc + (size_t)plane * tokens * units;
            lanes->multiply(&block);
        }
    }
    for (unsigned plane = 0; plane < plan->planes; plane++)
        for (uint32_t t = 0; t < tokens; t++)
            spill(lanes, w->acc + ((size_t)plane * tokens + t) * units, width, group->shift + 8 * plane,
                  window[t].sum + tile);
}

void synapse_dense_receive(const struct synapse_lanes *lanes, const struct synapse_plan *plan,
                           const struct synapse_rows *rows, uint32_t sources, const struct population_params *source,
                           const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to,
                           void *scratch)
{
    struct workspace w = {.groups = 0};
    cut(&w, scratch, sources, tokens);
    find_rows(source, sources, window, tokens, &w);
    make_planes(plan, sources, window, tokens, &w);
    for (uint32_t tile = from; tile < to; tile += TILE_UNITS * SYNAPSE_UNIT) {
        uint32_t width = to - tile < TILE_UNITS * SYNAPSE_UNIT ? to - tile : TILE_UNITS * SYNAPSE_UNIT;
        for (uint32_t g = 0; g < w.groups; g++)
            add_group(lanes, plan, rows, &w.group[g], window, tokens, tile, width, &w);
    }
}

/* ---- plan ---- */

/* Pairs of codes up to `limit` whose products with any weights of the type fit 32 bits together. */
static uint32_t fold_pairs(enum weight_type type, int32_t limit)
{
    return INT32_MAX / (2 * (uint32_t)limit) / synapse_weight_limit(type);
}

static struct synapse_plan plan_of(enum weight_type type, unsigned planes, int32_t covered)
{
    if (planes == 2)
        return (struct synapse_plan){2, SYNAPSE_ALL_COVERED, {fold_pairs(type, 128), fold_pairs(type, 256)}};
    return (struct synapse_plan){planes, covered, {fold_pairs(type, covered), 0}};
}

/* What a few of the neurons and tokens show about the codes; shares of all (neuron, token) pairs. */
struct sample {
    double above[BITS + 1]; /* normal codes of more than this many bits */
    double active, outliers;
    double rows; /* share of the neurons that are active for any token */
};

/* The share of rows that `tokens` tokens need, if `some` of them need the share `rows`. */
static double extrapolate(double rows, uint32_t some, uint32_t tokens)
{
    double silent = 1;
    for (uint32_t t = 0; t < tokens; t += some) silent *= 1 - rows;
    return 1 - silent;
}

static struct sample look(uint32_t sources, const struct synapse_window *window, uint32_t tokens)
{
    const uint32_t some = tokens < SAMPLES ? tokens : SAMPLES, stride = 1 + sources / SAMPLE_NEURONS;
    uint32_t bits[BITS + 1] = {0}, outliers = 0, rows = 0, neurons = 0;
    struct sample sample;
    for (uint32_t k = 0; k < sources; k += stride, neurons++) {
        uint32_t any = 0;
        for (uint32_t t = 0; t < some; t++) {
            uint32_t code = window[(uint64_t)t * tokens / some].codes[k], magnitude = normal(code);
            bits[magnitude == 0 ? 0 : 32 - (uint32_t)__builtin_clz(magnitude)]++;
            outliers += code & OAT_OUTLIER ? 1 : 0;
            any |= magnitude;
        }
        rows += any != 0;
    }
    const double per_code = 1 / ((double)neurons * some);
    double above = 0;
    for (unsigned b = BITS + 1; b-- > 0; above += bits[b] * per_code) sample.above[b] = above;
    sample.outliers = outliers * per_code;
    sample.active = sample.above[0] + sample.outliers;
    sample.rows = extrapolate((double)rows / neurons, some, tokens);
    return sample;
}

/* Estimated costs, in products of one token with one row in one dense plane without folds (bench: synapse). */
static double sparse_cost(const struct sample *sample, uint32_t tokens)
{
    return COST_SPARSE * sample->active * tokens;
}

static double dense_cost(const struct sample *sample, const struct synapse_plan *plan, double left, uint32_t tokens)
{
    double product = 0, pack = COST_PACK;
    for (unsigned p = 0; p < plan->planes; p++) {
        uint32_t fold = plan->fold[p] < PANEL_PAIRS ? plan->fold[p] : PANEL_PAIRS;
        product += COST_PLANE + COST_FOLD / fold;
    }
    return sample->rows * (pack + product * tokens) + COST_SPARSE * (left + sample->outliers) * tokens;
}

/* The cheapest number of bits that one plane covers. */
static struct synapse_plan best_one_plane(enum weight_type type, const struct sample *sample, uint32_t tokens,
                                          double *cost)
{
    struct synapse_plan best = plan_of(type, 1, SYNAPSE_CODE_MAX);
    *cost = dense_cost(sample, &best, sample->above[BITS - 1], tokens);
    for (unsigned bits = BITS_LEAST; bits < BITS - 1; bits++) {
        struct synapse_plan plan = plan_of(type, 1, (1 << bits) - 1);
        double now = dense_cost(sample, &plan, sample->above[bits], tokens);
        if (now >= *cost) continue;
        *cost = now;
        best = plan;
    }
    return best;
}

struct synapse_plan synapse_dense_plan(const struct synapse_lanes *lanes, enum synapse_way way, enum weight_type type,
                                       uint32_t sources, const struct synapse_window *window, uint32_t tokens)
{
    const struct synapse_plan sparse = {0, 0, {0}}, two = plan_of(type, 2, 0);
    double cost;
    if (lanes == NULL || way == SYNAPSE_WAY_SPARSE || (way == SYNAPSE_WAY_BEST && tokens < TOKENS_LEAST)) return sparse;
    if (way == SYNAPSE_WAY_TWO_PLANES) return two;
    const struct sample sample = look(sources, window, tokens);
    struct synapse_plan best = best_one_plane(type, &sample, tokens, &cost);
    if (way == SYNAPSE_WAY_ONE_PLANE) return best;
    double two_cost = dense_cost(&sample, &two, 0, tokens);
    if (two_cost < cost) best = two, cost = two_cost;
    return sparse_cost(&sample, tokens) <= cost ? sparse : best;
}
