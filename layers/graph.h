/* The graph of a converted model: its populations, matrices and norms, in table order.
 *
 * A family's file (layers/opt.c) turns a model_config into this table; everything else (engine, file
 * format, counters, inspect, trace) is driven by the table and never asks for the family. */
#ifndef LASSIM_LAYERS_GRAPH_H
#define LASSIM_LAYERS_GRAPH_H

#include <stddef.h>
#include <stdint.h>

enum model_family { FAMILY_OPT = 1 };

/* Hyperparameters, as in the checkpoint's config.  Bounds: graph_config_check. */
struct model_config {
    uint32_t family;
    uint32_t vocabulary;      /* V */
    uint32_t hidden;          /* D */
    uint32_t embedding;       /* W, word_embed_proj_dim; != D needs project_in/out */
    uint32_t ffn;             /* F */
    uint32_t layers;          /* L */
    uint32_t heads;           /* H, divides D */
    uint32_t positions;       /* longest context in tokens */
    uint32_t position_rows;   /* rows of the position table: positions + position_offset */
    uint32_t position_offset; /* OPT: 2 */
    uint32_t pre_norm;        /* 1: LayerNorm before (OPT-125m), 0: after (350m) */
    uint32_t final_norm;      /* 1: a norm before the head (pre_norm only) */
    uint32_t tied;            /* 1: head is the token embedding */
    uint32_t bos, eos, pad;   /* token ids */
    double norm_epsilon;      /* 1e-5 */
};

enum code_kind { CODE_INPUT = 0, CODE_OAT = 1, CODE_HG = 2 };

/* What a population computes when its window closes; names are docs/design.md's table. */
enum population_kind {
    POPULATION_TOKEN = 0,   /* tok: one input spike, row = token id */
    POPULATION_POSITION,    /* pos: one input spike, row = position + offset */
    POPULATION_EMBED,       /* embed: OAT between tok and project_in (W) */
    POPULATION_RESIDUAL,    /* res: a copy of the residual potential (D) */
    POPULATION_CENTERED,    /* xmu: x - mean (D) */
    POPULATION_RSTD,        /* rstd: HG 1/sqrt(variance + eps) (1) */
    POPULATION_NORM,        /* ln: (xmu * rstd) gamma + beta (D), one alpha per channel */
    POPULATION_QUERY,       /* q */
    POPULATION_KEY,         /* k */
    POPULATION_VALUE,       /* v */
    POPULATION_EXP,         /* exp: HG exp(s - max), neuron = head * positions + key */
    POPULATION_WEIGHT,      /* e: OAT of exp, same neurons */
    POPULATION_INVERSE,     /* inv: HG 1 / sum e (H) */
    POPULATION_CONTEXT,     /* ctx: OAT of e.v (D), alpha times 2^floor(log2 sum e) */
    POPULATION_ATTENTION,   /* att: ctx * inv (D) */
    POPULATION_FFN,         /* fc: ReLU (F) */
    POPULATION_PROJECT_OUT, /* OAT between project_out and the head (W) */
    POPULATION_KINDS
};

/* Partners per spike in spike products (docs/design.md, table, last column). */
enum product_kind {
    PRODUCT_NONE = 0,
    PRODUCT_ONE,    /* own square, own query, or own inv: 1 */
    PRODUCT_FIXED,  /* product_partners (rstd: D; e, inv: d_head) */
    PRODUCT_VISIBLE /* q: the visible keys */
};

#define GRAPH_NONE UINT32_MAX

struct population {
    char name[40]; /* "layers.3.norm1.xmu", "tok", "final.ln": the last part is docs/design.md's name */
    enum population_kind kind;
    enum code_kind code;
    int32_t layer;  /* 0..L-1; -1: before the first block; L: after the last */
    uint32_t level; /* k, window offset in the token */
    uint32_t neurons;
    uint32_t fan_out; /* synapses per spike */
    enum product_kind product;
    uint32_t product_partners; /* PRODUCT_FIXED only */
    int visible_only;          /* exp, e: only the visible keys' neurons take part in a window */
    int head_side;             /* 1: opens no window for a token whose logits are not asked for */
    int relu;                  /* fc */
    int per_channel;           /* ln: alpha shift per channel */
    int into_residual;         /* post-LN ln: one of its fan_out synapses enters the residual, which is emptied when
                           * this train arrives (its value is the residual's new one) */
    uint32_t norm;             /* index of the norm this population belongs to, or GRAPH_NONE */
    uint32_t bias_elements;    /* bias injections at this population's close, were every bias present:
                             * q, k, v: D; fc: F; res: D when fed by o or fc2 (see matrix.bias) */
};

/* What an index of population_kind is called in names and prints: "tok", "res", "xmu", ...; "?" out of range. */
const char *population_kind_name(enum population_kind kind);
/* "input", "OAT", "HG". */
const char *code_kind_name(enum code_kind code);

/* Where a matrix's product goes. */
enum matrix_target { TARGET_POPULATION = 0, TARGET_RESIDUAL, TARGET_HEAD };

struct matrix_slot {
    char name[40];   /* "tok", "pos", "project_in", "layers.0.q", ".k", ".v", ".o", ".fc1", ".fc2",
                            * "project_out", "head" */
    uint32_t source; /* population whose spikes walk its rows */
    enum matrix_target target;
    uint32_t target_population; /* TARGET_POPULATION: that one; TARGET_RESIDUAL: the next res population
                                 * (its close takes the value in); TARGET_HEAD: GRAPH_NONE */
    uint32_t sources, targets;  /* rows (fan-out rows, one per source neuron) and columns */
    int32_t layer;
    int has_bias; /* may carry a bias (linear layers of a block) */
};

struct norm_slot {
    char name[40]; /* "layers.0.norm1" (self_attn_layer_norm), ".norm2" (final_layer_norm), "final" */
    int32_t layer;
    uint32_t residual, centered, rstd, output; /* population indices */
};

struct graph {
    struct model_config config;
    uint32_t populations, matrices, norms;
    struct population *population; /* [populations], level order within a block, then table order */
    struct matrix_slot *matrix;    /* [matrices] */
    struct norm_slot *norm;        /* [norms] */
    uint32_t head_matrix;          /* index of "head" */
    uint32_t head_level;           /* windows from a token's start to the head's close */
    uint32_t levels;               /* = head_level: levels 0 .. levels-1 hold populations */
};

enum { GRAPH_BLOCK_NEURONS = 1024 /* neurons of one spike packet's block */ };

/* NULL if every hyperparameter is in range, else what is wrong, a static string that names the field and its
 * range.  Sizes are 1 .. 2^20 - 1, layers 1 .. 1024, heads * positions < 2^27: so every product of two
 * sizes, a layer count and a word size stays below 2^60.  O(1). */
const char *graph_config_check(const struct model_config *config);
/* Builds the family's table.  Returns NULL on a bad config or no memory; *reason then says why.
 * The caller owns the graph: graph_free. */
struct graph *graph_build(const struct model_config *config, const char **reason);
void graph_free(struct graph *graph);
/* Neurons that take part in population p's window of the token at `position` (0-based, clipped at the
 * longest context): all of them, or heads * (position + 1) where only visible keys do. */
uint32_t graph_window_neurons(const struct graph *graph, uint32_t p, uint32_t position);
/* Blocks of GRAPH_BLOCK_NEURONS in population p. */
uint32_t graph_blocks(const struct graph *graph, uint32_t p);

#endif
