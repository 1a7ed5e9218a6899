/* The spiking state of one token sequence on a graph, and what layers do with it: receive a packet, close
 * a window.  The kernel owns time, threads and the queue; nothing here knows of them.
 *
 * Membranes are exact integer sums (docs/design.md, Exactness).  At any time each level of a decoder holds at most
 * one token, so a population has one train and one set of sums.  What is read in a later window than it was
 * written has two copies, taken in turn by the token's parity; the residual has one potential for every
 * token between its start and the head.  All tokens of an encoder's sequence are at one level at a time: each has
 * its copy of everything, and the layers share it, as they do in whole windows.
 *
 * Threads: network_receive may run on several workers at once for the same packet: each changes only the
 * targets of its share, or a partial sum of its own.  network_close of different tokens may run at once.
 * Between closing and receiving the kernel puts a barrier. */
#ifndef LASSIM_LAYERS_NETWORK_H
#define LASSIM_LAYERS_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "layers/graph.h"
#include "layers/params.h"
#include "layers/train.h"

/* What the graph's numbers are: views into the model, not owned. */
struct network_model {
    const struct graph *graph;
    const struct population_params *population;
    const struct matrix *matrix;
    const struct norm_params *norm;
    const struct hg_table *table;
    const int32_t *rotary; /* [positions][head_dim / 2][2] cos, sin on the grid 2^-ROTARY_BITS; NULL unless rotary */
    enum spike_code code;
    unsigned steps; /* T of this run's windows; a population's own: params_steps */
    int32_t residual_grid;
    uint32_t context; /* tokens of the longest sequence, 1 .. positions: what the state has room for */
    const struct perturbation *perturbation; /* NULL: none */
};

/* A token on its way through the levels. */
struct token_window {
    uint32_t token;    /* number in the sequence, from 0 */
    uint32_t position; /* = token */
    uint32_t visible;  /* keys that it sees: position + 1; encoders: the tokens of the sequence */
    int asked;         /* its logits are wanted */
};

/* What a close did, for the counters. */
struct close_result {
    int opened; /* 0: only took its input in (head side, logits not asked for) */
    uint64_t saturations;
    uint64_t bias_injections;
};

struct network;

/* Memory comes from the caller: allocate(context, node, bytes) returns zeroed memory aligned to 64 bytes, or
 * NULL, and frees it after the network's last use.  network_new returns NULL as soon as it does. */
typedef void *network_allocate(void *context, unsigned node, size_t bytes);

/* The workers and the memory nodes that they run on.  On several nodes each gets a copy of the weights into its own
 * workers' targets, and its workers' own memory; on one node weights are read where they are mapped. */
struct network_team {
    unsigned workers, nodes; /* nodes <= workers */
    const unsigned *node;    /* [workers] ascending, 0 .. nodes - 1; NULL where nodes is 1; outlives the network */
};

/* window_tokens: 0 for spikes step by step (network_receive); else the most tokens that are worked through
 * together in whole windows, level by level (network_receive_window).
 * Bytes that network_new will ask for on all nodes, each array rounded up to 64. */
uint64_t network_bytes(const struct network_model *model, const struct network_team *team, uint32_t window_tokens);
/* The part of them that is the KV cache, at the longest context. */
uint64_t network_cache_bytes(const struct network_model *model);
struct network *network_new(const struct network_model *model, const struct network_team *team, uint32_t window_tokens,
                            network_allocate *allocate, void *context);
/* Back to an empty sequence.  O(state). */
void network_reset(struct network *network);

/* The train of population p: valid from its close until its next close. */
const struct train *network_train(const struct network *network, uint32_t p, uint32_t token);

/* Input spikes of a token: fills *packet and *spike for input population p with the given row. */
void network_input(const struct network *network, uint32_t p, uint32_t row, const struct token_window *token,
                   uint32_t *spike, struct packet *packet);

/* Worker `worker` of `workers` adds its share of the packet to the membranes that it reaches.
 * workers <= the number given to network_new. */
void network_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);

/* The same for the complete windows of tokens [first, first + count) of population p, which all have closed, worker of
 * workers or part of network_window_parts, in any order and by anybody;
 * in event order: q, k, v; inv, ctx; gate, up.  Only in networks made for whole windows; all tokens of an encoder's
 * sequence at once. */
void network_receive_windows(struct network *network, uint32_t p, uint32_t first, uint32_t count, unsigned pass,
                             unsigned worker, unsigned workers);
/* How often: passes 0, 1, ..., all workers done with one before the next. */
unsigned network_window_passes(const struct network *network, uint32_t p, uint32_t count);
/* How many parts the windows of `count` tokens are best cut into: workers, each its own, or more, which are taken by
 * whoever is free. */
unsigned network_window_parts(const struct network *network, uint32_t p, uint32_t count, unsigned workers);
/* 0: one worker alone does that for `count` tokens sooner than a team of workers is woken. */
int network_splits_window(const struct network *network, uint32_t p, uint32_t count);

/* A part of a population's close: its neurons [from, to), numbered as the train's codes are. */
struct close_part {
    uint32_t from, to;
    uint64_t saturations, bias_injections;
    uint64_t lost; /* whole windows: spikes that were emitted and do not arrive (layers/perturb.h) */
};
/* Begins closing population p's input for the token; then network_close_part for every part of `parts`, which may
 * run at once on different workers; inv's and ctx's parts of one number one after the other. */
void network_close_begin(struct network *network, uint32_t p, const struct token_window *token,
                         struct close_result *result);
void network_close_part(struct network *network, uint32_t p, const struct token_window *token, unsigned worker,
                        unsigned part, unsigned parts, struct close_part *done);

/* Closes population p's input for the token and fires: its train is rebuilt (for whole
 * windows its codes only, no packets).
 * Populations of one token and level must be closed by one caller in table order. */
void network_close(struct network *network, uint32_t p, const struct token_window *token, unsigned worker,
                   struct close_result *result);
/* Reads the head's potentials out: logits [graph->head_width], and clears them.  Returns the bias elements injected. */
uint64_t network_close_head(struct network *network, const struct token_window *token, float *logits);

#endif
