/* The spike train of one population in one window: its codes, and the packets they leave as. */
#ifndef LASSIM_LAYERS_TRAIN_H
#define LASSIM_LAYERS_TRAIN_H

#include "layers/packet.h"
#include "layers/perturb.h"
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
    uint32_t *codes;          /* OAT: [neurons] as neurons/oat.h packs them: what arrives */
    struct hg_code *hg;       /* HG: [neurons], as emitted */
    uint32_t *emitted;      /* OAT: [neurons] codes as emitted, where spikes can be lost in whole windows; else NULL */
    int32_t *lost;          /* HG: [neurons] what the lost spikes weigh, in units of the last step; else NULL */
    uint32_t *spikes;       /* [neurons * steps (+ 2 gates each)] in packet order */
    struct packet *packets; /* [blocks * steps]; the first packet_count are in use */
    uint32_t packet_count;
    uint32_t active; /* neurons with at least one spike (gates do not count) */
};

/* The codes of an OAT train as its neurons sent them. */
static inline const uint32_t *train_emitted(const struct train *train)
{
    return train->emitted != NULL ? train->emitted : train->codes;
}

/* Neuron i of the window, numbered in the population. */
static inline uint32_t train_neuron(const struct train *train, uint32_t i)
{
    return train->span == train->neurons ? i : i / train->span * train->stride + i % train->span;
}

/* Sorts an OAT train's codes into packets, step by step inside each block of GRAPH_BLOCK_NEURONS.  Visits every
 * neuron of the window once and every spike twice.  key: spikes may be lost on the way; NULL: none. */
void train_build_oat(struct train *train, enum spike_code code, unsigned steps, const struct perturb_key *key);
/* The same for an HG train: both gates and then the code's spikes. */
void train_build_hg(struct train *train, enum spike_code code, unsigned steps, const struct perturb_key *key);

/* Perturbations of the window's neurons [from, to), numbered as its codes are. */
/* Before OAT coding: potentials x over their thresholds' factors, 0 for stuck neurons. */
void train_perturb_potentials(const struct train *train, const struct perturb_key *key, uint32_t from, uint32_t to,
                              double *x);
/* After coding: codes of stuck neurons, HG codes by their thresholds' factors.  Returns the saturations that did not
 * happen after all. */
uint64_t train_perturb_codes(struct train *train, const struct perturb_key *key, unsigned steps, uint32_t from,
                             uint32_t to);
/* Whole windows: what of the codes arrives (codes, emitted, lost).  Returns the number of spikes lost. */
uint64_t train_perturb_delivery(struct train *train, const struct perturb_key *key, enum spike_code code,
                                unsigned steps, uint32_t from, uint32_t to);

/* Room that a train over `neurons` needs. */
uint64_t train_spikes_max(uint32_t neurons, unsigned steps, int gates);

#endif
