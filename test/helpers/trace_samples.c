#include "test/helpers/trace_samples.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t sample_next(struct sample_random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t sample_below(struct sample_random *random, uint32_t n)
{
    return (uint32_t)(((sample_next(random) >> 32) * n) >> 32);
}

struct sample_random sample_seed(const char *test)
{
    const char *given = getenv("LASSIM_TEST_SEED");
    struct sample_random random = {given != NULL ? strtoull(given, NULL, 0) : UINT64_C(20260711)};
    if (random.state == 0) random.state = 1;
    printf("%s: seed %llu (LASSIM_TEST_SEED)\n", test, (unsigned long long)random.state);
    return random;
}

const struct trace_population sample_table[SAMPLE_POPULATIONS] = {
    {.name = "tok", .kind = 0, .code = CODE_INPUT, .layer = -1, .neurons = 50, .fan_out = 70, .block_neurons = 1024},
    {.name = "res",
     .kind = 3,
     .code = CODE_OAT,
     .level = 1,
     .neurons = 70,
     .fan_out = 2,
     .block_neurons = 1024,
     .j = 3},
    {.name = "xmu", .kind = 4, .code = CODE_OAT, .level = 1, .neurons = 2500, .block_neurons = 1024, .j = 10},
    {.name = "rstd",
     .kind = 5,
     .code = CODE_HG,
     .level = 2,
     .neurons = 1,
     .block_neurons = 1024,
     .octave_gates = 5,
     .sub_bits = 3},
    {.name = "exp",
     .kind = 10,
     .code = CODE_HG,
     .level = 3,
     .neurons = 27,
     .fan_out = 1,
     .block_neurons = 8,
     .octave_gates = 1,
     .heads = 3,
     .positions = 9},
    {.name = "e",
     .kind = 11,
     .code = CODE_OAT,
     .level = 4,
     .neurons = 27,
     .fan_out = 1,
     .block_neurons = 8,
     .j = 1,
     .heads = 3,
     .positions = 9},
};

struct trace_header_info sample_info(uint32_t timesteps, uint32_t code)
{
    static struct trace_population table[SPIKE_STEPS_MAX + 1][SAMPLE_POPULATIONS];
    struct trace_population *rows = table[timesteps];
    memcpy(rows, sample_table, sizeof table[timesteps]);
    if (timesteps > 1) {
        rows[SAMPLE_XMU].timesteps = timesteps - 1;
        rows[SAMPLE_EXP].timesteps = (timesteps + 1) / 2;
    }
    return (struct trace_header_info){.model_hash = UINT64_C(0x0123456789abcdef),
                                      .timesteps = timesteps,
                                      .code = code,
                                      .vocabulary = 50,
                                      .populations = SAMPLE_POPULATIONS,
                                      .population = rows};
}

static void add_row(struct sample_rows *rows, struct trace_row row)
{
    if (rows->count == rows->capacity) {
        rows->capacity = 2 * rows->capacity + 1024;
        rows->row = realloc(rows->row, rows->capacity * sizeof *rows->row);
        if (rows->row == NULL) abort();
    }
    rows->row[rows->count++] = row;
}

void sample_rows_free(struct sample_rows *rows)
{
    free(rows->row);
    *rows = (struct sample_rows){0};
}

/* One record being made. */
struct sample_record {
    const struct trace_header_info *info;
    uint64_t window;
    uint32_t population, token, span, n;
    uint64_t packets[2500]; /* per block: bit t when step t has a spike */
    struct sample_rows *rows;
    struct counters *counters;
};

static unsigned record_steps(const struct sample_record *record)
{
    return trace_steps(record->info, &record->info->population[record->population]);
}

static uint32_t global_neuron(const struct sample_record *record, uint32_t local)
{
    const struct trace_population *row = &sample_table[record->population];
    return row->heads == 0 ? local : local / record->span * row->positions + local % record->span;
}

static struct trace_row base_row(struct sample_record *record, uint32_t local, unsigned t)
{
    uint32_t neuron = global_neuron(record, local);
    record->packets[neuron / sample_table[record->population].block_neurons] |= UINT64_C(1) << t;
    return (struct trace_row){.time = record->window * record->info->timesteps + t,
                              .population = record->population,
                              .token = record->token,
                              .neuron = neuron,
                              .sign = 1};
}

