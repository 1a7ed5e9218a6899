/* The graph of a converted model: its populations, matrices and norms, in table order.
 *
 * A family's file (layers/opt.c, llama.c, gpt2.c, bert.c) turns a model_config into this table; everything else (engine, file
 * format, counters, inspect, trace) is driven by the table and never asks for the family. */
#ifndef LASSIM_LAYERS_GRAPH_H
#define LASSIM_LAYERS_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "neurons/hg.h"

enum model_family { FAMILY_OPT = 1, FAMILY_LLAMA, FAMILY_QWEN2, FAMILY_GPT2, FAMILY_BERT };
/* "opt", "llama", "qwen2", "gpt2", "bert" (config.json's model_type); NULL for any other number. */
const char *graph_family_name(uint32_t family);
/* "OPT", "Llama", "Qwen2", "GPT-2", "BERT": for people to read. */
const char *graph_family_title(uint32_t family);
/* All of those names, ", " between them: a static string for refusals. */
const char *graph_family_names(void);

enum norm_kind { NORM_LAYER = 0, NORM_RMS /* no mean, no beta */ };
enum activation {
    ACTIVATION_RELU = 0,
    ACTIVATION_GELU_ERF,
    ACTIVATION_GELU_TANH,
    ACTIVATION_SILU,
    ACTIVATION_QUICK_GELU,
    ACTIVATIONS
};
/* What is read out. */
enum head_kind {
    HEAD_LM = 0,    /* [vocabulary] for each token asked for */
    HEAD_MASKED_LM, /* the same behind a transform (dense, activation, norm); encoders */
    HEAD_CLASSIFY,  /* [labels] from the first token, behind the pooler (dense, tanh); encoders */
    HEAD_VALUES,    /* [hidden]: the last norm's own train, one synapse a neuron; encoders' sentence vectors */
    HEAD_KINDS
};

/* Hyperparameters, as in the checkpoint's config.  Bounds: graph_config_check.  Where a field says "0: ...", graph_build
 * puts that value in its place. */
struct model_config {
    uint32_t family;
    uint32_t vocabulary;      /* V */
    uint32_t hidden;          /* D */
    uint32_t embedding;       /* W, word_embed_proj_dim (OPT); != D needs project_in/out.  0: hidden */
    uint32_t ffn;             /* F */
    uint32_t layers;          /* L */
    uint32_t heads;           /* H */
    uint32_t positions;       /* longest context in tokens */
    uint32_t position_rows;   /* rows of the position table: positions + position_offset; 0 where rotary */
    uint32_t position_offset; /* OPT: 2 */
    uint32_t pre_norm;        /* 1: norm before the branches, 0: after (OPT-350m, BERT) */
    uint32_t final_norm;      /* 1: a norm before the head (pre_norm only) */
    uint32_t tied;            /* 1: head is the token embedding */
    uint32_t bos, eos, pad;   /* token ids */
    uint32_t kv_heads;        /* key and value heads, divides H; query head h reads h / (H / kv_heads).  0: heads */
    uint32_t head_dim;        /* channels of a head; even where rotary.  0: hidden / heads */
    uint32_t norm_kind;       /* enum norm_kind */
    uint32_t activation;      /* enum activation of the FFN (and of HEAD_MASKED_LM's transform) */
    uint32_t gated;           /* 1: FFN is activation(gate) * up */
    uint32_t rotary;          /* 1: q and k are turned by the position (struct network_model's table) */
    uint32_t encoder;         /* 1: every token sees all tokens of its sequence */
    uint32_t token_types;     /* rows of the token type table; 0: none */
    uint32_t head;            /* enum head_kind */
    uint32_t labels;          /* HEAD_CLASSIFY only */
    uint32_t score_by_layer;  /* 1: scores of layer l are divided by l + 1 (GPT-2) */
    uint32_t reserved;        /* 0 */
    double norm_epsilon;      /* 1e-5 */
    double score_scale;       /* factor of q.k; 0: 1 / sqrt(head_dim) */
};

