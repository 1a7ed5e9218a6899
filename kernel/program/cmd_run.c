/* `lassim --model M`: feeds a prompt, generates, writes what was asked for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/npy.h"
#include "kernel/program/cli.h"
#include "kernel/program/encode.h"
#include "kernel/program/energy_option.h"
#include "kernel/program/metrics_energy.h"
#include "kernel/program/output.h"
#include "kernel/program/prompt.h"
#include "kernel/program/run_loop.h"
#include "kernel/program/run_options.h"
#include "kernel/program/sampler.h"
#include "kernel/session.h"
#include "kernel/tokenizer.h"

struct run {
    const struct cli *cli;
    const char *path; /* of the model */
    lassim_model *handle;
    const struct model *model;
    struct lassim_model_info info;
    struct tokenizer *tokenizer; /* NULL: the model has none, ids stand for text */
    struct sampler *sampler;
    lassim_session *session;
    struct npy_writer *logits;
    uint32_t *ids; /* prompt, then generated; [context + 1] */
    uint32_t prompt, generated, fed;
    uint32_t shown;                /* ids printed, without a tokenizer */
    uint32_t next;                 /* chosen after the last token fed */
    enum lassim_status late;       /* first failure inside a callback */
    FILE *prose;                   /* where text and table go */
    char *text;                    /* --json: prompt and generated text in memory */
    size_t text_size, text_prompt; /* bytes; of them the prompt's */
    double seconds;
    struct energy_list energy; /* with those of --energy-models */
    struct lassim_error *error;
};

/* ---- opening ---- */

static enum lassim_status open_model(struct run *run)
{
    run->path = cli_text(run->cli, OPTION_MODEL);
    enum lassim_status status = lassim_model_open(run->path, &run->handle, run->error);
    if (status != LASSIM_OK) return status;
    run->model = model_of(run->handle);
    lassim_model_info(run->handle, &run->info);
    status = encode_check_head(&run->info, run->path, LASSIM_HEAD_LM, run->error);
    if (status != LASSIM_OK) return status;
    if (run->model->tokenizer.size == 0) return LASSIM_OK;
    return tokenizer_open(run->path, run->model->tokenizer.data, run->model->tokenizer.size, &run->tokenizer,
                          run->error);
}

static enum lassim_status open_session(struct run *run)
{
    const struct cli *cli = run->cli;
    const struct lassim_options options = {
        .engine = (enum lassim_engine)cli_integer(cli, OPTION_ENGINE), /* the choices stand in its order */
        .timesteps = (uint32_t)cli_integer(cli, OPTION_TIMESTEPS),
        .threads = (uint32_t)cli_integer(cli, OPTION_THREADS),
        .numa_off = cli_integer(cli, OPTION_NUMA) != 0,
        .context = (uint32_t)cli_integer(cli, OPTION_RUN_CONTEXT),
        .trace = cli_text(cli, OPTION_TRACE),
        .no_clobber = (uint32_t)cli_flag(cli, OPTION_NO_CLOBBER),
        .drop_spikes = cli_real(cli, OPTION_DROP_SPIKES),
        .threshold_noise = cli_real(cli, OPTION_THRESHOLD_NOISE),
        .stuck_neurons = cli_text(cli, OPTION_STUCK_NEURONS),
        .seed = (uint64_t)cli_integer(cli, OPTION_SEED),
    };
    return lassim_session_open(run->handle, &options, &run->session, run->error);
}

static enum lassim_status open_sampler(struct run *run)
{
    const struct cli *cli = run->cli;
    const struct sampler_options options = {cli_real(cli, OPTION_TEMP), cli_real(cli, OPTION_TOP_P),
                                            (uint64_t)cli_integer(cli, OPTION_TOP_K),
                                            (uint64_t)cli_integer(cli, OPTION_SEED)};
    run->sampler = sampler_new(run->info.vocabulary, &options);
    return run->sampler != NULL ? LASSIM_OK
                                : lassim_fail(run->error, LASSIM_ERR_RUN, NULL, NULL, "no memory to sample");
}

static enum lassim_status open_logits(struct run *run)
{
    const struct cli *cli = run->cli;
    if (!cli_given(cli, OPTION_LOGITS)) return LASSIM_OK;
    uint64_t rows = cli_integer(cli, OPTION_PREDICT) <= 1 ? run->prompt : NPY_ROWS_UNKNOWN;
    return npy_writer_open_f32(cli_text(cli, OPTION_LOGITS), cli_flag(cli, OPTION_NO_CLOBBER), rows,
                               run->info.vocabulary, &run->logits, run->error);
}

