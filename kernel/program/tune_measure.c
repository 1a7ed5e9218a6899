#include "kernel/program/tune_measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* What the journal holds of one configuration. */
struct known {
    uint64_t key; /* XXH3-64 of its settings */
    double dppl, kl, cost;
};

struct tune_memory {
    FILE *out;
    struct known *known;
    size_t count, room;
    pthread_mutex_t lock;
};

static uint64_t key_of(const struct tune_bench *bench, const struct tune_setting *configuration)
{
    return XXH3_64bits(configuration, bench->groups->count * sizeof *configuration);
}

static const struct known *find(const struct tune_memory *memory, uint64_t key)
{
    for (size_t i = 0; i < memory->count; i++)
        if (memory->known[i].key == key) return &memory->known[i];
    return NULL;
}

static int remember(struct tune_memory *memory, const struct known *known)
{
    if (memory->count == memory->room) {
        size_t room = 2 * memory->room + 256;
        struct known *more = realloc(memory->known, room * sizeof *more);
        if (more == NULL) return -1;
        memory->known = more;
        memory->room = room;
    }
    memory->known[memory->count++] = *known;
    return 0;
}

/* The journal's first line: what its figures were measured on. */
static void describe(const struct tune_bench *bench, const char *reference, char *line, size_t size)
{
    snprintf(line, size,
             "lassim tune 2 model %016" PRIx64 " text %016" PRIx64 " tokens %zu context %u cost %016" PRIx64
             " reference %s\n",
             bench->model->hash, bench->text->hash, bench->text->count, bench->text->context,
             bench->cost != NULL ? energy_model_hash(bench->cost) : 0, reference != NULL ? reference : "-");
}

/* A line as write_known writes it: 0, or -1. */
static int parse_known(const char *line, struct known *known)
{
    char *at;
    double *const figures[] = {&known->dppl, &known->kl, &known->cost};
    known->key = strtoull(line, &at, 16);
    if (at != line + 16) return -1;
    for (unsigned i = 0; i < 3; i++) {
        char *end;
        if (*at != ' ') return -1;
        *figures[i] = strtod(at, &end);
        if (end == at) return -1;
        at = end;
    }
    return *at == '\n' ? 0 : -1;
}

/* Lines behind a right first one; a line cut short ends it. */
static int read_journal(struct tune_memory *memory, FILE *in, const char *first)
{
    char line[8192];
    if (fgets(line, sizeof line, in) == NULL || strcmp(line, first) != 0) return 0;
    while (fgets(line, sizeof line, in) != NULL && strchr(line, '\n') != NULL) {
        struct known known;
        if (parse_known(line, &known) != 0) break;
        if (remember(memory, &known) != 0) return -1;
    }
    return 0;
}

static void write_known(FILE *out, const struct known *known)
{
    fprintf(out, "%016" PRIx64 " %a %a %a\n", known->key, known->dppl, known->kl, known->cost);
}

enum lassim_status tune_bench_open(struct tune_bench *bench, const char *reference, struct lassim_error *error)
{
    char first[8192];
    struct tune_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    bench->memory = memory;
    pthread_mutex_init(&memory->lock, NULL);
    describe(bench, reference, first, sizeof first);
    FILE *in = fopen(bench->journal, "r");
    int failed = in != NULL && read_journal(memory, in, first) != 0;
    if (in != NULL) fclose(in);
    if (failed) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    memory->out = fopen(bench->journal, "w");
    if (memory->out != NULL) {
        fputs(first, memory->out);
        for (size_t i = 0; i < memory->count; i++) write_known(memory->out, &memory->known[i]);
    }
    if (memory->out == NULL || fflush(memory->out) != 0)
        return lassim_fail(error, LASSIM_ERR_RUN, bench->journal, NULL, "cannot be written: %s", strerror(errno));
    return LASSIM_OK;
}

void tune_bench_close(struct tune_bench *bench)
{
    struct tune_memory *memory = bench->memory;
    if (memory == NULL) return;
    if (memory->out != NULL) fclose(memory->out);
    pthread_mutex_destroy(&memory->lock);
    free(memory->known);
    free(memory);
    bench->memory = NULL;
}

void tune_bench_forget(struct tune_bench *bench)
{
    tune_bench_close(bench);
    unlink(bench->journal);
}

static double cost_of(const struct tune_bench *bench, const struct eval_result *result)
{
    if (bench->cost == NULL) return (double)result->total.synaptic_operations;
    struct energy_work *work = eval_energy_work(bench->model, result);
    LASSIM_INVARIANT(work != NULL, "no memory for %u populations", bench->model->graph->populations);
    double joules = energy_spiking(bench->cost, work, bench->model->graph->populations);
    free(work);
    return joules;
}

static struct tune_measurement weigh(const struct tune_bench *bench, const struct known *known)
{
    double change = (known->dppl < 0 ? -known->dppl : known->dppl) / 100;
    return (struct tune_measurement){bench->perplexity && change > known->kl ? change : known->kl, known->kl,
                                     known->cost};
}

static struct known known_of(const struct tune_bench *bench, uint64_t key, const struct eval_result *result)
{
    const struct comparison *c = &result->comparison;
    return (struct known){key, comparison_dppl_percent(c), comparison_kl_mean(c), cost_of(bench, result)};
}

