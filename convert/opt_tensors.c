#include "convert/opt_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The graph's name of a matrix (its last part) and the checkpoint's. */
static const struct matrix_name {
    const char *graph, *tensor;
    int in_layer, by_source;
} matrix_names[] = {
    {"tok", "embed_tokens", 0, 1},
    {"pos", "embed_positions", 0, 1},
    {"project_in", "project_in", 0, 0},
    {"q", "self_attn.q_proj", 1, 0},
    {"k", "self_attn.k_proj", 1, 0},
    {"v", "self_attn.v_proj", 1, 0},
    {"o", "self_attn.out_proj", 1, 0},
    {"fc1", "fc1", 1, 0},
    {"fc2", "fc2", 1, 0},
    {"project_out", "project_out", 0, 0},
    {"head", "lm_head", 0, 0},
};

enum { NAME_SIZE = 96 };

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

static const struct matrix_name *find_name(const char *graph_name)
{
    for (size_t i = 0; i < sizeof matrix_names / sizeof *matrix_names; i++)
        if (strcmp(matrix_names[i].graph, last_part(graph_name)) == 0) return &matrix_names[i];
    return NULL;
}

static void tensor_prefix(char *text, const struct matrix_name *name, int32_t layer)
{
    if (name->in_layer)
        snprintf(text, NAME_SIZE, "layers.%d.%s", (int)layer, name->tensor);
    else
        snprintf(text, NAME_SIZE, "%s", name->tensor);
}

/* A vector of `size` elements as doubles. */
static enum lassim_status read_vector(const struct checkpoint *checkpoint, const char *prefix, const char *suffix,
                                      uint64_t size, double **values, struct lassim_error *error)
{
    char name[NAME_SIZE + 16];
    const struct checkpoint_tensor *tensor;
    snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    enum lassim_status status = checkpoint_require(checkpoint, name, 1, &size, &tensor, error);
    if (status == LASSIM_OK) status = checkpoint_require_finite(tensor, error);
    if (status != LASSIM_OK) return status;
    *values = malloc(size * sizeof **values);
    if (*values == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, name, "no memory for %llu elements", (unsigned long long)size);
    checkpoint_tensor_f64(tensor, 0, size, *values);
    return LASSIM_OK;
}

static enum lassim_status find_weight(const struct checkpoint *checkpoint, const struct graph *graph,
                                      const struct matrix_slot *slot, const struct matrix_name *name,
                                      struct opt_matrix *matrix, struct lassim_error *error)
{
    const struct model_config *c = &graph->config;
    if (strcmp(name->graph, "tok") == 0)
        return checkpoint_require_embedding(checkpoint, (int)c->tied, c->vocabulary, c->embedding, &matrix->weight,
                                            error);
    if (strcmp(name->graph, "head") == 0)
        return checkpoint_require_head(checkpoint, (int)c->tied, c->vocabulary, c->embedding, &matrix->weight, error);
    char prefix[NAME_SIZE], full[NAME_SIZE + 16];
    tensor_prefix(prefix, name, slot->layer);
    snprintf(full, sizeof full, "%s.weight", prefix);
    const uint64_t shape[2] = {name->by_source ? slot->sources : slot->targets,
                               name->by_source ? slot->targets : slot->sources};
    return checkpoint_require(checkpoint, full, 2, shape, &matrix->weight, error);
}

static enum lassim_status open_matrix(const struct checkpoint *checkpoint, const struct checkpoint_config *config,
                                      const struct graph *graph, uint32_t m, struct opt_matrix *matrix,
                                      struct lassim_error *error)
{
    const struct matrix_slot *slot = &graph->matrix[m];
    const struct matrix_name *name = find_name(slot->name);
    LASSIM_INVARIANT(name != NULL, "matrix %s has no tensor name", slot->name);
    matrix->by_source = name->by_source;
    enum lassim_status status = find_weight(checkpoint, graph, slot, name, matrix, error);
    if (status != LASSIM_OK || !slot->has_bias || !config->biases) return status;
    char prefix[NAME_SIZE];
    tensor_prefix(prefix, name, slot->layer);
    return read_vector(checkpoint, prefix, "bias", slot->targets, &matrix->bias, error);
}

static enum lassim_status open_norm(const struct checkpoint *checkpoint, const struct graph *graph, uint32_t n,
                                    struct opt_norm *norm, struct lassim_error *error)
{
    const struct norm_slot *slot = &graph->norm[n];
    const char *role = last_part(slot->name);
    char prefix[NAME_SIZE];
    if (strcmp(role, "final") == 0)
        snprintf(prefix, sizeof prefix, "final_layer_norm");
    else
        snprintf(prefix, sizeof prefix, "layers.%d.%s", (int)slot->layer,
                 strcmp(role, "norm1") == 0 ? "self_attn_layer_norm" : "final_layer_norm");
    enum lassim_status status = read_vector(checkpoint, prefix, "weight", graph->config.hidden, &norm->gamma, error);
    if (status != LASSIM_OK) return status;
    return read_vector(checkpoint, prefix, "bias", graph->config.hidden, &norm->beta, error);
}

enum lassim_status opt_tensors_open(const struct checkpoint *checkpoint, const struct checkpoint_config *config,
                                    const struct graph *graph, struct opt_tensors **tensors, struct lassim_error *error)
{
    struct opt_tensors *t = calloc(1, sizeof *t);
    *tensors = NULL;
    if (t != NULL) {
        t->graph = graph;
        t->matrix = calloc(graph->matrices, sizeof *t->matrix);
        t->norm = calloc(graph->norms + 1, sizeof *t->norm);
    }
    if (t == NULL || t->matrix == NULL || t->norm == NULL) {
        opt_tensors_close(t);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the table of tensors");
    }
    enum lassim_status status = LASSIM_OK;
    for (uint32_t m = 0; m < graph->matrices && status == LASSIM_OK; m++)
        status = open_matrix(checkpoint, config, graph, m, &t->matrix[m], error);
    for (uint32_t n = 0; n < graph->norms && status == LASSIM_OK && config->norm_affine; n++)
        status = open_norm(checkpoint, graph, n, &t->norm[n], error);
    if (status != LASSIM_OK) {
        opt_tensors_close(t);
        return status;
    }
    *tensors = t;
    return LASSIM_OK;
}

void opt_tensors_close(struct opt_tensors *tensors)
{
    if (tensors == NULL) return;
    for (uint32_t m = 0; tensors->matrix != NULL && m < tensors->graph->matrices; m++) free(tensors->matrix[m].bias);
    for (uint32_t n = 0; tensors->norm != NULL && n < tensors->graph->norms; n++) {
        free(tensors->norm[n].gamma);
        free(tensors->norm[n].beta);
    }
    free(tensors->matrix);
    free(tensors->norm);
    free(tensors);
}

uint32_t opt_matrix_index(const struct graph *graph, int32_t layer, const char *name)
{
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        if ((layer < 0 || slot->layer == layer) && strcmp(last_part(slot->name), name) == 0) return m;
    }
    return GRAPH_NONE;
}

uint32_t opt_population_index(const struct graph *graph, int32_t layer, enum population_kind kind)
{
    for (uint32_t p = 0; p < graph->populations; p++) {
        const struct population *population = &graph->population[p];
        if (population->kind == kind && population->layer == layer && population->norm == GRAPH_NONE) return p;
    }
    return GRAPH_NONE;
}

void opt_tensors_release(const struct opt_tensors *tensors, uint32_t m)
{
    checkpoint_tensor_release(tensors->matrix[m].weight);
}
