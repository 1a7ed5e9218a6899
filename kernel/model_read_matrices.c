/* The sections of a .snn that the matrices and norms are in. */
#include <stddef.h>
#include <string.h>

#include "kernel/model_reader.h"

static void unpack_matrix(const struct snn_matrix *record, struct matrix *matrix)
{
    matrix->type = (enum weight_type)record->type;
    matrix->grid = record->grid;
    matrix->integer_max = record->integer_max;
    matrix->bound = record->bound;
    matrix->moved = record->moved;
    matrix->moved_max = record->moved_max;
    matrix->moved_rms = record->moved_rms;
}

enum lassim_status snn_read_matrices(struct snn_reader *reader, const struct snn_matrix **records)
{
    struct snn_span span;
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    enum lassim_status status =
        snn_take_section(reader, SNN_MATRICES, 0, graph->matrices * sizeof(struct snn_matrix), &span);
    if (status != LASSIM_OK) return status;
    *records = (const void *)span.bytes;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        struct snn_matrix expected;
        const struct snn_matrix *record = *records + m;
        snn_matrix_structure(graph, m, &expected);
        const char *reason = memcmp(&expected, record, offsetof(struct snn_matrix, has_bias)) != 0
                                 ? "the record must be what the configuration implies"
                                 : snn_check_matrix(&graph->matrix[m], record);
        if (reason != NULL) return snn_refuse_in(reader, "matrices", graph->matrix[m].name, reason);
        unpack_matrix(record, &model->matrix[m]);
    }
    return LASSIM_OK;
}

enum lassim_status snn_read_weights(struct snn_reader *reader)
{
    struct model *model = reader->model;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        struct snn_span span;
        uint64_t size = snn_weights_size(&model->graph->matrix[m], model->matrix[m].type);
        enum lassim_status status = snn_take_section(reader, SNN_WEIGHTS, m, size, &span);
        if (status != LASSIM_OK) return status;
        model->matrix[m].weights = span.bytes;
    }
    return LASSIM_OK;
}

enum lassim_status snn_read_norms(struct snn_reader *reader)
{
    struct snn_span span;
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    enum lassim_status status = snn_take_section(reader, SNN_NORMS, 0, 0, &span);
    if (status != LASSIM_OK) return status;
    if (span.size < snn_norms_size(graph, 0)) return snn_refuse(reader, "section norms", "cut short");
    const struct snn_norm *record = (const void *)span.bytes;
    const double *vector = (const void *)(span.bytes + snn_norms_size(graph, 0));
    uint32_t affine = 0, vectors = snn_norm_vectors(graph);
    for (uint32_t n = 0; n < graph->norms; n++) {
        if (record[n].affine > 1 || record[n].zero != 0)
            return snn_refuse_in(reader, "norms", graph->norm[n].name, "affine must be 0 or 1, and reserved bytes 0");
        affine += record[n].affine;
    }
    if (span.size != snn_norms_size(graph, affine))
        return snn_refuse(reader, "section norms", "not the size its flags imply");
    for (uint32_t n = 0; n < graph->norms; n++) {
        if (!record[n].affine) continue;
        if (!snn_vector_in_range(vector, vectors * (uint64_t)graph->config.hidden))
            return snn_refuse_in(reader, "norms", graph->norm[n].name, "gamma and beta must be finite, at most 2^200");
        model->norm[n].gamma = vector;
        model->norm[n].beta = vectors > 1 ? vector + graph->config.hidden : NULL;
        vector += vectors * (uint64_t)graph->config.hidden;
    }
    return LASSIM_OK;
}

enum lassim_status snn_read_biases(struct snn_reader *reader, const struct snn_matrix *records)
{
    struct snn_span span;
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    uint64_t elements = 0;
    for (uint32_t m = 0; m < graph->matrices; m++) elements += records[m].has_bias ? graph->matrix[m].targets : 0;
    enum lassim_status status = snn_take_section(reader, SNN_BIASES, 0, 0, &span);
    if (status != LASSIM_OK) return status;
    if (span.size != elements * sizeof(double))
        return snn_refuse(reader, "section biases", "not the size the matrices imply");
    const double *vector = (const void *)span.bytes;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        if (!records[m].has_bias) continue;
        if (!snn_vector_in_range(vector, graph->matrix[m].targets))
            return snn_refuse_in(reader, "biases", graph->matrix[m].name, "biases must be finite, at most 2^200");
        model->matrix[m].bias = vector;
        vector += graph->matrix[m].targets;
    }
    return LASSIM_OK;
}

enum lassim_status snn_read_scales(struct snn_reader *reader)
{
    struct snn_span span;
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    enum lassim_status status = snn_take_section(reader, SNN_SCALES, 0, 0, &span);
    if (status != LASSIM_OK) return status;
    if (span.size != snn_scales_size(graph, model->matrix))
        return snn_refuse(reader, "section scales", "not the size the matrices' types imply");
    const double *vector = (const void *)span.bytes;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        if (weight_is_float(model->matrix[m].type)) continue;
        if (!snn_scales_in_range(vector, graph->matrix[m].targets))
            return snn_refuse_in(reader, "scales", graph->matrix[m].name, "scales must be 2^-200 .. 2^200");
        model->matrix[m].scale = vector;
        vector += graph->matrix[m].targets;
    }
    return LASSIM_OK;
}

enum lassim_status snn_check_bounds(const struct snn_reader *reader)
{
    const struct model *model = reader->model;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        uint32_t source = model->graph->matrix[m].source;
        const struct matrix *matrix = &model->matrix[m];
        if (model->graph->population[source].code != CODE_OAT) continue;
        unsigned __int128 least = (unsigned __int128)matrix->integer_max * ((1u << SPIKE_STEPS_MAX) - 1);
        if (least << model->population[source].j > matrix->bound)
            return snn_refuse_in(reader, "matrices", model->graph->matrix[m].name,
                                 "bound must be at least integer_max times the source's largest code");
    }
    return LASSIM_OK;
}
