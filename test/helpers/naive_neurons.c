/* The naive model's neurons: codes, windows and what they count. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/oat.h"
#include "test/helpers/naive_state.h"

void *naive_make(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    LASSIM_INVARIANT(memory != NULL, "%zu bytes", count * size);
    return memory;
}

/* ---- names ------------------------------------------------------------------------------------ */

uint32_t naive_population(const struct naive *naive, const char *format, ...)
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

uint32_t naive_matrix(const struct naive *naive, const char *format, ...)
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

unsigned naive_steps(const struct naive *naive, uint32_t p)
{
    unsigned own = naive->model->population[p].steps;
    return own == 0 || own > naive->steps ? naive->steps : own;
}

double naive_lsb(const struct naive *naive, uint32_t p)
{
    const struct population_params *params = &naive->model->population[p];
    return ldexp(params->scale, params->exponent - (int)naive_steps(naive, p));
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
void naive_spikes(enum spike_code code, unsigned steps, uint32_t magnitude, int *sign)
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

/* ---- counting --------------------------------------------------------------------------------- */

void naive_count(struct naive *naive, uint32_t p, const struct counters *counters)
{
    counters_add(&naive->population[p], counters);
    counters_add(&naive->per_token[naive->token], counters);
}

void naive_macs(struct naive *naive, uint32_t p, uint64_t macs)
{
    naive_count(naive, p, &(struct counters){.dense_macs = macs});
}

/* All counters of one window.  partners: of each spike in spike products. */
static void count_window(struct naive *naive, const struct naive_record *record, uint64_t fan_out, uint64_t partners,
                         uint64_t saturations)
{
    const struct population *population = &naive->model->graph->population[record->population];
    int hg = population->code == CODE_HG;
    unsigned steps = naive_steps(naive, record->population);
    struct counters counters = {.windows = 1, .saturations = saturations};
    uint8_t *packet = naive_make((size_t)(population->neurons / GRAPH_BLOCK_NEURONS + 1) * SPIKE_STEPS_MAX, 1);
    counters.threshold_tests = (uint64_t)steps * record->neurons;
    for (uint32_t i = 0; i < record->neurons; i++) {
        int sign[SPIKE_STEPS_MAX], spiked = 0;
        uint8_t *block = packet + record->neuron[i] / GRAPH_BLOCK_NEURONS * SPIKE_STEPS_MAX;
        naive_spikes(naive->model->code, steps, record->code[i] & OAT_MAGNITUDE, sign);
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
            int lost = naive_is_lost(naive, record->population, record->neuron[i], t);
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
    naive_count(naive, record->population, &counters);
}

/* ---- firing ----------------------------------------------------------------------------------- */

static struct naive_record *open_window(struct naive *naive, uint32_t p, uint32_t neurons)
{
    struct naive_record *record = &naive->record[naive->token * naive->model->graph->populations + p];
    LASSIM_INVARIANT(record->neurons == 0, "window %u opened twice", p);
    *record = (struct naive_record){naive->level, p, naive->token, neurons, NULL, NULL, NULL, NULL, NULL};
    record->neuron = naive_make(neurons, sizeof *record->neuron);
    record->code = naive_make(neurons, sizeof *record->code);
    record->silent = naive_make(neurons, sizeof *record->silent);
    record->octave = naive_make(neurons, sizeof *record->octave);
    record->sub = naive_make(neurons, sizeof *record->sub);
    for (uint32_t i = 0; i < neurons; i++) record->neuron[i] = i;
    naive->records++;
    return record;
}

/* Neurons of exp and e are head * positions + key, visible keys only. */
static void number_keys(const struct naive *naive, struct naive_record *record)
{
    uint32_t visible = naive->visible;
    for (uint32_t i = 0; i < record->neurons; i++) record->neuron[i] = i / visible * naive->c->positions + i % visible;
}

void naive_input(struct naive *naive, uint32_t p, uint32_t row, uint64_t fan_out)
{
    struct naive_record *record = open_window(naive, p, 1);
    record->neuron[0] = row;
    record->code[0] = 1;
    naive_count(naive, p,
                &(struct counters){.windows = 1,
                                   .events = 1,
                                   .spikes = 1,
                                   .spikes_positive = 1,
                                   .spikes_normal = 1,
                                   .active_neurons = 1,
                                   .synaptic_operations = fan_out,
                                   .membrane_updates = fan_out});
}

struct sent naive_fire_oat(struct naive *naive, uint32_t p, const double *x, uint32_t n, int keys, uint64_t fan_out,
                           uint64_t partners)
{
    const struct population_params *params = &naive->model->population[p];
    struct naive_record *record = open_window(naive, p, n);
    struct sent sent = {p, n, naive_make(n, sizeof *sent.value)};
    uint64_t saturations = 0;
    if (keys) number_keys(naive, record);
    for (uint32_t i = 0; i < n; i++) {
        unsigned shift = params->shift != NULL ? (unsigned)params->shift[i] : 0;
        int saturated = 0, relu = naive->model->graph->population[p].kind == POPULATION_FFN;
        int stuck = naive_stuck_state(naive, p, record->neuron[i]);
        double felt = stuck ? 0 : x[i] / naive_threshold_factor(naive, p, record->neuron[i]);
        uint32_t code =
            oat_code(felt, ldexp(naive_lsb(naive, p), (int)shift), naive_steps(naive, p), params->j, relu, &saturated);
        if (stuck == STUCK_FIRING) code = (1u << naive_steps(naive, p)) - 1;
        wide value = naive_arriving(naive, p, record->neuron[i], code & OAT_MAGNITUDE) *
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

const struct hg_table *naive_table(const struct naive *naive, uint32_t p)
{
    return &naive->model->table[naive->model->population[p].table];
}

static void perturb_place(const struct naive *naive, uint32_t p, uint32_t neuron, struct hg_place *place)
{
    if (naive->perturbation == NULL) return;
    int stuck = naive_stuck_state(naive, p, neuron);
    uint32_t largest = (1u << naive_steps(naive, p)) - 1;
    if (stuck) place->saturated = 0;
    if (stuck == STUCK_SILENT) *place = (struct hg_place){.silent = 1};
    if (place->silent) return;
    double noisy = stuck ? largest : round(place->magnitude / naive_threshold_factor(naive, p, neuron));
    place->magnitude = noisy < largest ? (uint32_t)noisy : largest;
    wide arrived = naive_arriving(naive, p, neuron, place->magnitude);
    place->value = place->base + place->slope * arrived / ((wide)1 << naive_steps(naive, p));
}

struct sent naive_fire_hg(struct naive *naive, uint32_t p, const double *x, uint32_t n, int keys, uint64_t fan_out,
                          uint64_t partners)
{
    struct naive_record *record = open_window(naive, p, n);
    struct sent sent = {p, n, naive_make(n, sizeof *sent.value)};
    uint64_t saturations = 0;
    if (keys) number_keys(naive, record);
    for (uint32_t i = 0; i < n; i++) {
        struct hg_place place = hg_code_of(naive_table(naive, p), naive_steps(naive, p), x[i]);
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
