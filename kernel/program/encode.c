#include "kernel/program/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/program/energy_option.h"
#include "kernel/program/metrics.h"
#include "kernel/program/prompt.h"
#include "kernel/program/run_loop.h"
#include "kernel/program/text_file.h"

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the texts");
}

enum lassim_status encode_check_head(const struct lassim_model_info *info, const char *path, enum lassim_head head,
                                     struct lassim_error *error)
{
    static const char *const use[] = {[LASSIM_HEAD_LM] = "lassim --model (it generates text)",
                                      [LASSIM_HEAD_MASKED_LM] = "lassim verify (it fills masked tokens in)",
                                      [LASSIM_HEAD_CLASSIFY] = "lassim classify (it gives labels)",
                                      [LASSIM_HEAD_VALUES] = "lassim embed (it gives vectors)"};
    if (info->head == head) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_USAGE, path, NULL, "this model is for %s", use[info->head]);
}

static enum lassim_status open_model(struct encode_job *job, enum lassim_head head, struct lassim_error *error)
{
    const char *path = cli_text(job->cli, OPTION_MODEL);
    enum lassim_status status = lassim_model_open(path, &job->handle, error);
    if (status != LASSIM_OK) return status;
    job->model = model_of(job->handle);
    lassim_model_info(job->handle, &job->info);
    status = encode_check_head(&job->info, path, head, error);
    if (status == LASSIM_OK) status = sentence_read(path, job->model, &job->sentence, error);
    if (status != LASSIM_OK || job->model->tokenizer.size == 0) return status;
    return tokenizer_open(path, job->model->tokenizer.data, job->model->tokenizer.size, &job->tokenizer, error);
}

/* Longest sequence that is taken. */
static uint32_t longest(const struct encode_job *job)
{
    uint32_t most = job->sentence.max_tokens;
    return most > 0 && most < job->info.positions ? most : job->info.positions;
}

static enum lassim_status keep(struct encode_job *job, const struct tokenizer_encoding *encoding,
                               struct lassim_error *error)
{
    struct encode_input *grown = realloc(job->input, (job->inputs + 1) * sizeof *grown);
    if (grown == NULL) return no_memory(error);
    job->input = grown;
    struct encode_input *input = &grown[job->inputs];
    *input = (struct encode_input){malloc((encoding->n + 1) * sizeof *input->ids),
                                   malloc((encoding->n + 1) * sizeof *input->types), (uint32_t)encoding->n};
    job->inputs++;
    if (input->ids == NULL || input->types == NULL) return no_memory(error);
    for (size_t i = 0; i < encoding->n; i++) {
        input->ids[i] = encoding->ids[i];
        input->types[i] = encoding->types[i];
    }
    return LASSIM_OK;
}

/* One text, cut where it is longer than the model takes. */
static enum lassim_status add_text(struct encode_job *job, const char *text, size_t size, struct lassim_error *error)
{
    const char *second = cli_text(job->cli, OPTION_TEXT_PAIR);
    const struct tokenizer_text a = {text, size}, b = {second, second == NULL ? 0 : strlen(second)};
    struct tokenizer_encoding encoding = {0};
    enum lassim_status status = tokenizer_encode_pair(job->tokenizer, &a, second == NULL ? NULL : &b, longest(job),
                                                      TOKENIZER_TRUNCATE, &encoding, error);
    if (status != LASSIM_OK) return status;
    struct tokenizer_encoding whole = {0};
    if (encoding.n == longest(job) &&
        tokenizer_encode_pair(job->tokenizer, &a, second == NULL ? NULL : &b, SIZE_MAX, TOKENIZER_TRUNCATE, &whole,
                              error) == LASSIM_OK &&
        whole.n > encoding.n)
        job->shortened++;
    tokenizer_encoding_clear(&whole);
    if (encoding.n == 0)
        status = lassim_fail(error, LASSIM_ERR_USAGE, "text", NULL, "expected at least one token");
    else
        status = keep(job, &encoding, error);
    tokenizer_encoding_clear(&encoding);
    return status;
}

static enum lassim_status add_lines(struct encode_job *job, const char *text, size_t size, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t from = 0, to; from < size && status == LASSIM_OK; from = to + 1) {
        const char *end = memchr(text + from, '\n', size - from);
        to = end == NULL ? size : (size_t)(end - text);
        size_t length = to - from - (to > from && text[to - 1] == '\r');
        if (length > 0) status = add_text(job, text + from, length, error);
    }
    return status;
}

