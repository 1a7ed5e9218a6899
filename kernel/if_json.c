/* NET.json to a network (docs/network-format.md). */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/if_files.h"
#include "kernel/if_json_members.h"
#include "kernel/npy_array.h"

/* What is read now. */
struct reader {
    const char *path;
    int files;
    struct if_network *network;
    struct lassim_error *error;
};

/* An error of the network itself, told with the file and the place. */
static enum lassim_status rename_error(const struct reader *reader, const char *place, enum lassim_status status)
{
    struct lassim_error inner;
    if (status != LASSIM_ERR_USAGE || reader->error == NULL) return status;
    inner = *reader->error;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->path, place, "%s", inner.text);
}

/* Bounds nesting and the number of values before anything is allocated; grammar is jansson's matter. */
static const char *check_limits(const char *text, size_t size)
{
    size_t depth = 0, values = 1;
    int in_string = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        if (c == '[' || c == '{') depth++;
        if ((c == ']' || c == '}') && depth > 0) depth--;
        if (depth > IF_JSON_DEPTH) return "expected at most 16 levels of nesting";
        values += c == ',' || c == '[' || c == '{';
    }
    return values > IF_JSON_VALUES ? "expected at most 2^22 values; larger matrices belong into .npy files" : NULL;
}

/* ---- populations ---- */

static enum lassim_status read_reset(const struct members *m, struct lassim_population *to)
{
    const char *reset = "zero";
    enum lassim_status status = members_string(m, "reset", 0, &reset);
    if (status != LASSIM_OK) return status;
    if (strcmp(reset, "zero") != 0 && strcmp(reset, "subtract") != 0)
        return members_fail(m, "reset", "expected \"zero\" or \"subtract\"");
    to->subtract = strcmp(reset, "subtract") == 0;
    return LASSIM_OK;
}

/* leak, or tau and dt. */
static enum lassim_status read_leak(const struct members *m, struct lassim_population *to)
{
    double tau = 0, dt = 1;
    int leak = members_has(m, "leak"), tau_given = members_has(m, "tau");
    if (to->neuron == LASSIM_NEURON_IF)
        return leak || tau_given || members_has(m, "dt") ? members_fail(m, "leak", "expected none: the model is \"if\"")
                                                         : LASSIM_OK;
    if (leak == tau_given) return members_fail(m, "leak", "expected either leak, or tau and dt");
    if (leak && members_has(m, "dt")) return members_fail(m, "dt", "expected with tau only");
    if (leak) return members_number(m, "leak", 1, &to->leak);
    enum lassim_status status = members_number(m, "tau", 1, &tau);
    if (status == LASSIM_OK) status = members_number(m, "dt", 1, &dt);
    if (status != LASSIM_OK) return status;
    if (!(tau > 0)) return members_fail(m, "tau", "expected above 0");
    if (!(dt >= 0)) return members_fail(m, "dt", "expected 0 or more");
    to->leak = lif_leak(tau, dt);
    return LASSIM_OK;
}

static enum lassim_status read_model(const struct members *m, struct lassim_population *to)
{
    static const char *const known[] = {"name", "size",  "model",      "threshold", "leak", "tau",
                                        "dt",   "reset", "refractory", "initial",   NULL};
    const char *model = NULL;
    uint64_t refractory = 0;
    enum lassim_status status = members_known(m, known);
    if (status == LASSIM_OK) status = members_string(m, "model", 1, &model);
    if (status != LASSIM_OK) return status;
    if (strcmp(model, "if") != 0 && strcmp(model, "lif") != 0)
        return members_fail(m, "model", "expected \"if\" or \"lif\"");
    to->neuron = model[0] == 'i' ? LASSIM_NEURON_IF : LASSIM_NEURON_LIF;
    status = members_number(m, "threshold", 1, &to->threshold);
    if (status == LASSIM_OK) status = members_number(m, "initial", 0, &to->initial);
    if (status == LASSIM_OK) status = members_integer(m, "refractory", 0, UINT64_C(1) << 31, &refractory);
    to->refractory = (uint32_t)refractory;
    if (status == LASSIM_OK) status = read_reset(m, to);
    return status == LASSIM_OK ? read_leak(m, to) : status;
}