static enum lassim_status open_all(struct run *run)
{
    enum lassim_status status = energy_option_open(run->cli, &run->energy, run->error);
    if (status == LASSIM_OK) status = open_model(run);
    if (status == LASSIM_OK)
        status = prompt_read(run->cli, run->model, run->tokenizer, &run->ids, &run->prompt, run->error);
    if (status == LASSIM_OK) status = open_sampler(run);
    if (status == LASSIM_OK) status = open_logits(run);
    if (status == LASSIM_OK) status = open_session(run);
    return status;
}

static void close_all(struct run *run)
{
    lassim_session_close(run->session);
    npy_writer_abandon(run->logits);
    sampler_free(run->sampler);
    tokenizer_close(run->tokenizer);
    lassim_model_close(run->handle);
    free(run->ids);
    free(run->text);
    free(run->energy.more);
}

/* ---- feeding and sampling ---- */

static void on_logits(void *context, uint32_t token, const float *logits)
{
    struct run *run = context;
    if (run->logits != NULL && run->late == LASSIM_OK) {
        run->late = npy_writer_rows_f32(run->logits, logits, 1, run->error);
    }
    if (token + 1 == run->fed) run->next = sampler_pick(run->sampler, logits);
}

/* Feeds ids[fed .. upto). */
static enum lassim_status feed(struct run *run, uint32_t upto)
{
    enum lassim_read read = run->logits != NULL ? LASSIM_READ_ALL : LASSIM_READ_LAST;
    uint32_t from = run->fed;
    run->fed = upto;
    enum lassim_status status =
        lassim_session_feed(run->session, run->ids + from, upto - from, read, on_logits, run, run->error);
    return status != LASSIM_OK ? status : run->late;
}

/* The token's text; without a tokenizer its id, as --token-ids takes it. */
static void show_token(struct run *run, struct text_stream *stream, uint32_t id)
{
    size_t size;
    if (run->tokenizer == NULL) {
        fprintf(stream->out, "%s%" PRIu32, run->shown++ > 0 ? "," : "", id);
        fflush(stream->out);
        return;
    }
    const uint8_t *bytes = tokenizer_token_bytes(run->tokenizer, id, &size);
    if (size > 0 && !tokenizer_is_special(run->tokenizer, id)) text_stream_add(stream, bytes, size);
}

/* After the prompt was fed: up to --predict tokens, eos, or a full context. */
static enum lassim_status generate(struct run *run, struct text_stream *stream)
{
    int64_t wanted = cli_integer(run->cli, OPTION_PREDICT);
    while (run->generated < wanted) {
        run->ids[run->prompt + run->generated++] = run->next;
        show_token(run, stream, run->next);
        if (ferror(stream->out))
            return lassim_fail(run->error, LASSIM_ERR_RUN, "standard output", NULL, "write failed");
        if (run->next == run->info.eos || run->generated == wanted || run->fed == lassim_session_context(run->session))
            break;
        enum lassim_status status = feed(run, run->fed + 1);
        if (status != LASSIM_OK) return status;
    }
    return LASSIM_OK;
}

static enum lassim_status simulate(struct run *run, FILE *out)
{
    struct text_stream stream = {.out = out};
    double started = run_seconds();
    for (uint32_t i = 0; i < run->prompt; i++) show_token(run, &stream, run->ids[i]);
    fflush(out);
    run->text_prompt = run->text_size;
    enum lassim_status status = feed(run, run->prompt);
    if (status == LASSIM_OK) status = generate(run, &stream);
    text_stream_end(&stream);
    run->seconds = run_seconds() - started;
    return status;
}

static void stop_run(void *context)
{
    lassim_session_stop(((struct run *)context)->session);
}

static void progress_of_run(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    lassim_session_progress(((struct run *)context)->session, timesteps, tokens);
}

