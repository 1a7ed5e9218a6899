#include "kernel/trace_expand.h"

#include <stdlib.h>

#include "kernel/trace_decode.h"

/* One active neuron of the buffered window. */
struct expand_neuron {
    uint32_t neuron;
    uint16_t fired, negative; /* bit t: step t */
    uint16_t octave, sub;
};

/* One record of the buffered window. */
struct expand_record {
    uint32_t population, token;
    size_t first, end; /* its neurons */
    uint8_t gates;     /* 1: HG, gates at the first step */
};

struct trace_expand {
    struct trace_reader *reader;
    const struct trace_header_info *info;
    struct expand_neuron *neuron;
    struct expand_record *record;
    size_t neurons, neuron_capacity;
    size_t records, record_capacity;
    uint8_t *kind;                    /* [neuron_capacity] enum trace_kind of its code spikes */
    uint64_t window;                  /* the buffered one */
    const struct trace_record *ahead; /* the first record of the next window, NULL at the end */
    unsigned step;                    /* where the next row comes from */
    size_t at_record, at_neuron;
    unsigned at_gate; /* gates of that neuron already given */
};

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the spikes of one window");
}

enum lassim_status trace_expand_open(struct trace_reader *reader, struct trace_expand **result,
                                     struct lassim_error *error)
{
    *result = NULL;
    struct trace_expand *expand = calloc(1, sizeof *expand);
    if (expand == NULL) return no_memory(error);
    expand->reader = reader;
    expand->info = trace_reader_info(reader);
    enum lassim_status status = trace_reader_next(reader, &expand->ahead, error);
    if (status != LASSIM_OK) {
        trace_expand_close(expand);
        return status;
    }
    expand->step = expand->info->timesteps;
    *result = expand;
    return LASSIM_OK;
}

void trace_expand_close(struct trace_expand *expand)
{
    if (expand == NULL) return;
    free(expand->neuron);
    free(expand->kind);
    free(expand->record);
    free(expand);
}

static int reserve_neurons(struct trace_expand *expand, size_t count)
{
    if (count <= expand->neuron_capacity) return 0;
    size_t capacity = count + expand->neuron_capacity / 2;
    struct expand_neuron *neuron = realloc(expand->neuron, capacity * sizeof *neuron);
    if (neuron == NULL) return -1;
    expand->neuron = neuron;
    uint8_t *kind = realloc(expand->kind, capacity);
    if (kind == NULL) return -1;
    expand->kind = kind;
    expand->neuron_capacity = capacity;
    return 0;
}

static int reserve_record(struct trace_expand *expand)
{
    if (expand->records < expand->record_capacity) return 0;
    size_t capacity = 64 + 2 * expand->record_capacity;
    struct expand_record *record = realloc(expand->record, capacity * sizeof *record);
    if (record == NULL) return -1;
    expand->record = record;
    expand->record_capacity = capacity;
    return 0;
}

static enum lassim_status buffer_record(struct trace_expand *expand, const struct trace_record *record,
                                        struct lassim_error *error)
{
    if (expand->neurons + record->count > TRACE_WINDOW_ACTIVE_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, trace_reader_name(expand->reader), NULL,
                           "window %llu has more than %d active neurons", (unsigned long long)record->window,
                           TRACE_WINDOW_ACTIVE_MAX);
    if (reserve_neurons(expand, expand->neurons + record->count) != 0 || reserve_record(expand) != 0)
        return no_memory(error);
    const struct trace_population *population = &expand->info->population[record->population];
    size_t end = expand->neurons + record->count;
    expand->record[expand->records++] = (struct expand_record){.population = record->population,
                                                               .token = record->token,
                                                               .first = expand->neurons,
                                                               .end = end,
                                                               .gates = population->code == CODE_HG};
    for (uint32_t i = 0; i < record->count; i++) {
        struct spike_steps steps;
        size_t at = expand->neurons++;
        expand->kind[at] = (uint8_t)trace_active_steps(expand->info, population, &record->active[i], &steps);
        expand->neuron[at] = (struct expand_neuron){.neuron = record->active[i].neuron,
                                                    .fired = (uint16_t)steps.fired,
                                                    .negative = (uint16_t)steps.negative,
                                                    .octave = record->active[i].octave,
                                                    .sub = record->active[i].sub};
    }
    return LASSIM_OK;
}

static void go_to_record(struct trace_expand *expand, size_t record)
{
    expand->at_record = record;
    expand->at_gate = 0;
    if (record < expand->records) expand->at_neuron = expand->record[record].first;
}

/* Buffers all records of the next window. */
static enum lassim_status buffer_window(struct trace_expand *expand, struct lassim_error *error)
{
    expand->neurons = expand->records = 0;
    expand->window = expand->ahead->window;
    while (expand->ahead != NULL && expand->ahead->window == expand->window) {
        enum lassim_status status = buffer_record(expand, expand->ahead, error);
        if (status == LASSIM_OK) status = trace_reader_next(expand->reader, &expand->ahead, error);
        if (status != LASSIM_OK) return status;
    }
    expand->step = 0;
    go_to_record(expand, 0);
    return LASSIM_OK;
}

