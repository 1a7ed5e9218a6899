/* From the bytes of a .snn to a struct model, section by section. */
#include "kernel/model_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/utf8.h"

static enum lassim_status read_config(struct snn_reader *reader)
{
    struct snn_span span;
    struct snn_config config;
    struct model *model = reader->model;
    enum lassim_status status = snn_take_section(reader, SNN_CONFIG, 0, sizeof config, &span);
    if (status != LASSIM_OK) return status;
    memcpy(&config, span.bytes, sizeof config);
    struct model_config hyper;
    snn_config_unpack(&config, &hyper);
    const char *reason = snn_check_config(&config);
    if (reason == NULL) reason = graph_config_check(&hyper);
    if (reason != NULL) return snn_refuse(reader, "section config", reason);
    model->graph = graph_build(&hyper, &reason);
    if (model->graph == NULL) return snn_no_memory(reader);
    if (config.populations != model->graph->populations || config.matrices != model->graph->matrices ||
        config.norms != model->graph->norms)
        return snn_refuse(reader, "section config", "counts of populations, matrices and norms must be the graph's");
    if (reader->sections != snn_sections(model->graph))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->name, "header", "expected %u sections, found %u",
                           snn_sections(model->graph), reader->sections);
    model->timesteps = config.timesteps;
    model->code = (enum spike_code)config.code;
    model->residual_grid = config.residual_grid;
    model->tables = config.tables;
    return LASSIM_OK;
}

static enum lassim_status allocate_arrays(struct snn_reader *reader)
{
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    model->population = calloc(graph->populations, sizeof *model->population);
    model->calibrated_max = calloc(graph->populations, sizeof *model->calibrated_max);
    model->matrix = calloc(graph->matrices, sizeof *model->matrix);
    model->norm = calloc(graph->norms + 1, sizeof *model->norm);
    model->table = calloc(model->tables, sizeof *model->table);
    if (model->population == NULL || model->calibrated_max == NULL || model->matrix == NULL || model->norm == NULL ||
        model->table == NULL)
        return snn_no_memory(reader);
    return LASSIM_OK;
}

static enum lassim_status read_shifts(struct snn_reader *reader)
{
    struct snn_span span;
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    uint64_t size = snn_shifts_size(graph);
    enum lassim_status status = snn_take_section(reader, SNN_SHIFTS, 0, 0, &span);
    if (status != LASSIM_OK) return status;
    if (span.size != size) return snn_refuse(reader, "section shifts", "not the size the populations imply");
    const int8_t *shift = (const void *)span.bytes;
    for (uint32_t p = 0; p < graph->populations; p++) {
        if (!graph->population[p].per_channel) continue;
        for (uint32_t i = 0; i < graph->population[p].neurons; i++)
            if (shift[i] < 0 || shift[i] > PARAMS_SHIFT_MAX)
                return snn_refuse_in(reader, "shifts", graph->population[p].name, "shifts must be 0 .. 30");
        model->population[p].shift = shift;
        shift += graph->population[p].neurons;
    }
    return LASSIM_OK;
}

static enum lassim_status read_rotary(struct snn_reader *reader)
{
    struct snn_span span;
    struct model *model = reader->model;
    uint64_t size = snn_rotary_size(model->graph);
    enum lassim_status status = snn_take_section(reader, SNN_ROTARY, 0, size, &span);
    if (status != LASSIM_OK) return status;
    if (span.size != size) return snn_refuse(reader, "section rotary", "must be empty without rotary positions");
    if (size == 0) return LASSIM_OK;
    model->rotary = (const void *)span.bytes;
    if (!snn_rotary_in_range(model->rotary, size / sizeof *model->rotary))
        return snn_refuse(reader, "section rotary", "numbers must be -(2^31 - 1) .. 2^31 - 1");
    return LASSIM_OK;
}

static enum lassim_status read_tables(struct snn_reader *reader)
{
    struct snn_span span;
    struct model *model = reader->model;
    enum lassim_status status = snn_take_section(reader, SNN_TABLES, 0, 0, &span);
    if (status != LASSIM_OK) return status;
    const struct snn_table *record = (const void *)span.bytes;
    uint64_t size = model->tables * sizeof *record;
    for (uint32_t t = 0; t < model->tables && size <= span.size; t++) size += record[t].rows * (2 * sizeof(int64_t));
    if (size != span.size) return snn_refuse(reader, "section tables", "not the size its rows imply");
    const int64_t *rows = (const void *)(record + model->tables);
    for (uint32_t t = 0; t < model->tables; t++) {
        char item[24];
        snprintf(item, sizeof item, "table %u", (unsigned)t);
        const char *reason = snn_check_table_record(&record[t]);
        if (reason == NULL) {
            snn_table_unpack(&record[t], rows, &model->table[t]);
            reason = snn_check_table(&model->graph->config, &model->table[t]);
        }
        if (reason != NULL) return snn_refuse_in(reader, "tables", item, reason);
        rows += 2 * (uint64_t)record[t].rows;
    }
    return LASSIM_OK;
}

