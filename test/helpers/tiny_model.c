#include "test/helpers/tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "neurons/real.h"

enum { FLOAT_TYPES = 3, TINY_TABLES = 5, TINY_GRID = -6, TABLE_CAPACITY = 1 << 12 };

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    LASSIM_INVARIANT(memory != NULL, "%zu bytes", count * size);
    return memory;
}

static uint64_t next_random(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* -63 .. 63 */
static int random_integer(uint64_t *state)
{
    return (int)(next_random(state) >> 32) % 64;
}

struct model_config tiny_config(void)
{
    return (struct model_config){.family = FAMILY_OPT,
                                 .vocabulary = 11,
                                 .hidden = 8,
                                 .embedding = 8,
                                 .ffn = 10,
                                 .layers = 1,
                                 .heads = 2,
                                 .positions = 6,
                                 .position_rows = 8,
                                 .position_offset = 2,
                                 .pre_norm = 1,
                                 .final_norm = 1,
                                 .tied = 1,
                                 .bos = 2,
                                 .eos = 2,
                                 .pad = 1,
                                 .norm_epsilon = 1e-5};
}

/* integer * 2^TINY_GRID, which all three types of floats hold exactly. */
static void store_float(enum weight_type type, void *weights, uint64_t index, int integer)
{
    float value = (float)integer * 0x1p-6f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (type == WEIGHT_F32)
        ((uint32_t *)weights)[index] = bits;
    else if (type == WEIGHT_BF16)
        ((uint16_t *)weights)[index] = (uint16_t)(bits >> 16);
    else if (integer == 0)
        ((uint16_t *)weights)[index] = 0;
    else
        ((uint16_t *)weights)[index] =
            (uint16_t)((bits >> 16 & 0x8000) | ((bits >> 23 & 0xff) - 112) << 10 | (bits >> 13 & 0x3ff));
}

/* Signed and within limit, all of its digits random. */
static int random_within(uint64_t *seed, int limit)
{
    return (int)(next_random(seed) >> 32) % (limit + 1);
}

/* One row of 4-bit integers, and with a group's first row its scales. */
static void store_i4(const struct matrix *matrix, uint32_t source, uint32_t targets, uint64_t *seed)
{
    const uint8_t *scales;
    uint8_t *row = (uint8_t *)(uintptr_t)weight_row(WEIGHT_I4, matrix->weights, targets, source, &scales);
    for (uint32_t i = 0; i < targets; i++) {
        int largest = source == 0 && i == 0, half = largest ? -7 : random_within(seed, i == 0 ? 6 : 7);
        if (source % WEIGHT_GROUP == 0)
            ((uint8_t *)(uintptr_t)scales)[i] = (uint8_t)(largest ? 255 : 1 + next_random(seed) % 254);
        row[i / 32 * 16 + i % 16] |= (uint8_t)((half & 15) << (i % 32 < 16 ? 0 : 4));
    }
}

static void store_row(const struct matrix *matrix, uint32_t source, uint32_t targets, uint64_t *seed)
{
    void *weights = (void *)(uintptr_t)matrix->weights;
    uint64_t first = (uint64_t)source * targets;
    if (matrix->type == WEIGHT_I4) {
        store_i4(matrix, source, targets, seed);
        return;
    }
    for (uint64_t i = first; i < first + targets; i++)
        if (matrix->type == WEIGHT_I16)
            ((int16_t *)weights)[i] = (int16_t)(i == 0 ? -32767 : random_within(seed, 32766));
        else if (matrix->type == WEIGHT_I8)
            ((int8_t *)weights)[i] = (int8_t)(i == 0 ? 127 : random_within(seed, 126));
        else
            store_float(matrix->type, weights, i, random_integer(seed));
}

/* Scales with which weights of any integer type are about as large as the floats: at most 1 or so. */
static double *random_scales(enum weight_type type, uint32_t targets, uint64_t *seed)
{
    double *scale = allocate(targets, sizeof *scale);
    double largest = type == WEIGHT_I16 ? 32767 : type == WEIGHT_I8 ? 127 : 7 * 255;
    for (uint32_t i = 0; i < targets; i++) scale[i] = (1 + (double)(next_random(seed) % 1000) / 3000) / largest;
    return scale;
}

static double *random_vector(uint64_t n, uint64_t *seed)
{
    double *vector = allocate(n, sizeof *vector);
    for (uint64_t i = 0; i < n; i++) vector[i] = random_integer(seed) / 32.0;
    return vector;
}

static void make_matrix(struct model *model, uint32_t m, enum weight_type type, uint64_t *seed, int bare)
{
    const struct matrix_slot *slot = &model->graph->matrix[m];
    struct matrix *matrix = &model->matrix[m];
    struct matrix_proof proof;
    uint64_t n = (uint64_t)slot->sources * slot->targets;
    matrix->type = type;
    matrix->grid = weight_is_float(type) ? TINY_GRID : 0;
    matrix->weights = allocate(weight_bytes(type, slot->sources, slot->targets), 1);
    for (uint32_t j = 0; j < slot->sources; j++) store_row(matrix, j, slot->targets, seed);
    if (!weight_is_float(type)) matrix->scale = random_scales(type, slot->targets, seed);
    if (slot->has_bias && !bare) matrix->bias = random_vector(slot->targets, seed);
    const char *reason = params_prove_matrix(model->graph, m, matrix, &model->population[slot->source], &proof);
    LASSIM_INVARIANT(reason == NULL, "%s: %s", slot->name, reason);
    matrix->integer_max = proof.integer_max;
    matrix->bound = proof.bound;
    matrix->moved = m < n ? m : n;
    matrix->moved_max = 0.5 * m;
    matrix->moved_rms = 0.25 * m;
}

static void make_population(struct model *model, uint32_t p, uint64_t *seed)
{
    const struct population *population = &model->graph->population[p];
    struct population_params *params = &model->population[p];
    params->scale = 1;
    while (population->code == CODE_HG && model->table[params->table].function != population->function) params->table++;
    model->calibrated_max[p] = population->code == CODE_INPUT ? 0 : 1.5 + p;
    if (population->code != CODE_OAT) return;
    if (population->kind == POPULATION_WEIGHT) {
        params->j = 1;
        return;
    }
    params->scale = 1 + (double)p / 64;
    params->exponent = (int)(p % 7) - 3;
    params->j = p % 5;
    if (!population->per_channel) return;
    int8_t *shift = allocate(population->neurons, 1);
    for (uint32_t i = 0; i < population->neurons; i++) shift[i] = (int8_t)(next_random(seed) % 5);
    params->shift = shift;
}

static void make_table(struct hg_table *table, enum hg_function function, int lo, int hi)
{
    int64_t *storage = allocate(2 * TABLE_CAPACITY, sizeof *storage);
    hg_fit(function, lo, hi, 0.05, storage, TABLE_CAPACITY, table);
    LASSIM_INVARIANT(hg_table_check(table) == NULL, "%s: %s", hg_function_name(function), hg_table_check(table));
}

static struct blob blob_of(const char *text)
{
    uint8_t *data = allocate(strlen(text) + 1, 1);
    memcpy(data, text, strlen(text));
    return (struct blob){data, strlen(text)};
}

static int needs(const struct graph *graph, enum hg_function function)
{
    for (uint32_t p = 0; p < graph->populations; p++)
        if (graph->population[p].code == CODE_HG && graph->population[p].function == function) return 1;
    return 0;
}

/* exp, 1/x, 1/sqrt, and one for each function of the graph's activations. */
static void make_tables(struct model *model)
{
    const struct model_config *config = &model->graph->config;
    model->table = allocate(TINY_TABLES, sizeof *model->table);
    make_table(&model->table[0], HG_EXP, -3, 6);
    make_table(&model->table[1], HG_INV, 0, real_floor_log2(2.0 * config->positions) + 1);
    make_table(&model->table[2], HG_RSQRT, real_floor_log2(config->norm_epsilon), 6);
    model->tables = 3;
    for (enum hg_function f = HG_GELU_ERF; f < HG_FUNCTIONS; f++)
        if (needs(model->graph, f)) make_table(&model->table[model->tables++], f, -4, 5);
}

/* Angles that mean nothing: any cos and sin, some with a factor above 1. */
static void make_rotary(struct model *model, uint64_t *seed)
{
    uint64_t n = params_rotary_size(&model->graph->config);
    int32_t *rotary = n > 0 ? allocate(n, sizeof *rotary) : NULL;
    for (uint64_t i = 0; i < n; i++) rotary[i] = (int32_t)(next_random(seed) >> 32 | 1) / (i % 5 == 0 ? 1 : 2);
    model->rotary = rotary;
}

/* Matrix m has type (m + offset) % types. */
static struct model *make_model(const struct model_config *config, uint64_t seed, int bare, uint32_t offset,
                                uint32_t types)
{
    const char *reason;
    struct model *model = allocate(1, sizeof *model);
    seed = seed * 2 + 1;
    model->graph = graph_build(config, &reason);
    LASSIM_INVARIANT(model->graph != NULL, "%s", reason);
    const struct graph *graph = model->graph;
    model->timesteps = 16;
    model->code = SPIKE_CODE_TERNARY;
    model->residual_grid = -30;
    model->population = allocate(graph->populations, sizeof *model->population);
    model->calibrated_max = allocate(graph->populations, sizeof *model->calibrated_max);
    model->matrix = allocate(graph->matrices, sizeof *model->matrix);
    model->norm = allocate(graph->norms, sizeof *model->norm);
    make_tables(model);
    for (uint32_t p = 0; p < graph->populations; p++) make_population(model, p, &seed);
    for (uint32_t m = 0; m < graph->matrices; m++)
        make_matrix(model, m, (enum weight_type)((m + offset) % types), &seed, bare);
    for (uint32_t n = 0; n < graph->norms && !bare; n++) {
        model->norm[n].gamma = random_vector(config->hidden, &seed);
        if (config->norm_kind == NORM_LAYER) model->norm[n].beta = random_vector(config->hidden, &seed);
    }
    make_rotary(model, &seed);
    model->check = (struct self_check){123, 4, 80.5, 80.6, 1e-9, 2e-8, 0.995};
    model->tokenizer = blob_of("no tokenizer");
    model->prompt = blob_of("Call me Ishmael \xe2\x80\x93 ");
    model->readout = blob_of("{\"labels\":[]}");
    model->provenance = blob_of("{\"model\": \"tiny\"}");
    return model;
}

struct model_config tiny_config_of(uint32_t family)
{
    struct model_config config = tiny_config();
    config.family = family;
    if (family == FAMILY_LLAMA || family == FAMILY_QWEN2) {
        config.position_rows = config.position_offset = 0;
        config.norm_kind = NORM_RMS;
        config.rotary = config.gated = 1;
        config.activation = ACTIVATION_SILU;
        config.heads = 4;
        config.kv_heads = 2;
        config.head_dim = 4;
        config.tied = family == FAMILY_LLAMA;
    }
    if (family == FAMILY_GPT2 || family == FAMILY_BERT) {
        config.position_rows = config.positions;
        config.position_offset = 0;
        config.activation = family == FAMILY_GPT2 ? ACTIVATION_GELU_TANH : ACTIVATION_GELU_ERF;
    }
    if (family == FAMILY_BERT) {
        config.pre_norm = config.final_norm = 0;
        config.encoder = 1;
        config.token_types = 2;
        config.head = HEAD_VALUES;
    }
    return config;
}

struct model *tiny_model_new(const struct model_config *config, uint64_t seed, int bare)
{
    return make_model(config, seed, bare, 0, FLOAT_TYPES);
}

struct model *tiny_model_mixed(const struct model_config *config, uint64_t seed, int bare, uint32_t offset)
{
    return make_model(config, seed, bare, offset, WEIGHT_TYPES);
}

void tiny_model_own_steps(struct model *model, uint64_t seed)
{
    if (seed == 0) return;
    for (uint32_t p = 0; p < model->graph->populations; p++)
        if (model->graph->population[p].code != CODE_INPUT && next_random(&seed) >> 32 & 1)
            model->population[p].steps = 1 + (uint32_t)(next_random(&seed) >> 32) % model->timesteps;
}

void tiny_model_free(struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) free((void *)model->population[p].shift);
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        free((void *)model->matrix[m].weights);
        free((void *)model->matrix[m].bias);
        free((void *)model->matrix[m].scale);
    }
    for (uint32_t n = 0; n < model->graph->norms; n++) {
        free((void *)model->norm[n].gamma);
        free((void *)model->norm[n].beta);
    }
    for (uint32_t t = 0; t < model->tables; t++) free((void *)model->table[t].base);
    free((void *)model->tokenizer.data);
    free((void *)model->prompt.data);
    free((void *)model->readout.data);
    free((void *)model->provenance.data);
    free(model->table);
    free((void *)model->rotary);
    free(model->population);
    free(model->calibrated_max);
    free(model->matrix);
    free(model->norm);
    graph_free(model->graph);
    free(model);
}

