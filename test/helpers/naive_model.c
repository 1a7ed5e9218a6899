#include "test/helpers/naive_model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/oat.h"

typedef __int128 wide;
#define RESIDUAL_LIMIT 0x1p52

/* What a population sent in one window: integers in units of its lsb (channel shifts applied) or, of an HG
 * population, of 2^output_grid. */
struct sent {
    uint32_t population, n;
    wide *value;
};

struct naive {
    const struct model *model;
    const struct model_config *c;
    unsigned steps;
    uint32_t tokens, token, level;
    int asked;
    struct counters *population, *per_token;
    double *largest;
    struct naive_record *record; /* [positions][populations], neurons = 0: did not open */
    uint32_t records;
    const struct perturbation *perturbation; /* or NULL */
    double *residual;                        /* [D] integers */
    wide *key, *value;                       /* [layers][positions][D] */
};

static void *make(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    LASSIM_INVARIANT(memory != NULL, "%zu bytes", count * size);
    return memory;
}

/* ---- names ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static uint32_t population_of(const struct naive *naive, const char *format, ...)
{
    char name[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (uint32_t p = 0; p < naive->model->graph->populations; p++)
        if (strcmp(naive->model->graph->population[p].name, name) == 0) return p;
    LASSIM_INVARIANT(0, "no population %s", name);
}

__attribute__((format(printf, 2, 3))) static uint32_t matrix_of(const struct naive *naive, const char *format, ...)
{
    char name[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (uint32_t m = 0; m < naive->model->graph->matrices; m++)
        if (strcmp(naive->model->graph->matrix[m].name, name) == 0) return m;
    LASSIM_INVARIANT(0, "no matrix %s", name);
}

/* ---- codes ------------------------------------------------------------------------------------ */

static unsigned steps_of(const struct naive *naive, uint32_t p)
{
    unsigned own = naive->model->population[p].steps;
    return own == 0 || own > naive->steps ? naive->steps : own;
}

static double lsb_of(const struct naive *naive, uint32_t p)
{
    const struct population_params *params = &naive->model->population[p];
    return ldexp(params->scale, params->exponent - (int)steps_of(naive, p));
}

/* The OAT rule; half away from zero is C's round(). */
static uint32_t oat_code(double x, double lsb, unsigned steps, unsigned j, int relu, int *saturated)
{
    double largest = ldexp(1, (int)steps) - 1, c = round(fabs(x) / lsb);
    if ((relu && x < 0) || c == 0) return 0;
    uint32_t flags = x < 0 ? OAT_NEGATIVE : 0;
    if (c <= largest) return (uint32_t)c | flags;
    c = round(ldexp(c, -(int)j));
    *saturated = c > largest;
    if (*saturated) c = largest;
    return (uint32_t)c | flags | OAT_OUTLIER;
}

/* sign[t] of the spike at step t, 0 for none; the rule of docs/design.md step by step. */
static void spikes_of(enum spike_code code, unsigned steps, uint32_t magnitude, int *sign)
{
    int64_t v = magnitude;
    for (unsigned t = 0; t < steps; t++) {
        int64_t weight = INT64_C(1) << (steps - 1 - t);
        if (code == SPIKE_CODE_RADIX)
            sign[t] = v >= weight;
        else
            sign[t] = 3 * llabs(v) > 2 * weight ? (v > 0 ? 1 : -1) : 0;
        v -= sign[t] * weight;
    }
    LASSIM_INVARIANT(v == 0, "code %u is not exhausted", magnitude);
}

struct hg_place {
    int silent, saturated;
    uint32_t octave, sub, magnitude;
    wide value, base, slope;
};

static uint32_t hg_round(wide offset, wide width, unsigned steps)
{
    wide c = ((offset << (steps + 1)) + width) / (2 * width);
    wide largest = ((wide)1 << steps) - 1;
    return (uint32_t)(c < largest ? c : largest);
}

/* The interval of |x| = a grid steps on one side. */
static struct hg_place hg_interval(const struct hg_table *t, unsigned steps, int negative, wide a)
{
    struct hg_place place = {0};
    uint32_t octaves = (uint32_t)(t->hi - t->lo), under = (uint32_t)t->underflow, subs = 1u << t->sub_bits;
    uint32_t side = negative && t->positive ? 1 : 0, row = side * (under + octaves * subs);
    wide low = (wide)1 << (t->lo - t->input_grid), high = (wide)1 << (t->hi - t->input_grid);
    place.octave = side * (under + octaves);
    if (a < low && under) {
        place.magnitude = hg_round(a, low, steps);
    } else if (a < low) {
        place.saturated = 1;
    } else if (a >= high) {
        place.silent = t->silent_beyond;
        place.saturated = !place.silent;
        place.octave += under + octaves - 1;
        place.sub = subs - 1;
        place.magnitude = (1u << steps) - 1;
        row += under + octaves * subs - 1;
    } else {
        uint32_t o = 0;
        while (a >= low << (o + 1)) o++;
        wide start = low << o, width = start / subs;
        place.sub = (uint32_t)((a - start) / width);
        place.magnitude = hg_round((a - start) % width, width, steps);
        place.octave += under + o;
        row += under + o * subs + place.sub;
    }
    place.base = t->base[row];
    place.slope = t->slope[row];
    place.value = t->base[row] + (wide)t->slope[row] * place.magnitude / ((wide)1 << steps);
    if (place.silent) place = (struct hg_place){.silent = 1};
    return place;
}

