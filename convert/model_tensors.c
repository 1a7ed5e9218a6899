#include "convert/model_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/rotary.h"
#include "convert/tensor_names.h"

enum { NAME_SIZE = 128 };

static const struct family_names *const families[] = {
    [FAMILY_OPT] = &names_opt,   [FAMILY_LLAMA] = &names_llama, [FAMILY_QWEN2] = &names_llama,
    [FAMILY_GPT2] = &names_gpt2, [FAMILY_BERT] = &names_bert,
};

/* What is being opened. */
struct opening {
    const struct checkpoint *checkpoint;
    const struct checkpoint_config *config;
    const struct graph *graph;
    const struct family_names *family;
    struct lassim_error *error;
};

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

/* The layer's name from one with %d in it, followed by suffix. */
static void layer_name(char *text, const char *name, int32_t layer, const char *suffix)
{
    const char *number = strstr(name, "%d");
    if (number == NULL)
        snprintf(text, NAME_SIZE, "%s%s", name, suffix);
    else
        snprintf(text, NAME_SIZE, "%.*s%d%s%s", (int)(number - name), name, (int)layer, number + 2, suffix);
}

static const struct matrix_name *find_matrix(const struct opening *o, const char *role)
{
    for (size_t i = 0; i < o->family->matrices; i++)
        if (strcmp(o->family->matrix[i].role, role) == 0) return &o->family->matrix[i];
    return NULL;
}

static const struct norm_name *find_norm(const struct opening *o, const char *role)
{
    for (size_t i = 0; i < o->family->norms; i++)
        if (strcmp(o->family->norm[i].role, role) == 0) return &o->family->norm[i];
    return NULL;
}

/* Elements [first, first + size) of a vector of `whole` as doubles. */
static enum lassim_status read_vector(const struct opening *o, const char *name, uint64_t whole, uint64_t first,
                                      uint64_t size, double **values)
{
    const struct checkpoint_tensor *tensor;
    enum lassim_status status =
        checkpoint_require(o->checkpoint, o->family->names.prefixes, name, 1, &whole, &tensor, o->error);
    if (status == LASSIM_OK) status = checkpoint_require_finite(tensor, o->error);
    if (status != LASSIM_OK) return status;
    *values = malloc(size * sizeof **values);
    if (*values == NULL)
        return lassim_fail(o->error, LASSIM_ERR_RUN, NULL, name, "no memory for %llu elements",
                           (unsigned long long)size);
    checkpoint_tensor_f64(tensor, first, size, *values);
    return LASSIM_OK;
}

/* The matrix's own tensor, or its part of one, whatever way it lies. */
static enum lassim_status find_weight(const struct opening *o, const struct matrix_slot *slot,
                                      const struct matrix_name *name, struct matrix_tensor *matrix)
{
    char full[NAME_SIZE];
    uint64_t parts = name->parts > 0 ? name->parts : 1, targets = slot->targets * parts;
    const uint64_t by_target[2] = {targets, slot->sources}, by_source[2] = {slot->sources, targets};
    layer_name(full, name->name, slot->layer, ".weight");
    enum lassim_status status =
        checkpoint_require(o->checkpoint, o->family->names.prefixes, full, 2,
                           name->storage == STORED_BY_TARGET ? by_target : by_source, &matrix->weight, o->error);
    if (status != LASSIM_OK || name->storage != STORED_TURNED) return status;
    struct checkpoint_tensor turned = *matrix->weight;
    checkpoint_tensor_turn(&turned);
    uint64_t from = (uint64_t)name->part * slot->targets;
    matrix->part = checkpoint_tensor_rows(&turned, from, from + slot->targets);
    matrix->weight = &matrix->part;
    return LASSIM_OK;
}

static int has_bias(const struct opening *o, const struct matrix_name *name)
{
    switch (name->bias) {
    case BIAS_ALWAYS: return 1;
    case BIAS_ATTENTION: return (int)o->config->attention_bias;
    case BIAS_OUTPUT: return (int)o->config->output_bias;
    case BIAS_FFN: return (int)o->config->ffn_bias;
    case BIAS_NEVER: break;
    }
    return 0;
}

static enum lassim_status open_bias(const struct opening *o, const struct matrix_slot *slot,
                                    const struct matrix_name *name, struct matrix_tensor *matrix)
{
    char full[NAME_SIZE];
    uint64_t parts = name->parts > 0 ? name->parts : 1;
    layer_name(full, name->name, slot->layer, ".bias");
    const char *tried = full;
    if (name->bias_name[0] != NULL) {
        unsigned other = o->graph->config.tied ? 1 : 0;
        tried = name->bias_name[1 - other];
        if (checkpoint_find_prefixed(o->checkpoint, o->family->names.prefixes, tried) == NULL)
            tried = name->bias_name[other];
    }
    return read_vector(o, tried, slot->targets * parts, (uint64_t)name->part * slot->targets, slot->targets,
                       &matrix->bias);
}

