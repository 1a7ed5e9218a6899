/* Synapses and input spikes as CSV. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/csv.h"
#include "kernel/if_files.h"
#include "kernel/if_spike_check.h"

/* Room for one more of `used` elements; 0, or -1 without memory. */
static int grow(void **array, uint64_t used, uint64_t *capacity, size_t size)
{
    if (used < *capacity) return 0;
    uint64_t more = *capacity < 64 ? 64 : *capacity + *capacity / 2;
    void *larger = realloc(*array, more * size);
    if (larger == NULL) return -1;
    *array = larger;
    *capacity = more;
    return 0;
}

static enum lassim_status no_memory(const char *path, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for its rows");
}

/* ---- synapses ---- */

static enum lassim_status check_synapse_header(struct csv *csv, struct lassim_error *error)
{
    static const char *const names[] = {"source", "target", "weight", "delay"};
    int more, good = 0;
    enum lassim_status status = csv_line(csv, &more, error);
    if (status != LASSIM_OK) return status;
    if (more) good = csv->cells == 3 || csv->cells == 4;
    for (uint32_t i = 0; good && i < csv->cells; i++) good = strcmp(csv->cell[i], names[i]) == 0;
    return good ? LASSIM_OK
                : csv_fail(csv, "expected the header source,target,weight or source,target,weight,delay", error);
}

static enum lassim_status parse_synapse(const struct csv *csv, uint32_t columns, locale_t locale,
                                        struct lassim_synapse *synapse, struct lassim_error *error)
{
    char *end;
    if (csv->cells != columns) return csv_fail(csv, "expected as many cells as the header has", error);
    if (!csv_unsigned32(csv->cell[0], &synapse->source)) return csv_fail(csv, "source: expected a number", error);
    if (!csv_unsigned32(csv->cell[1], &synapse->target)) return csv_fail(csv, "target: expected a number", error);
    synapse->weight = strtod_l(csv->cell[2], &end, locale);
    if (end == csv->cell[2] || *end != '\0' || !(synapse->weight - synapse->weight == 0))
        return csv_fail(csv, "weight: expected a finite number", error);
    if (columns == 4 && !csv_unsigned32(csv->cell[3], &synapse->delay))
        return csv_fail(csv, "delay: expected a number", error);
    return LASSIM_OK;
}

static enum lassim_status read_synapses(struct csv *csv, uint32_t delay, locale_t locale,
                                        struct lassim_synapse **synapses, uint64_t *count, struct lassim_error *error)
{
    uint64_t capacity = 0;
    int more = 1;
    enum lassim_status status = check_synapse_header(csv, error);
    uint32_t columns = csv->cells;
    while (status == LASSIM_OK) {
        status = csv_line(csv, &more, error);
        if (status != LASSIM_OK || !more) return status;
        if (grow((void **)synapses, *count, &capacity, sizeof **synapses) != 0) return no_memory(csv->path, error);
        (*synapses)[*count] = (struct lassim_synapse){.delay = delay};
        status = parse_synapse(csv, columns, locale, &(*synapses)[*count], error);
        ++*count;
    }
    return status;
}

enum lassim_status if_csv_synapses(const char *path, const char *text, size_t size, uint32_t delay,
                                   struct lassim_synapse **synapses, uint64_t *count, struct lassim_error *error)
{
    struct csv csv = {.path = path, .at = text, .end = text + size};
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a decimal point whatever the user's language */
    *synapses = NULL;
    *count = 0;
    if (locale == (locale_t)0) return no_memory(path, error);
    enum lassim_status status = read_synapses(&csv, delay, locale, synapses, count, error);
    freelocale(locale);
    if (status == LASSIM_OK) return status;
    free(*synapses);
    *synapses = NULL;
    return status;
}

/* ---- spikes ---- */

struct spike_columns {
    uint32_t columns, time, neuron, population; /* index, or columns if there is none */
};

static enum lassim_status read_spike_header(struct csv *csv, struct spike_columns *to, struct lassim_error *error)
{
    int more;
    enum lassim_status status = csv_line(csv, &more, error);
    if (status != LASSIM_OK) return status;
    uint32_t columns = more ? csv->cells : 0;
    *to = (struct spike_columns){columns, columns, columns, columns};
    for (uint32_t i = 0; i < columns; i++) {
        if (strcmp(csv->cell[i], "time") == 0) to->time = i;
        if (strcmp(csv->cell[i], "neuron") == 0) to->neuron = i;
        if (strcmp(csv->cell[i], "population") == 0) to->population = i;
    }
    if (to->time < columns && to->neuron < columns) return LASSIM_OK;
    return csv_fail(csv, "expected a header with the columns time and neuron (and population)", error);
}

static enum lassim_status parse_spike(const struct csv *csv, const struct spike_columns *columns,
                                      const struct if_network *network, uint32_t first_input, struct if_spike *spike,
                                      struct lassim_error *error)
{
    if (csv->cells != columns->columns) return csv_fail(csv, "expected as many cells as the header has", error);
    if (!csv_unsigned(csv->cell[columns->time], &spike->time)) return csv_fail(csv, "time: expected a number", error);
    if (!csv_unsigned32(csv->cell[columns->neuron], &spike->neuron))
        return csv_fail(csv, "neuron: expected a number", error);
    spike->population = first_input;
    if (columns->population == columns->columns) return LASSIM_OK;
    const char *name = csv->cell[columns->population];
    if (!csv_unsigned32(name, &spike->population)) spike->population = if_network_find(network, name);
    return spike->population < network->populations ? LASSIM_OK
                                                    : csv_fail(csv, "population: expected one of the network's", error);
}

static enum lassim_status read_spikes(struct csv *csv, const struct if_network *network, struct spike_rows *rows,
                                      struct lassim_error *error)
{
    struct spike_columns columns;
    uint64_t capacity = 0, place_capacity = 0;
    uint32_t first_input = spike_first_input(network);
    int more = 1;
    enum lassim_status status = read_spike_header(csv, &columns, error);
    while (status == LASSIM_OK) {
        status = csv_line(csv, &more, error);
        if (status != LASSIM_OK || !more) return status;
        if (grow((void **)&rows->spike, rows->count, &capacity, sizeof *rows->spike) != 0 ||
            grow((void **)&rows->place, rows->count, &place_capacity, sizeof *rows->place) != 0)
            return no_memory(csv->path, error);
        rows->place[rows->count] = csv->number;
        status = parse_spike(csv, &columns, network, first_input, &rows->spike[rows->count++], error);
    }
    return status;
}

enum lassim_status if_csv_spikes(const char *path, const char *text, size_t size, const struct if_network *network,
                                 uint64_t now, struct if_spike **spikes, uint64_t *count, struct lassim_error *error)
{
    struct csv csv = {.path = path, .at = text, .end = text + size};
    struct spike_rows rows = {.unit = "line"};
    enum lassim_status status = read_spikes(&csv, network, &rows, error);
    if (status == LASSIM_OK) status = spike_rows_check(path, &rows, network, now, error);
    return spike_rows_end(&rows, status, spikes, count);
}
