/* A converted model in memory: the graph plus everything the .snn file stores for it.
 *
 * Two ways to get one: model_open maps a .snn (read only, never copied); the converter fills a
 * struct model itself and hands it to model_write.  Layout to the byte: docs/snn-format.md. */
#ifndef LASSIM_KERNEL_MODEL_H
#define LASSIM_KERNEL_MODEL_H

#include <stdint.h>

#include "kernel/error.h"
#include "layers/graph.h"
#include "layers/params.h"
#include "neurons/code.h"
#include "neurons/hg.h"

/* A calibration figure as stored (inspect prints them): population p's largest |x| seen. */
struct self_check { /* spiking against the checkpoint in double, on the calibration text */
    uint64_t tokens, saturations;
    double ppl_dense, ppl_spiking, kl_mean, kl_max, top1_agreement;
};

struct blob {
    const uint8_t *data;
    uint64_t size;
};

struct model {
    struct graph *graph;
    uint32_t timesteps; /* T, 1..16 */
    enum spike_code code;
    int32_t residual_grid;                /* residual potentials are integers * 2^residual_grid, |integer| <= 2^52 */
    struct population_params *population; /* [graph->populations] */
    double *calibrated_max;               /* [graph->populations]: largest |x| seen in calibration, 0 for inputs */
    struct matrix *matrix;                /* [graph->matrices] */
    struct norm_params *norm;             /* [graph->norms] */
    struct hg_table *table;               /* [tables]; one each for exp, inv (1/x), rstd (1/sqrt) and what activations
                                           * need, shared */
    uint32_t tables;
    const int32_t *rotary; /* [params_rotary_size] cos, sin (layers/network.h); NULL unless rotary */
    struct self_check check;
    struct blob tokenizer;   /* kernel/tokenizer.h */
    struct blob prompt;      /* default prompt, UTF-8, no terminator */
    struct blob readout;     /* what is made of the numbers read out, one JSON object, or empty: docs/snn-format.md */
    struct blob provenance;  /* one JSON object: source hashes, options; no date, no path */
    uint64_t hash;           /* XXH3-64 that names the model in traces: over header and section checksums */
    struct model_file *file; /* the mapping, or NULL for a model that the converter holds */
};

/* Maps path and checks everything but the weights' checksums (small sections' always; sizes, shifts,
 * grids, T, table rows and indices whatever the checksums say).  On failure *error names file, section
 * and expectation.  The mapping is guarded (kernel/mapguard.h).  The caller owns *model: model_close.
 * O(small sections). */
enum lassim_status model_open(const char *path, struct model **model, struct lassim_error *error);
void model_close(struct model *model);
/* Verifies weight checksums, that weights lie on their grid, integer_max and bound (inspect --check).
 * Reads the whole file. */
enum lassim_status model_check_weights(const struct model *model, struct lassim_error *error);

/* Streams a .snn: NAME.partial, synced and renamed at the end.  Weights are written one matrix at a time
 * so that the converter never holds more than one layer.
 *   model_writer_begin(config, ...)   reserves the layout: every matrix's type is given up front
 *   model_writer_weights(...)         copies one matrix's rows [first, first + rows) into the mapped output
 *   model_writer_finish(model)        writes all small sections from *model (matrix[].weights ignored),
 *                                     checksums, syncs, renames
 *   model_writer_abort                frees; leaves no file under the final name */
struct model_writer;
enum lassim_status model_writer_begin(const char *path, int no_clobber, const struct graph *graph,
                                      const enum weight_type *types, struct model_writer **writer,
                                      struct lassim_error *error);
/* The mapped, writable weights of matrix m in the output, weight_bytes() laid out as its type says, zero at first. */
void *model_writer_weights(struct model_writer *writer, uint32_t m);
enum lassim_status model_writer_finish(struct model_writer *writer, const struct model *model,
                                       struct lassim_error *error);
void model_writer_abort(struct model_writer *writer);

#endif
