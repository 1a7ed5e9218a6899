/* The spike train of one population in one window: its codes, and the packets they leave as. */
#ifndef LASSIM_LAYERS_TRAIN_H
#define LASSIM_LAYERS_TRAIN_H

#include "layers/packet.h"
#include "neurons/code.h"
#include "neurons/hg.h"
#include "neurons/oat.h"

struct train {
    uint32_t population;
    uint32_t token, position; /* whose window it is, */
    uint32_t visible;         /* and the keys that it sees */
    uint32_t neurons;         /* neurons that take part in this window */
    uint32_t span;            /* they are numbered in rows of `span` ... */
    uint32_t stride;          /* ... whose first neurons lie `stride` apart: exp and e have one row a head, span =
                         * visible keys, stride = positions; all others span = stride = neurons */
    uint32_t *codes;          /* OAT: [neurons] as neurons/oat.h packs them */
    struct hg_code *hg;       /* HG: [neurons] */
    uint32_t *spikes;         /* [neurons * steps (+ 2 gates each)] in packet order */
    struct packet *packets;   /* [blocks * steps]; the first packet_count are in use */
    uint32_t packet_count;
    uint32_t active; /* neurons with at least one spike (gates do not count) */
};

/* Sorts an OAT train's codes into packets, step by step inside each block of GRAPH_BLOCK_NEURONS.  Visits every
 * neuron of the window once and every spike twice. */
void train_build_oat(struct train *train, enum spike_code code, unsigned steps);
/* The same for an HG train: both gates and then the code's spikes. */
void train_build_hg(struct train *train, enum spike_code code, unsigned steps);

/* Room that a train over `neurons` needs. */
uint64_t train_spikes_max(uint32_t neurons, unsigned steps, int gates);

#endif