static enum lassim_status read_population(const struct reader *reader, const char *list, size_t i, const json_t *value)
{
    static const char *const known[] = {"name", "size", NULL};
    struct members m = members_of(reader->path, value, reader->error, "%s[%zu]", list, i);
    struct lassim_population population = {0};
    uint64_t size = 0;
    int input = strcmp(list, "inputs") == 0;
    enum lassim_status status = members_object(&m);
    if (status == LASSIM_OK) status = input ? members_known(&m, known) : read_model(&m, &population);
    if (status == LASSIM_OK) status = members_string(&m, "name", 1, &population.name);
    if (status == LASSIM_OK) status = members_integer(&m, "size", 1, IF_SIZE_MAX, &size);
    if (status != LASSIM_OK) return status;
    population.size = (uint32_t)size;
    return rename_error(reader, m.place, if_network_add(reader->network, &population, NULL, reader->error));
}

static enum lassim_status read_populations(const struct reader *reader, const struct members *root, const char *list)
{
    const json_t *array = NULL;
    enum lassim_status status = members_array(root, list, strcmp(list, "populations") == 0, &array);
    for (size_t i = 0; status == LASSIM_OK && i < json_array_size(array); i++)
        status = read_population(reader, list, i, json_array_get(array, i));
    return status;
}

/* ---- projections ---- */

/* A projection being read. */
struct projection {
    uint32_t source, target, delay, sources, targets;
};

static enum lassim_status find_end(const struct reader *reader, const struct members *m, const char *key,
                                   uint32_t *index)
{
    const char *name = NULL;
    enum lassim_status status = members_string(m, key, 1, &name);
    if (status != LASSIM_OK) return status;
    *index = if_network_find(reader->network, name);
    return *index != UINT32_MAX ? LASSIM_OK : members_fail(m, key, "expected the name of an input or population");
}

/* The bytes of the file that a member names, beside the JSON file; path: [size]. */
static enum lassim_status read_beside(const struct reader *reader, const struct members *m, const char *key,
                                      const char *name, size_t limit, char path[4096], char **bytes, size_t *size)
{
    const char *slash = strrchr(reader->path, '/');
    int folder = slash != NULL && name[0] != '/' ? (int)(slash + 1 - reader->path) : 0;
    if (!reader->files) return members_fail(m, key, "expected no other file here");
    if (snprintf(path, 4096, "%.*s%s", folder, reader->path, name) >= 4096)
        return members_fail(m, key, "expected a shorter path");
    return if_read_file(path, limit, bytes, size, reader->error);
}

static enum lassim_status dense_from_rows(const struct reader *reader, const struct members *m, const json_t *rows,
                                          const struct projection *p)
{
    if (json_array_size(rows) != p->sources)
        return members_fail(m, "weights", "expected %u rows, one for each source, found %zu", p->sources,
                            json_array_size(rows));
    /* The text held as many values: no overflow, no more memory than a small multiple of it. */
    for (uint32_t s = 0; s < p->sources; s++)
        if (json_array_size(json_array_get(rows, s)) != p->targets)
            return members_fail(m, "weights", "row %u: expected %u numbers", s, p->targets);
    double *weights = malloc((size_t)p->sources * p->targets * sizeof *weights);
    if (weights == NULL) return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->path, m->place, "no memory");
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < (size_t)p->sources * p->targets && status == LASSIM_OK; i++) {
        const json_t *number = json_array_get(json_array_get(rows, i / p->targets), i % p->targets);
        weights[i] = json_number_value(number);
        if (!json_is_number(number))
            status =
                members_fail(m, "weights", "row %zu, column %zu: expected a number", i / p->targets, i % p->targets);
    }
    if (status == LASSIM_OK)
        status = if_network_connect_dense(reader->network, p->source, p->target, p->delay, weights, reader->error);
    free(weights);
    return rename_error(reader, m->place, status);
}

