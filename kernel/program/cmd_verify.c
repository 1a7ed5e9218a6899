/* lassim verify: the spiking against the dense network on a text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/program/cli.h"
#include "kernel/program/eval.h"
#include "kernel/program/run_loop.h"
#include "kernel/program/verify_encoder.h"

#define LOGITS_BYTES (UINT64_C(256) << 20) /* of the dense network, kept until the spiking ones arrive */

struct verify {
    const struct cli *cli;
    lassim_model *model;
    lassim_session *spiking;
    struct reference *reference;
    struct dense_engine *dense;
    uint32_t vocabulary;
    struct eval_text text;
    /* One call's worth of inputs and dense logits. */
    const uint32_t *targets;
    uint32_t first, piece;
    float *logits;          /* [piece][vocabulary] */
    double *wide, *scratch; /* [vocabulary] each */
    struct comparison comparison;
    uint64_t saturations;
};

static void keep_dense(void *context, uint32_t token, const float *logits)
{
    struct verify *verify = context;
    memcpy(verify->logits + (uint64_t)(token - verify->first) * verify->vocabulary, logits,
           verify->vocabulary * sizeof *logits);
}

static void compare_spiking(void *context, uint32_t token, const float *logits)
{
    struct verify *verify = context;
    const float *dense = verify->logits + (uint64_t)(token - verify->first) * verify->vocabulary;
    for (uint32_t i = 0; i < verify->vocabulary; i++) verify->wide[i] = dense[i];
    comparison_add(&verify->comparison, verify->wide, logits, verify->vocabulary, verify->targets[token],
                   verify->scratch);
}

static void add_saturations(struct verify *verify)
{
    const struct model *model = model_of(verify->model);
    const struct counters *counters = session_population_counters(verify->spiking);
    for (uint32_t p = 0; p < model->graph->populations; p++) verify->saturations += counters[p].saturations;
}

/* One chunk: inputs[0 .. n) (bos first) predict targets[0 .. n), in pieces that bound the logits kept. */
static enum lassim_status verify_chunk(struct verify *verify, const uint32_t *inputs, const uint32_t *targets,
                                       uint32_t n, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    verify->targets = targets;
    for (uint32_t first = 0; first < n && status == LASSIM_OK; first += verify->piece) {
        uint32_t count = n - first < verify->piece ? n - first : verify->piece;
        verify->first = first;
        const struct engine_feed feed = {inputs + first, NULL, count, LASSIM_READ_ALL, keep_dense, verify};
        status = dense_engine_feed(verify->dense, &feed, error);
        if (status == LASSIM_OK)
            status = lassim_session_feed(verify->spiking, inputs + first, count, LASSIM_READ_ALL, compare_spiking,
                                         verify, error);
    }
    if (status == LASSIM_OK) add_saturations(verify);
    lassim_session_reset(verify->spiking);
    dense_engine_reset(verify->dense);
    return status;
}