/* Populations are checked last: their records name tables. */
static enum lassim_status unpack_populations(struct snn_reader *reader, const struct snn_population *records)
{
    struct model *model = reader->model;
    const struct graph *graph = model->graph;
    uint32_t at = 0;
    for (uint32_t p = 0; p < graph->populations; p++) {
        const struct snn_population *record = &records[p];
        const char *reason = snn_check_population(graph, p, model->timesteps, record, model->table, model->tables);
        if (reason != NULL) return snn_refuse_in(reader, "populations", graph->population[p].name, reason);
        struct population_params *params = &model->population[p];
        params->scale = record->scale;
        params->exponent = record->exponent;
        params->j = record->j;
        params->table = record->table;
        params->steps = record->timesteps;
        model->calibrated_max[p] = record->calibrated_max;
    }
    const char *reason = params_check_products(graph, model->population, &at);
    if (reason != NULL) return snn_refuse_in(reader, "populations", graph->population[at].name, reason);
    return LASSIM_OK;
}

static enum lassim_status read_self_check(struct snn_reader *reader)
{
    struct snn_span span;
    struct snn_check record;
    struct self_check *check = &reader->model->check;
    enum lassim_status status = snn_take_section(reader, SNN_CHECK, 0, sizeof record, &span);
    if (status != LASSIM_OK) return status;
    memcpy(&record, span.bytes, sizeof record);
    *check = (struct self_check){record.tokens,  record.saturations, record.ppl_dense,     record.ppl_spiking,
                                 record.kl_mean, record.kl_max,      record.top1_agreement};
    const char *reason = record.reserved != 0 ? "reserved bytes must be 0" : snn_check_self_check(check);
    return reason == NULL ? LASSIM_OK : snn_refuse(reader, "section check", reason);
}

static enum lassim_status read_blob(struct snn_reader *reader, uint32_t type, uint64_t largest, int utf8,
                                    struct blob *blob)
{
    char place[32];
    struct snn_span span;
    snprintf(place, sizeof place, "section %s", snn_section_name(type));
    enum lassim_status status = snn_take_section(reader, type, 0, 0, &span);
    if (status != LASSIM_OK) return status;
    if (span.size > largest) return snn_refuse(reader, place, "larger than 2^30 bytes, or 2^20 for a text");
    if (utf8 && (!utf8_valid(span.bytes, span.size) || memchr(span.bytes, 0, span.size) != NULL))
        return snn_refuse(reader, place, "must be UTF-8 without NUL");
    *blob = (struct blob){span.bytes, span.size};
    return LASSIM_OK;
}

static enum lassim_status read_sections(struct snn_reader *reader)
{
    struct snn_span populations = {0};
    const struct snn_matrix *matrices = NULL;
    struct model *model = reader->model;
    enum lassim_status status = snn_read_header(reader);
    if (status == LASSIM_OK) status = read_config(reader);
    if (status == LASSIM_OK) status = allocate_arrays(reader);
    if (status == LASSIM_OK)
        status = snn_take_section(reader, SNN_POPULATIONS, 0, model->graph->populations * sizeof(struct snn_population),
                                  &populations);
    if (status == LASSIM_OK) status = snn_read_matrices(reader, &matrices);
    if (status == LASSIM_OK) status = snn_read_weights(reader);
    if (status == LASSIM_OK) status = snn_read_norms(reader);
    if (status == LASSIM_OK) status = snn_read_biases(reader, matrices);
    if (status == LASSIM_OK) status = snn_read_scales(reader);
    if (status == LASSIM_OK) status = read_shifts(reader);
    if (status == LASSIM_OK) status = read_rotary(reader);
    if (status == LASSIM_OK) status = read_tables(reader);
    if (status == LASSIM_OK) status = unpack_populations(reader, (const void *)populations.bytes);
    if (status == LASSIM_OK) status = snn_check_bounds(reader);
    if (status == LASSIM_OK) status = read_self_check(reader);
    if (status == LASSIM_OK) status = read_blob(reader, SNN_TOKENIZER, UINT64_C(1) << 30, 0, &model->tokenizer);
    if (status == LASSIM_OK) status = read_blob(reader, SNN_PROMPT, SNN_TEXT_MAX, 1, &model->prompt);
    if (status == LASSIM_OK) status = read_blob(reader, SNN_READOUT, SNN_TEXT_MAX, 1, &model->readout);
    if (status == LASSIM_OK) status = read_blob(reader, SNN_PROVENANCE, SNN_TEXT_MAX, 1, &model->provenance);
    if (status == LASSIM_OK && reader->end != reader->size)
        status = snn_refuse(reader, "end of file", "bytes after the last section");
    return status;
}

enum lassim_status model_read(const char *name, const uint8_t *bytes, uint64_t size, struct model **model,
                              struct lassim_error *error)
{
    struct snn_reader reader = {.name = name, .bytes = bytes, .size = size, .error = error};
    *model = NULL;
    reader.model = calloc(1, sizeof *reader.model);
    struct model_file *file = calloc(1, sizeof *file);
    char *copy = strdup(name);
    if (reader.model == NULL || file == NULL || copy == NULL) {
        free(reader.model);
        free(file);
        free(copy);
        return snn_no_memory(&reader);
    }
    *file = (struct model_file){.name = copy, .bytes = bytes, .size = size};
    reader.model->file = file;
    enum lassim_status status = read_sections(&reader);
    if (status != LASSIM_OK) {
        model_close(reader.model);
        return status;
    }
    reader.model->hash = snn_hash(bytes, reader.sections);
    *model = reader.model;
    return LASSIM_OK;
}