static enum lassim_status add_file(struct encode_job *job, const char *path, struct lassim_error *error)
{
    char *text;
    size_t size;
    enum lassim_status status = text_file_read(path, &text, &size, error);
    if (status != LASSIM_OK) return status;
    if (cli_flag(job->cli, OPTION_LINES)) {
        status = add_lines(job, text, size, error);
    } else {
        if (size > 0 && text[size - 1] == '\n') size--;
        status = add_text(job, text, size, error);
    }
    free(text);
    if (status == LASSIM_OK && job->inputs == 0)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "holds no text");
    return status;
}

static enum lassim_status add_ids(struct encode_job *job, const char *text, struct lassim_error *error)
{
    struct tokenizer_encoding encoding = {0};
    enum lassim_status status = prompt_token_ids(text, job->info.vocabulary, &encoding.ids, &encoding.n, error);
    if (status != LASSIM_OK) return status;
    encoding.types = calloc(encoding.n + 1, 1);
    if (encoding.n > job->info.positions)
        status = lassim_fail(error, LASSIM_ERR_USAGE, "--token-ids", NULL, "%zu tokens, expected at most %u",
                             encoding.n, job->info.positions);
    else
        status = encoding.types == NULL ? no_memory(error) : keep(job, &encoding, error);
    tokenizer_encoding_clear(&encoding);
    return status;
}

static enum lassim_status read_texts(struct encode_job *job, struct lassim_error *error)
{
    const struct cli *cli = job->cli;
    int given = cli_given(cli, OPTION_PROMPT) + cli_given(cli, OPTION_PROMPT_FILE) + cli_given(cli, OPTION_TOKEN_IDS);
    if (given != 1)
        return lassim_fail(error, LASSIM_ERR_USAGE, "text", NULL,
                           "expected one of --prompt, --prompt-file and --token-ids, found %s",
                           given == 0 ? "none" : "several");
    if (cli_given(cli, OPTION_TOKEN_IDS)) return add_ids(job, cli_text(cli, OPTION_TOKEN_IDS), error);
    if (job->tokenizer == NULL)
        return lassim_fail(error, LASSIM_ERR_USAGE, "text", NULL,
                           "expected --token-ids: the model has no tokenizer, so it cannot read a text");
    const char *text = cli_text(cli, OPTION_PROMPT);
    if (text != NULL) return add_text(job, text, strlen(text), error);
    return add_file(job, cli_text(cli, OPTION_PROMPT_FILE), error);
}

static int is_standard_output(const struct cli *cli, enum option_id option)
{
    return cli_given(cli, option) && strcmp(cli_text(cli, option), "-") == 0;
}

/* Trace and metrics are of one text; standard output takes one of them, or the vectors or labels. */
static enum lassim_status check_results(const struct encode_job *job, struct lassim_error *error)
{
    const struct cli *cli = job->cli;
    const char *option = cli_given(cli, OPTION_TRACE) ? "--trace" : "--metrics";
    if (job->inputs > 1 && (cli_given(cli, OPTION_TRACE) || cli_given(cli, OPTION_METRICS)))
        return lassim_fail(error, LASSIM_ERR_USAGE, option, NULL, "expected one text, found %zu", job->inputs);
    int standard = is_standard_output(cli, OPTION_TRACE) + is_standard_output(cli, OPTION_METRICS);
    if (standard + !cli_given(cli, OPTION_VECTORS) <= 1) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_USAGE, option, NULL, "only one result can go to standard output");
}

enum lassim_status encode_open(const struct cli *cli, enum lassim_head head, struct encode_job *job,
                               struct lassim_error *error)
{
    *job = (struct encode_job){.cli = cli};
    enum lassim_status status = open_model(job, head, error);
    if (status == LASSIM_OK) status = read_texts(job, error);
    if (status != LASSIM_OK) return status;
    status = check_results(job, error);
    if (status != LASSIM_OK) return status;
    if (job->shortened > 0 && !cli_flag(cli, OPTION_QUIET))
        fprintf(stderr, "lassim: %zu of %zu texts are longer than %u tokens and were cut there\n", job->shortened,
                job->inputs, longest(job));
    job->result = calloc(job->inputs, sizeof *job->result);
    job->sum = calloc(job->info.head_width, sizeof *job->sum);
    return job->result == NULL || job->sum == NULL ? no_memory(error) : LASSIM_OK;
}

