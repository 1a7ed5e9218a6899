/* A family's table spelled out in a test and compared with its graph, row by row. */
#ifndef LASSIM_TEST_HELPERS_GRAPH_ROWS_H
#define LASSIM_TEST_HELPERS_GRAPH_ROWS_H

#include <stddef.h>

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

/* One hyperparameter's value that graph_config_check must refuse with a reason that holds `word`. */
struct graph_refusal {
    size_t offset;
    uint32_t value;
    const char *word;
};
#define GRAPH_FIELD(name) offsetof(struct model_config, name)

/* The sizes of every family's small shape: vocabulary, hidden, FFN, heads (Llama and Qwen2: twice as many, on HEADS key
 * heads of 4 channels), positions, token types. */
enum { ROWS_V = 30, ROWS_D = 12, ROWS_F = 20, ROWS_HEADS = 3, ROWS_POSITIONS = 16, ROWS_TYPES = 2 };
/* One block of that shape with the family's usual switches; BERT reads out its values.  Never refused. */
struct model_config graph_rows_config(uint32_t family);

/* All fail the running cmocka test on any difference, and where the graph breaks an invariant of graph_validate. */
struct graph *graph_rows_build(struct model_config config);
void graph_rows_refused(struct model_config good, const struct graph_refusal *bad, size_t n);
void graph_rows_check(const struct graph *graph, const struct graph_row *rows, uint32_t n);
void graph_wires_check(const struct graph *graph, const struct graph_wire *wires, uint32_t n);
const struct population *graph_rows_find(const struct graph *graph, const char *name);

#endif
