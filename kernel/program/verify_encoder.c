#include "kernel/program/verify_encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one line gives. */
struct line {
    const uint32_t *ids;
    uint32_t width, rows[2]; /* of the dense network, of the spiking one */
    float *values[2];        /* [context][width] each */
    int side;                /* which of them is running */
};

static void keep(void *context, uint32_t token, const float *values)
{
    struct line *line = context;
    (void)token;
    memcpy(line->values[line->side] + (size_t)line->rows[line->side]++ * line->width, values,
           line->width * sizeof *values);
}

/* The mean of a line's rows, as doubles. */
static void mean_of(const struct line *line, int side, double *mean)
{
    for (uint32_t i = 0; i < line->width; i++) {
        mean[i] = 0;
        for (uint32_t r = 0; r < line->rows[side]; r++) mean[i] += line->values[side][(size_t)r * line->width + i];
        mean[i] /= line->rows[side];
    }
}

static void compare_vectors(struct verify_encoder *verify, const struct line *line, double *wide, double *scratch)
{
    float *narrow = line->values[1];
    mean_of(line, 0, wide);
    mean_of(line, 1, scratch);
    for (uint32_t i = 0; i < line->width; i++) narrow[i] = (float)scratch[i];
    comparison_add_vector(&verify->comparison, wide, narrow, line->width);
}

static void compare_rows(struct verify_encoder *verify, const struct line *line, double *wide, double *scratch)
{
    int classify = verify->graph->config.head == HEAD_CLASSIFY;
    for (uint32_t r = 0; r < line->rows[0]; r++) {
        const float *dense = line->values[0] + (size_t)r * line->width;
        uint32_t best = 0;
        for (uint32_t i = 0; i < line->width; i++) {
            wide[i] = dense[i];
            if (dense[i] > dense[best]) best = i;
        }
        comparison_add(&verify->comparison, wide, line->values[1] + (size_t)r * line->width, line->width,
                       classify ? best : line->ids[r], scratch);
    }
}

static void add_saturations(struct verify_encoder *verify)
{
    const struct counters *counters = session_population_counters(verify->spiking);
    for (uint32_t p = 0; p < verify->graph->populations; p++) verify->saturations += counters[p].saturations;
}

/* Both networks on one sequence. */
static enum lassim_status run_sequence(struct verify_encoder *verify, const struct tokenizer_encoding *encoding,
                                       struct line *line, double *wide, double *scratch, struct lassim_error *error)
{
    uint32_t n = (uint32_t)encoding->n, *types = malloc(n * sizeof *types);
    if (types == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a line");
    for (uint32_t i = 0; i < n; i++) types[i] = encoding->types[i];
    const struct engine_feed feed = {encoding->ids, types, n, LASSIM_READ_ALL, keep, line};
    line->ids = encoding->ids;
    line->rows[0] = line->rows[1] = 0;
    line->side = 0;
    enum lassim_status status = dense_engine_feed(verify->dense, &feed, error);
    line->side = 1;
    if (status == LASSIM_OK)
        status = lassim_session_encode(verify->spiking, encoding->ids, types, n, LASSIM_READ_ALL, keep, line, error);
    free(types);
    if (status != LASSIM_OK) return status;
    if (verify->graph->config.head == HEAD_VALUES)
        compare_vectors(verify, line, wide, scratch);
    else
        compare_rows(verify, line, wide, scratch);
    add_saturations(verify);
    verify->sequences++;
    verify->tokens += n;
    dense_engine_reset(verify->dense);
    lassim_session_reset(verify->spiking);
    return LASSIM_OK;
}

static enum lassim_status run_line(struct verify_encoder *verify, const char *bytes, size_t size, struct line *line,
                                   double *wide, double *scratch, struct lassim_error *error)
{
    const struct tokenizer_text text = {bytes, size};
    struct tokenizer_encoding encoding;
    enum lassim_status status =
        tokenizer_encode_pair(verify->tokenizer, &text, NULL, verify->context, TOKENIZER_TRUNCATE, &encoding, error);
    if (status != LASSIM_OK) return status;
    if (encoding.n > 0) status = run_sequence(verify, &encoding, line, wide, scratch, error);
    tokenizer_encoding_clear(&encoding);
    return status;
}

static enum lassim_status run_lines(struct verify_encoder *verify, const char *text, size_t size, struct line *line,
                                    double *wide, double *scratch, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t at = 0; at < size && status == LASSIM_OK;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - text) - at;
        if (verify->tokens_max != 0 && verify->tokens >= verify->tokens_max) break;
        if (length > 0) status = run_line(verify, text + at, length, line, wide, scratch, error);
        at += length + 1;
    }
    return status;
}

