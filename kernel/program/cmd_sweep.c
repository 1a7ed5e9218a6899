/* lassim sweep: loss, spikes and energy on a grid of settings, resumable, points side by side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/program/cli.h"
#include "kernel/program/energy_option.h"
#include "kernel/program/run_loop.h"
#include "kernel/program/sweep_file.h"
#include "kernel/program/sweep_subjects.h"

struct sweep {
    struct sweep_settings settings;
    uint32_t points, per_group;
    char **key; /* [points] */
    struct sweep_file *file;
    struct eval_watch watch;
    double started;
    uint32_t found;       /* points that were there already */
    uint64_t tokens_left; /* of the points that were not there at the start */
    /* The group being measured. */
    struct sweep_group group;
    struct eval_dense dense;
    double *percentile; /* [populations], or NULL where no point needs it */
    uint32_t first;     /* its first point */
    unsigned threads;   /* of each point */
    _Atomic uint32_t next;
    pthread_mutex_t lock;
    struct lassim_error *error; /* of the first point that failed */
};

static const struct {
    enum option_id option;
    enum sweep_axis_id axis;
} axes[] = {
    {OPTION_SWEEP_TIMESTEPS, SWEEP_TIMESTEPS}, {OPTION_SWEEP_CODE, SWEEP_CODE},   {OPTION_SWEEP_OAT, SWEEP_OAT},
    {OPTION_SWEEP_THRESHOLD, SWEEP_THRESHOLD}, {OPTION_SWEEP_HG, SWEEP_HG},       {OPTION_SWEEP_WEIGHTS, SWEEP_WEIGHTS},
    {OPTION_SWEEP_DROP, SWEEP_DROP},           {OPTION_SWEEP_NOISE, SWEEP_NOISE},
};

/* 1 if a value of the axis is this choice. */
static int has_choice(const struct sweep_axis *axis, int choice)
{
    for (unsigned i = 0; i < axis->count; i++)
        if (axis->value[i].choice == choice) return 1;
    return 0;
}

/* Exit status 2 with one line, or 0. */
static int take_settings(const struct cli *cli, struct sweep_settings *settings)
{
    struct sweep_grid *grid = &settings->grid;
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        const char *text = cli_text(cli, axes[i].option);
        const char *expected = text != NULL ? sweep_grid_parse(grid, axes[i].axis, text) : NULL;
        if (expected != NULL) return cli_usage(axes[i].option, "%s, each once; found '%.100s'", expected, text);
    }
    grid->models = 1 + (uint32_t)(cli->agains + cli->operands);
    settings->text = cli_text(cli, OPTION_TEXT);
    settings->reference = cli_text(cli, OPTION_REFERENCE);
    settings->calibration = cli_text(cli, OPTION_CALIBRATION);
    settings->output = cli_text(cli, OPTION_OUTPUT);
    settings->tokens_max = (uint64_t)cli_integer(cli, OPTION_TOKENS_MAX);
    settings->context = (uint32_t)cli_integer(cli, OPTION_CONTEXT);
    settings->percentile = cli_real(cli, OPTION_PERCENTILE);
    settings->seed = (uint64_t)cli_integer(cli, OPTION_VERIFY_SEED);
    settings->threads = (unsigned)cli_integer(cli, OPTION_THREADS);
    settings->format = cli_flag(cli, OPTION_SWEEP_JSON) ? SWEEP_JSON : SWEEP_CSV;
    settings->quiet = cli_flag(cli, OPTION_QUIET);
    const struct sweep_axis *weights = &grid->axis[SWEEP_WEIGHTS];
    int converts = has_choice(weights, CONVERT_WEIGHTS_I16) || has_choice(weights, CONVERT_WEIGHTS_Q8) ||
                   has_choice(weights, CONVERT_WEIGHTS_Q4);
    if (converts && settings->reference == NULL)
        return cli_usage(OPTION_SWEEP_WEIGHTS, "others than keep need --reference, the checkpoint to convert");
    if (converts && grid->models > 1) return cli_usage(OPTION_SWEEP_WEIGHTS, "others than keep go with one model only");
    if (sweep_grid_points(grid) == 0) return cli_usage(OPTION_SWEEP_TIMESTEPS, "more than 2^32 points");
    struct lassim_error error;
    return energy_option_open(cli, &settings->energy, &error) == LASSIM_OK ? 0 : cli_error(&error);
}