static void add_code(struct sample_record *record, uint32_t local, uint32_t magnitude, int negative, uint8_t kind)
{
    struct counters *to = record->counters;
    struct spike_steps steps = code_steps((enum spike_code)record->info->code, record_steps(record), magnitude);
    for (unsigned t = 0; t < record_steps(record); t++) {
        if (!(steps.fired >> t & 1)) continue;
        struct trace_row row = base_row(record, local, t);
        row.sign = (steps.negative >> t & 1) != (uint32_t)negative ? -1 : 1;
        row.kind = kind;
        add_row(record->rows, row);
        to->spikes++;
        *(row.sign < 0 ? &to->spikes_negative : &to->spikes_positive) += 1;
        if (kind == TRACE_NORMAL) to->spikes_normal++;
        if (kind == TRACE_OUTLIER) to->spikes_outlier++;
        to->synaptic_operations += sample_table[record->population].fan_out;
    }
    to->active_neurons += magnitude > 0;
}

static void add_gates(struct sample_record *record, uint32_t local, const struct hg_code *code)
{
    const uint16_t gate[2] = {code->octave_gate, code->sub_gate};
    for (uint32_t g = 0; g < 2; g++) {
        struct trace_row row = base_row(record, local, 0);
        row.neuron = row.neuron * trace_gates(&sample_table[record->population]) + gate[g];
        row.kind = TRACE_GATE;
        add_row(record->rows, row);
        record->counters->spikes_gate++;
    }
}

static uint32_t random_magnitude(struct sample_random *random, unsigned timesteps)
{
    uint32_t length = sample_below(random, 4) == 0 ? 1 + sample_below(random, timesteps) : timesteps;
    return sample_below(random, UINT32_C(1) << length);
}

static void write_oat(struct sample_random *random, struct trace_writer *writer, struct sample_record *record)
{
    static uint32_t codes[2500];
    uint32_t density = sample_below(random, 101), negative = sample_below(random, 2),
             outliers = sample_below(random, 2);
    for (uint32_t i = 0; i < record->n; i++) {
        codes[i] = 0;
        if (sample_below(random, 100) >= density) continue;
        codes[i] = random_magnitude(random, record_steps(record));
        if (negative && sample_below(random, 2)) codes[i] |= OAT_NEGATIVE;
        if (outliers && sample_below(random, 20) == 0) codes[i] |= OAT_OUTLIER;
        add_code(record, i, codes[i] & OAT_MAGNITUDE, (codes[i] & OAT_NEGATIVE) != 0,
                 codes[i] & OAT_OUTLIER ? TRACE_OUTLIER : TRACE_NORMAL);
    }
    if (trace_writer_record_oat(writer, record->window, record->population, record->token, record->span, codes,
                                record->n) != LASSIM_OK)
        abort();
}

static void write_hg(struct sample_random *random, struct trace_writer *writer, struct sample_record *record)
{
    const struct trace_population *row = &sample_table[record->population];
    struct hg_code codes[27];
    for (uint32_t i = 0; i < record->n; i++) {
        codes[i] = (struct hg_code){.silent = sample_below(random, 3) == 0};
        codes[i].octave_gate = (uint16_t)sample_below(random, row->octave_gates);
        codes[i].sub_gate = (uint16_t)(row->octave_gates + sample_below(random, UINT32_C(1) << row->sub_bits));
        codes[i].magnitude = (uint16_t)random_magnitude(random, record_steps(record));
        if (codes[i].silent) continue;
        add_gates(record, i, &codes[i]);
        add_code(record, i, codes[i].magnitude, 0, TRACE_HG_CODE);
    }
    if (trace_writer_record_hg(writer, record->window, record->population, record->token, record->span, codes,
                               record->n) != LASSIM_OK)
        abort();
}

static void write_input(struct sample_random *random, struct trace_writer *writer, struct sample_record *record)
{
    struct trace_row row = base_row(record, sample_below(random, sample_table[record->population].neurons), 0);
    add_row(record->rows, row);
    record->counters->spikes++;
    record->counters->spikes_positive++;
    record->counters->spikes_normal++;
    record->counters->active_neurons++;
    record->counters->synaptic_operations += sample_table[record->population].fan_out;
    if (trace_writer_record_input(writer, record->window, record->population, record->token, row.neuron) != LASSIM_OK)
        abort();
}