static struct trace_row make_row(const struct trace_expand *expand, const struct expand_record *record)
{
    return (struct trace_row){.time = expand->window * expand->info->timesteps + expand->step,
                              .population = record->population,
                              .token = record->token,
                              .neuron = expand->neuron[expand->at_neuron].neuron,
                              .sign = 1};
}

/* Gives the next gate of the current neuron, if one is due: 1 and *row. */
static int next_gate(struct trace_expand *expand, const struct expand_record *record, struct trace_row *row)
{
    if (!record->gates || expand->step > 0 || expand->at_gate == 2) return 0;
    const struct trace_population *population = &expand->info->population[record->population];
    const struct expand_neuron *neuron = &expand->neuron[expand->at_neuron];
    uint32_t gate = expand->at_gate == 0 ? neuron->octave : population->octave_gates + neuron->sub;
    *row = make_row(expand, record);
    row->neuron = neuron->neuron * trace_gates(population) + gate;
    row->kind = TRACE_GATE;
    expand->at_gate++;
    return 1;
}

/* Passes the current neuron; 1 and *row if it fires at this step. */
static int next_code_spike(struct trace_expand *expand, const struct expand_record *record, struct trace_row *row)
{
    const struct expand_neuron *neuron = &expand->neuron[expand->at_neuron];
    int fires = neuron->fired >> expand->step & 1;
    if (fires) {
        *row = make_row(expand, record);
        row->kind = expand->kind[expand->at_neuron];
        row->sign = neuron->negative >> expand->step & 1 ? -1 : 1;
    }
    expand->at_neuron++;
    expand->at_gate = 0;
    return fires;
}

/* Fills rows from the buffered window; fewer than capacity when it is used up. */
static size_t window_rows(struct trace_expand *expand, struct trace_row *rows, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && expand->step < expand->info->timesteps) {
        if (expand->at_record == expand->records) {
            expand->step++;
            go_to_record(expand, 0);
            continue;
        }
        const struct expand_record *record = &expand->record[expand->at_record];
        if (expand->at_neuron == record->end) {
            go_to_record(expand, expand->at_record + 1);
            continue;
        }
        if (next_gate(expand, record, &rows[count]))
            count++;
        else
            count += (size_t)next_code_spike(expand, record, &rows[count]);
    }
    return count;
}

enum lassim_status trace_expand_rows(struct trace_expand *expand, struct trace_row *rows, size_t capacity,
                                     size_t *count, struct lassim_error *error)
{
    for (*count = 0;;) {
        *count += window_rows(expand, rows + *count, capacity - *count);
        if (*count == capacity || expand->ahead == NULL) return LASSIM_OK;
        enum lassim_status status = buffer_window(expand, error);
        if (status != LASSIM_OK) return status;
    }
}

static void count_neuron(struct counters *to, enum trace_kind kind, const struct spike_steps *steps)
{
    unsigned spikes = (unsigned)__builtin_popcount(steps->fired);
    unsigned negative = (unsigned)__builtin_popcount(steps->negative);
    to->spikes += spikes;
    to->spikes_negative += negative;
    to->spikes_positive += spikes - negative;
    if (kind == TRACE_NORMAL) to->spikes_normal += spikes;
    if (kind == TRACE_OUTLIER) to->spikes_outlier += spikes;
    if (kind == TRACE_HG_CODE) to->spikes_gate += 2;
    to->active_neurons += spikes > 0;
}

void trace_record_count(const struct trace_header_info *info, const struct trace_record *record, struct counters *to)
{
    const struct trace_population *population = &info->population[record->population];
    uint64_t arrived_before = to->spikes - to->spikes_lost;
    const struct perturb_key key =
        perturb_window(&info->perturbation.rule, 0, record->population, record->token); /* loses nothing if off */
    uint32_t block = 0, block_steps = 0; /* of one block: bit t set when its packet of step t is not empty */
    for (uint32_t i = 0; i < record->count; i++) {
        struct spike_steps steps;
        enum trace_kind kind = trace_active_steps(info, population, &record->active[i], &steps);
        uint32_t now = record->active[i].neuron / population->block_neurons;
        if (now != block) {
            to->events += (unsigned)__builtin_popcount(block_steps);
            block_steps = 0;
            block = now;
        }
        block_steps |= steps.fired | (kind == TRACE_HG_CODE ? 1 : 0);
        count_neuron(to, kind, &steps);
        if (population->code != CODE_INPUT)
            to->spikes_lost += (unsigned)__builtin_popcount(perturb_lost(&key, record->active[i].neuron, steps.fired));
    }
    to->events += (unsigned)__builtin_popcount(block_steps);
    to->windows++;
    to->synaptic_operations += (to->spikes - to->spikes_lost - arrived_before) * population->fan_out;
    if (population->code != CODE_INPUT)
        to->threshold_tests += (uint64_t)trace_steps(info, population) * record->neurons;
}