static enum lassim_status dense_from_npy(const struct reader *reader, const char *path, const uint8_t *bytes,
                                         size_t size, const struct projection *p)
{
    struct npy_array array;
    enum lassim_status status = npy_array_parse(path, bytes, size, &array, reader->error);
    if (status != LASSIM_OK) return status;
    if (array.fields != 1 || array.dimensions != 2 || array.shape[0] != p->sources || array.shape[1] != p->targets)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, path, "NPY header", "expected numbers [%u, %u]", p->sources,
                           p->targets);
    double *weights = malloc(array.count * sizeof *weights);
    if (weights == NULL) return lassim_fail(reader->error, LASSIM_ERR_RUN, path, NULL, "no memory for its weights");
    for (uint64_t i = 0; i < array.count; i++) weights[i] = npy_array_number(&array, &array.field[0], i);
    status = if_network_connect_dense(reader->network, p->source, p->target, p->delay, weights, reader->error);
    free(weights);
    struct reader file = *reader;
    file.path = path;
    return rename_error(&file, NULL, status);
}

static enum lassim_status read_weights(const struct reader *reader, const struct members *m, const struct projection *p)
{
    const json_t *value = json_object_get(m->object, "weights");
    char path[4096], *bytes = NULL;
    size_t size = 0;
    if (json_is_array(value)) return dense_from_rows(reader, m, value, p);
    if (!json_is_string(value))
        return members_fail(m, "weights", "expected rows of numbers or the name of a .npy file");
    enum lassim_status status =
        read_beside(reader, m, "weights", json_string_value(value), (size_t)1 << 36, path, &bytes, &size);
    if (status == LASSIM_OK) status = dense_from_npy(reader, path, (const uint8_t *)bytes, size, p);
    free(bytes);
    return status;
}

static int synapse_number(const json_t *row, size_t i, uint32_t *value)
{
    const json_t *number = json_array_get(row, i);
    json_int_t integer = json_integer_value(number);
    if (!json_is_integer(number) || integer < 0 || integer > UINT32_MAX) return 0;
    *value = (uint32_t)integer;
    return 1;
}

static enum lassim_status list_from_rows(const struct reader *reader, const struct members *m, const json_t *rows,
                                         const struct projection *p)
{
    size_t count = json_array_size(rows);
    struct lassim_synapse *synapses = malloc((count + 1) * sizeof *synapses);
    if (synapses == NULL) return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->path, m->place, "no memory");
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < count && status == LASSIM_OK; i++) {
        const json_t *row = json_array_get(rows, i);
        size_t cells = json_array_size(row);
        synapses[i] = (struct lassim_synapse){.delay = p->delay, .weight = json_number_value(json_array_get(row, 2))};
        if ((cells != 3 && cells != 4) || !synapse_number(row, 0, &synapses[i].source) ||
            !synapse_number(row, 1, &synapses[i].target) || !json_is_number(json_array_get(row, 2)) ||
            (cells == 4 && !synapse_number(row, 3, &synapses[i].delay)))
            status =
                members_fail(m, "synapses", "row %zu: expected [source, target, weight] or [.., .., .., delay]", i);
    }
    if (status == LASSIM_OK)
        status = if_network_connect_list(reader->network, p->source, p->target, synapses, count, reader->error);
    free(synapses);
    return rename_error(reader, m->place, status);
}

static enum lassim_status read_synapses(const struct reader *reader, const struct members *m,
                                        const struct projection *p)
{
    const json_t *value = json_object_get(m->object, "synapses");
    struct lassim_synapse *synapses = NULL;
    char path[4096], *bytes = NULL;
    size_t size = 0;
    uint64_t count = 0;
    if (json_is_array(value)) return list_from_rows(reader, m, value, p);
    if (!json_is_string(value)) return members_fail(m, "synapses", "expected rows or the name of a .csv file");
    enum lassim_status status =
        read_beside(reader, m, "synapses", json_string_value(value), IF_FILE_MAX, path, &bytes, &size);
    if (status == LASSIM_OK) status = if_csv_synapses(path, bytes, size, p->delay, &synapses, &count, reader->error);
    if (status == LASSIM_OK) {
        struct reader file = *reader;
        file.path = path;
        status = if_network_connect_list(reader->network, p->source, p->target, synapses, count, reader->error);
        status = rename_error(&file, NULL, status);
    }
    free(synapses);
    free(bytes);
    return status;
}

