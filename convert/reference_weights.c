#include "convert/reference_weights.h"

#include <stdlib.h>

#include "convert/checkpoint.h"
#include "convert/checkpoint_model.h"
#include "convert/model_tensors.h"

enum { TILE = 16 /* rows of a tensor that are turned at once: a cache line of floats */ };

struct reference {
    struct checkpoint_config config;
    struct checkpoint *checkpoint;
    struct graph *graph;
    struct model_tensors *tensors;
    float *row; /* TILE times the longest row of a tensor */
};

static enum lassim_status open_tensors(const char *directory, struct reference *reference, struct lassim_error *error)
{
    const char *reason;
    enum lassim_status status = checkpoint_open(directory, &reference->checkpoint, error);
    if (status == LASSIM_OK)
        status = checkpoint_model_read(reference->checkpoint, directory, &reference->config, error);
    if (status != LASSIM_OK) return status;
    reference->graph = graph_build(&reference->config.model, &reason);
    if (reference->graph == NULL) return lassim_fail(error, LASSIM_ERR_FILE, directory, "config.json", "%s", reason);
    status =
        model_tensors_open(reference->checkpoint, &reference->config, reference->graph, &reference->tensors, error);
    if (status != LASSIM_OK) return status;
    uint64_t longest = 1;
    for (uint32_t m = 0; m < reference->graph->matrices; m++) {
        const struct checkpoint_tensor *weight = reference->tensors->matrix[m].weight;
        if (weight->shape[1] > longest) longest = weight->shape[1];
        status = checkpoint_require_finite(weight, error);
        if (status != LASSIM_OK) return status;
    }
    reference->row = malloc(TILE * longest * sizeof *reference->row);
    if (reference->row == NULL) return lassim_fail(error, LASSIM_ERR_RUN, directory, NULL, "no memory");
    return LASSIM_OK;
}

enum lassim_status reference_open(const char *directory, struct reference **reference, struct lassim_error *error)
{
    *reference = NULL;
    struct reference *made = calloc(1, sizeof *made);
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, directory, NULL, "no memory");
    enum lassim_status status = open_tensors(directory, made, error);
    if (status == LASSIM_OK)
        *reference = made;
    else
        reference_close(made);
    return status;
}

void reference_close(struct reference *reference)
{
    if (reference == NULL) return;
    model_tensors_close(reference->tensors);
    graph_free(reference->graph);
    checkpoint_close(reference->checkpoint);
    checkpoint_config_clear(&reference->config);
    free(reference->row);
    free(reference);
}

const struct graph *reference_graph(const struct reference *reference)
{
    return reference->graph;
}

static int rows(void *context, uint32_t m, uint32_t first, uint32_t count, float *out, struct lassim_error *error)
{
    struct reference *reference = context;
    const struct matrix_tensor *matrix = &reference->tensors->matrix[m];
    uint64_t targets = reference->graph->matrix[m].targets;
    (void)error;
    if (matrix->by_source) {
        checkpoint_tensor_f32(matrix->weight, first * targets, count * targets, out);
        return 0;
    }
    uint64_t sources = reference->graph->matrix[m].sources;
    for (uint64_t i = 0; i < targets; i += TILE) {
        uint64_t n = targets - i < TILE ? targets - i : TILE;
        for (uint64_t t = 0; t < n; t++)
            checkpoint_tensor_f32(matrix->weight, (i + t) * sources + first, count, reference->row + t * count);
        for (uint64_t j = 0; j < count; j++)
            for (uint64_t t = 0; t < n; t++) out[j * targets + i + t] = reference->row[t * count + j];
    }
    return 0;
}

static void narrow(const double *in, uint32_t n, float *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = (float)in[i];
}

static int bias(void *context, uint32_t m, float *out, struct lassim_error *error)
{
    struct reference *reference = context;
    (void)error;
    if (reference->tensors->matrix[m].bias == NULL) return 1;
    narrow(reference->tensors->matrix[m].bias, reference->graph->matrix[m].targets, out);
    return 0;
}

static int norm(void *context, uint32_t n, float *gamma, float *beta, struct lassim_error *error)
{
    struct reference *reference = context;
    (void)error;
    if (reference->tensors->norm[n].gamma == NULL) return 1;
    narrow(reference->tensors->norm[n].gamma, reference->graph->config.hidden, gamma);
    if (reference->tensors->norm[n].beta != NULL)
        narrow(reference->tensors->norm[n].beta, reference->graph->config.hidden, beta);
    return 0;
}

void reference_weights(struct reference *reference, struct dense_weights *weights)
{
    *weights = (struct dense_weights){reference, rows, bias, norm, NULL, reference->tensors->rotary};
}
