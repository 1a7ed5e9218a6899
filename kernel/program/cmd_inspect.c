/* lassim inspect: what a .snn holds, and what in it is not spike-driven. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/model_layout.h"
#include "kernel/program/cli.h"
#include "kernel/program/inspect.h"

enum { CELL = 32 };

/* "3" or "3..7". */
static const char *range_text(struct inspect_range range, char text[CELL])
{
    if (range.low == range.high)
        snprintf(text, CELL, "%.4g", range.low);
    else
        snprintf(text, CELL, "%.4g..%.4g", range.low, range.high);
    return text;
}

/* Whole numbers without exponent. */
static const char *count_text(struct inspect_range range, char text[CELL])
{
    if (range.low == range.high)
        snprintf(text, CELL, "%.0f", range.low);
    else
        snprintf(text, CELL, "%.0f..%.0f", range.low, range.high);
    return text;
}

static void print_parts(const struct model_config *c)
{
    static const char *const heads[HEAD_KINDS] = {"language model head", "masked language model head", "classifier",
                                                  "no head: the last norm's values"};
    printf("%s %s the branches%s; ", c->norm_kind == NORM_RMS ? "RMSNorm" : "LayerNorm",
           c->pre_norm ? "before" : "after", c->final_norm ? " and before the head" : "");
    printf("%s%s FFN; %s positions", inspect_activation(c), c->gated ? ", gated" : "",
           c->rotary ? "rotary" : "learned");
    if (c->token_types > 0) printf(", %u token types", c->token_types);
    printf("; %s%s", heads[c->head],
           c->head == HEAD_LM || c->head == HEAD_MASKED_LM ? c->tied ? ", tied" : ", separate" : "");
    if (c->head == HEAD_CLASSIFY) printf(" of %u labels", c->labels);
    if (c->embedding != c->hidden) printf("; embedding of %u projected in and out", c->embedding);
}

static void print_architecture(const struct model *model)
{
    const struct model_config *c = &model->graph->config;
    printf("%s, %s, %u layers of %u neurons, %u heads", graph_family_title(c->family),
           c->encoder ? "encoder" : "decoder", c->layers, c->hidden, c->heads);
    if (c->kv_heads != c->heads) printf(" on %u of keys and values", c->kv_heads);
    printf(" of %u, FFN %u, vocabulary %u, %u positions\n", c->head_dim, c->ffn, c->vocabulary, c->positions);
    print_parts(c);
    printf("\nT = %u, %s code; a token's head closes after %u windows, %u timesteps; residual grid 2^%d\n",
           model->timesteps, model->code == SPIKE_CODE_TERNARY ? "ternary" : "radix", model->graph->head_level,
           model->graph->head_level * model->timesteps, model->residual_grid);
    printf("hash %016" PRIx64 ", %" PRIu64 " bytes\n", model->hash, model->file->size);
}

static void print_population(const struct model *model, const struct inspect_population *row)
{
    char cells[8][CELL];
    const struct population *first = &model->graph->population[row->first];
    int oat = first->code == CODE_OAT;
    snprintf(cells[0], CELL, row->level_step > 0 ? "%u+%u" : "%u", first->level, row->level_step);
    printf("%-22s %5u %7s %5s %9s %11s", row->name, row->count, cells[0], code_kind_name(first->code),
           count_text(row->neurons, cells[1]), count_text(row->fan_out, cells[2]));
    printf(" %6s %18s %18s %6s %6s %18s\n", first->code == CODE_INPUT ? "-" : count_text(row->timesteps, cells[7]),
           oat ? range_text(row->alpha_normal, cells[3]) : "-", oat ? range_text(row->alpha_outlier, cells[4]) : "-",
           oat ? range_text(row->j, cells[5]) : "-", first->per_channel ? range_text(row->shift, cells[6]) : "-",
           first->code == CODE_INPUT ? "-" : range_text(row->calibrated_max, (char[CELL]){0}));
}