static enum lassim_status verify_text(struct verify *verify, struct lassim_error *error)
{
    uint32_t *chunk = malloc(verify->text.context * sizeof *chunk);
    enum lassim_status status = LASSIM_OK;
    if (chunk == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a chunk");
    for (size_t i = 0; i < eval_text_pieces(&verify->text) && status == LASSIM_OK; i++) {
        struct eval_piece piece;
        eval_text_piece(&verify->text, i, chunk, &piece);
        status = verify_chunk(verify, piece.inputs, piece.targets, piece.n, error);
    }
    free(chunk);
    return status;
}

static enum lassim_status open_models(struct verify *verify, struct lassim_error *error)
{
    const struct cli *cli = verify->cli;
    enum lassim_status status = lassim_model_open(cli_text(cli, OPTION_MODEL), &verify->model, error);
    if (status != LASSIM_OK) return status;
    const struct model *model = model_of(verify->model);
    struct lassim_options options = {.engine = (enum lassim_engine)cli_integer(cli, OPTION_VERIFY_ENGINE),
                                     .timesteps = (uint32_t)cli_integer(cli, OPTION_TIMESTEPS),
                                     .threads = (uint32_t)cli_integer(cli, OPTION_THREADS),
                                     .context = (uint32_t)cli_integer(cli, OPTION_CONTEXT),
                                     .drop_spikes = cli_real(cli, OPTION_DROP_SPIKES),
                                     .threshold_noise = cli_real(cli, OPTION_THRESHOLD_NOISE),
                                     .stuck_neurons = cli_text(cli, OPTION_STUCK_NEURONS),
                                     .seed = (uint64_t)cli_integer(cli, OPTION_VERIFY_SEED)};
    status = lassim_session_open(verify->model, &options, &verify->spiking, error);
    if (status != LASSIM_OK) return status;
    struct dense_weights weights;
    status = eval_reference_open(model, cli_text(cli, OPTION_REFERENCE), &verify->reference, &weights, error);
    if (status != LASSIM_OK) return status;
    return dense_engine_new(model->graph, &weights, session_team(verify->spiking), &verify->dense, error);
}

static enum lassim_status check_bounds(const struct verify *verify, struct lassim_error *error)
{
    if (!cli_given(verify->cli, OPTION_MAX_DPPL) || !model_of(verify->model)->graph->config.encoder) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_USAGE, "--max-dppl", NULL, "expected --max-kl for an encoder, %s",
                       cli_text(verify->cli, OPTION_MODEL));
}

static enum lassim_status read_text(struct verify *verify, struct lassim_error *error)
{
    const struct cli *cli = verify->cli;
    return eval_text_read(model_of(verify->model), cli_text(cli, OPTION_MODEL), cli_text(cli, OPTION_TEXT),
                          (uint64_t)cli_integer(cli, OPTION_TOKENS_MAX), (uint32_t)cli_integer(cli, OPTION_CONTEXT),
                          &verify->text, error);
}