/* Every point's key; adds up what there is to do.  A header in *header where the format has one. */
static enum lassim_status make_keys(struct sweep *sweep, char **header, struct lassim_error *error)
{
    const struct sweep_settings *settings = &sweep->settings;
    enum lassim_status status = LASSIM_OK;
    int complete = 1;
    for (uint32_t g = 0; g < sweep_groups(settings) && status == LASSIM_OK; g++) {
        struct sweep_group group;
        status = sweep_group_open(settings, g, &group, error);
        if (status != LASSIM_OK) return status;
        for (uint32_t i = 0; i < sweep->per_group; i++) {
            uint32_t index = g * sweep->per_group + i;
            struct sweep_point point = sweep_grid_point(&settings->grid, index);
            sweep->key[index] = sweep_row_key(settings->format, &group.subject, &point);
            complete &= sweep->key[index] != NULL;
            if (index == 0 && settings->format == SWEEP_CSV)
                complete &= (*header = sweep_row_text(SWEEP_HEADER, &group.subject, &point, NULL)) != NULL;
        }
        sweep_group_close(&group);
        if (!complete) status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the points");
    }
    return status;
}

static enum lassim_status measure(struct sweep *sweep, uint32_t index, unsigned job, struct lassim_error *error)
{
    const struct sweep_subject *subject = &sweep->group.subject;
    struct sweep_point point = sweep_grid_point(&sweep->settings.grid, index);
    enum spike_code code = point.code >= 0 ? (enum spike_code)point.code : subject->model->code;
    const struct variant_options variant_options = {code,     point.oat,     point.rule, sweep->percentile,
                                                    point.hg, point.hg_error};
    const struct lassim_options options = {.timesteps = point.timesteps,
                                           .threads = sweep->threads,
                                           .numa_off = 1,
                                           .drop_spikes = point.drop,
                                           .threshold_noise = point.noise,
                                           .seed = subject->seed};
    struct variant *variant;
    struct eval_result result;
    enum lassim_status status = variant_make(subject->model, &variant_options, &variant, error);
    if (status == LASSIM_OK)
        status = eval_run(&variant->model, &options, subject->text, &sweep->dense, &sweep->watch, job, &result, error);
    variant_free(variant);
    if (status != LASSIM_OK) return status;
    char *row = sweep_row_text(sweep->settings.format, subject, &point, &result);
    eval_result_free(&result);
    if (row == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a row");
    return sweep_file_add(sweep->file, index, row, error);
}

struct job {
    struct sweep *sweep;
    unsigned number;
    pthread_t thread;
};

/* One of the threads: takes points until there are none, or one failed. */
static void *work(void *context)
{
    struct job *job = context;
    struct sweep *sweep = job->sweep;
    struct lassim_error error = {LASSIM_OK, ""};
    for (;;) {
        uint32_t i = atomic_fetch_add(&sweep->next, 1);
        if (i >= sweep->per_group) return NULL;
        if (sweep_file_has(sweep->file, sweep->first + i)) continue;
        if (measure(sweep, sweep->first + i, job->number, &error) == LASSIM_OK) continue;
        pthread_mutex_lock(&sweep->lock);
        if (sweep->error->status == LASSIM_OK) *sweep->error = error;
        pthread_mutex_unlock(&sweep->lock);
        atomic_store(&sweep->next, sweep->per_group);
        eval_watch_stop(&sweep->watch);
        return NULL;
    }
}

static uint32_t points_left(const struct sweep *sweep, uint32_t group)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < sweep->per_group; i++) left += !sweep_file_has(sweep->file, group * sweep->per_group + i);
    return left;
}