static struct hg_place hg_code_of(const struct hg_table *t, unsigned steps, double x)
{
    double scaled = round(ldexp(x, -t->input_grid));
    int negative = scaled < 0;
    wide a = fabs(scaled) < 0x1p100 ? (wide)fabs(scaled) : (wide)1 << 100;
    int exists = negative ? t->negative : t->positive;
    if (exists || a == 0) return hg_interval(t, steps, a == 0 ? !t->positive : negative, a);
    struct hg_place place = hg_interval(t, steps, !t->positive, 0); /* the end nearest to 0 */
    place.saturated = 1;
    return place;
}

/* ---- perturbation ----------------------------------------------------------------------------- */

static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t z = a + (b + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* kind 0: loss, 1: threshold; of the first sequence. */
static uint64_t neuron_hash(const struct naive *naive, unsigned kind, uint32_t p, uint32_t neuron)
{
    uint64_t h = hash(hash(hash(hash(naive->perturbation->seed, 0), kind), p), naive->token);
    return hash(h, neuron);
}

static int is_lost(const struct naive *naive, uint32_t p, uint32_t neuron, unsigned t)
{
    if (naive->perturbation == NULL) return 0;
    uint64_t number = hash(neuron_hash(naive, 0, p, neuron), t) >> 11;
    return ldexp((double)number, -53) < naive->perturbation->drop;
}

static double threshold_factor(const struct naive *naive, uint32_t p, uint32_t neuron)
{
    if (naive->perturbation == NULL || naive->perturbation->noise <= 0) return 1;
    uint64_t h = neuron_hash(naive, 1, p, neuron);
    for (unsigned attempt = 0;; attempt++) {
        uint64_t bits = hash(h, attempt);
        double u = ldexp((double)(bits >> 32) + 0.5, -31) - 1, v = ldexp((double)(bits & 0xffffffffu) + 0.5, -31) - 1;
        double square = u * u + v * v;
        if (square < 1) return fmax(1 + naive->perturbation->noise * u * sqrt(-2 * log(square) / square), 1.0 / 16);
    }
}

static int stuck_state(const struct naive *naive, uint32_t p, uint32_t neuron)
{
    if (naive->perturbation == NULL || naive->perturbation->stuck == NULL) return STUCK_NOT;
    return naive->perturbation->stuck[p] != NULL ? naive->perturbation->stuck[p][neuron] : STUCK_NOT;
}

/* What arrives of a magnitude. */
static wide arriving(const struct naive *naive, uint32_t p, uint32_t neuron, uint32_t magnitude)
{
    int sign[SPIKE_STEPS_MAX];
    wide sum = 0;
    spikes_of(naive->model->code, steps_of(naive, p), magnitude, sign);
    for (unsigned t = 0; t < steps_of(naive, p); t++)
        if (!is_lost(naive, p, neuron, t)) sum += sign[t] * ((wide)1 << (steps_of(naive, p) - 1 - t));
    return sum;
}

/* ---- counting --------------------------------------------------------------------------------- */

static void count(struct naive *naive, uint32_t p, const struct counters *counters)
{
    counters_add(&naive->population[p], counters);
    counters_add(&naive->per_token[naive->token], counters);
}

static void count_macs(struct naive *naive, uint32_t p, uint64_t macs)
{
    count(naive, p, &(struct counters){.dense_macs = macs});
}

/* All counters of one window.  partners: of each spike in spike products. */
static void count_window(struct naive *naive, const struct naive_record *record, uint64_t fan_out, uint64_t partners,
                         uint64_t saturations)
{
    const struct population *population = &naive->model->graph->population[record->population];
    int hg = population->code == CODE_HG;
    unsigned steps = steps_of(naive, record->population);
    struct counters counters = {.windows = 1, .saturations = saturations};
    uint8_t *packet = make((size_t)(population->neurons / GRAPH_BLOCK_NEURONS + 1) * SPIKE_STEPS_MAX, 1);
    counters.threshold_tests = (uint64_t)steps * record->neurons;
    for (uint32_t i = 0; i < record->neurons; i++) {
        int sign[SPIKE_STEPS_MAX], spiked = 0;
        uint8_t *block = packet + record->neuron[i] / GRAPH_BLOCK_NEURONS * SPIKE_STEPS_MAX;
        spikes_of(naive->model->code, steps, record->code[i] & OAT_MAGNITUDE, sign);
        if (hg && record->silent[i]) continue;
        if (hg) {
            counters.spikes_gate += 2;
            counters.spike_product_operations += partners;
            counters.membrane_updates += partners;
            block[0] = 1;
        }
        for (unsigned t = 0; t < steps; t++) {
            if (sign[t] == 0) continue;
            int minus = (sign[t] < 0) != (!hg && (record->code[i] & OAT_NEGATIVE));
            spiked = 1;
            block[t] = 1;
            counters.spikes++;
            counters.spikes_positive += !minus;
            counters.spikes_negative += minus;
            counters.spikes_outlier += !hg && record->code[i] & OAT_OUTLIER;
            counters.spikes_normal += !hg && !(record->code[i] & OAT_OUTLIER);
            int lost = is_lost(naive, record->population, record->neuron[i], t);
            counters.spikes_lost += lost;
            counters.synaptic_operations += lost ? 0 : fan_out;
            counters.spike_product_operations += lost ? 0 : partners;
            counters.membrane_updates += (lost ? 0 : fan_out + partners) + 1;
        }
        counters.active_neurons += spiked;
    }
    for (uint32_t i = 0; i < (population->neurons / GRAPH_BLOCK_NEURONS + 1) * SPIKE_STEPS_MAX; i++)
        counters.events += packet[i];
    free(packet);
    count(naive, record->population, &counters);
}

/* ---- firing ----------------------------------------------------------------------------------- */

static struct naive_record *open_window(struct naive *naive, uint32_t p, uint32_t neurons)
{
    struct naive_record *record = &naive->record[naive->token * naive->model->graph->populations + p];
    LASSIM_INVARIANT(record->neurons == 0, "window %u opened twice", p);
    *record = (struct naive_record){naive->level, p, naive->token, neurons, NULL, NULL, NULL, NULL, NULL};
    record->neuron = make(neurons, sizeof *record->neuron);
    record->code = make(neurons, sizeof *record->code);
    record->silent = make(neurons, sizeof *record->silent);
    record->octave = make(neurons, sizeof *record->octave);
    record->sub = make(neurons, sizeof *record->sub);
    for (uint32_t i = 0; i < neurons; i++) record->neuron[i] = i;
    naive->records++;
    return record;
}

/* Neurons of exp and e are head * positions + key, visible keys only. */
static void number_keys(const struct naive *naive, struct naive_record *record)
{
    uint32_t visible = naive->token + 1;
    for (uint32_t i = 0; i < record->neurons; i++) record->neuron[i] = i / visible * naive->c->positions + i % visible;
}

static void input(struct naive *naive, uint32_t p, uint32_t row, uint64_t fan_out)
{
    struct naive_record *record = open_window(naive, p, 1);
    record->neuron[0] = row;
    record->code[0] = 1;
    count(naive, p,
          &(struct counters){.windows = 1,
                             .events = 1,
                             .spikes = 1,
                             .spikes_positive = 1,
                             .spikes_normal = 1,
                             .active_neurons = 1,
                             .synaptic_operations = fan_out,
                             .membrane_updates = fan_out});
}

static struct sent fire_oat(struct naive *naive, uint32_t p, const double *x, uint32_t n, int keys, uint64_t fan_out,
                            uint64_t partners)
{
    const struct population_params *params = &naive->model->population[p];
    struct naive_record *record = open_window(naive, p, n);
    struct sent sent = {p, n, make(n, sizeof *sent.value)};
    uint64_t saturations = 0;
    if (keys) number_keys(naive, record);
    for (uint32_t i = 0; i < n; i++) {
        unsigned shift = params->shift != NULL ? (unsigned)params->shift[i] : 0;
        int saturated = 0, relu = naive->model->graph->population[p].kind == POPULATION_FFN;
        int stuck = stuck_state(naive, p, record->neuron[i]);
        double felt = stuck ? 0 : x[i] / threshold_factor(naive, p, record->neuron[i]);
        uint32_t code =
            oat_code(felt, ldexp(lsb_of(naive, p), (int)shift), steps_of(naive, p), params->j, relu, &saturated);
        if (stuck == STUCK_FIRING) code = (1u << steps_of(naive, p)) - 1;
        wide value = arriving(naive, p, record->neuron[i], code & OAT_MAGNITUDE) *
                     ((wide)1 << (shift + (code & OAT_OUTLIER ? params->j : 0)));
        sent.value[i] = code & OAT_NEGATIVE ? -value : value;
        record->code[i] = code;
        saturations += (uint64_t)saturated;
        double size = ldexp(fabs(x[i]), -(int)shift);
        if (!(relu && x[i] < 0) && size > naive->largest[p]) naive->largest[p] = size;
    }
    count_window(naive, record, fan_out, partners, saturations);
    return sent;
}

static const struct hg_table *table_of(const struct naive *naive, uint32_t p)
{
    return &naive->model->table[naive->model->population[p].table];
}

static void perturb_place(const struct naive *naive, uint32_t p, uint32_t neuron, struct hg_place *place)
{
    if (naive->perturbation == NULL) return;
    int stuck = stuck_state(naive, p, neuron);
    uint32_t largest = (1u << steps_of(naive, p)) - 1;
    if (stuck) place->saturated = 0;
    if (stuck == STUCK_SILENT) *place = (struct hg_place){.silent = 1};
    if (place->silent) return;
    double noisy = stuck ? largest : round(place->magnitude / threshold_factor(naive, p, neuron));
    place->magnitude = noisy < largest ? (uint32_t)noisy : largest;
    wide arrived = arriving(naive, p, neuron, place->magnitude);
    place->value = place->base + place->slope * arrived / ((wide)1 << steps_of(naive, p));
}

static struct sent fire_hg(struct naive *naive, uint32_t p, const double *x, uint32_t n, int keys, uint64_t fan_out,
                           uint64_t partners)
{
    struct naive_record *record = open_window(naive, p, n);
    struct sent sent = {p, n, make(n, sizeof *sent.value)};
    uint64_t saturations = 0;
    if (keys) number_keys(naive, record);
    for (uint32_t i = 0; i < n; i++) {
        struct hg_place place = hg_code_of(table_of(naive, p), steps_of(naive, p), x[i]);
        perturb_place(naive, p, record->neuron[i], &place);
        record->code[i] = place.magnitude;
        record->silent[i] = (uint8_t)place.silent;
        record->octave[i] = place.octave;
        record->sub[i] = place.sub;
        sent.value[i] = place.value;
        saturations += (uint64_t)place.saturated;
    }
    count_window(naive, record, fan_out, partners, saturations);
    return sent;
}

/* ---- linear layers ---------------------------------------------------------------------------- */

/* Element number source of a group, target: the group's scale times 4 bits (layers/params.h, struct matrix). */
static int i4_integer(const uint8_t *weights, uint32_t sources, uint32_t targets, uint32_t source, uint32_t target)
{
    uint32_t padded = (targets + 31) / 32 * 32, group = source / 32, at = 0;
    LASSIM_INVARIANT(source < sources, "source %u", source);
    for (uint32_t g = 0; g < group; g++) at += padded + 32 * (padded / 2);
    int scale = weights[at + target];
    int byte = weights[at + padded + source % 32 * (padded / 2) + target / 32 * 16 + target % 16];
    int half = target % 32 < 16 ? byte % 16 : byte / 16;
    return (half < 8 ? half : half - 16) * scale;
}

static double scale_of(const struct matrix *matrix, uint32_t target)
{
    return matrix->scale != NULL ? matrix->scale[target] : 1;
}

static wide weight_integer(const struct naive *naive, uint32_t m, uint32_t source, uint32_t target)
{
    const struct matrix *matrix = &naive->model->matrix[m];
    const struct matrix_slot *slot = &naive->model->graph->matrix[m];
    uint64_t index = (uint64_t)source * slot->targets + target;
    if (matrix->type == WEIGHT_I16) return ((const int16_t *)matrix->weights)[index];
    if (matrix->type == WEIGHT_I8) return ((const int8_t *)matrix->weights)[index];
    if (matrix->type == WEIGHT_I4) return i4_integer(matrix->weights, slot->sources, slot->targets, source, target);
    double integer = ldexp(weight_value(matrix->type, matrix->weights, index), -matrix->grid);
    LASSIM_INVARIANT(integer == floor(integer), "weight off its grid");
    return (wide)integer;
}

/* x [targets] = (double)sum * (m * scale) (+ bias); closing: the population that the bias belongs to. */
static double *linear(struct naive *naive, uint32_t m, const struct sent *from, uint32_t closing)
{
    const struct matrix *matrix = &naive->model->matrix[m];
    uint32_t targets = naive->model->graph->matrix[m].targets;
    double *x = make(targets, sizeof *x), unit = ldexp(lsb_of(naive, from->population), matrix->grid);
    for (uint32_t i = 0; i < targets; i++) {
        wide sum = 0;
        for (uint32_t j = 0; j < from->n; j++) sum += from->value[j] * weight_integer(naive, m, j, i);
        LASSIM_INVARIANT(sum < (wide)1 << 62 && sum > -((wide)1 << 62), "sum of %u", m);
        x[i] = (double)sum * (unit * scale_of(matrix, i));
        if (matrix->bias != NULL) x[i] += matrix->bias[i];
    }
    if (matrix->bias != NULL) count(naive, closing, &(struct counters){.membrane_updates = targets});
    return x;
}

/* An embedding row: one spike of weight 1. */
static double *look_up(const struct naive *naive, uint32_t m, uint32_t row)
{
    uint32_t targets = naive->model->graph->matrix[m].targets;
    double *x = make(targets, sizeof *x);
    for (uint32_t i = 0; i < targets; i++)
        x[i] = (double)weight_integer(naive, m, row, i) *
               (ldexp(1, naive->model->matrix[m].grid) * scale_of(&naive->model->matrix[m], i));
    return x;
}

/* Rounds values to the residual's grid and adds them; frees them. */
static void into_residual(struct naive *naive, double *x, uint32_t closing)
{
    for (uint32_t i = 0; i < naive->c->hidden; i++) {
        double integer = naive->residual[i] + round(ldexp(x[i], -naive->model->residual_grid));
        if (fabs(integer) > RESIDUAL_LIMIT) {
            integer = integer < 0 ? -RESIDUAL_LIMIT : RESIDUAL_LIMIT;
            count(naive, closing, &(struct counters){.saturations = 1});
        }
        naive->residual[i] = integer;
    }
    free(x);
}

static void linear_into_residual(struct naive *naive, uint32_t m, struct sent *from, uint32_t closing)
{
    into_residual(naive, linear(naive, m, from, closing), closing);
    free(from->value);
}

/* ---- layers ----------------------------------------------------------------------------------- */

static struct sent fire_residual(struct naive *naive, uint32_t p, uint64_t fan_out)
{
    uint32_t hidden = naive->c->hidden;
    double *x = make(hidden, sizeof *x);
    for (uint32_t i = 0; i < hidden; i++) x[i] = ldexp(naive->residual[i], naive->model->residual_grid);
    struct sent sent = fire_oat(naive, p, x, hidden, 0, fan_out, 0);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_centered(struct naive *naive, uint32_t p, const struct sent *res)
{
    uint32_t hidden = naive->c->hidden;
    double *x = make(hidden, sizeof *x), unit = lsb_of(naive, res->population) / hidden;
    wide sum = 0;
    for (uint32_t i = 0; i < hidden; i++) sum += res->value[i];
    for (uint32_t i = 0; i < hidden; i++) x[i] = (double)(hidden * res->value[i] - sum) * unit;
    struct sent sent = fire_oat(naive, p, x, hidden, 0, 0, 1);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_rstd(struct naive *naive, uint32_t p, const struct sent *xmu)
{
    double lsb = lsb_of(naive, xmu->population);
    wide sum = 0;
    for (uint32_t i = 0; i < xmu->n; i++) sum += xmu->value[i] * xmu->value[i];
    double x = (double)sum * (lsb * lsb / naive->c->hidden) + naive->c->norm_epsilon;
    struct sent sent = fire_hg(naive, p, &x, 1, 0, 0, naive->c->hidden);
    naive->level++;
    return sent;
}

static uint32_t norm_of(const struct naive *naive, const char *name)
{
    for (uint32_t n = 0; n < naive->model->graph->norms; n++)
        if (strcmp(naive->model->graph->norm[n].name, name) == 0) return n;
    LASSIM_INVARIANT(0, "no norm %s", name);
}

/* Four windows; fan_out: of its output train. */
static struct sent layer_norm(struct naive *naive, const char *name, uint64_t fan_out)
{
    const struct norm_params *params = &naive->model->norm[norm_of(naive, name)];
    uint32_t p = population_of(naive, "%s.rstd", name), hidden = naive->c->hidden;
    struct sent res = fire_residual(naive, population_of(naive, "%s.res", name), 2);
    struct sent xmu = fire_centered(naive, population_of(naive, "%s.xmu", name), &res);
    struct sent rstd = fire_rstd(naive, p, &xmu);
    double *x = make(hidden, sizeof *x), unit = ldexp(lsb_of(naive, xmu.population), table_of(naive, p)->output_grid);
    for (uint32_t i = 0; i < hidden; i++) {
        x[i] = (double)(xmu.value[i] * rstd.value[0]) * unit;
        if (params->gamma != NULL) x[i] = x[i] * params->gamma[i];
        if (params->beta != NULL) x[i] = x[i] + params->beta[i];
    }
    struct sent ln = fire_oat(naive, population_of(naive, "%s.ln", name), x, hidden, 0, fan_out, 0);
    naive->level++;
    free(x);
    free(res.value);
    free(xmu.value);
    free(rstd.value);
    return ln;
}

/* Post-LN: the train becomes the emptied residual's value when it ends; then `closing` closes. */
static void replace_residual(struct naive *naive, const struct sent *ln, uint32_t closing)
{
    double *x = make(ln->n, sizeof *x), unit = lsb_of(naive, ln->population);
    for (uint32_t i = 0; i < ln->n; i++) {
        x[i] = (double)ln->value[i] * unit;
        naive->residual[i] = 0;
    }
    into_residual(naive, x, closing);
}

static struct sent fire_linear(struct naive *naive, uint32_t m, uint32_t p, const struct sent *from, uint64_t fan_out,
                               uint64_t partners)
{
    double *x = linear(naive, m, from, p);
    struct sent sent = fire_oat(naive, p, x, naive->model->graph->matrix[m].targets, 0, fan_out, partners);
    free(x);
    return sent;
}

static wide *cached(const struct naive *naive, wide *cache, uint32_t layer, uint32_t token)
{
    return cache + ((uint64_t)layer * naive->c->positions + token) * naive->c->hidden;
}

static struct sent fire_exp(struct naive *naive, uint32_t layer, const struct sent *q, const struct sent *k)
{
    uint32_t visible = naive->token + 1, heads = naive->c->heads, dim = naive->c->hidden / heads;
    double *x = make((size_t)heads * visible, sizeof *x);
    double unit = lsb_of(naive, q->population) * lsb_of(naive, k->population) * (1.0 / sqrt(dim));
    for (uint32_t h = 0; h < heads; h++) {
        wide *score = make(visible, sizeof *score), largest = 0;
        for (uint32_t t = 0; t < visible; t++) {
            const wide *key = cached(naive, naive->key, layer, t);
            for (uint32_t i = h * dim; i < (h + 1) * dim; i++) score[t] += q->value[i] * key[i];
            if (t == 0 || score[t] > largest) largest = score[t];
        }
        for (uint32_t t = 0; t < visible; t++) x[h * visible + t] = (double)(score[t] - largest) * unit;
        free(score);
    }
    struct sent sent = fire_hg(naive, population_of(naive, "layers.%u.exp", layer), x, heads * visible, 1, 1, 0);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_weights(struct naive *naive, uint32_t layer, const struct sent *exponential)
{
    double *x = make(exponential->n, sizeof *x);
    for (uint32_t i = 0; i < exponential->n; i++)
        x[i] = (double)exponential->value[i] * ldexp(1, table_of(naive, exponential->population)->output_grid);
    uint32_t p = population_of(naive, "layers.%u.e", layer);
    struct sent sent = fire_oat(naive, p, x, exponential->n, 1, 1, naive->c->hidden / naive->c->heads);
    free(x);
    naive->level++;
    return sent;
}

/* inv and ctx share a level; octave [heads] is floor(log2 sum e). */
static struct sent fire_inverse(struct naive *naive, uint32_t layer, const struct sent *e, int *octave)
{
    uint32_t visible = naive->token + 1, heads = naive->c->heads;
    double *x = make(heads, sizeof *x), unit = lsb_of(naive, e->population);
    for (uint32_t h = 0; h < heads; h++) {
        wide sum = 0;
        for (uint32_t t = 0; t < visible; t++) sum += e->value[h * visible + t];
        x[h] = (double)sum * unit;
        octave[h] = x[h] > 0 ? ilogb(x[h]) : 0;
    }
    uint32_t p = population_of(naive, "layers.%u.inv", layer);
    struct sent sent = fire_hg(naive, p, x, heads, 0, 0, naive->c->hidden / heads);
    free(x);
    return sent;
}

static struct sent fire_context(struct naive *naive, uint32_t layer, const struct sent *e, uint32_t v,
                                const int *octave)
{
    uint32_t visible = naive->token + 1, hidden = naive->c->hidden, dim = hidden / naive->c->heads;
    double *x = make(hidden, sizeof *x), unit = lsb_of(naive, e->population) * lsb_of(naive, v);
    for (uint32_t i = 0; i < hidden; i++) {
        wide sum = 0;
        for (uint32_t t = 0; t < visible; t++)
            sum += e->value[i / dim * visible + t] * cached(naive, naive->value, layer, t)[i];
        x[i] = ldexp((double)sum * unit, -octave[i / dim]);
    }
    struct sent sent = fire_oat(naive, population_of(naive, "layers.%u.ctx", layer), x, hidden, 0, 0, 1);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_attention(struct naive *naive, uint32_t layer, const struct sent *ctx, const struct sent *inv,
                                  const int *octave)
{
    uint32_t hidden = naive->c->hidden, dim = hidden / naive->c->heads;
    double *x = make(hidden, sizeof *x);
    double unit = ldexp(lsb_of(naive, ctx->population), table_of(naive, inv->population)->output_grid);
    for (uint32_t i = 0; i < hidden; i++)
        x[i] = ldexp((double)(ctx->value[i] * inv->value[i / dim]) * unit, octave[i / dim]);
    uint32_t p = population_of(naive, "layers.%u.att", layer);
    struct sent sent = fire_oat(naive, p, x, hidden, 0, hidden, 0);
    free(x);
    naive->level++;
    count_macs(naive, p, (uint64_t)hidden * hidden);
    return sent;
}

/* Six windows, from q, k, v to att. */
static struct sent attention(struct naive *naive, uint32_t layer, const struct sent *from)
{
    uint32_t hidden = naive->c->hidden, visible = naive->token + 1;
    uint32_t vp = population_of(naive, "layers.%u.v", layer);
    int *octave = make(naive->c->heads, sizeof *octave);
    count_macs(naive, from->population, 3ull * hidden * hidden);
    struct sent q = fire_linear(naive, matrix_of(naive, "layers.%u.q", layer),
                                population_of(naive, "layers.%u.q", layer), from, 0, visible);
    struct sent k = fire_linear(naive, matrix_of(naive, "layers.%u.k", layer),
                                population_of(naive, "layers.%u.k", layer), from, 0, 1);
    struct sent v = fire_linear(naive, matrix_of(naive, "layers.%u.v", layer), vp, from, 0, 0);
    naive->level++;
    memcpy(cached(naive, naive->key, layer, naive->token), k.value, hidden * sizeof(wide));
    memcpy(cached(naive, naive->value, layer, naive->token), v.value, hidden * sizeof(wide));
    count_macs(naive, q.population, (uint64_t)hidden * visible);
    struct sent exponential = fire_exp(naive, layer, &q, &k);
    struct sent e = fire_weights(naive, layer, &exponential);
    count_macs(naive, e.population, (uint64_t)hidden * visible);
    struct sent inv = fire_inverse(naive, layer, &e, octave);
    struct sent ctx = fire_context(naive, layer, &e, vp, octave);
    struct sent att = fire_attention(naive, layer, &ctx, &inv, octave);
    wide *done[] = {q.value, k.value, v.value, exponential.value, e.value, inv.value, ctx.value};
    for (size_t i = 0; i < sizeof done / sizeof *done; i++) free(done[i]);
    free(octave);
    return att;
}

static struct sent feed_forward(struct naive *naive, uint32_t layer, struct sent *from)
{
    uint64_t macs = (uint64_t)naive->c->hidden * naive->c->ffn;
    count_macs(naive, from->population, macs);
    struct sent fc = fire_linear(naive, matrix_of(naive, "layers.%u.fc1", layer),
                                 population_of(naive, "layers.%u.fc", layer), from, naive->c->hidden, 0);
    count_macs(naive, fc.population, macs);
    naive->level++;
    free(from->value);
    return fc;
}

/* ---- a token ---------------------------------------------------------------------------------- */

static void embed(struct naive *naive, uint32_t id, uint32_t first_residual)
{
    uint32_t hidden = naive->c->hidden, narrow = naive->c->embedding;
    uint32_t row = naive->token + naive->c->position_offset, tok = population_of(naive, "tok");
    memset(naive->residual, 0, hidden * sizeof *naive->residual);
    input(naive, tok, id, narrow);
    input(naive, population_of(naive, "pos"), row, hidden);
    naive->level++;
    double *x = look_up(naive, matrix_of(naive, "tok"), id), *y = look_up(naive, matrix_of(naive, "pos"), row);
    if (narrow == hidden) {
        into_residual(naive, x, first_residual);
        into_residual(naive, y, first_residual);
        return;
    }
    into_residual(naive, y, first_residual);
    struct sent sent = fire_oat(naive, population_of(naive, "embed"), x, narrow, 0, hidden, 0);
    count_macs(naive, sent.population, (uint64_t)narrow * hidden);
    naive->level++;
    free(x);
    linear_into_residual(naive, matrix_of(naive, "project_in"), &sent, first_residual);
}

/* Name of the norm, or residual, that takes in what follows block `layer` - 1's FFN. */
static uint32_t next_residual(const struct naive *naive, uint32_t layer)
{
    if (!naive->c->pre_norm) return population_of(naive, "layers.%u.norm2.res", layer - 1);
    return layer < naive->c->layers ? population_of(naive, "layers.%u.norm1.res", layer)
                                    : population_of(naive, "final.res");
}

static void pre_norm_block(struct naive *naive, uint32_t layer)
{
    char norm[32];
    snprintf(norm, sizeof norm, "layers.%u.norm1", layer);
    struct sent ln = layer_norm(naive, norm, 3ull * naive->c->hidden);
    struct sent att = attention(naive, layer, &ln);
    free(ln.value);
    linear_into_residual(naive, matrix_of(naive, "layers.%u.o", layer), &att,
                         population_of(naive, "layers.%u.norm2.res", layer));
    snprintf(norm, sizeof norm, "layers.%u.norm2", layer);
    ln = layer_norm(naive, norm, naive->c->ffn);
    struct sent fc = feed_forward(naive, layer, &ln);
    linear_into_residual(naive, matrix_of(naive, "layers.%u.fc2", layer), &fc, next_residual(naive, layer + 1));
}

/* from: the train that is the block's input; replaced by its output, or not, when the last one is not asked. */
static void post_norm_block(struct naive *naive, uint32_t layer, uint64_t head_side, struct sent *from)
{
    char norm[32];
    int last = layer + 1 == naive->c->layers;
    struct sent att = attention(naive, layer, from);
    free(from->value);
    from->value = NULL;
    linear_into_residual(naive, matrix_of(naive, "layers.%u.o", layer), &att,
                         population_of(naive, "layers.%u.norm1.res", layer));
    snprintf(norm, sizeof norm, "layers.%u.norm1", layer);
    struct sent ln = layer_norm(naive, norm, naive->c->ffn + 1ull);
    replace_residual(naive, &ln, population_of(naive, "layers.%u.fc", layer));
    struct sent fc = feed_forward(naive, layer, &ln);
    linear_into_residual(naive, matrix_of(naive, "layers.%u.fc2", layer), &fc, next_residual(naive, layer + 1));
    if (last && !naive->asked) return;
    snprintf(norm, sizeof norm, "layers.%u.norm2", layer);
    *from = layer_norm(naive, norm, last ? head_side : 3ull * naive->c->hidden + 1);
    if (!last) replace_residual(naive, from, population_of(naive, "layers.%u.q", layer + 1));
}

/* From the train that feeds the head side to the logits. */
static void head(struct naive *naive, struct sent *from, float *logits)
{
    uint32_t narrow = naive->c->embedding, vocabulary = naive->c->vocabulary;
    if (narrow != naive->c->hidden) {
        count_macs(naive, from->population, (uint64_t)narrow * naive->c->hidden);
        struct sent out = fire_linear(naive, matrix_of(naive, "project_out"), population_of(naive, "project_out"), from,
                                      vocabulary, 0);
        naive->level++;
        free(from->value);
        *from = out;
    }
    count_macs(naive, from->population, (uint64_t)narrow * vocabulary);
    double *x = linear(naive, matrix_of(naive, "head"), from, 0);
    for (uint32_t i = 0; i < vocabulary; i++) logits[i] = (float)x[i];
    free(x);
    free(from->value);
}

void naive_token(struct naive *naive, uint32_t id, int asked, float *logits)
{
    const struct model_config *c = naive->c;
    uint64_t head_side = c->embedding != c->hidden ? c->embedding : c->vocabulary;
    struct sent from = {0, 0, NULL};
    naive->token = naive->tokens++;
    naive->level = 0;
    naive->asked = asked;
    LASSIM_INVARIANT(naive->token < c->positions, "context");
    embed(naive, id, population_of(naive, c->pre_norm ? "layers.0.norm1.res" : "layers.0.res"));
    if (!c->pre_norm) from = fire_residual(naive, population_of(naive, "layers.0.res"), 3ull * c->hidden);
    for (uint32_t layer = 0; layer < c->layers; layer++)
        if (c->pre_norm)
            pre_norm_block(naive, layer);
        else
            post_norm_block(naive, layer, head_side, &from);
    if (!asked) return;
    if (c->pre_norm) {
        from = c->final_norm ? layer_norm(naive, "final", head_side)
                             : fire_residual(naive, population_of(naive, "final.res"), head_side);
    }
    head(naive, &from, logits);
}

/* ---- object ----------------------------------------------------------------------------------- */

struct naive *naive_new(const struct model *model, unsigned steps)
{
    const struct model_config *c = &model->graph->config;
    struct naive *naive = make(1, sizeof *naive);
    uint64_t cache = (uint64_t)c->layers * c->positions * c->hidden;
    naive->model = model;
    naive->c = c;
    naive->steps = steps;
    naive->population = make(model->graph->populations, sizeof *naive->population);
    naive->per_token = make(c->positions, sizeof *naive->per_token);
    naive->largest = make(model->graph->populations, sizeof *naive->largest);
    naive->record = make((size_t)c->positions * model->graph->populations, sizeof *naive->record);
    naive->residual = make(c->hidden, sizeof *naive->residual);
    naive->key = make(cache, sizeof *naive->key);
    naive->value = make(cache, sizeof *naive->value);
    return naive;
}

void naive_perturb(struct naive *naive, const struct perturbation *perturbation)
{
    naive->perturbation = perturbation;
}

void naive_free(struct naive *naive)
{
    for (uint32_t i = 0; i < naive->c->positions * naive->model->graph->populations; i++) {
        struct naive_record *record = &naive->record[i];
        void *arrays[] = {record->neuron, record->code, record->silent, record->octave, record->sub};
        for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) free(arrays[a]);
    }
    void *arrays[] = {naive->population, naive->per_token, naive->largest, naive->record,
                      naive->residual,   naive->key,       naive->value,   naive};
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) free(arrays[a]);
}

const struct naive_record *naive_record_of(const struct naive *naive, uint32_t p, uint32_t token)
{
    const struct naive_record *record = &naive->record[token * naive->model->graph->populations + p];
    return record->neurons > 0 ? record : NULL;
}

uint32_t naive_records(const struct naive *naive)
{
    return naive->records;
}

const struct counters *naive_populations(const struct naive *naive)
{
    return naive->population;
}

const struct counters *naive_tokens(const struct naive *naive)
{
    return naive->per_token;
}

double naive_largest(const struct naive *naive, uint32_t p)
{
    return naive->largest[p];
}

uint32_t naive_head_level(const struct naive *naive)
{
    const struct model_config *c = naive->c;
    uint32_t projections = c->embedding != c->hidden ? 2 : 0;
    if (c->pre_norm) return 1 + 14 * c->layers + (c->final_norm ? 4 : 1) + projections;
    return 2 + 14 * c->layers + projections;
}

void naive_calibrate(struct model *model, const uint32_t *ids, uint32_t n, double margin)
{
    float *logits = make(model->graph->config.vocabulary, sizeof *logits);
    for (uint32_t round_of = 0; round_of < 6; round_of++) {
        struct naive *naive = naive_new(model, 16);
        for (uint32_t i = 0; i < n; i++) naive_token(naive, ids[i], 1, logits);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            struct population_params *params = &model->population[p];
            if (model->graph->population[p].code != CODE_OAT || naive->largest[p] == 0) continue;
            if (model->graph->population[p].kind == POPULATION_WEIGHT) continue;
            double alpha = naive->largest[p] * margin / params->scale;
            params->exponent = (int)ceil(log2(alpha)) - (int)params->j;
        }
        naive_free(naive);
    }
    free(logits);
}
