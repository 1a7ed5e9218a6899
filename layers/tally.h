/* What a train would send step by step, counted without sending it. */
#ifndef LASSIM_LAYERS_TALLY_H
#define LASSIM_LAYERS_TALLY_H

#include "layers/train.h"

struct tally {
    uint64_t events; /* non-empty (block, timestep) pairs: packets of the step-by-step engine */
    uint64_t spikes, negative, outlier, gates;
    uint64_t active; /* neurons with at least one spike, gates not counted */
    uint64_t lost;   /* of the spikes: do not arrive; not counted here (struct close_part) */
};

/* Adds neurons [from, to) of the train's window, numbered as its codes are, to *tally, all but the events.
 * fired: [blocks of the population], ORed: per block one bit for every timestep at which it has a packet, so
 * that parts of a block can be counted apart.  O(to - from). */
void tally_oat(const struct train *train, uint32_t from, uint32_t to, enum spike_code code, unsigned steps,
               struct tally *tally, uint32_t *fired);
void tally_hg(const struct train *train, uint32_t from, uint32_t to, enum spike_code code, unsigned steps,
              struct tally *tally, uint32_t *fired);
/* The events that fired [blocks] stands for. */
uint64_t tally_events(const uint32_t *fired, uint32_t blocks);

#endif