static enum lassim_status print_populations(const struct model *model, struct lassim_error *error)
{
    uint64_t neurons = 0;
    struct inspect_population *rows = calloc(model->graph->populations, sizeof *rows);
    if (rows == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory");
    uint32_t n = inspect_populations(model, rows);
    for (uint32_t p = 0; p < model->graph->populations; p++) neurons += model->graph->population[p].neurons;
    printf("\n%u populations, %" PRIu64
           " neurons (level k+s: the first at window k, the next ones s later each; low..high "
           "over the layers)\n",
           model->graph->populations, neurons);
    printf("%-22s %5s %7s %5s %9s %11s %6s %18s %18s %6s %6s %18s\n", "population", "count", "level", "code", "neurons",
           "fan-out", "T", "alpha normal", "alpha outlier", "j", "shifts", "largest calibrated");
    for (uint32_t i = 0; i < n; i++) print_population(model, &rows[i]);
    free(rows);
    return LASSIM_OK;
}

static void print_tables(const struct model *model)
{
    printf("\nHG tables\n%-10s %-16s %8s %13s %7s %6s  %s\n", "function", "domain", "octaves", "sub-intervals", "rows",
           "gates", "largest error (T = 16)");
    for (uint32_t t = 0; t < model->tables; t++) {
        const struct hg_table *table = &model->table[t];
        char domain[CELL];
        snprintf(domain, CELL, "%s 2^%d..2^%d", table->positive ? table->negative ? "+-" : "+" : "-", table->lo,
                 table->hi);
        printf("%-10s %-16s %8d %13u %7u %6u  %.3g %s\n", hg_function_name(table->function), domain,
               table->hi - table->lo, 1u << table->sub_bits, table->rows, hg_gates(table), table->error,
               table->error_kind == HG_ERROR_RELATIVE ? "relative" : "absolute");
    }
}

static void print_matrix(const struct model *model, const struct inspect_matrix *row)
{
    char grid[CELL], scale[CELL], bits[CELL], shape[CELL];
    const struct matrix_slot *slot = &model->graph->matrix[row->first];
    int integers = model->matrix[row->first].scale != NULL || row->type_differs;
    snprintf(shape, CELL, "%u x %u", slot->sources, slot->targets);
    printf("%-22s %5u %5s %15s %8s %21s %12" PRIu64 " %10.3g %10.3g %7s\n", row->name, row->count,
           row->type_differs ? "mixed" : weight_type_name(model->matrix[row->first].type), shape,
           count_text(row->grid, grid), integers ? range_text(row->scale, scale) : "-", row->moved, row->moved_max,
           row->moved_rms, count_text(row->bound_bits, bits));
}

static enum lassim_status print_weights(const struct model *model, int checked, struct lassim_error *error)
{
    unsigned bits = 0;
    struct inspect_matrix *rows = calloc(model->graph->matrices, sizeof *rows);
    if (rows == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory");
    uint32_t n = inspect_matrices(model, rows);
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].bound_bits.high > bits) bits = (unsigned)rows[i].bound_bits.high;
    printf(
        "\nWeights (integers x 2^grid, times a scale per target where there is one; moved: to them, with the largest "
        "and rms distance), by source\n");
    printf("%-22s %5s %5s %15s %8s %21s %12s %10s %10s %7s\n", "matrix", "count", "type", "source x target", "grid",
           "scale", "moved", "max", "rms", "bound");
    for (uint32_t i = 0; i < n; i++) print_matrix(model, &rows[i]);
    printf("exactness: synaptic sums stay below 2^%u and spike products below 2^%u, the limit is 2^62; weights %s\n",
           bits, params_product_bits(model->graph, model->population),
           checked ? "checked: checksums, grids and bounds hold" : "not checked (--check)");
    free(rows);
    return LASSIM_OK;
}

static void print_sections(const struct model *model)
{
    uint64_t bytes[SNN_SECTION_TYPES] = {0};
    const struct snn_section *section = snn_section_table(model);
    for (uint32_t e = 0; e < snn_sections(model->graph); e++) bytes[section[e].type] += section[e].size;
    printf("\nSections, bytes:");
    for (uint32_t type = SNN_CONFIG; type < SNN_SECTION_TYPES; type++)
        printf("%s %s %" PRIu64, type == SNN_CONFIG ? "" : ",", snn_section_name(type), bytes[type]);
    printf("\n");
}

static void print_controls(void)
{
    printf("\nNot spike-driven (control):\n");
    for (int i = 0; i < INSPECT_CONTROLS; i++)
        printf("  %s (%s): %s\n", inspect_controls[i].name, inspect_controls[i].where, inspect_controls[i].text);
    printf("Every other arrow between populations is a spike train.\n");
}

static void print_self_check(const struct self_check *check)
{
    if (check->ppl_dense == 0) { /* an encoder that reads its hidden states out */
        printf("\nSelf-check on the calibration text, %" PRIu64 " tokens: 1 - cosine mean %.3g, max %.3g; %" PRIu64
               " saturations\n",
               check->tokens, check->kl_mean, check->kl_max, check->saturations);
        return;
    }
    printf("\nSelf-check on the calibration text, %" PRIu64
           " tokens: perplexity %.6g dense, %.6g spiking; KL mean %.3g, max %.3g; top-1 agreement %.4g; %" PRIu64
           " saturations\n",
           check->tokens, check->ppl_dense, check->ppl_spiking, check->kl_mean, check->kl_max, check->top1_agreement,
           check->saturations);
}

/* A section that is one JSON object. */
static enum lassim_status print_object(const char *title, const char *section, const struct blob *blob,
                                       const struct model *model, struct lassim_error *error)
{
    json_t *object = inspect_object(blob);
    if (object == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, model->file->name, section, "expected one JSON object");
    printf("\n%s: ", title);
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    printf("\n");
    json_decref(object);
    return LASSIM_OK;
}

static enum lassim_status print_prose(const struct model *model, int checked, struct lassim_error *error)
{
    print_architecture(model);
    enum lassim_status status = print_populations(model, error);
    if (status != LASSIM_OK) return status;
    print_tables(model);
    status = print_weights(model, checked, error);
    if (status != LASSIM_OK) return status;
    print_sections(model);
    print_controls();
    print_self_check(&model->check);
    if (model->readout.size > 0) status = print_object("Readout", "section readout", &model->readout, model, error);
    if (status == LASSIM_OK)
        status = print_object("Provenance", "section provenance", &model->provenance, model, error);
    return status;
}

static enum lassim_status print_json(const struct model *model, int checked, struct lassim_error *error)
{
    json_t *object = inspect_json(model, checked);
    if (object == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, model->file->name, "sections readout and provenance",
                           "expected one JSON object each");
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("\n");
    json_decref(object);
    return LASSIM_OK;
}

static enum lassim_status inspect(const struct cli *cli, const struct model *model, struct lassim_error *error)
{
    int checked = cli_flag(cli, OPTION_CHECK);
    enum lassim_status status = checked ? model_check_weights(model, error) : LASSIM_OK;
    if (status != LASSIM_OK) return status;
    return cli_flag(cli, OPTION_JSON) ? print_json(model, checked, error) : print_prose(model, checked, error);
}

int cmd_inspect(const struct cli *cli)
{
    struct model *model;
    struct lassim_error error;
    if (model_open(cli->operand[0], &model, &error) != LASSIM_OK) return cli_error(&error);
    enum lassim_status status = inspect(cli, model, &error);
    model_close(model);
    return status == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}
