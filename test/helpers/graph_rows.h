/* A family's table spelled out in a test and compared with its graph, row by row. */
#ifndef LASSIM_TEST_HELPERS_GRAPH_ROWS_H
#define LASSIM_TEST_HELPERS_GRAPH_ROWS_H

#include "layers/graph.h"

/* One row of the table.  partners: of PRODUCT_FIXED. */
struct graph_row {
    uint32_t level;
    const char *name;
    enum code_kind code;
    uint32_t neurons, fan_out;
    enum product_kind product;
    uint32_t partners;
    int32_t layer;
    int head_side;
    uint32_t bias;
    int into_residual;
};

struct graph_wire {
    const char *name, *source, *target; /* target NULL: the head */
    uint32_t targets;
    enum matrix_target kind;
    int has_bias;
};

/* All fail the running cmocka test on any difference. */
struct graph *graph_rows_build(struct model_config config);
void graph_rows_check(const struct graph *graph, const struct graph_row *rows, uint32_t n);
void graph_wires_check(const struct graph *graph, const struct graph_wire *wires, uint32_t n);
const struct population *graph_rows_find(const struct graph *graph, const char *name);

#endif
