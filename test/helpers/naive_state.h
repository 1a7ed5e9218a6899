/* Inside of the naive model, shared by its files only: neurons and counts (naive_neurons.c), their
 * perturbations (naive_perturb.c), linear maps (naive_linear.c), layers (naive_layers.c), whole tokens and sequences (naive_model.c). */
#ifndef LASSIM_TEST_HELPERS_NAIVE_STATE_H
#define LASSIM_TEST_HELPERS_NAIVE_STATE_H

#include "test/helpers/naive_model.h"

typedef __int128 wide;

/* What a population sent in one window: integers in units of its lsb (channel shifts applied) or, of an HG
 * population, of 2^output_grid. */
struct sent {
    uint32_t population, n;
    wide *value;
};

struct naive {
    const struct model *model;
    const struct model_config *c;
    unsigned steps;
    uint32_t tokens, token, level, visible; /* visible: keys that the token sees */
    int asked;
    struct counters *population, *per_token;
    double *largest;
    struct naive_record *record; /* [positions][populations], neurons = 0: did not open */
    uint32_t records;
    const struct perturbation *perturbation; /* or NULL */
    double *residual, *residuals;            /* [D] the token's; [positions][D]; integers */
    wide *key, *value;                       /* [layers][positions][kv_heads * head_dim] */
    struct sent *query;                      /* [positions] what meets the keys of the layer at hand */
    uint32_t key_population, value_population;
};

void *naive_make(size_t count, size_t size);
__attribute__((format(printf, 2, 3))) uint32_t naive_population(const struct naive *naive, const char *format, ...);
__attribute__((format(printf, 2, 3))) uint32_t naive_matrix(const struct naive *naive, const char *format, ...);

/* T of population p; what its lsb is worth; its HG table. */
unsigned naive_steps(const struct naive *naive, uint32_t p);
double naive_lsb(const struct naive *naive, uint32_t p);
const struct hg_table *naive_table(const struct naive *naive, uint32_t p);

/* Which timesteps a magnitude spikes at, and with which sign: sign [steps] = 0, 1 or -1. */
void naive_spikes(enum spike_code code, unsigned steps, uint32_t magnitude, int *sign);
/* A neuron of population p in the current token's window: its spike of timestep t is lost; the factor of its threshold; what
 * it is stuck at (STUCK_NOT, ...); what arrives of a magnitude. */
int naive_is_lost(const struct naive *naive, uint32_t p, uint32_t neuron, unsigned t);
double naive_threshold_factor(const struct naive *naive, uint32_t p, uint32_t neuron);
int naive_stuck_state(const struct naive *naive, uint32_t p, uint32_t neuron);
wide naive_arriving(const struct naive *naive, uint32_t p, uint32_t neuron, uint32_t magnitude);

void naive_count(struct naive *naive, uint32_t p, const struct counters *counters);
void naive_macs(struct naive *naive, uint32_t p, uint64_t macs);

/* A window of the current token opens at the current level; keys: neurons are head * positions + key of visible keys.
 * fan_out, partners: of every spike. */
void naive_input(struct naive *naive, uint32_t p, uint32_t row, uint64_t fan_out);
struct sent naive_fire_oat(struct naive *naive, uint32_t p, const double *x, uint32_t n, int keys, uint64_t fan_out,
                           uint64_t partners);
struct sent naive_fire_hg(struct naive *naive, uint32_t p, const double *x, uint32_t n, int keys, uint64_t fan_out,
                          uint64_t partners);

/* x [targets] = (double)sum * (m * scale) (+ bias); closing: the population that the bias belongs to. */
double *naive_linear(struct naive *naive, uint32_t m, const struct sent *from, uint32_t closing);
/* An embedding row: one spike of weight 1. */
double *naive_look_up(const struct naive *naive, uint32_t m, uint32_t row);
/* Rounds values to the residual's grid and adds them; frees them (of the second, *from's). */
void naive_into_residual(struct naive *naive, double *x, uint32_t closing);
void naive_linear_into_residual(struct naive *naive, uint32_t m, struct sent *from, uint32_t closing);
/* An OAT population of what matrix m sends it. */
struct sent naive_fire_linear(struct naive *naive, uint32_t m, uint32_t p, const struct sent *from, uint64_t fan_out,
                              uint64_t partners);

struct sent naive_fire_residual(struct naive *naive, uint32_t p, uint64_t fan_out, uint64_t partners);
/* The windows of a norm from its own res population, or over `source` (which is freed), up to its output's. */
struct sent naive_norm(struct naive *naive, const char *name, uint64_t fan_out);
struct sent naive_norm_over(struct naive *naive, const char *name, struct sent *source, uint64_t fan_out);
/* Post-LN: the train becomes the emptied residual's value when it ends; then `closing` closes. */
void naive_replace_residual(struct naive *naive, const struct sent *ln, uint32_t closing);
/* q, k and v (turned) fire; then, once every token that is seen has, exp .. att. */
void naive_attend(struct naive *naive, uint32_t layer, const struct sent *from);
struct sent naive_attended(struct naive *naive, uint32_t layer);
/* Frees *from.  The population that feeds fc2 or down. */
struct sent naive_feed_forward(struct naive *naive, uint32_t layer, struct sent *from);
/* HG of matrix m's values, relayed: two windows; frees *from. */
struct sent naive_activated(struct naive *naive, uint32_t m, uint32_t act, uint32_t relay, struct sent *from,
                            uint64_t fan_out);

#endif