/* Simulates under the outer loop's eyes; the text goes to run->prose, or into memory for --json. */
static enum lassim_status simulate_watched(struct run *run)
{
    int json = cli_flag(run->cli, OPTION_JSON);
    const struct run_watch watch = {
        .stop = stop_run,
        .progress = progress_of_run,
        .context = run,
        .tokens_expected = run->prompt,
        /* text and progress line would write over each other on one terminal */
        .quiet = cli_flag(run->cli, OPTION_QUIET) || (!json && isatty(fileno(run->prose))),
    };
    FILE *out = json ? open_memstream(&run->text, &run->text_size) : run->prose;
    if (out == NULL) return lassim_fail(run->error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the text");
    run_watch(&watch);
    enum lassim_status status = simulate(run, out);
    run_unwatch();
    if (json) {
        fclose(out);
    } else {
        fputc('\n', out);
    }
    return status;
}

/* ---- results ---- */

static struct metrics measure(struct run *run)
{
    struct metrics metrics = {
        .engine = cli_text(run->cli, OPTION_ENGINE),
        .prompt_tokens = run->prompt,
        .new_tokens = run->generated,
        .models = run->energy,
        .wall_seconds = run->seconds,
    };
    metrics_take(&metrics, run->session, run->model);
    if (cli_given(run->cli, OPTION_ENERGY))
        metrics.energy = energy_list_find(&run->energy, cli_text(run->cli, OPTION_ENERGY));
    return metrics;
}

static json_t *ids_json(const uint32_t *ids, uint32_t n)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(array, json_integer(ids[i]));
    return array;
}

static void print_json(const struct run *run, const struct metrics *metrics)
{
    json_t *root = metrics_json(metrics, 1);
    int text = run->tokenizer != NULL;
    json_object_set_new(root, "prompt", text ? json_stringn(run->text, run->text_prompt) : json_null());
    json_object_set_new(root, "text",
                        text ? json_stringn(run->text + run->text_prompt, run->text_size - run->text_prompt)
                             : json_null());
    json_object_set_new(root, "prompt_ids", ids_json(run->ids, run->prompt));
    json_object_set_new(root, "ids", ids_json(run->ids + run->prompt, run->generated));
    json_dumpf(root, run->prose, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    fputc('\n', run->prose);
    json_decref(root);
}

/* Completes the files, then prints: a result that is announced is there. */
static enum lassim_status finish(struct run *run)
{
    const struct cli *cli = run->cli;
    enum lassim_status status = lassim_session_finish(run->session, run->error);
    if (status != LASSIM_OK) return status;
    const struct metrics metrics = measure(run);
    if (run->logits != NULL) {
        status = npy_writer_finish(run->logits, run->error);
        run->logits = NULL;
    }
    if (status == LASSIM_OK && cli_given(cli, OPTION_METRICS)) {
        status = metrics_write_traced(&metrics, cli_text(cli, OPTION_TRACE), cli_text(cli, OPTION_METRICS),
                                      cli_flag(cli, OPTION_NO_CLOBBER), run->error);
    }
    if (status != LASSIM_OK) return status;
    if (cli_flag(cli, OPTION_JSON)) {
        print_json(run, &metrics);
    } else if (!cli_flag(cli, OPTION_QUIET)) {
        fputc('\n', run->prose);
        metrics_print(&metrics, run->prose);
    }
    return LASSIM_OK;
}

/* Before the run, for whoever watches; a file of diagnostics holds what went wrong and nothing else. */
static void announce_memory(const struct run *run)
{
    char line[256];
    const struct memory_plan *plan = session_memory_plan(run->session);
    if (plan == NULL || cli_flag(run->cli, OPTION_QUIET) || !isatty(STDERR_FILENO)) return;
    memory_plan_print(plan, line, sizeof line);
    fprintf(stderr, "%s\n", line);
}

int cmd_run(const struct cli *cli)
{
    struct lassim_error error = {LASSIM_OK, ""};
    int taken = run_options_results_on_standard_output(cli) > 0;
    struct run run = {.cli = cli, .prose = taken ? stderr : stdout, .error = &error};
    if (run_options_check(cli) != 0) return LASSIM_ERR_USAGE;
    enum lassim_status status = open_all(&run);
    if (status == LASSIM_OK) announce_memory(&run);
    if (status == LASSIM_OK) status = simulate_watched(&run);
    if (status == LASSIM_OK) status = finish(&run);
    close_all(&run);
    if (run_interrupted()) return LASSIM_ERR_RUN; /* whoever sent the signal knows why */
    return status == LASSIM_OK ? 0 : cli_error(&error);
}
