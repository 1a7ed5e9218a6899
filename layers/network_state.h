/* Inside of struct network, shared by the layers' files only. */
#ifndef LASSIM_LAYERS_NETWORK_STATE_H
#define LASSIM_LAYERS_NETWORK_STATE_H

#include <stdatomic.h>

#include "layers/network.h"
#include "layers/products.h"
#include "layers/synapse_shared.h"
#include "layers/synapse_window.h"

typedef __int128 wide; /* squares and products with HG trains */

/* One norm's membranes. */
struct norm_state {
    int64_t *own;      /* [D] the source train's values: first synapse */
    int64_t *mean;     /* [workers] their sum, in parts: second synapse */
    int64_t *centered; /* [D] running sums of xmu (RMSNorm: of the source) */
    wide *square;      /* [workers] sum of squares, in parts */
    wide *product;     /* [D] xmu * rstd; whole windows: none, but */
    int64_t scale;     /* rstd, to meet centered at ln's close */
    int64_t total;     /* sum of mean, while xmu closes */
    int64_t *emptied;  /* [D] ln's train into the emptied residual (post-LN), or NULL */
};

enum { KEY_BLOCK = PRODUCTS_BLOCK /* keys side by side in the cache: one cache line of a channel */ };

/* One attention layer's membranes, and its KV cache of spike sums, which all copies share.  Q = heads * head_dim channels,
 * K = kv_heads * head_dim, C = the longest context. */
struct attention_state {
    int32_t *key_sums;    /* [C / KEY_BLOCK, rounded up][K][KEY_BLOCK]: network_keys */
    int32_t *value_sums;  /* [C][K] */
    int64_t *query;       /* [Q] running sums of q; encoders: [workers][Q], one copy a worker */
    int64_t *score;       /* [H][C] */
    int64_t *own_score;   /* [workers][H] the token's own key, in parts; decoders */
    int64_t *exponential; /* [H][C] membranes of e */
    int64_t *weight_sum;  /* [H] sum of e */
    int64_t *context;     /* [Q] e.v */
    int *octave;          /* [H] floor(log2 sum e) */
    int64_t *inverse;     /* [workers][H] running sums of inv, one copy a worker */
    int64_t *context_sum; /* [Q] running sums of ctx */
    wide *product;        /* [Q] ctx * inv; whole windows: none, context_sum and inverse meet at attn's close */
    /* query, key: those that meet (turned by their position where rotary) */
    uint32_t query_population, key_population, value_population, exp_population, weight_population, inverse_population,
        context_population;
};

/* The membrane of a population that others feed neuron by neuron. */
struct unit_state {
    int64_t *sum;       /* [neurons] qr, kr: on the rotary table's grid; relay: act's train; values: the last norm's */
    wide *product;      /* [neurons] gated: gate * up; whole windows: none, gate and up meet at gated's close */
    int64_t *gate, *up; /* [neurons] gated: their running sums */
};

/* Where a population's spikes go, found once from the graph. */
struct population_links {
    uint32_t matrix[3], matrices; /* matrices whose rows its spikes walk */
    uint32_t input;               /* matrix that feeds it (its sum is its membrane), or GRAPH_NONE */
    uint32_t intake[4], intakes;  /* res: matrices whose products its close takes into the residual */
    int starts_residual;          /* res: the token's first one */
    uint32_t emptied_norm; /* norm whose ln train replaces the residual when it ends, at this close, or GRAPH_NONE */
    uint32_t norm, layer;  /* its norm and attention layer, or GRAPH_NONE */
    int norm_source;       /* its train is what its norm is made of: res, or the masked-LM transform's relay */
    uint32_t unit;         /* population whose unit_state it feeds: qr, kr, relay, gated; itself where the last norm's
                            * train is read out; or GRAPH_NONE */
    uint32_t other;        /* gate: the up of its product */
    double lsb;            /* OAT: alpha_nor 2^-T, T the population's own */
};

/* Where a worker finds one matrix: the targets [from, to) of its node, in memory there. */
struct matrix_part {
    struct matrix matrix; /* weights: [sources][to - from] */
    uint32_t from, to;
};

