#include "kernel/program/verify_encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/program/encoder_loss.h"

/* The rows of one network on one sequence. */
struct side {
    float *values; /* [context][width] */
    uint32_t width, rows;
};

static void keep(void *context, uint32_t token, const float *values)
{
    struct side *side = context;
    (void)token;
    memcpy(side->values + (size_t)side->rows++ * side->width, values, side->width * sizeof *values);
}

static void add_saturations(struct verify_encoder *verify)
{
    const struct counters *counters = session_population_counters(verify->spiking);
    for (uint32_t p = 0; p < verify->graph->populations; p++) verify->saturations += counters[p].saturations;
}

/* Both networks on one sequence. */
static enum lassim_status run_sequence(struct verify_encoder *verify, const struct eval_piece *piece,
                                       struct side *dense, struct side *spiking, const struct encoder_loss *loss,
                                       struct lassim_error *error)
{
    const struct engine_feed feed = {piece->inputs, piece->types, piece->n, LASSIM_READ_ALL, keep, dense};
    dense->rows = spiking->rows = 0;
    enum lassim_status status = dense_engine_feed(verify->dense, &feed, error);
    if (status == LASSIM_OK)
        status = lassim_session_encode(verify->spiking, piece->inputs, piece->types, piece->n, LASSIM_READ_ALL, keep,
                                       spiking, error);
    if (status != LASSIM_OK) return status;
    encoder_loss_add(loss, piece->inputs, piece->n, dense->values, spiking->values, &verify->comparison);
    add_saturations(verify);
    dense_engine_reset(verify->dense);
    lassim_session_reset(verify->spiking);
    return LASSIM_OK;
}

enum lassim_status verify_encoder_run(struct verify_encoder *verify, struct lassim_error *error)
{
    uint32_t width = verify->graph->head_width;
    size_t values = (size_t)verify->text->context * width;
    struct side dense = {malloc(values * sizeof(float)), width, 0},
                spiking = {malloc(values * sizeof(float)), width, 0};
    struct encoder_loss loss;
    enum lassim_status status = encoder_loss_new(verify->graph, &loss, error);
    if (status == LASSIM_OK && (dense.values == NULL || spiking.values == NULL))
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a sequence's values");
    for (size_t i = 0; i < verify->text->sequences && status == LASSIM_OK; i++) {
        struct eval_piece piece;
        eval_text_piece(verify->text, i, NULL, &piece);
        status = run_sequence(verify, &piece, &dense, &spiking, &loss, error);
    }
    encoder_loss_free(&loss);
    free(dense.values);
    free(spiking.values);
    return status;
}

static void print_prose(const struct verify_encoder *verify, int checkpoint)
{
    const struct comparison *c = &verify->comparison;
    enum head_kind head = (enum head_kind)verify->graph->config.head;
    printf("reference            %s\n",
           checkpoint ? "the checkpoint in float32 (weight loss counts)" : "the model's own weights");
    printf("timesteps            %u\n", session_steps(verify->spiking));
    printf("sequences            %llu of %llu tokens\n", (unsigned long long)verify->text->sequences,
           (unsigned long long)verify->text->count);
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
           checkpoint ? "checkpoint" : "model", session_steps(verify->spiking),
           (unsigned long long)verify->text->sequences, (unsigned long long)verify->text->count);
    if (head == HEAD_VALUES)
        printf("\"cosine_mean\": %.17g, \"cosine_min\": %.17g, ", 1 - comparison_kl_mean(c), 1 - c->kl_max);
    else
        printf("\"kl_mean\": %.17g, \"kl_max\": %.17g, \"%s\": %.17g, ", comparison_kl_mean(c), c->kl_max,
               head == HEAD_CLASSIFY ? "label_agreement" : "top1_agreement", comparison_top1(c));
    printf("\"max_error\": %.17g, \"saturations\": %llu}\n", c->logit_error_max,
           (unsigned long long)verify->saturations);
}
