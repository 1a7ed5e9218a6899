#include "kernel/program/report_raster.h"

#include <stdlib.h>

#include "kernel/trace_decode.h"
#include "neurons/oat.h"

static struct raster_rows rows_of(const struct trace_population *population, uint32_t most)
{
    struct raster_rows rows = {0};
    if (population->heads == 0) {
        rows.stride = (population->neurons + most - 1) / most;
        rows.rows = (population->neurons + rows.stride - 1) / rows.stride;
        return rows;
    }
    uint32_t heads = population->heads < most ? population->heads : most;
    rows.stride = (population->heads + heads - 1) / heads;
    heads = (population->heads + rows.stride - 1) / rows.stride;
    rows.keys = most / heads < population->positions ? most / heads : population->positions;
    rows.rows = heads * rows.keys;
    return rows;
}

int report_raster_init(struct report_raster *raster, const struct trace_header_info *info)
{
    *raster = (struct report_raster){.info = info};
    raster->populations = info->populations < RASTER_POPULATIONS ? info->populations : RASTER_POPULATIONS;
    raster->population = calloc(raster->populations, sizeof *raster->population);
    raster->mark = malloc(RASTER_MARKS * sizeof *raster->mark);
    if (raster->population == NULL || raster->mark == NULL) return -1;
    uint32_t most = RASTER_ROWS / raster->populations;
    if (most > RASTER_ROWS_EACH) most = RASTER_ROWS_EACH;
    for (uint32_t p = 0; p < raster->populations; p++) raster->population[p] = rows_of(&info->population[p], most);
    return 0;
}

void report_raster_free(struct report_raster *raster)
{
    free(raster->population);
    free(raster->mark);
    raster->population = NULL;
    raster->mark = NULL;
}

uint32_t report_raster_row(const struct report_raster *raster, uint32_t population, uint32_t neuron)
{
    const struct raster_rows *rows = &raster->population[population];
    if (raster->info->population[population].code == CODE_INPUT) return neuron / rows->stride;
    if (rows->keys == 0) return neuron % rows->stride == 0 ? neuron / rows->stride : UINT32_MAX;
    uint32_t positions = raster->info->population[population].positions;
    uint32_t head = neuron / positions, key = neuron % positions;
    return head % rows->stride == 0 && key < rows->keys ? head / rows->stride * rows->keys + key : UINT32_MAX;
}

/* The newest window does not fit: it is taken back unless nothing else is there. */
static void close_raster(struct report_raster *raster)
{
    raster->full = 1;
    if (raster->window_first == 0) return;
    raster->marks = raster->window_first;
    for (uint32_t p = 0; p < raster->populations; p++)
        raster->population[p].spikes -= raster->population[p].window_spikes;
}

static void open_window(struct report_raster *raster, uint64_t window)
{
    raster->window_first = raster->marks;
    raster->windows = window;
    for (uint32_t p = 0; p < raster->populations; p++) raster->population[p].window_spikes = 0;
}

static void add_mark(struct report_raster *raster, const struct trace_record *record, uint32_t row,
                     const struct trace_active *active)
{
    struct spike_steps steps;
    enum trace_kind kind =
        trace_active_steps(raster->info, &raster->info->population[record->population], active, &steps);
    raster->mark[raster->marks++] = (struct raster_mark){.window = record->window,
                                                         .population = record->population,
                                                         .token = record->token,
                                                         .row = row,
                                                         .fired = (uint16_t)steps.fired,
                                                         .negative = (uint16_t)steps.negative,
                                                         .outlier = kind == TRACE_OUTLIER};
    unsigned spikes = (unsigned)__builtin_popcount(steps.fired);
    raster->population[record->population].spikes += spikes;
    raster->population[record->population].window_spikes += spikes;
}

void report_raster_add(struct report_raster *raster, const struct trace_record *record)
{
    if (raster->full) return;
    if (record->window > raster->windows) open_window(raster, record->window);
    if (record->population >= raster->populations) return;
    for (uint32_t i = 0; i < record->count; i++) {
        uint32_t row = report_raster_row(raster, record->population, record->active[i].neuron);
        if (row == UINT32_MAX) continue;
        if (raster->marks == RASTER_MARKS) {
            close_raster(raster);
            return;
        }
        add_mark(raster, record, row, &record->active[i]);
    }
}

static int append(json_t *array, uint64_t value)
{
    return json_array_append_new(array, json_integer((json_int_t)value));
}

static json_t *marks_json(const struct report_raster *raster)
{
    json_t *marks = json_array();
    int failed = marks == NULL;
    for (uint32_t first = 0, end; first < raster->marks; first = end) {
        const struct raster_mark *mark = &raster->mark[first];
        for (end = first + 1; end < raster->marks; end++) {
            const struct raster_mark *other = &raster->mark[end];
            if (other->population != mark->population || other->window != mark->window || other->token != mark->token)
                break;
        }
        failed |= append(marks, mark->population) | append(marks, mark->window) | append(marks, mark->token);
        failed |= append(marks, end - first);
        for (uint32_t i = first; i < end; i++) {
            failed |= append(marks, 2 * raster->mark[i].row + raster->mark[i].outlier);
            failed |= append(marks, raster->mark[i].fired + UINT64_C(65536) * raster->mark[i].negative);
        }
    }
    if (!failed) return marks;
    json_decref(marks);
    return NULL;
}

json_t *report_raster_json(const struct report_raster *raster)
{
    json_t *object = json_object(), *populations = json_array();
    int partial = raster->full && raster->window_first == 0;
    uint64_t windows = raster->full && !partial ? raster->windows : raster->windows + 1;
    int failed = json_object_set_new(object, "windows", json_integer((json_int_t)windows));
    failed |= json_object_set_new(object, "partial", json_boolean(partial));
    failed |= json_object_set_new(object, "full", json_boolean(raster->full));
    for (uint32_t p = 0; p < raster->populations; p++) {
        const struct raster_rows *rows = &raster->population[p];
        json_t *row = json_array();
        failed |= append(row, rows->rows) | append(row, rows->stride) | append(row, rows->keys);
        failed |= append(row, rows->spikes) | json_array_append_new(populations, row);
    }
    failed |= json_object_set_new(object, "populations", populations);
    failed |= json_object_set_new(object, "marks", marks_json(raster));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
