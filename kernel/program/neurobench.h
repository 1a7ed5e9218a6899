/* NeuroBench's metrics (Yik et al., arXiv 2304.04640; package 2.3) of a traced run, under its names and by its
 * definitions; `trace stats --model` and `--network`.  Never mixed with lassim's own counts.
 *
 * A call is a population's timestep in an open window; a layer is a matrix that a spiking population feeds (a network: a
 * connection of one delay); embeddings are none.  Per call effective = weights that are not 0 met by inputs that are not 0; dense =
 * all weights.  A call counts as AC if all its inputs are -1, 0 or 1, else as MAC.  Of a converted model the input is
 * the spike's sign, times 2^j from an outlier sub-neuron: what is common to the call, d(t), and what is fixed, the
 * shifts of channels, belong to the weights.  So a call with an outlier spike (j > 0) is MAC.
 *   ActivationSparsity  1 - spikes / (neurons x calls), over spiking populations
 *   MembraneUpdates     neurons at the first call, then neurons whose potential is another one after the call; in a
 *                       window of a converted model those that spike (integration is over before it opens)
 *   Footprint           bytes of weights, biases, norms and tables as stored
 *   ConnectionSparsity  zeros / weights of the layers, rounded to 4 digits
 * Products of two spike trains (attention, norms) are not in NeuroBench's count: they are given beside it. */
#ifndef LASSIM_PROGRAM_NEUROBENCH_H
#define LASSIM_PROGRAM_NEUROBENCH_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/error.h"
#include "kernel/if_network.h"
#include "kernel/model.h"
#include "kernel/trace_reader.h"

struct neurobench_layer { /* one population */
    uint64_t activations, nonzero;
};

struct neurobench {
    const char *sample; /* what one is: "token" or "run" */
    uint64_t samples;
    uint64_t footprint, parameters, weights, zeros;
    uint64_t effective_macs, effective_acs, dense, membrane_updates; /* of all samples */
    uint64_t products;                                               /* spike-product operations, of all samples */
    uint32_t populations;
    struct neurobench_layer *layer; /* [populations]; owned: neurobench_free */
};

/* Reads what is left of the trace, which must be model's (by its hash; else LASSIM_ERR_FILE).  *result is to be freed
 * whatever is returned.  Goes through all weights once. */
enum lassim_status neurobench_of_model(struct trace_reader *reader, const struct model *model,
                                       struct neurobench *result, struct lassim_error *error);
/* The same of a network of integrate-and-fire neurons, whose potentials are simulated once more from the traced
 * spikes.  The trace must be complete. */
enum lassim_status neurobench_of_network(struct trace_reader *reader, const struct if_network *network,
                                         struct neurobench *result, struct lassim_error *error);
void neurobench_free(struct neurobench *result);

/* {Footprint, ConnectionSparsity, ..., samples, sample}, per sample as NeuroBench has it.  The caller owns it; NULL
 * without memory.  info: the trace's, for names. */
json_t *neurobench_json(const struct neurobench *result, const struct trace_header_info *info);
void neurobench_print(const struct neurobench *result, FILE *out);

#endif
