/* Loss and counts of one variant of a model on a text, against dense logits that are computed once for all of them. */
#ifndef LASSIM_PROGRAM_EVAL_H
#define LASSIM_PROGRAM_EVAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "convert/reference_weights.h"
#include "kernel/compare.h"
#include "kernel/counters.h"
#include "kernel/dense_engine.h"
#include "kernel/energy_work.h"
#include "kernel/program/encoder_loss.h"
#include "kernel/program/eval_text.h"
#include "kernel/session.h"

enum { EVAL_JOBS_MAX = 64 };

/* What the signal's thread may stop, and how far the evaluations are.  Zero-initialise. */
struct eval_watch {
    pthread_mutex_t lock;
    lassim_session *session[EVAL_JOBS_MAX]; /* by job, while running */
    struct dense_engine *dense;             /* while the dense side is computed */
    int stopped;
    _Atomic uint64_t tokens, timesteps; /* of all evaluations so far */
};
/* From any thread: everything running returns soon, nothing more starts. */
void eval_watch_stop(struct eval_watch *watch);

/* What the dense network reads out of a text, in a file without a name that the system may page out: a row for each
 * token of it, or for each sequence (HEAD_CLASSIFY). */
struct eval_dense {
    float *logits; /* [rows][width] */
    uint64_t bytes;
    uint32_t width;
    double seconds; /* that it took */
};
/* reference: a checkpoint folder, in float32, or NULL for the model's own weights.  near: the file lies in this file's
 * folder.  threads >= 1.  ERR_RUN when interrupted, without memory or disk.  The caller owns *dense. */
enum lassim_status eval_dense_new(const struct model *model, const char *reference, const struct eval_text *text,
                                  const char *near, unsigned threads, struct eval_watch *watch,
                                  struct eval_dense *dense, struct lassim_error *error);
void eval_dense_free(struct eval_dense *dense);

/* Where the dense side's numbers come from: the model itself, or with a directory the checkpoint there, in *reference
 * (reference_close; stays NULL otherwise).  LASSIM_ERR_FILE for another configuration than the model's. */
enum lassim_status eval_reference_open(const struct model *model, const char *directory, struct reference **reference,
                                       struct dense_weights *weights, struct lassim_error *error);

struct eval_result {
    struct comparison comparison;
    struct counters *population;   /* [populations]; owned */
    struct counters total;         /* their sum */
    uint64_t timesteps;            /* simulated, all chunks one after the other */
    uint64_t neuron_windows;       /* neurons that opened a window, inputs not */
    struct counters into_weights;  /* sums over the populations that feed weight matrices, inputs not */
    uint64_t into_weights_windows; /* their neurons that opened a window */
    uint64_t dense_macs;
    uint64_t tokens; /* of the text */
    double seconds;
};
/* Where a piece's rows begin: number `index` of the text, its first token number `at`. */
size_t eval_first_row(const struct graph *graph, size_t index, size_t at);
/* Runs model (a variant of the one dense was made from) with options on the text.  job: slot of watch, below
 * EVAL_JOBS_MAX, one at a time.  The caller owns *result: eval_result_free. */
enum lassim_status eval_run(const struct model *model, const struct lassim_options *options,
                            const struct eval_text *text, const struct eval_dense *dense, struct eval_watch *watch,
                            unsigned job, struct eval_result *result, struct lassim_error *error);
void eval_result_free(struct eval_result *result);
/* What the energy models take, [populations]; the caller frees it.  NULL without memory. */
struct energy_work *eval_energy_work(const struct model *model, const struct eval_result *result);

#endif
