#include "kernel/program/sweep_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    FILE *out;
    enum sweep_format format;
    int columns;
};

/* Begins a column; 1 if its value is to follow. */
static int begin(struct row *row, const char *name)
{
    if (row->columns++ > 0) fputs(row->format == SWEEP_JSON ? ", " : ",", row->out);
    if (row->format == SWEEP_JSON) fprintf(row->out, "\"%s\": ", name);
    if (row->format == SWEEP_HEADER) fputs(name, row->out);
    return row->format != SWEEP_HEADER;
}

static void put_nothing(struct row *row, const char *name)
{
    if (begin(row, name) && row->format == SWEEP_JSON) fputs("null", row->out);
}

/* Quoted as RFC 4180 or JSON asks; a control character is written as \u00XX in both. */
static void put_text(struct row *row, const char *name, const char *text)
{
    if (!begin(row, name)) return;
    int quoted = row->format == SWEEP_JSON || text[strcspn(text, ",\"\n\r")] != '\0';
    if (quoted) putc('"', row->out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || (*text == '\\' && row->format == SWEEP_JSON))
            putc(row->format == SWEEP_JSON ? '\\' : '"', row->out);
        if ((unsigned char)*text < 0x20)
            fprintf(row->out, "\\u%04x", (unsigned)*text);
        else
            putc(*text, row->out);
    }
    if (quoted) putc('"', row->out);
}

static void put_integer(struct row *row, const char *name, uint64_t value)
{
    if (begin(row, name)) fprintf(row->out, "%" PRIu64, value);
}

static void put_real(struct row *row, const char *name, double value)
{
    if (!(value >= -1e300 && value <= 1e300)) {
        put_nothing(row, name);
        return;
    }
    if (begin(row, name)) fprintf(row->out, "%.17g", value);
}

/* A number as a user would type it. */
static void put_setting(struct row *row, const char *name, double value)
{
    if (begin(row, name)) fprintf(row->out, "%.15g", value);
}

static void put_hash(struct row *row, const char *name, uint64_t hash)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    put_text(row, name, text);
}

static void put_hg(struct row *row, const struct sweep_point *point)
{
    static const char *const names[] = {[VARIANT_HG_TABLE] = "table", [VARIANT_HG_EXACT] = "exact"};
    char text[32];
    snprintf(text, sizeof text, "%.15g", point->hg_error);
    put_text(row, "hg", point->hg == VARIANT_HG_REFIT ? text : names[point->hg]);
}

