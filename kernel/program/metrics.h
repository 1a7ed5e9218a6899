/* What a run counted, as JSON (--metrics, --json) and as the printed table.  Names of counters are those of
 * kernel/counters.h. */
#ifndef LASSIM_PROGRAM_METRICS_H
#define LASSIM_PROGRAM_METRICS_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/counters.h"
#include "kernel/energy.h"
#include "kernel/error.h"
#include "kernel/program/neurobench.h"
#include "kernel/session.h"
#include "kernel/trace_format.h"
#include "layers/graph.h"

#define METRICS_SCHEMA "lassim.metrics.1"

/* Figures of one run; nothing is owned. */
struct metrics {
    const struct graph *graph;
    const struct model *model; /* NULL: weights count 4 bytes, tables none */
    const char *engine;
    uint32_t window;                            /* T */
    const struct counters *population;          /* [graph->populations]; NULL (engine dense): spike counts are null */
    const struct counters *counted;             /* [graph->populations]; the same; engine dense: dense MACs alone */
    const struct counters *token;               /* [tokens], or NULL alike */
    uint32_t tokens, prompt_tokens, new_tokens; /* processed; of the prompt; generated */
    uint64_t timesteps;                         /* simulated */
    uint64_t packets_popped;                    /* by the engine from its queue; not a count of the network */
    uint64_t dense_macs;
    const struct trace_perturbation *perturbation; /* NULL: none */
    struct energy_list models;
    const struct energy_model *energy;                /* the one that is printed layer by layer; NULL: all, in sum */
    const struct neurobench *neurobench;              /* NULL: nobody counted */
    const struct trace_header_info *neurobench_names; /* of its populations */
    double wall_seconds;
    uint64_t peak_resident_bytes;
};

/* Everything that a session on model counted, and this process's memory; the rest of *metrics stays.  What it points to
 * is the session's. */
void metrics_take(struct metrics *metrics, lassim_session *session, const struct model *model);

/* Sum over the populations, from which every total is made. */
struct counters metrics_totals(const struct metrics *metrics);
/* {schema, engine, totals, energy, wall_seconds, ...}, without the lists if brief.  The caller owns it
 * (json_decref); NULL without memory. */
json_t *metrics_json(const struct metrics *metrics, int brief);
/* Writes metrics_json to path (kernel/outfile.h). */
enum lassim_status metrics_write(const struct metrics *metrics, const char *path, int no_clobber,
                                 struct lassim_error *error);
/* The same with NeuroBench's metrics, read back from the run's complete trace: NULL, streams and an empty trace have
 * none. */
enum lassim_status metrics_write_traced(const struct metrics *metrics, const char *trace, const char *path,
                                        int no_clobber, struct lassim_error *error);
/* The spike, operation and energy table. */
void metrics_print(const struct metrics *metrics, FILE *out);

#endif