/* The group's points, as many at once as there are threads; the last one waits for the others. */
static enum lassim_status run_points(struct sweep *sweep, uint32_t left, struct lassim_error *error)
{
    struct job jobs[EVAL_JOBS_MAX];
    unsigned threads = sweep->settings.threads, count = left < threads ? left : threads, started = 1;
    if (count > EVAL_JOBS_MAX) count = EVAL_JOBS_MAX;
    sweep->threads = threads / count;
    sweep->error = error;
    error->status = LASSIM_OK;
    atomic_store(&sweep->next, 0);
    for (unsigned j = 0; j < count; j++) jobs[j] = (struct job){.sweep = sweep, .number = j};
    while (started < count && pthread_create(&jobs[started].thread, NULL, work, &jobs[started]) == 0) started++;
    work(&jobs[0]);
    for (unsigned j = 1; j < started; j++) pthread_join(jobs[j].thread, NULL);
    return error->status;
}

static enum lassim_status find_percentiles(struct sweep *sweep, struct lassim_error *error)
{
    const struct sweep_settings *settings = &sweep->settings;
    const struct model *model = sweep->group.subject.model;
    sweep->percentile = NULL;
    if (!has_choice(&settings->grid.axis[SWEEP_THRESHOLD], VARIANT_PERCENTILE)) return LASSIM_OK;
    sweep->percentile = calloc(model->graph->populations, sizeof *sweep->percentile);
    if (sweep->percentile == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for percentiles");
    return variant_percentiles(model, settings->calibration, settings->percentile, settings->output, settings->threads,
                               sweep->percentile, error);
}

static enum lassim_status run_group(struct sweep *sweep, uint32_t index, struct lassim_error *error)
{
    uint32_t left = points_left(sweep, index);
    if (left == 0) return LASSIM_OK;
    enum lassim_status status = sweep_group_open(&sweep->settings, index, &sweep->group, error);
    if (status != LASSIM_OK) return status;
    sweep->first = index * sweep->per_group;
    sweep->dense = (struct eval_dense){.logits = NULL};
    status = find_percentiles(sweep, error);
    if (status == LASSIM_OK)
        status = eval_dense_new(sweep->group.subject.model, sweep->settings.reference, &sweep->group.text,
                                sweep->settings.output, sweep->settings.threads, &sweep->watch, &sweep->dense, error);
    if (status == LASSIM_OK) status = run_points(sweep, left, error);
    eval_dense_free(&sweep->dense);
    free(sweep->percentile);
    sweep_group_close(&sweep->group);
    return status;
}

static void stop(void *context)
{
    struct sweep *sweep = context;
    atomic_store(&sweep->next, sweep->per_group);
    eval_watch_stop(&sweep->watch);
}

static void progress(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    struct sweep *sweep = context;
    *timesteps = atomic_load(&sweep->watch.timesteps);
    *tokens = atomic_load(&sweep->watch.tokens);
}

/* "3/128 points, 41 %, 2:05 left" */
static void line(void *context, char *text, size_t size)
{
    const struct sweep *sweep = context;
    uint64_t done = atomic_load(&sweep->watch.tokens);
    double share = sweep->tokens_left > 0 ? (double)done / (double)sweep->tokens_left : 0;
    if (share > 1) share = 1;
    double left = share > 0 ? (run_seconds() - sweep->started) * (1 - share) / share : 0;
    int used = snprintf(text, size, "%u/%u points, %.0f %%", sweep_file_count(sweep->file), sweep->points, 100 * share);
    if (share > 0 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ", %.0f:%02.0f left", (left - (double)((int64_t)left % 60)) / 60,
                 (double)((int64_t)left % 60));
}

/* Every group has the same text, but perhaps another tokenizer: the first one's tokens are taken for all. */
static enum lassim_status expect_tokens(struct sweep *sweep, struct lassim_error *error)
{
    struct sweep_group group;
    enum lassim_status status = sweep_group_open(&sweep->settings, 0, &group, error);
    if (status != LASSIM_OK) return status;
    sweep->tokens_left = (uint64_t)(sweep->points - sweep_file_count(sweep->file)) * group.text.count;
    sweep_group_close(&group);
    return LASSIM_OK;
}

static enum lassim_status run_sweep(struct sweep *sweep, struct lassim_error *error)
{
    char *header = NULL;
    enum lassim_status status = make_keys(sweep, &header, error);
    if (status == LASSIM_OK)
        status = sweep_file_open(sweep->settings.output, header, sweep->key, sweep->points, &sweep->file, error);
    free(header);
    if (status == LASSIM_OK) sweep->found = sweep_file_count(sweep->file);
    if (status == LASSIM_OK) status = expect_tokens(sweep, error);
    if (status != LASSIM_OK) return status;
    const struct run_watch watch = {stop, progress, sweep, sweep->tokens_left, sweep->settings.quiet, line};
    sweep->started = run_seconds();
    run_watch(&watch);
    for (uint32_t g = 0; g < sweep_groups(&sweep->settings) && status == LASSIM_OK; g++)
        status = run_group(sweep, g, error);
    run_unwatch();
    if (status != LASSIM_OK) return status;
    struct sweep_file *file = sweep->file;
    sweep->file = NULL;
    return sweep_file_finish(file, error);
}

/* In the order of the rows: model [grid.models]. */
static void take_models(const struct cli *cli, const char **model)
{
    *model++ = cli_text(cli, OPTION_SWEEP_MODEL);
    for (int i = 0; i < cli->agains; i++) *model++ = cli->again[i];
    for (int i = 0; i < cli->operands; i++) *model++ = cli->operand[i];
}

/* Unless the rows themselves went to standard output. */
static void print_end(const struct sweep *sweep)
{
    const char *path = sweep->settings.output;
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) return;
    printf("wrote      %s: %u rows", path, sweep->points);
    if (sweep->found > 0) printf(", %u of them there already", sweep->found);
    printf("; %.1f s\n", run_seconds() - sweep->started);
}

