/* `lassim verify` for encoders: each line of a text is one sequence. */
#ifndef LASSIM_KERNEL_PROGRAM_VERIFY_ENCODER_H
#define LASSIM_KERNEL_PROGRAM_VERIFY_ENCODER_H

#include "kernel/compare.h"
#include "kernel/dense_engine.h"
#include "kernel/lassim.h"
#include "kernel/session.h"
#include "kernel/tokenizer.h"

/* What is compared: sentence vectors, the mean of a line's hidden states (HEAD_VALUES: 1 - cosine in the comparison's
 * kl_); each token's distribution, the token itself being the target (HEAD_MASKED_LM); the labels' distribution, the
 * dense network's choice being the target (HEAD_CLASSIFY). */
struct verify_encoder {
    const struct graph *graph;
    const struct tokenizer *tokenizer;
    lassim_session *spiking;
    struct dense_engine *dense;
    uint32_t context;    /* longest sequence, special tokens included; longer lines lose their end */
    uint64_t tokens_max; /* stops after the line that reaches as many tokens; 0: none */
    /* Out: */
    struct comparison comparison;
    uint64_t sequences, tokens, saturations;
};

/* Runs both networks on every line of text[0 .. size) that is not empty; path names it in errors.  LASSIM_ERR_FILE where
 * there is none, else as lassim_session_encode. */
enum lassim_status verify_encoder_run(struct verify_encoder *verify, const char *path, const char *text, size_t size,
                                      struct lassim_error *error);
void verify_encoder_print(const struct verify_encoder *verify, int json, int checkpoint);

#endif