struct network {
    struct network_model model;
    unsigned workers;
    uint32_t hidden, heads, head_dim;  /* D, H, channels of a head */
    uint32_t width, kv_width;          /* channels of all query heads, of all key heads */
    uint32_t group;                    /* query heads that share a key head */
    uint32_t positions;                /* neurons of exp and e: head * positions + key */
    uint32_t context;                  /* longest sequence that there is room for, <= positions */
    struct population_links *links;    /* [populations] */
    int windows;                       /* 1: whole windows; 0: step by step */
    int encoder;                       /* 1: all tokens at once, each sees all */
    int level_by_level;                /* windows || encoder: what a level leaves is used up before the next of its kind
                                       * comes, so its memory serves all layers */
    uint32_t copies, train_copies;     /* of every membrane and train, taken in turn by the tokens */
    struct train *train;               /* [populations][train_copies] */
    int64_t **sum;                     /* [matrices][copies], each [targets] */
    struct norm_state *norm;           /* [norms][copies] */
    struct attention_state *attention; /* [layers][copies] */
    struct unit_state *unit;           /* [populations][copies] */
    int64_t *residual;                 /* [slots][D] */
    uint32_t slots;
    uint64_t sequence;              /* resets so far */
    double **scratch;               /* [workers][largest population] */
    struct synapse_window **window; /* whole windows: [workers][copies] */
    void **window_scratch;          /* whole windows: [workers] of synapse_window_scratch */
    struct synapse_amx_shared *amx; /* whole windows: what workers and a source's matrices share, or NULL: no tiles */
    struct synapse_partials partials[3]; /* whole windows, on one node: of each of a population's matrices */
    _Atomic uint32_t claimed[3]; /* and on one node, of each of these matrices, pieces that workers have taken */
    unsigned nodes;
    const unsigned *node;     /* [workers], the caller's; NULL on one node */
    struct matrix_part *part; /* [matrices][nodes] on several nodes, else NULL */
};

/* Copies of q's running sums: an encoder's workers have one each where spikes come step by step. */
static inline unsigned network_query_copies(const struct network *network)
{
    return network->encoder && !network->windows ? network->workers : 1;
}

static inline int64_t *network_residual(const struct network *network, uint32_t token)
{
    return network->residual + (uint64_t)(token % network->slots) * network->hidden;
}

static inline struct train *network_own_train(const struct network *network, uint32_t p, uint32_t token)
{
    return &network->train[(uint64_t)p * network->train_copies + token % network->train_copies];
}

static inline int64_t *network_sum(const struct network *network, uint32_t m, uint32_t token)
{
    return network->sum[(uint64_t)m * network->copies + token % network->copies];
}

/* The membranes of the norm, or attention layer, that population p belongs to. */
static inline struct norm_state *network_norm(const struct network *network, uint32_t p, uint32_t token)
{
    return &network->norm[(uint64_t)network->links[p].norm * network->copies + token % network->copies];
}

static inline struct attention_state *network_attention(const struct network *network, uint32_t p, uint32_t token)
{
    return &network->attention[(uint64_t)network->links[p].layer * network->copies + token % network->copies];
}

/* The membrane of the population that p feeds neuron by neuron. */
static inline struct unit_state *network_unit(const struct network *network, uint32_t p, uint32_t token)
{
    return &network->unit[(uint64_t)network->links[p].unit * network->copies + token % network->copies];
}

/* Table of HG population p. */
static inline const struct hg_table *network_table(const struct network *network, uint32_t p)
{
    return &network->model.table[network->model.population[p].table];
}

/* Channel `channel` of the KEY_BLOCK keys from `first` (a multiple of KEY_BLOCK) on. */
static inline int32_t *network_keys(const struct network *network, const struct attention_state *attention,
                                    uint32_t channel, uint32_t first)
{
    return attention->key_sums + ((uint64_t)(first / KEY_BLOCK) * network->kv_width + channel) * KEY_BLOCK;
}

/* The key channel that channel i of the queries meets; also the value channel that i of the context takes. */
static inline uint32_t network_kv_channel(const struct network *network, uint32_t i)
{
    return i / network->head_dim / network->group * network->head_dim + i % network->head_dim;
}

/* cos and sin of channel i of a head (its pair: i +- head_dim / 2) at a position, integers * 2^-ROTARY_BITS. */
static inline const int32_t *network_rotary(const struct network *network, uint32_t position, uint32_t i)
{
    uint32_t half = network->head_dim / 2;
    return network->model.rotary + ((uint64_t)position * half + i % half) * 2;
}

static inline int32_t *network_key(const struct network *network, const struct attention_state *attention,
                                   uint32_t channel, uint32_t position)
{
    return network_keys(network, attention, channel, position - position % KEY_BLOCK) + position % KEY_BLOCK;
}