int cmd_sweep(const struct cli *cli)
{
    struct sweep sweep = {.settings = {.model = NULL}};
    struct lassim_error error = {LASSIM_OK, ""};
    int wrong = take_settings(cli, &sweep.settings);
    if (wrong) return wrong;
    if (sweep.settings.threads == 0) sweep.settings.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    sweep.points = sweep_grid_points(&sweep.settings.grid);
    sweep.per_group = sweep_grid_group(&sweep.settings.grid);
    sweep.key = calloc(sweep.points, sizeof *sweep.key);
    sweep.settings.model = calloc(sweep.settings.grid.models, sizeof *sweep.settings.model);
    enum lassim_status status = LASSIM_OK;
    if (sweep.key == NULL || sweep.settings.model == NULL)
        status = lassim_fail(&error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the points");
    pthread_mutex_init(&sweep.lock, NULL);
    pthread_mutex_init(&sweep.watch.lock, NULL);
    if (status == LASSIM_OK) {
        take_models(cli, sweep.settings.model);
        status = run_sweep(&sweep, &error);
    }
    sweep_file_close(sweep.file);
    for (uint32_t i = 0; sweep.key != NULL && i < sweep.points; i++) free(sweep.key[i]);
    free(sweep.key);
    free(sweep.settings.model);
    free(sweep.settings.energy.more);
    if (status == LASSIM_OK && !sweep.settings.quiet) print_end(&sweep);
    if (status == LASSIM_OK) return LASSIM_OK;
    return run_interrupted() ? LASSIM_ERR_RUN : cli_error(&error);
}
