/* Files of input spikes, and files as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/if_files.h"
#include "kernel/if_spike_check.h"
#include "kernel/npy_array.h"

static enum lassim_status read_open(const char *path, FILE *stream, size_t limit, char **bytes, size_t *size,
                                    struct lassim_error *error)
{
    struct stat info;
    if (fstat(fileno(stream), &info) != 0 || !S_ISREG(info.st_mode))
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "expected a regular file");
    if (info.st_size < 0 || (uint64_t)info.st_size > limit)
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "%lld bytes, expected at most %zu",
                           (long long)info.st_size, limit);
    *size = (size_t)info.st_size;
    *bytes = malloc(*size + 1);
    if (*bytes == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for %zu bytes", *size);
    (*bytes)[*size] = '\0';
    if (fread(*bytes, 1, *size, stream) == *size) return LASSIM_OK;
    free(*bytes);
    *bytes = NULL;
    return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot read %zu bytes", *size);
}

enum lassim_status if_read_file(const char *path, size_t limit, char **bytes, size_t *size, struct lassim_error *error)
{
    *bytes = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "rb");
    if (stream == NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot open: %s", strerror(errno));
    enum lassim_status status = read_open(path, stream, limit, bytes, size, error);
    fclose(stream);
    return status;
}

/* Where the numbers of a spike stand in an array. */
struct spike_fields {
    struct npy_field time, neuron, population; /* population.bytes 0: not given */
};

static int is_integer(const struct npy_field *field)
{
    return field != NULL && (field->kind == 'u' || field->kind == 'i');
}

/* Integers [n, 2] read as n elements of two fields. */
static int plain_fields(struct npy_array *array, struct spike_fields *fields)
{
    if (array->dimensions != 2 || array->shape[1] != 2 || !is_integer(&array->field[0])) return 0;
    fields->time = fields->neuron = array->field[0];
    fields->neuron.offset = array->element;
    array->count = array->shape[0];
    array->element *= 2;
    return 1;
}

static int named_fields(const struct npy_array *array, struct spike_fields *fields)
{
    const struct npy_field *time = npy_array_field(array, "time"), *neuron = npy_array_field(array, "neuron"),
                           *population = npy_array_field(array, "population");
    if (array->dimensions != 1 || !is_integer(time) || !is_integer(neuron)) return 0;
    if (population != NULL && !is_integer(population)) return 0;
    fields->time = *time;
    fields->neuron = *neuron;
    if (population != NULL) fields->population = *population;
    return 1;
}

/* A number that does not fit becomes the largest, which the check refuses. */
static uint64_t number(const struct npy_array *array, const struct npy_field *field, uint64_t i, uint64_t most)
{
    uint64_t value;
    return npy_array_unsigned(array, field, i, &value) && value <= most ? value : most;
}

enum lassim_status if_npy_spikes(const char *path, const uint8_t *bytes, size_t size, const struct if_network *network,
                                 uint64_t now, struct if_spike **spikes, uint64_t *count, struct lassim_error *error)
{
    struct npy_array array;
    struct spike_fields fields = {0};
    struct spike_rows rows = {.unit = "row"};
    *spikes = NULL;
    *count = 0;
    enum lassim_status status = npy_array_parse(path, bytes, size, &array, error);
    if (status != LASSIM_OK) return status;
    if (!plain_fields(&array, &fields) && !named_fields(&array, &fields))
        return lassim_fail(error, LASSIM_ERR_FILE, path, "NPY header",
                           "expected integers [n, 2] or the integer fields time and neuron (and population)");
    uint64_t bytes_needed;
    if (__builtin_mul_overflow(array.count + 1, sizeof *rows.spike, &bytes_needed) ||
        (rows.spike = malloc(bytes_needed)) == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for its rows");
    uint32_t first_input = spike_first_input(network);
    for (; rows.count < array.count; rows.count++) {
        struct if_spike *spike = &rows.spike[rows.count];
        spike->time = number(&array, &fields.time, rows.count, UINT64_MAX);
        spike->neuron = (uint32_t)number(&array, &fields.neuron, rows.count, UINT32_MAX);
        spike->population = first_input;
        if (fields.population.bytes > 0)
            spike->population = (uint32_t)number(&array, &fields.population, rows.count, UINT32_MAX);
    }
    return spike_rows_end(&rows, spike_rows_check(path, &rows, network, now, error), spikes, count);
}

enum lassim_status if_read_spikes(const char *path, const struct if_network *network, uint64_t now,
                                  struct if_spike **spikes, uint64_t *count, struct lassim_error *error)
{
    static const size_t npy_limit = (size_t)1 << 34;
    size_t length = strlen(path), size = 0;
    int npy = length >= 4 && strcmp(path + length - 4, ".npy") == 0;
    char *bytes;
    *spikes = NULL;
    *count = 0;
    enum lassim_status status = if_read_file(path, npy ? npy_limit : IF_FILE_MAX, &bytes, &size, error);
    if (status != LASSIM_OK) return status;
    if (npy)
        status = if_npy_spikes(path, (const uint8_t *)bytes, size, network, now, spikes, count, error);
    else
        status = if_csv_spikes(path, bytes, size, network, now, spikes, count, error);
    free(bytes);
    return status;
}
