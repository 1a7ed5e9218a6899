/* What `trace info` and `trace check` say about a trace: its counts, recomputed from the records. */
#ifndef LASSIM_PROGRAM_TRACE_SUMMARY_H
#define LASSIM_PROGRAM_TRACE_SUMMARY_H

#include <jansson.h>
#include <stdint.h>

#include "kernel/counters.h"
#include "kernel/error.h"
#include "kernel/trace_reader.h"

struct trace_summary {
    struct trace_totals totals;
    int complete;
    uint64_t bytes; /* header and whole blocks */
    struct counters total;
    struct counters *population; /* [populations]; owned: trace_summary_free */
};

/* Reads what is left of the trace and counts it.  *summary is to be freed whatever is returned; on failure
 * it holds what was read up to there. */
enum lassim_status trace_summarize(struct trace_reader *reader, struct trace_summary *summary,
                                   struct lassim_error *error);
void trace_summary_free(struct trace_summary *summary);

/* {drop_spikes, threshold_noise, stuck_neurons, stuck_hash, seed}, null if off; NULL without memory. */
json_t *perturbation_json(const struct trace_perturbation *perturbation);

/* To stdout, as prose or as one JSON object; LASSIM_ERR_RUN without memory. */
void trace_summary_print(const struct trace_reader *reader, const struct trace_summary *summary);
enum lassim_status trace_summary_json(const struct trace_reader *reader, const struct trace_summary *summary,
                                      struct lassim_error *error);

#endif
