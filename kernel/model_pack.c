#include "kernel/model_pack.h"

#include <string.h>

static void write_config(uint8_t *at, const struct model *model)
{
    struct snn_config record;
    snn_config_pack(model, &record);
    memcpy(at, &record, sizeof record);
}

static void write_populations(uint8_t *at, const struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        struct snn_population record;
        const struct population_params *params = &model->population[p];
        enum code_kind code = model->graph->population[p].code;
        snn_population_structure(model->graph, p, &record);
        record.scale = code == CODE_OAT ? params->scale : 1;
        record.exponent = code == CODE_OAT ? params->exponent : 0;
        record.j = code == CODE_OAT ? params->j : 0;
        record.table = code == CODE_HG ? params->table : SNN_NO_TABLE;
        record.calibrated_max = model->calibrated_max[p];
        record.timesteps = params->steps;
        memcpy(at + p * sizeof record, &record, sizeof record);
    }
}

static void write_matrices(uint8_t *at, const struct model *model)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        struct snn_matrix record;
        const struct matrix *matrix = &model->matrix[m];
        snn_matrix_structure(model->graph, m, &record);
        record.has_bias = matrix->bias != NULL;
        record.type = matrix->type;
        record.grid = matrix->grid;
        record.integer_max = matrix->integer_max;
        record.bound = matrix->bound;
        record.moved = matrix->moved;
        record.moved_max = matrix->moved_max;
        record.moved_rms = matrix->moved_rms;
        memcpy(at + m * sizeof record, &record, sizeof record);
    }
}

static uint8_t *put(uint8_t *at, const void *from, uint64_t size)
{
    if (size > 0) memcpy(at, from, size);
    return at + size;
}

static void write_norms(uint8_t *at, const struct model *model)
{
    uint64_t size = model->graph->config.hidden * sizeof(double);
    for (uint32_t n = 0; n < model->graph->norms; n++) {
        struct snn_norm record = {.affine = model->norm[n].gamma != NULL};
        at = put(at, &record, sizeof record);
    }
    for (uint32_t n = 0; n < model->graph->norms; n++) {
        if (model->norm[n].gamma == NULL) continue;
        at = put(at, model->norm[n].gamma, size);
        if (snn_norm_vectors(model->graph) > 1) at = put(at, model->norm[n].beta, size);
    }
}

static void write_biases(uint8_t *at, const struct model *model)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        if (model->matrix[m].bias != NULL)
            at = put(at, model->matrix[m].bias, model->graph->matrix[m].targets * sizeof(double));
}

static void write_scales(uint8_t *at, const struct model *model)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        if (!weight_is_float(model->matrix[m].type))
            at = put(at, model->matrix[m].scale, model->graph->matrix[m].targets * sizeof(double));
}

static void write_shifts(uint8_t *at, const struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population *population = &model->graph->population[p];
        if (!population->per_channel) continue;
        if (model->population[p].shift != NULL)
            at = put(at, model->population[p].shift, population->neurons);
        else
            at += population->neurons; /* zero already */
    }
}

static void write_rotary(uint8_t *at, const struct model *model)
{
    put(at, model->rotary, snn_rotary_size(model->graph));
}

static void write_tables(uint8_t *at, const struct model *model)
{
    for (uint32_t t = 0; t < model->tables; t++) {
        struct snn_table record;
        snn_table_pack(&model->table[t], &record);
        at = put(at, &record, sizeof record);
    }
    for (uint32_t t = 0; t < model->tables; t++) {
        at = put(at, model->table[t].base, model->table[t].rows * sizeof(int64_t));
        at = put(at, model->table[t].slope, model->table[t].rows * sizeof(int64_t));
    }
}

static void write_check(uint8_t *at, const struct model *model)
{
    const struct self_check *check = &model->check;
    struct snn_check record = {check->tokens,  check->saturations, check->ppl_dense,      check->ppl_spiking,
                               check->kl_mean, check->kl_max,      check->top1_agreement, 0};
    memcpy(at, &record, sizeof record);
}

static void write_tokenizer(uint8_t *at, const struct model *model)
{
    put(at, model->tokenizer.data, model->tokenizer.size);
}

static void write_prompt(uint8_t *at, const struct model *model)
{
    put(at, model->prompt.data, model->prompt.size);
}

static void write_readout(uint8_t *at, const struct model *model)
{
    put(at, model->readout.data, model->readout.size);
}

static void write_provenance(uint8_t *at, const struct model *model)
{
    put(at, model->provenance.data, model->provenance.size);
}

static uint64_t norms_size(const struct model *model)
{
    uint32_t affine = 0;
    for (uint32_t n = 0; n < model->graph->norms; n++) affine += model->norm[n].gamma != NULL;
    return snn_norms_size(model->graph, affine);
}

static uint64_t biases_size(const struct model *model)
{
    uint64_t elements = 0;
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        elements += model->matrix[m].bias != NULL ? model->graph->matrix[m].targets : 0;
    return elements * sizeof(double);
}

static uint64_t tables_size(const struct model *model)
{
    uint64_t size = model->tables * sizeof(struct snn_table);
    for (uint32_t t = 0; t < model->tables; t++) size += model->table[t].rows * (2 * sizeof(int64_t));
    return size;
}

void snn_tail_sizes(const struct model *model, uint64_t sizes[SNN_TAIL_SECTIONS])
{
    const uint64_t in_order[SNN_TAIL_SECTIONS] = {norms_size(model),
                                                  biases_size(model),
                                                  snn_scales_size(model->graph, model->matrix),
                                                  snn_shifts_size(model->graph),
                                                  snn_rotary_size(model->graph),
                                                  tables_size(model),
                                                  sizeof(struct snn_check),
                                                  model->tokenizer.size,
                                                  model->prompt.size,
                                                  model->readout.size,
                                                  model->provenance.size};
    memcpy(sizes, in_order, sizeof in_order);
}

void snn_pack_section(const struct model *model, uint32_t type, uint8_t *at)
{
    static void (*const pack[SNN_SECTION_TYPES])(uint8_t * at, const struct model *model) = {
        [SNN_CONFIG] = write_config,   [SNN_POPULATIONS] = write_populations, [SNN_MATRICES] = write_matrices,
        [SNN_NORMS] = write_norms,     [SNN_BIASES] = write_biases,           [SNN_SCALES] = write_scales,
        [SNN_SHIFTS] = write_shifts,   [SNN_ROTARY] = write_rotary,           [SNN_TABLES] = write_tables,
        [SNN_CHECK] = write_check,     [SNN_TOKENIZER] = write_tokenizer,     [SNN_PROMPT] = write_prompt,
        [SNN_READOUT] = write_readout, [SNN_PROVENANCE] = write_provenance};
    LASSIM_INVARIANT(type < SNN_SECTION_TYPES && pack[type] != NULL, "section %u", type);
    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; a broken invariant does not return */
    pack[type](at, model);
}
