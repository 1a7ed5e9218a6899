#include "kernel/model_layout.h"

#include <string.h>
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a .snn is mapped as it is: little-endian");
_Static_assert(sizeof(struct snn_header) == 64 && sizeof(struct snn_section) == 32, "fixed record sizes");
_Static_assert(sizeof(struct snn_config) == 192 && sizeof(struct snn_population) == 128, "fixed record sizes");
_Static_assert(sizeof(struct snn_matrix) == 128 && sizeof(struct snn_table) == 64, "fixed record sizes");
_Static_assert(sizeof(struct snn_check) == 64 && sizeof(struct snn_norm) == 8, "fixed record sizes");

const char *snn_section_name(uint32_t type)
{
    static const char *const names[SNN_SECTION_TYPES] = {
        "unknown", "config", "populations", "matrices", "weights",   "norms",  "biases",  "scales",
        "shifts",  "rotary", "tables",      "check",    "tokenizer", "prompt", "readout", "provenance"};
    return type < SNN_SECTION_TYPES ? names[type] : names[0];
}

uint64_t snn_align(uint64_t size)
{
    return (size + SNN_ALIGN - 1) / SNN_ALIGN * SNN_ALIGN;
}

uint32_t snn_sections(const struct graph *graph)
{
    return graph->matrices + SNN_SMALL_SECTIONS;
}

uint32_t snn_weights_entry(uint32_t m)
{
    return SNN_WEIGHTS - SNN_CONFIG + m;
}

uint64_t snn_first_offset(uint32_t sections)
{
    return snn_align(sizeof(struct snn_header) + (uint64_t)sections * sizeof(struct snn_section));
}

void snn_entry(const struct graph *graph, uint32_t e, uint32_t *type, uint32_t *index)
{
    uint32_t first = snn_weights_entry(0), last = first + graph->matrices;
    *index = e >= first && e < last ? e - first : 0;
    if (e < first)
        *type = SNN_CONFIG + e;
    else
        *type = e < last ? SNN_WEIGHTS : SNN_WEIGHTS + 1 + (e - last);
}

uint64_t snn_weights_size(const struct matrix_slot *slot, enum weight_type type)
{
    return weight_bytes(type, slot->sources, slot->targets);
}

uint32_t snn_norm_vectors(const struct graph *graph)
{
    return graph->config.norm_kind == NORM_RMS ? 1 : 2;
}

uint64_t snn_norms_size(const struct graph *graph, uint32_t affine)
{
    uint64_t vector = graph->config.hidden * sizeof(double);
    return graph->norms * sizeof(struct snn_norm) + snn_norm_vectors(graph) * vector * affine;
}

uint64_t snn_rotary_size(const struct graph *graph)
{
    return params_rotary_size(&graph->config) * sizeof(int32_t);
}

uint64_t snn_shifts_size(const struct graph *graph)
{
    uint64_t size = 0;
    for (uint32_t p = 0; p < graph->populations; p++)
        if (graph->population[p].per_channel) size += graph->population[p].neurons;
    return size;
}

uint64_t snn_scales_size(const struct graph *graph, const struct matrix *matrix)
{
    uint64_t size = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (!weight_is_float(matrix[m].type)) size += graph->matrix[m].targets * sizeof(double);
    return size;
}

void snn_population_structure(const struct graph *graph, uint32_t p, struct snn_population *record)
{
    const struct population *population = &graph->population[p];
    memset(record, 0, sizeof *record);
    memcpy(record->name, population->name, strlen(population->name));
    record->kind = population->kind;
    record->code = population->code;
    record->layer = population->layer;
    record->level = population->level;
    record->neurons = population->neurons;
    record->fan_out = population->fan_out;
    record->product = population->product;
    record->product_partners = population->product_partners;
    record->flags = (population->visible_only ? SNN_VISIBLE_ONLY : 0) | (population->head_side ? SNN_HEAD_SIDE : 0) |
                    (population->relu ? SNN_RELU : 0) | (population->per_channel ? SNN_PER_CHANNEL : 0) |
                    (population->into_residual ? SNN_INTO_RESIDUAL : 0);
    record->norm = population->norm;
    record->bias_elements = population->bias_elements;
}

void snn_matrix_structure(const struct graph *graph, uint32_t m, struct snn_matrix *record)
{
    const struct matrix_slot *slot = &graph->matrix[m];
    memset(record, 0, sizeof *record);
    memcpy(record->name, slot->name, strlen(slot->name));
    record->source = slot->source;
    record->target = slot->target;
    record->target_population = slot->target_population;
    record->sources = slot->sources;
    record->targets = slot->targets;
    record->layer = slot->layer;
}