/* T of population p in this run. */
static inline unsigned network_steps(const struct network *network, uint32_t p)
{
    return params_steps(&network->model.population[p], network->model.steps);
}

/* A spike's integer weight at `step` of `steps` (network_steps) in units of its neuron's lsb. */
static inline int64_t spike_delta(const struct population_params *params, unsigned steps, unsigned step, uint32_t spike)
{
    int64_t delta = INT64_C(1) << (steps - 1 - step + (spike & SPIKE_OUTLIER ? params->j : 0));
    return spike & SPIKE_NEGATIVE ? -delta : delta;
}

/* What an HG spike adds to a running sum: the octave gate nothing, the sub-interval gate f(l), a code
 * spike its step weight. */
static inline int64_t hg_spike_delta(const struct hg_table *table, const struct hg_code *code, unsigned step,
                                     uint32_t spike)
{
    if (spike & SPIKE_OCTAVE_GATE) return 0;
    if (spike & SPIKE_SUB_GATE) return table->base[code->row];
    int64_t weight = hg_step_weight(table, code->row, step);
    return spike & SPIKE_NEGATIVE ? -weight : weight;
}

/* Fills network->links, and where attention finds its populations, from the graph. */
void network_link(struct network *network);

/* Matrix m as worker `worker` reads it. */
struct matrix_part network_part(const struct network *network, uint32_t m, unsigned worker);
/* What one unit of matrix m's integer sums is worth, but for its targets' scales: lsb of its source x 2^grid. */
double network_matrix_unit(const struct network *network, uint32_t m);
/* x[from .. to) = what matrix m's sums of the token's window are worth, biases added; the sums start anew. */
void network_matrix_values(struct network *network, uint32_t m, uint32_t token, uint32_t from, uint32_t to, double *x);
/* Cuts [*from, *to) to head `head`'s channels (empty when *from >= *to). */
void network_head_channels(const struct network *network, uint32_t head, uint32_t *from, uint32_t *to);

/* Receive: one function a kind of layer (network.c says which population has which). */
void linear_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void source_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void centered_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void rstd_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void norm_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void query_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void key_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void value_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void exp_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void weight_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void inverse_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void context_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void turn_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void activated_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void gate_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
void up_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);

/* A product sum rounded to double; nearly all fit 64 bits, where the conversion is one instruction. */
static inline double wide_to_double(wide sum)
{
    return (wide)(int64_t)sum == sum ? (double)(int64_t)sum : (double)sum;
}

/* Close: writes the values of the membranes [from, to) into x (OAT) or codes into train->hg (HG), and clears them.
 * from and to count neurons, for exp, e, inv and ctx heads; x and codes are the whole window's.
 * Adds up the bias elements injected and the saturations met before OAT coding. */
struct close_call {
    struct network *network;
    uint32_t population;
    const struct token_window *token;
    double *x;
    uint32_t from, to;
    uint64_t injections, saturations;
};
void linear_close(struct close_call *call);
void query_close(struct close_call *call);
void key_close(struct close_call *call);
void value_close(struct close_call *call);
void residual_intake(struct close_call *call);  /* always; like residual_replace of channels [from, to) */
void residual_replace(struct close_call *call); /* post-LN: the norm's train is the residual's new value */
void residual_close(struct close_call *call);   /* only where the window opens */
void centered_begin(struct network *network, uint32_t population, const struct token_window *token);
void centered_close(struct close_call *call);
void rstd_close(struct close_call *call);
void norm_close(struct close_call *call);
void exp_close(struct close_call *call);
void weight_close(struct close_call *call);
void inverse_close(struct close_call *call);
void context_close(struct close_call *call);
void attention_close(struct close_call *call);
void turned_close(struct close_call *call);
void activated_close(struct close_call *call);
void relay_close(struct close_call *call);
void gate_close(struct close_call *call);
void up_close(struct close_call *call);
void gated_close(struct close_call *call);
/* The running sums of a window of q, k, or of RMSNorm's source, start from nothing: neurons [from, to). */
void query_begin(const struct close_call *call);
void key_begin(const struct close_call *call);
void source_begin(const struct close_call *call);
/* sum[i] += what the train's spikes of the packet weigh, channel shifts applied; worker's share of the neurons. */
void values_receive(const struct network *network, const struct packet *packet, unsigned worker, unsigned workers,
                    int64_t *sum);

#endif
