/* What a train would send step by step, counted without sending it. */
#ifndef LASSIM_LAYERS_TALLY_H
#define LASSIM_LAYERS_TALLY_H

#include "layers/train.h"

struct tally {
    uint64_t events; /* non-empty (block, timestep) pairs: packets of the step-by-step engine */
    uint64_t spikes, negative, outlier, gates;
    uint64_t active; /* neurons with at least one spike, gates not counted */
};

/* O(neurons of the window). */
struct tally tally_oat(const struct train *train, enum spike_code code, unsigned steps);
struct tally tally_hg(const struct train *train, enum spike_code code, unsigned steps);

#endif