enum code_kind { CODE_INPUT = 0, CODE_OAT = 1, CODE_HG = 2 };

/* What a population computes when its window closes; names are docs/design.md's table. */
enum population_kind {
    POPULATION_TOKEN = 0,    /* tok: one input spike, row = token id */
    POPULATION_POSITION,     /* pos: one input spike, row = position + offset */
    POPULATION_EMBED,        /* embed: OAT between tok and project_in (W) */
    POPULATION_RESIDUAL,     /* res: a copy of the residual potential (D) */
    POPULATION_CENTERED,     /* xmu: x - mean (D) */
    POPULATION_RSTD,         /* rstd: HG 1/sqrt(variance + eps) (1) */
    POPULATION_NORM,         /* ln: (xmu * rstd) gamma + beta (D), one alpha per channel */
    POPULATION_QUERY,        /* q */
    POPULATION_KEY,          /* k */
    POPULATION_VALUE,        /* v */
    POPULATION_EXP,          /* exp: HG exp(s - max), neuron = head * positions + key */
    POPULATION_WEIGHT,       /* e: OAT of exp, same neurons */
    POPULATION_INVERSE,      /* inv: HG 1 / sum e (H) */
    POPULATION_CONTEXT,      /* ctx: OAT of e.v (D), alpha times 2^floor(log2 sum e) */
    POPULATION_ATTENTION,    /* att: ctx * inv (D) */
    POPULATION_FFN,          /* fc: ReLU (F) */
    POPULATION_PROJECT_OUT,  /* OAT between project_out and the head (W) */
    POPULATION_TYPE,         /* typ: one input spike, row = token type */
    POPULATION_QUERY_TURNED, /* qr: q turned by its position (H d_head) */
    POPULATION_KEY_TURNED,   /* kr: k turned by its position (kv_heads d_head) */
    POPULATION_ACTIVATED,    /* act: HG function of a linear membrane */
    POPULATION_GATE,         /* gate: the same, for a product with up (F) */
    POPULATION_UP,           /* up: OAT (F) */
    POPULATION_GATED,        /* OAT of gate * up (F) */
    POPULATION_RELAY,        /* OAT of act over one unit synapse: only OAT trains meet weight matrices */
    POPULATION_KINDS
};

/* Partners per spike in spike products (docs/design.md, table, last column). */
enum product_kind {
    PRODUCT_NONE = 0,
    PRODUCT_ONE,    /* own square, own query, or own inv: 1 */
    PRODUCT_FIXED,  /* product_partners (rstd: D; e, inv: d_head; k: query heads that share it) */
    PRODUCT_VISIBLE /* the visible keys: q; encoders' k, which meets every query of its window */
};

#define GRAPH_NONE UINT32_MAX

struct population {
    char name[40]; /* "layers.3.norm1.xmu", "tok", "final.ln": the last part is docs/design.md's name */
    enum population_kind kind;
    enum code_kind code;
    enum hg_function function; /* CODE_HG only */
    int32_t layer;             /* 0..L-1; -1: before the first block; L: after the last */
    uint32_t level;            /* k, window offset in the token */
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
    uint32_t partner;          /* qr, kr: the q or k it turns; relay: its act; gated: its gate; else GRAPH_NONE */
    uint32_t bias_elements;    /* bias injections at this population's close, were every bias present:
                             * the targets of its matrix; res: of those that it takes in (see matrix.bias) */
};

/* What an index of population_kind is called in names and prints: "tok", "res", "xmu", ...; "?" out of range. */
const char *population_kind_name(enum population_kind kind);
/* "input", "OAT", "HG". */
const char *code_kind_name(enum code_kind code);

/* Where a matrix's product goes. */
enum matrix_target { TARGET_POPULATION = 0, TARGET_RESIDUAL, TARGET_HEAD };

