/* LIF and IF, the leaky and the perfect integrate-and-fire neuron in discrete time, with delta synapses.
 *
 * One timestep of a neuron with potential V, whose synapses bring x in this step:
 *   1. refractory (fewer than `refractory` steps after its spike): x is lost, V stays; nothing else happens
 *   2. V = leak V + x
 *   3. V >= threshold: a spike at this step; V = 0, or V = V - threshold with `subtract`
 * | parameter  | range            | meaning                                                     |
 * | threshold  | > 0, finite      |                                                             |
 * | leak       | 0 .. 1           | factor per timestep; 1 is IF, e^(-dt/tau) a membrane of tau |
 * | subtract   | 0, 1             | reset by subtraction keeps what exceeds the threshold       |
 * | refractory | 0 .. 2^31        | timesteps after a spike in which the neuron is silent       |
 * Receives: x in IEEE double.  Sends: one unsigned spike at most per timestep.
 *
 * Exactness: one multiplication, one addition, one subtraction in IEEE double, each rounded once, never
 * contracted, no libm: the same spikes on every machine.  While V, x and the threshold are multiples of one
 * power of two below 2^53 times it and leak is 1, nothing is rounded at all.
 *
 * Correspondence, spike for spike (docs/network-format.md): NEST's iaf_psc_delta (E_L = V_reset = 0, V_th =
 * threshold, t_ref = refractory h, tau_m = -h / ln leak, no refr_input) updates in this order; so does Brian2 with
 * v *= leak in `groups` and the schedule start, groups, synapses, thresholds, resets, end, in which a delay of 0
 * is one timestep.  Neither keeps a remainder unless the reset is written as v -= threshold (Brian2). */
#ifndef LASSIM_NEURONS_LIF_H
#define LASSIM_NEURONS_LIF_H

#include <stdint.h>

enum { LIF_SPAN = 256 /* neurons of one call at most */ };

struct lif_params {
    double threshold, leak;
    int subtract;
    uint32_t refractory;
};

/* One timestep, number t, of n <= LIF_SPAN neurons.  v: [n] potentials, finite.  ready: [n] the first timestep at which
 * a neuron is not refractory, NULL if refractory is 0.  input: [n] what arrives.  fired: bit i % 64 of word i / 64
 * is set if neuron i spikes, all others are cleared.  *restless: set to 1 if some neuron is left at or above its
 * threshold and so will spike without input, else 0.  Returns 1 if any spiked.  O(n), no allocation. */
int lif_step(const struct lif_params *params, uint64_t t, double *v, uint64_t *ready, const double *input, uint32_t n,
             uint64_t fired[LIF_SPAN / 64], int *restless);

/* e^(-dt/tau), the leak of a membrane of time constant tau > 0 over a step dt >= 0; within 1 ulp, the same bits
 * everywhere (neurons/real.h). */
double lif_leak(double tau, double dt);

#endif