enum lassim_status verify_encoder_run(struct verify_encoder *verify, const char *path, const char *text, size_t size,
                                      struct lassim_error *error)
{
    struct line line = {.width = verify->graph->head_width};
    size_t values = (size_t)verify->context * line.width;
    double *wide = malloc(line.width * sizeof *wide), *scratch = malloc(line.width * sizeof *scratch);
    line.values[0] = malloc(values * sizeof(float));
    line.values[1] = malloc(values * sizeof(float));
    enum lassim_status status;
    if (wide == NULL || scratch == NULL || line.values[0] == NULL || line.values[1] == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a sequence's values");
    else
        status = run_lines(verify, text, size, &line, wide, scratch, error);
    free(wide);
    free(scratch);
    free(line.values[0]);
    free(line.values[1]);
    if (status == LASSIM_OK && verify->sequences == 0)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "holds no line to compare on");
    return status;
}

static void print_prose(const struct verify_encoder *verify, int checkpoint)
{
    const struct comparison *c = &verify->comparison;
    enum head_kind head = (enum head_kind)verify->graph->config.head;
    printf("reference            %s\n",
           checkpoint ? "the checkpoint in float32 (weight loss counts)" : "the model's own weights");
    printf("timesteps            %u\n", session_steps(verify->spiking));
    printf("sequences            %llu of %llu tokens\n", (unsigned long long)verify->sequences,
           (unsigned long long)verify->tokens);
    if (head == HEAD_VALUES) {
        printf("mean cosine          %.9f\n", 1 - comparison_kl_mean(c));
        printf("least cosine         %.9f\n", 1 - c->kl_max);
    } else {
        printf("mean KL              %.3e\n", comparison_kl_mean(c));
        printf("max KL               %.3e\n", c->kl_max);
        printf("%-20s %.4f %%\n", head == HEAD_CLASSIFY ? "label agreement" : "top-1 agreement",
               100 * comparison_top1(c));
    }
    printf("largest error        %.3e\n", c->logit_error_max);
    printf("saturations          %llu\n", (unsigned long long)verify->saturations);
}

void verify_encoder_print(const struct verify_encoder *verify, int json, int checkpoint)
{
    const struct comparison *c = &verify->comparison;
    enum head_kind head = (enum head_kind)verify->graph->config.head;
    if (!json) {
        print_prose(verify, checkpoint);
        return;
    }
    printf("{\"reference\": \"%s\", \"timesteps\": %u, \"sequences\": %llu, \"tokens\": %llu, ",
           checkpoint ? "checkpoint" : "model", session_steps(verify->spiking), (unsigned long long)verify->sequences,
           (unsigned long long)verify->tokens);
    if (head == HEAD_VALUES)
        printf("\"cosine_mean\": %.17g, \"cosine_min\": %.17g, ", 1 - comparison_kl_mean(c), 1 - c->kl_max);
    else
        printf("\"kl_mean\": %.17g, \"kl_max\": %.17g, \"%s\": %.17g, ", comparison_kl_mean(c), c->kl_max,
               head == HEAD_CLASSIFY ? "label_agreement" : "top1_agreement", comparison_top1(c));
    printf("\"max_error\": %.17g, \"saturations\": %llu}\n", c->logit_error_max,
           (unsigned long long)verify->saturations);
}