struct tune_measurement tune_bench_weigh(const struct tune_bench *bench, const struct eval_result *result)
{
    struct known known = known_of(bench, 0, result);
    return weigh(bench, &known);
}

enum lassim_status tune_bench_run(struct tune_bench *bench, const struct tune_setting *configuration, unsigned threads,
                                  unsigned job, struct eval_result *result, struct lassim_error *error)
{
    struct model made;
    const struct lassim_options options = {.threads = threads, .numa_off = 1};
    enum lassim_status status = tune_model_make(bench->model, bench->groups, configuration, &made, error);
    if (status != LASSIM_OK) return status;
    status = eval_run(&made, &options, bench->text, bench->dense, bench->watch, job, result, error);
    tune_model_free(&made, bench->model);
    return status;
}

/* Measures one configuration and notes it. */
static enum lassim_status measure_new(struct tune_bench *bench, const struct tune_setting *configuration,
                                      unsigned threads, unsigned job, struct lassim_error *error)
{
    struct eval_result result;
    struct tune_memory *memory = bench->memory;
    enum lassim_status status = tune_bench_run(bench, configuration, threads, job, &result, error);
    if (status != LASSIM_OK) return status;
    const struct known known = known_of(bench, key_of(bench, configuration), &result);
    eval_result_free(&result);
    atomic_fetch_add(&bench->measured, 1);
    pthread_mutex_lock(&memory->lock);
    int failed = remember(memory, &known);
    write_known(memory->out, &known);
    int unwritten = fflush(memory->out) != 0;
    pthread_mutex_unlock(&memory->lock);
    if (failed) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    return unwritten ? lassim_fail(error, LASSIM_ERR_RUN, bench->journal, NULL, "%s", strerror(errno)) : LASSIM_OK;
}

/* The configurations of one call that are not known yet, shared by threads. */
struct batch {
    struct tune_bench *bench;
    const struct tune_setting **configuration;
    unsigned count, threads; /* threads of each */
    _Atomic unsigned next;
    pthread_mutex_t lock;
    struct lassim_error *error; /* of the first that failed */
};

struct worker {
    struct batch *batch;
    unsigned job;
    pthread_t thread;
};

static void *work(void *context)
{
    const struct worker *worker = context;
    struct batch *batch = worker->batch;
    struct lassim_error error;
    for (;;) {
        unsigned i = atomic_fetch_add(&batch->next, 1);
        if (i >= batch->count) return NULL;
        if (measure_new(batch->bench, batch->configuration[i], batch->threads, worker->job, &error) == LASSIM_OK)
            continue;
        pthread_mutex_lock(&batch->lock);
        if (batch->error->status == LASSIM_OK) *batch->error = error;
        pthread_mutex_unlock(&batch->lock);
        atomic_store(&batch->next, batch->count);
        eval_watch_stop(batch->bench->watch);
        return NULL;
    }
}

static enum lassim_status run_batch(struct batch *batch, struct lassim_error *error)
{
    struct worker workers[EVAL_JOBS_MAX];
    unsigned threads = batch->bench->threads, count = batch->count < threads ? batch->count : threads, started = 1;
    if (batch->count == 0) return LASSIM_OK;
    if (count > EVAL_JOBS_MAX) count = EVAL_JOBS_MAX;
    batch->threads = threads / count;
    batch->error = error;
    error->status = LASSIM_OK;
    pthread_mutex_init(&batch->lock, NULL);
    for (unsigned w = 0; w < count; w++) workers[w] = (struct worker){.batch = batch, .job = w};
    while (started < count && pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0) started++;
    work(&workers[0]);
    for (unsigned w = 1; w < started; w++) pthread_join(workers[w].thread, NULL);
    pthread_mutex_destroy(&batch->lock);
    return error->status;
}

/* 1 if an earlier one of the batch has the same settings. */
static int is_repeated(const struct batch *batch, uint64_t key)
{
    for (unsigned i = 0; i < batch->count; i++)
        if (key_of(batch->bench, batch->configuration[i]) == key) return 1;
    return 0;
}

enum lassim_status tune_bench_measure(void *context, const struct tune_setting *const *configuration, unsigned n,
                                      struct tune_measurement *out, struct lassim_error *error)
{
    struct tune_bench *bench = context;
    struct batch batch = {.bench = bench, .configuration = calloc(n + 1u, sizeof(void *))};
    if (batch.configuration == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    for (unsigned i = 0; i < n; i++) {
        uint64_t key = key_of(bench, configuration[i]);
        if (find(bench->memory, key) == NULL && !is_repeated(&batch, key))
            batch.configuration[batch.count++] = configuration[i];
    }
    struct lassim_error failure = {LASSIM_OK, ""};
    enum lassim_status status = run_batch(&batch, &failure);
    free(batch.configuration);
    if (status != LASSIM_OK) {
        if (error != NULL) *error = failure;
        return status;
    }
    for (unsigned i = 0; i < n; i++) out[i] = weigh(bench, find(bench->memory, key_of(bench, configuration[i])));
    return LASSIM_OK;
}