void snn_config_pack(const struct model *model, struct snn_config *record)
{
    const struct model_config *c = &model->graph->config;
    *record = (struct snn_config){
        .family = c->family,
        .vocabulary = c->vocabulary,
        .hidden = c->hidden,
        .embedding = c->embedding,
        .ffn = c->ffn,
        .layers = c->layers,
        .heads = c->heads,
        .positions = c->positions,
        .position_rows = c->position_rows,
        .position_offset = c->position_offset,
        .pre_norm = c->pre_norm,
        .final_norm = c->final_norm,
        .tied = c->tied,
        .bos = c->bos,
        .eos = c->eos,
        .pad = c->pad,
        .kv_heads = c->kv_heads,
        .head_dim = c->head_dim,
        .norm_kind = c->norm_kind,
        .activation = c->activation,
        .gated = c->gated,
        .rotary = c->rotary,
        .encoder = c->encoder,
        .token_types = c->token_types,
        .head = c->head,
        .labels = c->labels,
        .score_by_layer = c->score_by_layer,
        .norm_epsilon = c->norm_epsilon,
        .score_scale = c->score_scale,
        .timesteps = model->timesteps,
        .code = model->code,
        .residual_grid = model->residual_grid,
        .block_neurons = GRAPH_BLOCK_NEURONS,
        .populations = model->graph->populations,
        .matrices = model->graph->matrices,
        .norms = model->graph->norms,
        .tables = model->tables,
    };
}

void snn_config_unpack(const struct snn_config *record, struct model_config *config)
{
    *config = (struct model_config){
        .family = record->family,
        .vocabulary = record->vocabulary,
        .hidden = record->hidden,
        .embedding = record->embedding,
        .ffn = record->ffn,
        .layers = record->layers,
        .heads = record->heads,
        .positions = record->positions,
        .position_rows = record->position_rows,
        .position_offset = record->position_offset,
        .pre_norm = record->pre_norm,
        .final_norm = record->final_norm,
        .tied = record->tied,
        .bos = record->bos,
        .eos = record->eos,
        .pad = record->pad,
        .kv_heads = record->kv_heads,
        .head_dim = record->head_dim,
        .norm_kind = record->norm_kind,
        .activation = record->activation,
        .gated = record->gated,
        .rotary = record->rotary,
        .encoder = record->encoder,
        .token_types = record->token_types,
        .head = record->head,
        .labels = record->labels,
        .score_by_layer = record->score_by_layer,
        .norm_epsilon = record->norm_epsilon,
        .score_scale = record->score_scale,
    };
}

void snn_table_pack(const struct hg_table *table, struct snn_table *record)
{
    *record = (struct snn_table){
        .function = table->function,
        .lo = table->lo,
        .hi = table->hi,
        .positive = (uint32_t)table->positive,
        .negative = (uint32_t)table->negative,
        .underflow = (uint32_t)table->underflow,
        .silent_beyond = (uint32_t)table->silent_beyond,
        .sub_bits = table->sub_bits,
        .input_grid = table->input_grid,
        .output_grid = table->output_grid,
        .error_kind = table->error_kind,
        .rows = table->rows,
        .error = table->error,
    };
}

void snn_table_unpack(const struct snn_table *record, const int64_t *rows, struct hg_table *table)
{
    *table = (struct hg_table){
        .function = (enum hg_function)record->function,
        .lo = record->lo,
        .hi = record->hi,
        .positive = (int)record->positive,
        .negative = (int)record->negative,
        .underflow = (int)record->underflow,
        .silent_beyond = (int)record->silent_beyond,
        .sub_bits = record->sub_bits,
        .input_grid = record->input_grid,
        .output_grid = record->output_grid,
        .error = record->error,
        .error_kind = (enum hg_error_kind)record->error_kind,
        .rows = record->rows,
        .base = rows,
        .slope = rows + record->rows,
    };
}

void snn_seal(uint8_t *bytes, uint64_t size)
{
    struct snn_header header;
    if (size < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    uint64_t table_size = (uint64_t)header.sections * sizeof(struct snn_section);
    if (table_size <= size - sizeof header) {
        for (uint32_t e = 0; e < header.sections; e++) {
            struct snn_section section;
            uint8_t *at = bytes + sizeof header + e * sizeof section;
            memcpy(&section, at, sizeof section);
            if (section.offset > size || section.size > size - section.offset) continue;
            section.checksum = XXH3_64bits(bytes + section.offset, section.size);
            memcpy(at, &section, sizeof section);
        }
        header.table_checksum = XXH3_64bits(bytes + sizeof header, table_size);
    }
    header.header_checksum = XXH3_64bits(&header, offsetof(struct snn_header, header_checksum));
    memcpy(bytes, &header, sizeof header);
}

uint64_t snn_hash(const uint8_t *bytes, uint32_t sections)
{
    return XXH3_64bits(bytes, sizeof(struct snn_header) + (uint64_t)sections * sizeof(struct snn_section));
}

const struct snn_section *snn_section_table(const struct model *model)
{
    return model->file == NULL ? NULL : (const void *)(model->file->bytes + sizeof(struct snn_header));
}
