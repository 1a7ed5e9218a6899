/* lassim inspect --json. */
#include <stdio.h>
#include <string.h>

#include "kernel/model_layout.h"
#include "kernel/program/inspect.h"

static json_t *architecture_json(const struct model_config *c)
{
    static const char *const heads[HEAD_KINDS] = {"lm", "masked_lm", "classify", "values"};
    json_t *sizes = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "family", graph_family_name(c->family),
        "vocabulary", (json_int_t)c->vocabulary, "hidden", (json_int_t)c->hidden, "embedding", (json_int_t)c->embedding,
        "ffn", (json_int_t)c->ffn, "layers", (json_int_t)c->layers, "heads", (json_int_t)c->heads, "kv_heads",
        (json_int_t)c->kv_heads, "head_dim", (json_int_t)c->head_dim, "positions", (json_int_t)c->positions,
        "token_types", (json_int_t)c->token_types, "labels", (json_int_t)c->labels);
    json_t *rest = json_pack("{s:b, s:b, s:b, s:s, s:s, s:b, s:b, s:b, s:s, s:I, s:I, s:I, s:f, s:f}", "pre_norm",
                             (int)c->pre_norm, "final_norm", (int)c->final_norm, "tied", (int)c->tied, "norm",
                             c->norm_kind == NORM_RMS ? "rms" : "layer", "activation", inspect_activation(c), "gated",
                             (int)c->gated, "rotary", (int)c->rotary, "encoder", (int)c->encoder, "head",
                             heads[c->head], "bos", (json_int_t)c->bos, "eos", (json_int_t)c->eos, "pad",
                             (json_int_t)c->pad, "norm_epsilon", c->norm_epsilon, "score_scale", c->score_scale);
    if (sizes != NULL && rest != NULL) json_object_update(sizes, rest);
    json_decref(rest);
    return sizes;
}

static void add_oat(json_t *object, const struct model *model, uint32_t p)
{
    struct inspect_range shifts = inspect_shifts(model, p);
    json_object_set_new(object, "alpha_normal", json_real(inspect_alpha_normal(model, p)));
    json_object_set_new(object, "alpha_outlier", json_real(inspect_alpha_outlier(model, p)));
    json_object_set_new(object, "j", json_integer(model->population[p].j));
    json_object_set_new(object, "shift_min", json_integer((json_int_t)shifts.low));
    json_object_set_new(object, "shift_max", json_integer((json_int_t)shifts.high));
}