static void put_key(struct row *row, const struct sweep_subject *subject, const struct sweep_point *point)
{
    static const char *const rules[] = {"model", "max", "percentile", "channel"};
    const struct model *model = subject->model;
    int code = point->code >= 0 ? point->code : (int)model->code;
    int calibrated = point->rule == VARIANT_PERCENTILE || point->weights != CONVERT_WEIGHTS_KEEP;
    if (row->format == SWEEP_JSON) putc('{', row->out);
    put_text(row, "model", subject->path);
    put_hash(row, "model_hash", model->hash);
    put_text(row, "reference", subject->reference != NULL ? subject->reference : "");
    put_hash(row, "text_hash", subject->text->hash);
    put_integer(row, "context", subject->text->context);
    put_integer(row, "timesteps", point->timesteps ? point->timesteps : model->timesteps);
    put_text(row, "code", code == SPIKE_CODE_TERNARY ? "ternary" : "radix");
    put_text(row, "oat", point->oat ? "on" : "off");
    put_text(row, "threshold", rules[point->rule]);
    if (point->rule == VARIANT_PERCENTILE)
        put_setting(row, "percentile", subject->percentile);
    else
        put_nothing(row, "percentile");
    put_text(row, "calibration", calibrated && subject->calibration != NULL ? subject->calibration : "");
    put_hg(row, point);
    put_text(row, "weights", convert_weights_name(point->weights));
    put_setting(row, "drop_spikes", point->drop);
    put_setting(row, "threshold_noise", point->noise);
    put_integer(row, "seed", subject->seed);
    put_hash(row, "energy_hash", energy_list_hash(subject->energy));
    put_integer(row, "tokens", subject->text->count);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void put_if(struct row *row, int present, const char *name, double value)
{
    if (present)
        put_real(row, name, value);
    else
        put_nothing(row, name);
}

/* Perplexity is that of a decoder's next token; sentence vectors have an angle and no distribution. */
static void put_loss(struct row *row, enum head_kind head, const struct eval_result *result)
{
    const struct comparison *c = &result->comparison;
    int vectors = head == HEAD_VALUES;
    put_if(row, head == HEAD_LM, "ppl_dense", comparison_ppl_reference(c));
    put_if(row, head == HEAD_LM, "ppl_spiking", comparison_ppl_other(c));
    put_if(row, head == HEAD_LM, "dppl_percent", comparison_dppl_percent(c));
    put_if(row, !vectors, "kl_mean", comparison_kl_mean(c));
    put_if(row, !vectors, "kl_max", c->kl_max);
    put_if(row, !vectors, "top1_agreement", comparison_top1(c));
    put_real(row, "max_logit_error", c->logit_error_max);
    put_if(row, vectors, "cosine_mean", 1 - comparison_kl_mean(c));
    put_if(row, vectors, "cosine_min", 1 - c->kl_max);
}

static void put_counts(struct row *row, const struct eval_result *result)
{
    const struct counters *total = &result->total, *weights = &result->into_weights;
    put_real(row, "spikes_per_neuron", share(total->spikes, result->neuron_windows));
    put_real(row, "active_share", share(total->active_neurons, result->neuron_windows));
    put_real(row, "spikes_per_neuron_into_weights", share(weights->spikes, result->into_weights_windows));
    put_real(row, "active_share_into_weights", share(weights->active_neurons, result->into_weights_windows));
#define PUT_COUNTER(field, text) put_integer(row, #field, total->field);
    LASSIM_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
}

static void put_joules(struct row *row, const struct energy_model *energy, const char *side, double joules)
{
    char name[ENERGY_NAME + 32];
    snprintf(name, sizeof name, "%s_%s_joules", energy->name, side);
    put_real(row, name, joules);
}

/* work: [populations], or NULL where there is no result. */
static void put_energy(struct row *row, const struct energy_list *list, const struct energy_work *work,
                       uint32_t populations)
{
    static const struct energy_work none;
    uint32_t n = work != NULL ? populations : 1;
    if (work == NULL) work = &none;
    for (unsigned m = 0; m < energy_list_models(list); m++) {
        const struct energy_model *energy = energy_list_model(list, m);
        put_joules(row, energy, "spiking", energy_spiking(energy, work, n));
        put_joules(row, energy, "dense", energy_dense(energy, work, n, energy->width));
        put_joules(row, energy, "dense_fp16", energy_dense(energy, work, n, ENERGY_FP16));
        put_joules(row, energy, "dense_int8", energy_dense(energy, work, n, ENERGY_INT8));
    }
}

char *sweep_row_key(enum sweep_format format, const struct sweep_subject *subject, const struct sweep_point *point)
{
    char *text = NULL;
    size_t size;
    struct row row = {open_memstream(&text, &size), format, 0};
    if (row.out == NULL) return NULL;
    put_key(&row, subject, point);
    if (fclose(row.out) == 0) return text;
    free(text);
    return NULL;
}

char *sweep_row_text(enum sweep_format format, const struct sweep_subject *subject, const struct sweep_point *point,
                     const struct eval_result *result)
{
    static const struct eval_result none;
    char *text = NULL;
    size_t size;
    struct row row = {open_memstream(&text, &size), format, 0};
    struct energy_work *work = result != NULL ? eval_energy_work(subject->model, result) : NULL;
    if (row.out == NULL || (result != NULL && work == NULL)) {
        if (row.out != NULL) fclose(row.out);
        free(text);
        free(work);
        return NULL;
    }
    const struct eval_result *known = result != NULL ? result : &none;
    put_key(&row, subject, point);
    put_loss(&row, (enum head_kind)subject->model->graph->config.head, known);
    put_counts(&row, known);
    put_energy(&row, subject->energy, work, subject->model->graph->populations);
    free(work);
    uint32_t steps = point->timesteps ? point->timesteps : subject->model->timesteps;
    put_integer(&row, "latency_timesteps", (uint64_t)subject->model->graph->head_level * steps);
    put_integer(&row, "simulated_timesteps", known->timesteps);
    put_setting(&row, "wall_seconds", known->seconds);
    if (format == SWEEP_JSON) putc('}', row.out);
    if (fclose(row.out) == 0) return text;
    free(text);
    return NULL;
}

int sweep_row_has_key(const char *row, const char *key)
{
    size_t length = strlen(key);
    return strncmp(row, key, length) == 0 && row[length] == ',';
}
