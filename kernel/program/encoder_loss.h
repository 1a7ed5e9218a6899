/* What is compared of an encoder, sequence by sequence, and what the figures are then called: the mean of its hidden
 * states as a vector (HEAD_VALUES: 1 - cosine in the comparison's kl_); each token's distribution, the token itself being
 * the target (HEAD_MASKED_LM); the labels' distribution, the dense network's choice being the target (HEAD_CLASSIFY). */
#ifndef LASSIM_PROGRAM_ENCODER_LOSS_H
#define LASSIM_PROGRAM_ENCODER_LOSS_H

#include <stdint.h>

#include "kernel/compare.h"
#include "kernel/error.h"
#include "layers/graph.h"

/* Room for the comparison of one sequence. */
struct encoder_loss {
    enum head_kind head;
    uint32_t width;         /* of a row */
    double *wide, *scratch; /* [width] */
    float *mean;            /* [width] */
};
/* ERR_RUN without memory.  The caller owns *loss, whatever is returned: encoder_loss_free. */
enum lassim_status encoder_loss_new(const struct graph *graph, struct encoder_loss *loss, struct lassim_error *error);
void encoder_loss_free(struct encoder_loss *loss);
/* Rows of a sequence of n tokens that the head reads: n, or one. */
uint32_t encoder_loss_rows(enum head_kind head, uint32_t n);
/* Adds one sequence of n tokens: dense and spiking [rows][width], ids [n].  O(rows width). */
void encoder_loss_add(const struct encoder_loss *loss, const uint32_t *ids, uint32_t n, const float *dense,
                      const float *spiking, struct comparison *comparison);

#endif
