/* Measurements of a search, side by side and remembered: a journal beside the output holds every one, so that a search
 * that was interrupted goes the same way again without measuring anything twice. */
#ifndef LASSIM_PROGRAM_TUNE_MEASURE_H
#define LASSIM_PROGRAM_TUNE_MEASURE_H

#include "kernel/program/eval.h"
#include "kernel/program/tune_model.h"

struct tune_bench {
    const struct model *model;
    const struct tune_groups *groups;
    const struct eval_text *text;
    const struct eval_dense *dense;
    struct eval_watch *watch;
    unsigned threads;
    const struct energy_model *cost; /* NULL: synaptic operations */
    int perplexity;      /* loss: 0: mean KL; 1: the larger of the perplexity's relative change and mean KL */
    const char *journal; /* path */
    struct tune_memory *memory;
    _Atomic uint32_t measured; /* configurations, remembered ones not */
};

/* Opens the journal; what is in it from a run with the same model, text, reference (a path or NULL) and cost is remembered,
 * anything else is dropped.  tune_bench_close, which keeps the journal; tune_bench_forget removes it as well. */
enum lassim_status tune_bench_open(struct tune_bench *bench, const char *reference, struct lassim_error *error);
void tune_bench_close(struct tune_bench *bench);
void tune_bench_forget(struct tune_bench *bench);

/* A tune_measure; context is a struct tune_bench. */
enum lassim_status tune_bench_measure(void *context, const struct tune_setting *const *configuration, unsigned n,
                                      struct tune_measurement *out, struct lassim_error *error);
/* One configuration with everything that is known of it, not remembered.  eval_result_free. */
enum lassim_status tune_bench_run(struct tune_bench *bench, const struct tune_setting *configuration, unsigned threads,
                                  unsigned job, struct eval_result *result, struct lassim_error *error);
/* What the search weighs of a result. */
struct tune_measurement tune_bench_weigh(const struct tune_bench *bench, const struct eval_result *result);

#endif
