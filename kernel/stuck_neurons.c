#include "kernel/stuck_neurons.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/csv.h"
#include "kernel/if_files.h"
#include "kernel/trace_format.h"
#include "layers/perturb.h"

static int is_header(const struct csv *csv)
{
    static const char *const names[] = {"population", "neuron", "state"};
    int good = csv->cells == 3;
    for (uint32_t i = 0; good && i < 3; i++) good = strcmp(csv->cell[i], names[i]) == 0;
    return good;
}

static uint32_t find_population(const struct graph *graph, const char *text)
{
    uint32_t p;
    if (csv_unsigned32(text, &p)) return p;
    for (p = 0; p < graph->populations; p++)
        if (strcmp(graph->population[p].name, text) == 0) break;
    return p;
}

static enum lassim_status take_row(const struct csv *csv, const struct graph *graph, struct stuck_neurons *stuck,
                                   struct lassim_error *error)
{
    uint32_t neuron;
    uint8_t state = STUCK_NOT;
    if (csv->cells != 3) return csv_fail(csv, "expected population, neuron and state", error);
    uint32_t p = find_population(graph, csv->cell[0]);
    if (p >= graph->populations || graph->population[p].code == CODE_INPUT)
        return csv_fail(csv, "population: expected the name or number of one of the model's that is no input", error);
    if (!csv_unsigned32(csv->cell[1], &neuron) || neuron >= graph->population[p].neurons)
        return csv_fail(csv, "neuron: expected a number below the population's neurons", error);
    if (strcmp(csv->cell[2], "silent") == 0) state = STUCK_SILENT;
    if (strcmp(csv->cell[2], "firing") == 0) state = STUCK_FIRING;
    if (state == STUCK_NOT) return csv_fail(csv, "state: expected silent or firing", error);
    if (stuck->state[p] == NULL) stuck->state[p] = calloc(graph->population[p].neurons, 1);
    if (stuck->state[p] == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, csv->path, NULL, "no memory for its neurons");
    if (stuck->state[p][neuron] != STUCK_NOT) return csv_fail(csv, "neuron: stands in the file twice", error);
    stuck->state[p][neuron] = state;
    stuck->count++;
    return LASSIM_OK;
}

static uint64_t hash_of(const struct stuck_neurons *stuck, const struct graph *graph)
{
    uint64_t hash = 0;
    for (uint32_t p = 0; p < stuck->populations; p++) {
        if (stuck->state[p] == NULL) continue;
        for (uint32_t n = 0; n < graph->population[p].neurons; n++) {
            uint8_t row[12];
            if (stuck->state[p][n] == STUCK_NOT) continue;
            trace_put32(row, p);
            trace_put32(row + 4, n);
            trace_put32(row + 8, stuck->state[p][n]);
            hash = XXH3_64bits_withSeed(row, sizeof row, hash);
        }
    }
    return hash;
}

enum lassim_status stuck_neurons_parse(const char *path, const char *text, size_t size, const struct graph *graph,
                                       struct stuck_neurons *stuck, struct lassim_error *error)
{
    struct csv csv = {.path = path, .at = text, .end = text + size};
    int more = 0;
    *stuck = (struct stuck_neurons){.populations = graph->populations};
    stuck->state = calloc(graph->populations, sizeof *stuck->state);
    if (stuck->state == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for its neurons");
    enum lassim_status status = csv_line(&csv, &more, error);
    if (status == LASSIM_OK && (!more || !is_header(&csv)))
        return csv_fail(&csv, "expected the header population,neuron,state", error);
    while (status == LASSIM_OK) {
        status = csv_line(&csv, &more, error);
        if (status != LASSIM_OK || !more) break;
        status = take_row(&csv, graph, stuck, error);
    }
    if (status == LASSIM_OK) stuck->hash = hash_of(stuck, graph);
    return status;
}

enum lassim_status stuck_neurons_read(const char *path, const struct graph *graph, struct stuck_neurons *stuck,
                                      struct lassim_error *error)
{
    char *text;
    size_t size;
    *stuck = (struct stuck_neurons){0};
    enum lassim_status status = if_read_file(path, IF_FILE_MAX, &text, &size, error);
    if (status != LASSIM_OK) return status;
    status = stuck_neurons_parse(path, text, size, graph, stuck, error);
    free(text);
    return status;
}

void stuck_neurons_free(struct stuck_neurons *stuck)
{
    for (uint32_t p = 0; stuck->state != NULL && p < stuck->populations; p++) free(stuck->state[p]);
    free(stuck->state);
    *stuck = (struct stuck_neurons){0};
}