static void write_record(struct sample_random *random, struct trace_writer *writer, struct sample_record *record,
                         uint32_t p, uint32_t token)
{
    const struct trace_population *row = &sample_table[p];
    record->population = p;
    record->token = token;
    record->span = row->heads > 0 ? 1 + sample_below(random, row->positions) : 0;
    record->n = trace_record_neurons(row, record->span);
    memset(record->packets, 0, sizeof record->packets);
    record->counters += p;
    record->counters->windows++;
    if (row->code == CODE_INPUT) write_input(random, writer, record);
    if (row->code == CODE_OAT) write_oat(random, writer, record);
    if (row->code == CODE_HG) write_hg(random, writer, record);
    if (row->code != CODE_INPUT) record->counters->threshold_tests += (uint64_t)record->n * record_steps(record);
    for (size_t b = 0; b < sizeof record->packets / sizeof *record->packets; b++)
        record->counters->events += (unsigned)__builtin_popcountll(record->packets[b]);
    record->counters -= p;
}

static const struct trace_header_info *sorting; /* qsort has no context */

static uint32_t neuron_of(const struct trace_row *row)
{
    return row->kind == TRACE_GATE ? row->neuron / trace_gates(&sorting->population[row->population]) : row->neuron;
}

#define COMPARE(a, b) \
    if ((a) != (b)) return (a) < (b) ? -1 : 1

static int compare_rows(const void *left, const void *right)
{
    const struct trace_row *a = left, *b = right;
    COMPARE(a->time, b->time);
    COMPARE(sorting->population[a->population].level, sorting->population[b->population].level);
    COMPARE(a->population, b->population);
    COMPARE(a->token, b->token);
    COMPARE(neuron_of(a), neuron_of(b));
    COMPARE(a->kind != TRACE_GATE, b->kind != TRACE_GATE);
    COMPARE(a->neuron, b->neuron);
    return 0;
}

void sample_trace(struct sample_random *random, const char *path, const struct trace_header_info *info,
                  uint32_t windows, int small, int finish, struct sample_rows *rows, struct counters *counters)
{
    static struct sample_record record;
    struct trace_writer *writer;
    struct lassim_error error;
    if (trace_writer_open(path, 0, info, &writer, &error) != LASSIM_OK) abort();
    *rows = (struct sample_rows){0};
    memset(counters, 0, SAMPLE_POPULATIONS * sizeof *counters);
    record = (struct sample_record){.info = info, .rows = rows, .counters = counters};
    for (uint32_t w = 0; w < windows; w++) {
        record.window += 1 + (sample_below(random, 50) == 0 ? sample_next(random) >> 12 : 0);
        for (uint32_t p = 0; p < SAMPLE_POPULATIONS; p++)
            for (uint32_t token = 0; token < 3; token++)
                if (sample_below(random, 2) && !(small && sample_table[p].neurons > 50))
                    write_record(random, writer, &record, p, token + w);
    }
    sorting = info;
    if (rows->count > 0) qsort(rows->row, rows->count, sizeof *rows->row, compare_rows);
    if (!finish)
        trace_writer_abandon(writer);
    else if (trace_writer_finish(writer, (record.window + 1) * info->timesteps, &error) != LASSIM_OK)
        abort();
}

uint8_t *sample_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) abort();
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size) abort();
    fclose(file);
    return bytes;
}

static char directory[256];

const char *sample_directory(void)
{
    if (directory[0] != '\0') return directory;
    const char *base = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/lassim-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(directory) == NULL) abort();
    return directory;
}

const char *sample_path(const char *name)
{
    static char path[8][512];
    static unsigned next;
    char *out = path[next++ % 8];
    snprintf(out, sizeof path[0], "%s/%s", sample_directory(), name);
    return out;
}

void sample_directory_remove(void)
{
    DIR *files = directory[0] == '\0' ? NULL : opendir(directory);
    if (files == NULL) return;
    for (struct dirent *entry; (entry = readdir(files)) != NULL;)
        if (entry->d_name[0] != '.') unlink(sample_path(entry->d_name));
    closedir(files);
    rmdir(directory);
    directory[0] = '\0';
}