static enum lassim_status read_projection(const struct reader *reader, size_t i, const json_t *value)
{
    static const char *const known[] = {"source", "target", "delay", "weights", "synapses", NULL};
    struct members m = members_of(reader->path, value, reader->error, "projections[%zu]", i);
    struct projection p = {0};
    uint64_t delay = 1;
    enum lassim_status status = members_object(&m);
    if (status == LASSIM_OK) status = members_known(&m, known);
    if (status == LASSIM_OK) status = find_end(reader, &m, "source", &p.source);
    if (status == LASSIM_OK) status = find_end(reader, &m, "target", &p.target);
    if (status == LASSIM_OK) status = members_integer(&m, "delay", 0, IF_DELAY_MAX, &delay);
    if (status != LASSIM_OK) return status;
    p.delay = (uint32_t)delay;
    p.sources = reader->network->population[p.source].size;
    p.targets = reader->network->population[p.target].size;
    if (members_has(&m, "weights") == members_has(&m, "synapses"))
        return members_fail(&m, "weights", "expected either weights or synapses");
    return members_has(&m, "weights") ? read_weights(reader, &m, &p) : read_synapses(reader, &m, &p);
}

/* ---- the whole ---- */

static enum lassim_status read_root(const struct reader *reader, const json_t *value)
{
    static const char *const known[] = {"format", "timesteps", "inputs", "populations", "projections", NULL};
    struct members m = members_of(reader->path, value, reader->error, "network");
    const char *format = NULL;
    const json_t *projections = NULL;
    enum lassim_status status = members_object(&m);
    if (status == LASSIM_OK) status = members_known(&m, known);
    if (status == LASSIM_OK) status = members_string(&m, "format", 1, &format);
    if (status != LASSIM_OK) return status;
    if (strcmp(format, "lassim.network.1") != 0) return members_fail(&m, "format", "expected \"lassim.network.1\"");
    status = members_integer(&m, "timesteps", 0, UINT64_C(1) << 40, &reader->network->timesteps);
    if (status == LASSIM_OK) status = read_populations(reader, &m, "inputs");
    if (status == LASSIM_OK) status = read_populations(reader, &m, "populations");
    if (status == LASSIM_OK) status = members_array(&m, "projections", 0, &projections);
    for (size_t i = 0; status == LASSIM_OK && i < json_array_size(projections); i++)
        status = read_projection(reader, i, json_array_get(projections, i));
    return status;
}

enum lassim_status if_json_parse(const char *path, const char *text, size_t size, int files, struct if_network *network,
                                 struct lassim_error *error)
{
    struct lassim_error local;
    const struct reader reader = {path, files, network, error != NULL ? error : &local};
    json_error_t reason = {0};
    const char *limit = check_limits(text, size);
    if (limit != NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "%s", limit);
    json_t *value = json_loadb(size > 0 ? text : "", size, JSON_REJECT_DUPLICATES, &reason);
    if (value == NULL && json_error_code(&reason) == json_error_out_of_memory)
        return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for its JSON");
    if (value == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "line %d, column %d: not valid JSON: %s",
                           reason.line > 0 ? reason.line : 1, reason.column > 0 ? reason.column : 1, reason.text);
    enum lassim_status status = read_root(&reader, value);
    json_decref(value);
    return status;
}

enum lassim_status if_json_read(const char *path, struct if_network *network, struct lassim_error *error)
{
    char *text;
    size_t size = 0;
    enum lassim_status status = if_read_file(path, IF_FILE_MAX, &text, &size, error);
    if (status == LASSIM_OK) status = if_json_parse(path, text, size, 1, network, error);
    free(text);
    return status;
}
