/* `lassim verify` for encoders: each line of a text is one sequence. */
#ifndef LASSIM_KERNEL_PROGRAM_VERIFY_ENCODER_H
#define LASSIM_KERNEL_PROGRAM_VERIFY_ENCODER_H

#include "kernel/compare.h"
#include "kernel/dense_engine.h"
#include "kernel/lassim.h"
#include "kernel/program/eval_text.h"
#include "kernel/session.h"

struct verify_encoder {
    const struct graph *graph;
    const struct eval_text *text;
    lassim_session *spiking;
    struct dense_engine *dense;
    /* Out: */
    struct comparison comparison; /* as kernel/program/encoder_loss.h says */
    uint64_t saturations;
};

/* Runs both networks on every sequence of the text; fails as lassim_session_encode. */
enum lassim_status verify_encoder_run(struct verify_encoder *verify, struct lassim_error *error);
void verify_encoder_print(const struct verify_encoder *verify, int json, int checkpoint);

#endif