static json_t *populations_json(const struct model *model)
{
    json_t *array = json_array();
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population *row = &model->graph->population[p];
        json_t *object = json_pack("{s:s, s:i, s:I, s:s, s:I, s:I, s:b, s:f}", "name", row->name, "layer", row->layer,
                                   "level", (json_int_t)row->level, "code", code_kind_name(row->code), "neurons",
                                   (json_int_t)row->neurons, "fan_out", (json_int_t)row->fan_out, "head_side",
                                   row->head_side, "calibrated_max", model->calibrated_max[p]);
        if (row->code != CODE_INPUT)
            json_object_set_new(object, "timesteps",
                                json_integer(params_steps(&model->population[p], model->timesteps)));
        if (row->code == CODE_OAT) add_oat(object, model, p);
        if (row->code == CODE_HG) json_object_set_new(object, "table", json_integer(model->population[p].table));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *tables_json(const struct model *model)
{
    json_t *array = json_array();
    for (uint32_t t = 0; t < model->tables; t++) {
        const struct hg_table *table = &model->table[t];
        json_array_append_new(
            array, json_pack("{s:s, s:b, s:b, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:b, s:s, s:f}", "function",
                             hg_function_name(table->function), "positive", table->positive, "negative",
                             table->negative, "octave_low", table->lo, "octave_high", table->hi, "sub_intervals",
                             (json_int_t)1 << table->sub_bits, "rows", (json_int_t)table->rows, "gates",
                             (json_int_t)hg_gates(table), "input_grid", table->input_grid, "output_grid",
                             table->output_grid, "silent_beyond", table->silent_beyond, "error_kind",
                             table->error_kind == HG_ERROR_RELATIVE ? "relative" : "absolute", "error", table->error));
    }
    return array;
}

static void add_scales(json_t *object, struct inspect_range scales)
{
    json_object_set_new(object, "scale_min", json_real(scales.low));
    json_object_set_new(object, "scale_max", json_real(scales.high));
}

static json_t *weights_json(const struct model *model)
{
    json_t *array = json_array();
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        const struct matrix_slot *slot = &model->graph->matrix[m];
        const struct matrix *matrix = &model->matrix[m];
        json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:b, s:i, s:I, s:f, s:f, s:I}", "name", slot->name, "type",
                                   weight_type_name(matrix->type), "sources", (json_int_t)slot->sources, "targets",
                                   (json_int_t)slot->targets, "bias", matrix->bias != NULL, "grid", matrix->grid,
                                   "moved", (json_int_t)matrix->moved, "moved_max", matrix->moved_max, "moved_rms",
                                   matrix->moved_rms, "bound_bits", (json_int_t)inspect_bound_bits(model, m));
        if (matrix->scale != NULL) add_scales(object, inspect_scales(model, m));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *sections_json(const struct model *model)
{
    json_t *array = json_array();
    const struct snn_section *section = snn_section_table(model);
    for (uint32_t e = 0; e < snn_sections(model->graph); e++) {
        const char *matrix = section[e].type == SNN_WEIGHTS ? model->graph->matrix[section[e].index].name : NULL;
        json_array_append_new(array, json_pack("{s:s, s:s*, s:I, s:I}", "name", snn_section_name(section[e].type),
                                               "matrix", matrix, "offset", (json_int_t)section[e].offset, "bytes",
                                               (json_int_t)section[e].size));
    }
    return array;
}

static json_t *controls_json(void)
{
    json_t *array = json_array();
    for (int i = 0; i < INSPECT_CONTROLS; i++)
        json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "name", inspect_controls[i].name, "where",
                                               inspect_controls[i].where, "text", inspect_controls[i].text));
    return array;
}

static json_t *self_check_json(const struct self_check *check)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:I}", "tokens", (json_int_t)check->tokens, "ppl_dense",
                     check->ppl_dense, "ppl_spiking", check->ppl_spiking, "kl_mean", check->kl_mean, "kl_max",
                     check->kl_max, "top1_agreement", check->top1_agreement, "saturations",
                     (json_int_t)check->saturations);
}

json_t *inspect_object(const struct blob *section)
{
    json_t *object = json_loadb((const char *)section->data, section->size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object)) return object;
    json_decref(object);
    return NULL;
}

json_t *inspect_json(const struct model *model, int checked)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)model->hash);
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:I, s:s, s:i, s:I, s:I, s:b}", "schema", INSPECT_SCHEMA, "hash", hash, "bytes",
                  (json_int_t)model->file->size, "timesteps", (json_int_t)model->timesteps, "code",
                  model->code == SPIKE_CODE_TERNARY ? "ternary" : "radix", "residual_grid", model->residual_grid,
                  "head_level", (json_int_t)model->graph->head_level, "product_bound_bits",
                  (json_int_t)params_product_bits(model->graph, model->population), "weights_checked", checked);
    int failed = json_object_set_new(object, "architecture", architecture_json(&model->graph->config)) |
                 json_object_set_new(object, "populations", populations_json(model)) |
                 json_object_set_new(object, "tables", tables_json(model)) |
                 json_object_set_new(object, "weights", weights_json(model)) |
                 json_object_set_new(object, "sections", sections_json(model)) |
                 json_object_set_new(object, "not_spike_driven", controls_json()) |
                 json_object_set_new(object, "self_check", self_check_json(&model->check)) |
                 json_object_set_new(object, "provenance", inspect_object(&model->provenance));
    if (model->readout.size > 0) failed |= json_object_set_new(object, "readout", inspect_object(&model->readout));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