struct matrix_slot {
    char name
        [40]; /* "tok", "pos", "typ", "project_in", "layers.0.q", ".k", ".v", ".o", ".fc1", ".fc2"; gated: ".gate", ".up", ".down";
                            * "project_out", "transform", "pooler", "head" */
    uint32_t source; /* population whose spikes walk its rows */
    enum matrix_target target;
    uint32_t target_population; /* TARGET_POPULATION: that one; TARGET_RESIDUAL: the next res population
                                 * (its close takes the value in); TARGET_HEAD: GRAPH_NONE */
    uint32_t sources, targets;  /* rows (fan-out rows, one per source neuron) and columns */
    int32_t layer;
    int has_bias; /* may carry a bias (linear layers of a block) */
};

struct norm_slot {
    char name
        [40]; /* "layers.0.norm1" (before or after attention), ".norm2" (the FFN's), "final", "embed", "transform" */
    int32_t layer;
    /* Population indices.  source: res, or any OAT population of D neurons.  NORM_RMS has no mean: centered = source,
     * whose train meets itself and rstd. */
    uint32_t source, centered, rstd, output;
};

struct graph {
    struct model_config config;
    uint32_t populations, matrices, norms;
    struct population *population; /* [populations], level order within a block, then table order */
    struct matrix_slot *matrix;    /* [matrices] */
    struct norm_slot *norm;        /* [norms] */
    uint32_t inputs;               /* populations 0 .. inputs - 1 are inputs: tok, pos, typ as the family has them */
    uint32_t head_matrix;          /* index of "head", or GRAPH_NONE (HEAD_VALUES) */
    uint32_t head_source;          /* population that fires into the head */
    uint32_t head_width;           /* numbers read out a token: vocabulary, labels or hidden */
    uint32_t head_level;           /* windows from a token's start to the head's close */
    uint32_t levels;               /* = head_level: levels 0 .. levels-1 hold populations */
};

enum { GRAPH_BLOCK_NEURONS = 1024 /* neurons of one spike packet's block */ };

enum { GRAPH_INPUTS_MAX = 3 };

/* NULL if every hyperparameter is in range, else what is wrong, a static string that names the field and its
 * range.  Sizes are 1 .. 2^20 - 1, layers 1 .. 1024, heads * positions < 2^27: so every product of two
 * sizes, a layer count and a word size stays below 2^60.  O(1). */
const char *graph_config_check(const struct model_config *config);
/* Builds the family's table.  Returns NULL on a bad config or no memory; *reason then says why.
 * The caller owns the graph: graph_free. */
struct graph *graph_build(const struct model_config *config, const char **reason);
void graph_free(struct graph *graph);
/* NULL, or which invariant of the table is broken and at which population: level order, sources and targets of the
 * matrices, the norms' order, fan_out as the sum of the synapses.  O(populations * (populations + matrices)). */
const char *graph_validate(const struct graph *graph, uint32_t *population);
/* Row of input population p (< inputs) that the token `id` of type `type` at `position` spikes. */
uint32_t graph_input_row(const struct graph *graph, uint32_t p, uint32_t id, uint32_t position, uint32_t type);
/* Neurons that take part in population p's window of a token that sees `visible` keys (decoders: position + 1; encoders:
 * the sequence's tokens; clipped at the longest context): all of them, or heads * visible where only visible keys do. */
uint32_t graph_window_neurons(const struct graph *graph, uint32_t p, uint32_t visible);
/* Population and matrix of exactly that name, GRAPH_NONE if there is none.  O(populations), O(matrices). */
uint32_t graph_find_population(const struct graph *graph, const char *name);
uint32_t graph_find_matrix(const struct graph *graph, const char *name);
/* Blocks of GRAPH_BLOCK_NEURONS in population p. */
uint32_t graph_blocks(const struct graph *graph, uint32_t p);

#endif