static enum lassim_status prepare(struct verify *verify, struct lassim_error *error)
{
    const struct model_config *config = &model_of(verify->model)->graph->config;
    if (config->encoder) return LASSIM_OK;
    verify->vocabulary = config->vocabulary;
    uint64_t rows = LOGITS_BYTES / (config->vocabulary * sizeof(float)) + 1;
    verify->piece = rows < verify->text.context ? (uint32_t)rows : verify->text.context;
    verify->logits = malloc((uint64_t)verify->piece * config->vocabulary * sizeof *verify->logits);
    verify->wide = malloc(config->vocabulary * sizeof *verify->wide);
    verify->scratch = malloc(config->vocabulary * sizeof *verify->scratch);
    if (verify->logits == NULL || verify->wide == NULL || verify->scratch == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the logits");
    return LASSIM_OK;
}

static void print_prose(const struct verify *verify)
{
    const struct comparison *c = &verify->comparison;
    printf("reference            %s\n",
           verify->reference != NULL ? "the checkpoint in float32 (weight loss counts)" : "the model's own weights");
    printf("timesteps            %u\n", session_steps(verify->spiking));
    printf("tokens               %llu\n", (unsigned long long)c->tokens);
    printf("perplexity dense     %.6f\n", comparison_ppl_reference(c));
    printf("perplexity spiking   %.6f\n", comparison_ppl_other(c));
    printf("change               %+.6f %%\n", comparison_dppl_percent(c));
    printf("mean KL              %.3e\n", comparison_kl_mean(c));
    printf("max KL               %.3e\n", c->kl_max);
    printf("top-1 agreement      %.4f %%\n", 100.0 * comparison_top1(c));
    printf("largest logit error  %.3e\n", c->logit_error_max);
    printf("saturations          %llu\n", (unsigned long long)verify->saturations);
}

static void print_json(const struct verify *verify)
{
    const struct comparison *c = &verify->comparison;
    printf("{\"reference\": \"%s\", \"timesteps\": %u, \"tokens\": %llu, \"ppl_dense\": %.17g, \"ppl_spiking\": %.17g, "
           "\"dppl_percent\": %.17g, \"kl_mean\": %.17g, \"kl_max\": %.17g, \"top1_agreement\": %.17g, "
           "\"max_logit_error\": %.17g, \"saturations\": %llu}\n",
           verify->reference != NULL ? "checkpoint" : "model", session_steps(verify->spiking),
           (unsigned long long)c->tokens, comparison_ppl_reference(c), comparison_ppl_other(c),
           comparison_dppl_percent(c), comparison_kl_mean(c), c->kl_max, comparison_top1(c), c->logit_error_max,
           (unsigned long long)verify->saturations);
}

/* The bounds asked for, or exit status 4 with one line that says which is passed. */
static int judge(const struct verify *verify)
{
    struct lassim_error error;
    double kl = comparison_kl_mean(&verify->comparison), change = comparison_dppl_percent(&verify->comparison);
    double most_kl = cli_real(verify->cli, OPTION_MAX_KL), most_change = cli_real(verify->cli, OPTION_MAX_DPPL);
    enum head_kind head = (enum head_kind)model_of(verify->model)->graph->config.head;
    const char *what = head == HEAD_VALUES ? "mean 1 - cosine" : "mean KL";
    change = change < 0 ? -change : change;
    if (cli_given(verify->cli, OPTION_MAX_KL) && !(kl <= most_kl))
        lassim_fail(&error, LASSIM_ERR_CHECK, "verify", what, "%.3e is above --max-kl %g", kl, most_kl);
    else if (cli_given(verify->cli, OPTION_MAX_DPPL) && !(change <= most_change))
        lassim_fail(&error, LASSIM_ERR_CHECK, "verify", "perplexity", "changed by %.6f %%, above --max-dppl %g", change,
                    most_change);
    else
        return LASSIM_OK;
    return cli_error(&error);
}

static void stop(void *context)
{
    struct verify *verify = context;
    lassim_session_stop(verify->spiking);
    dense_engine_stop(verify->dense);
}

static void progress(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    struct verify *verify = context;
    lassim_session_progress(verify->spiking, timesteps, tokens);
}

static void release(struct verify *verify)
{
    dense_engine_free(verify->dense); /* before the session, whose team it uses */
    lassim_session_close(verify->spiking);
    reference_close(verify->reference);
    lassim_model_close(verify->model);
    eval_text_free(&verify->text);
    free(verify->logits);
    free(verify->wide);
    free(verify->scratch);
}

/* An encoder's run and its figures. */
static enum lassim_status verify_lines(struct verify *verify, struct lassim_error *error)
{
    struct verify_encoder encoder = {
        .graph = model_of(verify->model)->graph,
        .text = &verify->text,
        .spiking = verify->spiking,
        .dense = verify->dense,
    };
    enum lassim_status status = verify_encoder_run(&encoder, error);
    verify->comparison = encoder.comparison;
    if (status == LASSIM_OK)
        verify_encoder_print(&encoder, cli_flag(verify->cli, OPTION_JSON), verify->reference != NULL);
    return status;
}

static enum lassim_status run_both(struct verify *verify, struct lassim_error *error)
{
    if (model_of(verify->model)->graph->config.encoder) return verify_lines(verify, error);
    enum lassim_status status = verify_text(verify, error);
    if (status != LASSIM_OK) return status;
    if (cli_flag(verify->cli, OPTION_JSON))
        print_json(verify);
    else
        print_prose(verify);
    return status;
}

int cmd_verify(const struct cli *cli)
{
    struct verify verify = {.cli = cli};
    struct lassim_error error;
    enum lassim_status status = open_models(&verify, &error);
    if (status == LASSIM_OK) status = check_bounds(&verify, &error);
    if (status == LASSIM_OK) status = read_text(&verify, &error);
    if (status == LASSIM_OK) status = prepare(&verify, &error);
    if (status == LASSIM_OK) {
        const struct run_watch watch = {stop, progress, &verify, 0, cli_flag(verify.cli, OPTION_QUIET), NULL};
        run_watch(&watch);
        status = run_both(&verify, &error);
        run_unwatch();
    }
    int exit_status = status == LASSIM_OK ? judge(&verify) : run_interrupted() ? LASSIM_ERR_RUN : cli_error(&error);
    release(&verify);
    return exit_status;
}