enum lassim_status tiny_model_write(const struct model *model, const char *path, struct lassim_error *error)
{
    struct model_writer *writer;
    const struct graph *graph = model->graph;
    enum weight_type *types = allocate(graph->matrices, sizeof *types);
    for (uint32_t m = 0; m < graph->matrices; m++) types[m] = model->matrix[m].type;
    enum lassim_status status = model_writer_begin(path, 0, graph, types, &writer, error);
    if (status != LASSIM_OK) {
        free(types);
        return status;
    }
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        memcpy(model_writer_weights(writer, m), model->matrix[m].weights,
               weight_bytes(types[m], slot->sources, slot->targets));
    }
    free(types);
    return model_writer_finish(writer, model, error);
}

uint8_t *tiny_model_bytes(const struct model *model, uint64_t *size)
{
    struct lassim_error error;
    char path[] = "/tmp/lassim-tiny-XXXXXX";
    int fd = mkstemp(path);
    LASSIM_INVARIANT(fd >= 0, "mkstemp %s", path);
    close(fd);
    LASSIM_INVARIANT(tiny_model_write(model, path, &error) == LASSIM_OK, "%s", error.text);
    FILE *file = fopen(path, "rb");
    LASSIM_INVARIANT(file != NULL && fseek(file, 0, SEEK_END) == 0, "%s", path);
    *size = (uint64_t)ftell(file);
    uint8_t *bytes = allocate(*size, 1);
    rewind(file);
    LASSIM_INVARIANT(fread(bytes, 1, *size, file) == *size, "%s", path);
    fclose(file);
    remove(path);
    return bytes;
}