static void on_values(void *context, uint32_t token, const float *values)
{
    struct encode_job *job = context;
    uint32_t width = job->info.head_width;
    if (job->info.head == LASSIM_HEAD_VALUES)
        sentence_add(job->sentence.pooling, token, values, width, job->sum);
    else
        memcpy(job->result[job->at], values, width * sizeof *values);
}

static enum lassim_status encode_one(struct encode_job *job, struct lassim_error *error)
{
    const struct encode_input *input = &job->input[job->at];
    uint32_t width = job->info.head_width;
    float *result = job->result[job->at] = calloc(width, sizeof *result);
    if (result == NULL) return no_memory(error);
    memset(job->sum, 0, width * sizeof *job->sum);
    if (job->at > 0) lassim_session_reset(job->session);
    enum lassim_status status =
        lassim_session_encode(job->session, input->ids, input->types, input->n, LASSIM_READ_ALL, on_values, job, error);
    if (status == LASSIM_OK && job->info.head == LASSIM_HEAD_VALUES)
        sentence_finish(&job->sentence, input->n, job->sum, width, result);
    return status;
}

static void stop(void *context)
{
    lassim_session_stop(((struct encode_job *)context)->session);
}

static void progress(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    lassim_session_progress(((struct encode_job *)context)->session, timesteps, tokens);
}

static enum lassim_status open_session(struct encode_job *job, struct lassim_error *error)
{
    const struct cli *cli = job->cli;
    struct lassim_options options = {.engine = (enum lassim_engine)cli_integer(cli, OPTION_ENGINE),
                                     .timesteps = (uint32_t)cli_integer(cli, OPTION_TIMESTEPS),
                                     .threads = (uint32_t)cli_integer(cli, OPTION_THREADS),
                                     .numa_off = cli_integer(cli, OPTION_NUMA) != 0,
                                     .trace = cli_text(cli, OPTION_TRACE),
                                     .no_clobber = (uint32_t)cli_flag(cli, OPTION_NO_CLOBBER),
                                     .drop_spikes = cli_real(cli, OPTION_DROP_SPIKES),
                                     .threshold_noise = cli_real(cli, OPTION_THRESHOLD_NOISE),
                                     .stuck_neurons = cli_text(cli, OPTION_STUCK_NEURONS),
                                     .seed = (uint64_t)cli_integer(cli, OPTION_VERIFY_SEED)};
    for (size_t i = 0; i < job->inputs; i++)
        if (job->input[i].n > options.context) options.context = job->input[i].n;
    return lassim_session_open(job->handle, &options, &job->session, error);
}

/* Of the one text; as those of a run. */
static enum lassim_status write_metrics(const struct encode_job *job, struct lassim_error *error)
{
    const struct cli *cli = job->cli;
    struct metrics metrics = {
        .engine = cli_text(cli, OPTION_ENGINE), .prompt_tokens = job->input[0].n, .wall_seconds = job->seconds};
    enum lassim_status status = energy_option_open(cli, &metrics.models, error);
    metrics_take(&metrics, job->session, job->model);
    if (status == LASSIM_OK)
        status = metrics_write_traced(&metrics, cli_text(cli, OPTION_TRACE), cli_text(cli, OPTION_METRICS),
                                      cli_flag(cli, OPTION_NO_CLOBBER), error);
    free(metrics.models.more);
    return status;
}

enum lassim_status encode_run(struct encode_job *job, struct lassim_error *error)
{
    enum lassim_status status = open_session(job, error);
    if (status != LASSIM_OK) return status;
    const struct run_watch watch = {
        .stop = stop, .progress = progress, .context = job, .quiet = cli_flag(job->cli, OPTION_QUIET)};
    double start = run_seconds();
    run_watch(&watch);
    for (job->at = 0; job->at < job->inputs && status == LASSIM_OK; job->at++) status = encode_one(job, error);
    run_unwatch();
    job->seconds = run_seconds() - start;
    if (status == LASSIM_OK) status = lassim_session_finish(job->session, error);
    return status == LASSIM_OK && cli_given(job->cli, OPTION_METRICS) ? write_metrics(job, error) : status;
}

void encode_close(struct encode_job *job)
{
    lassim_session_close(job->session);
    tokenizer_close(job->tokenizer);
    lassim_model_close(job->handle);
    sentence_clear(&job->sentence);
    for (size_t i = 0; i < job->inputs; i++) {
        free(job->input[i].ids);
        free(job->input[i].types);
        if (job->result != NULL) free(job->result[i]);
    }
    free(job->input);
    free(job->result);
    free(job->sum);
}
