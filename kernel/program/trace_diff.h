/* `lassim trace diff`: where two traces differ, spike by spike, and by how much in each population. */
#ifndef LASSIM_PROGRAM_TRACE_DIFF_H
#define LASSIM_PROGRAM_TRACE_DIFF_H

#include <stdint.h>

#include "kernel/error.h"
#include "kernel/trace_reader.h"

/* One population, A against B. */
struct trace_diff_row {
    uint64_t windows_a, windows_b; /* records of each */
    uint64_t windows_different;    /* in one of them only, or with other spikes */
    uint64_t neurons_different;    /* (neuron, window) pairs whose spikes or gates differ */
    uint64_t spikes_a, spikes_b;   /* gates not counted */
    uint64_t spikes_only_a,
        spikes_only_b; /* (neuron, timestep) at which one alone spikes, or both with other sign or kind */
};

/* The first timestep at which they differ, in event order. */
struct trace_difference {
    uint64_t time;
    uint32_t population, token, neuron;
    const char *a, *b; /* what each has there: "nothing", "+ normal", "other gates", ...; static strings */
};

struct trace_diff {
    int comparable; /* 0: other T, code or population table; nothing else is filled but reason */
    const char *reason;
    int different;
    int first_known; /* a spike or gate differs; else only windows without spikes, or how the traces end */
    struct trace_difference first;
    int complete_a, complete_b;
    uint64_t timesteps_a, timesteps_b;
    struct trace_diff_row total;
    struct trace_diff_row *row; /* [populations]; owned: trace_diff_free */
};

/* Reads both to their ends.  *diff is to be freed whatever is returned.  O(spikes). */
enum lassim_status trace_diff_run(struct trace_reader *a, struct trace_reader *b, struct trace_diff *diff,
                                  struct lassim_error *error);
void trace_diff_free(struct trace_diff *diff);

/* To stdout. */
void trace_diff_print(const struct trace_reader *a, const struct trace_reader *b, const struct trace_diff *diff);
enum lassim_status trace_diff_json(const struct trace_reader *a, const struct trace_reader *b,
                                   const struct trace_diff *diff, struct lassim_error *error);

#endif