static enum lassim_status open_matrix(const struct opening *o, uint32_t m, struct matrix_tensor *matrix)
{
    const struct matrix_slot *slot = &o->graph->matrix[m];
    const struct model_config *c = &o->graph->config;
    const char *role = last_part(slot->name);
    if (m == o->graph->head_matrix && c->head == HEAD_CLASSIFY) role = "labels";
    const struct matrix_name *name = find_matrix(o, role);
    enum lassim_status status;
    if (strcmp(role, "tok") == 0)
        status = checkpoint_require_embedding(o->checkpoint, &o->family->names, (int)c->tied, c->vocabulary,
                                              c->embedding, &matrix->weight, o->error);
    else if (strcmp(role, "head") == 0)
        status = checkpoint_require_head(o->checkpoint, &o->family->names, (int)c->tied, c->vocabulary, c->embedding,
                                         &matrix->weight, o->error);
    else {
        LASSIM_INVARIANT(name != NULL, "matrix %s has no tensor name", slot->name);
        status = find_weight(o, slot, name, matrix);
    }
    matrix->by_source = o->graph->population[slot->source].code == CODE_INPUT;
    if (status != LASSIM_OK || !slot->has_bias || name == NULL || !has_bias(o, name)) return status;
    return open_bias(o, slot, name, matrix);
}

/* A norm's parameter under the first of the last parts that there is. */
static enum lassim_status read_parameter(const struct opening *o, const struct norm_name *name, int32_t layer,
                                         const char *const *last, double **values)
{
    char full[NAME_SIZE], suffix[16];
    uint64_t hidden = o->graph->config.hidden;
    size_t chosen = 0;
    for (size_t i = 0; last[i] != NULL; i++) {
        snprintf(suffix, sizeof suffix, ".%s", last[i]);
        layer_name(full, name->name, layer, suffix);
        if (checkpoint_find_prefixed(o->checkpoint, o->family->names.prefixes, full) == NULL) continue;
        chosen = i;
        break;
    }
    snprintf(suffix, sizeof suffix, ".%s", last[chosen]);
    layer_name(full, name->name, layer, suffix);
    return read_vector(o, full, hidden, 0, hidden, values);
}

static enum lassim_status open_norm(const struct opening *o, uint32_t n, struct norm_tensor *norm)
{
    const struct norm_slot *slot = &o->graph->norm[n];
    const struct norm_name *name = find_norm(o, last_part(slot->name));
    LASSIM_INVARIANT(name != NULL, "norm %s has no tensor name", slot->name);
    enum lassim_status status = read_parameter(o, name, slot->layer, o->family->gamma, &norm->gamma);
    if (status != LASSIM_OK) return status;
    if (o->graph->config.norm_kind == NORM_RMS) return LASSIM_OK;
    return read_parameter(o, name, slot->layer, o->family->beta, &norm->beta);
}

static enum lassim_status make_rotary(const struct opening *o, int32_t **table)
{
    const struct model_config *c = &o->graph->config;
    if (!c->rotary) return LASSIM_OK;
    *table = malloc((uint64_t)c->positions * c->head_dim * sizeof **table);
    if (*table == NULL)
        return lassim_fail(o->error, LASSIM_ERR_RUN, NULL, "rotary positions", "no memory for %u positions",
                           (unsigned)c->positions);
    rotary_table(&o->config->rotary, c->positions, c->head_dim, *table);
    return LASSIM_OK;
}

enum lassim_status model_tensors_open(const struct checkpoint *checkpoint, const struct checkpoint_config *config,
                                      const struct graph *graph, struct model_tensors **tensors,
                                      struct lassim_error *error)
{
    const struct opening o = {checkpoint, config, graph, families[graph->config.family], error};
    struct model_tensors *t = calloc(1, sizeof *t);
    *tensors = NULL;
    if (t != NULL) {
        t->graph = graph;
        t->matrix = calloc(graph->matrices, sizeof *t->matrix);
        t->norm = calloc(graph->norms + 1, sizeof *t->norm);
    }
    if (t == NULL || t->matrix == NULL || t->norm == NULL) {
        model_tensors_close(t);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the table of tensors");
    }
    enum lassim_status status = make_rotary(&o, &t->rotary);
    for (uint32_t m = 0; m < graph->matrices && status == LASSIM_OK; m++) status = open_matrix(&o, m, &t->matrix[m]);
    for (uint32_t n = 0; n < graph->norms && status == LASSIM_OK && config->norm_affine; n++)
        status = open_norm(&o, n, &t->norm[n]);
    if (status != LASSIM_OK) {
        model_tensors_close(t);
        return status;
    }
    *tensors = t;
    return LASSIM_OK;
}

void model_tensors_close(struct model_tensors *tensors)
{
    if (tensors == NULL) return;
    for (uint32_t m = 0; tensors->matrix != NULL && m < tensors->graph->matrices; m++) free(tensors->matrix[m].bias);
    for (uint32_t n = 0; tensors->norm != NULL && n < tensors->graph->norms; n++) {
        free(tensors->norm[n].gamma);
        free(tensors->norm[n].beta);
    }
    free(tensors->rotary);
    free(tensors->matrix);
    free(tensors->norm);
    free(tensors);
}
