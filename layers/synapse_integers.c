#include "layers/synapse_integers.h"

#include <string.h>

#include "layers/synapse_amx.h"
#include "layers/synapse_dense.h"
#include "layers/synapse_codes.h"
#include "layers/synapse_planes.h"

enum { TILE_UNITS = 256 /* of a sparse pass: long runs of each row are what memory is fast at; 64 KiB of sums */ };

/* The scratch memory of a call, cut up. */
struct workspace {
    struct synapse_accumulator *acc; /* [TILE_UNITS] */
    uint32_t *active;                /* [sources] */
    struct synapse_code_list list;
    void *dense;
};

static size_t up_to_line(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t sparse_bytes(uint32_t sources)
{
    return TILE_UNITS * sizeof(struct synapse_accumulator) + up_to_line(sources * sizeof(uint32_t)) +
           up_to_line((size_t)sources * SYNAPSE_CODE_PIECES * sizeof(struct synapse_entry));
}

size_t synapse_integers_scratch(uint32_t sources, uint32_t tokens)
{
    size_t lanes = sparse_bytes(sources) + synapse_dense_scratch(sources, tokens);
    size_t amx = synapse_amx_scratch(sources, tokens);
    return lanes > amx ? lanes : amx;
}

static void cut(struct workspace *w, void *scratch, uint32_t sources)
{
    char *at = scratch;
    w->acc = (struct synapse_accumulator *)(void *)at;
    at += TILE_UNITS * sizeof *w->acc;
    w->active = (uint32_t *)(void *)at;
    at += up_to_line(sources * sizeof *w->active);
    w->list.entry = (struct synapse_entry *)(void *)at;
    w->dense = (char *)scratch + sparse_bytes(sources);
}

/* Lists what +-covered leaves of a token's codes. */
static void list_codes(const struct population_params *source, const uint32_t *codes, uint32_t sources, int32_t covered,
                       struct workspace *w)
{
    uint32_t n = synapse_codes_beyond(codes, sources, (uint32_t)covered, w->active);
    synapse_codes_list(source, codes, w->active, n, covered, &w->list);
}

/* ---- portable ---- */

/* sum[i] += code w[row][i] 2^shift; |code| < 2^16, so a product fits 32 bits and a sign. */
static void add_row(const struct synapse_rows *rows, uint32_t row, int32_t code, unsigned shift, uint32_t from,
                    uint32_t to, int64_t *sum)
{
    const uint8_t *scales = NULL, *bytes = weight_row(rows->type, rows->weights, rows->targets, row, &scales);
    const int16_t *words = (const int16_t *)(const void *)bytes;
    const int64_t value = (int64_t)((uint64_t)(int64_t)code << shift);
    switch (rows->type) {
    case WEIGHT_I16:
        for (uint32_t i = from; i < to; i++) sum[i] += value * words[i];
        break;
    case WEIGHT_I8:
        for (uint32_t i = from; i < to; i++) sum[i] += value * (int8_t)bytes[i];
        break;
    default:
        for (uint32_t i = from; i < to; i++) sum[i] += value * synapse_i4(bytes, scales, i);
        break;
    }
}

static void add_list_portable(const struct synapse_rows *rows, const struct synapse_code_list *list, uint32_t from,
                              uint32_t to, int64_t *sum)
{
    for (uint32_t g = 0; from < to && g < list->groups; g++)
        for (uint32_t e = list->group[g].first; e < list->group[g].first + list->group[g].count; e++)
            add_row(rows, list->entry[e].row, list->entry[e].code, list->group[g].shift, from, to, sum);
}

/* ---- sparse ---- */

/* Adds a token's list to sum[from .. to): whole units by the vector kernels, the rest by portable C. */
static void add_list(const struct synapse_lanes *lanes, const struct synapse_rows *rows, uint32_t from, uint32_t to,
                     const struct workspace *w, int64_t *sum)
{
    const struct synapse_code_list *list = &w->list;
    uint32_t begin = synapse_dense_begin(rows->type, from, to),
             end = begin + (to - begin) / SYNAPSE_UNIT * SYNAPSE_UNIT;
    if (lanes == NULL) begin = end = to;
    add_list_portable(rows, list, from, begin, sum);
    for (uint32_t tile = begin; tile < end; tile += TILE_UNITS * SYNAPSE_UNIT) {
        uint32_t units = (end - tile) / SYNAPSE_UNIT < TILE_UNITS ? (end - tile) / SYNAPSE_UNIT : TILE_UNITS;
        for (uint32_t g = 0; g < list->groups; g++) {
            const struct synapse_group *group = &list->group[g];
            memset(w->acc, 0, units * sizeof *w->acc);
            lanes->add_rows(rows, list->entry + group->first, group->count, tile, units, w->acc);
            lanes->spill(w->acc, units, group->shift, sum + tile);
        }
    }
    add_list_portable(rows, list, end, to, sum);
}

void synapse_integers_receive_by(const struct synapse_lanes *lanes, enum synapse_way way, const struct matrix *matrix,
                                 uint32_t sources, uint32_t targets, const struct population_params *source,
                                 const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to,
                                 void *scratch)
{
    const struct synapse_rows rows = {matrix->weights, matrix->type, matrix->grid, targets};
    struct workspace w;
    uint32_t begin = synapse_dense_begin(matrix->type, from, to);
    cut(&w, scratch, sources);
    if (from >= to) return;
    struct synapse_plan plan = synapse_dense_plan(lanes, way, matrix->type, sources, window, tokens);
    if (plan.planes > 0)
        synapse_dense_receive(lanes, &plan, &rows, sources, source, window, tokens, begin, to, w.dense);
    for (uint32_t t = 0; t < tokens; t++) {
        if (plan.planes > 0 && begin > from) {
            list_codes(source, window[t].codes, sources, 0, &w);
            add_list_portable(&rows, &w.list, from, begin, window[t].sum);
        }
        list_codes(source, window[t].codes, sources, plan.covered, &w);
        add_list(lanes, &rows, plan.planes > 0 ? begin : from, to, &w, window[t].sum);
    }
}

void synapse_integers_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                              const struct population_params *source, const struct synapse_window *window,
                              uint32_t tokens, uint32_t from, uint32_t to, const struct synapse_amx_ready *ready,
                              void *scratch)
{
    uint32_t begin = synapse_dense_begin(matrix->type, from, to);
    if (synapse_amx_receive(ready, matrix, targets, window, tokens, begin, to, 0, scratch)) to = begin;
    const struct synapse_lanes *lanes = synapse_lanes_avx512();
    if (lanes == NULL) lanes = synapse_lanes_avx2();
    synapse_integers_receive_by(lanes, SYNAPSE_WAY_BEST, matrix, sources, targets, source, window, tokens, from, to,
                                scratch);
}
