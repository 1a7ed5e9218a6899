#include "layers/graph_config.h"

#include <stddef.h>

#include "layers/bert.h"
#include "layers/gpt2.h"
#include "layers/llama.h"
#include "layers/opt.h"
#include "neurons/real.h"

enum { SIZE_LIMIT = 1 << 20, LAYERS_MAX = 1024, PAIRS_LIMIT = 1 << 27 /* a packet names neurons in 28 bits */ };

static const struct graph_family families[] = {
    {FAMILY_OPT, "opt", "OPT", opt_config_check, opt_capacity, opt_graph},
    {FAMILY_LLAMA, "llama", "Llama", llama_config_check, llama_capacity, llama_graph},
    {FAMILY_QWEN2, "qwen2", "Qwen2", llama_config_check, llama_capacity, llama_graph},
    {FAMILY_GPT2, "gpt2", "GPT-2", gpt2_config_check, gpt2_capacity, gpt2_graph},
    {FAMILY_BERT, "bert", "BERT", bert_config_check, bert_capacity, bert_graph},
};
enum { FAMILIES = sizeof families / sizeof *families };

const struct graph_family *graph_family_find(uint32_t id)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (families[i].id == id) return &families[i];
    return NULL;
}

const char *graph_family_name(uint32_t family)
{
    const struct graph_family *row = graph_family_find(family);
    return row == NULL ? NULL : row->name;
}

const char *graph_family_title(uint32_t family)
{
    const struct graph_family *row = graph_family_find(family);
    return row == NULL ? NULL : row->title;
}

const char *graph_family_names(void)
{
    return "opt, llama, qwen2, gpt2, bert";
}

static int out_of_range(uint32_t size)
{
    return size < 1 || size >= SIZE_LIMIT;
}

static const char *check_sizes(const struct model_config *c)
{
    if (out_of_range(c->vocabulary)) return "vocabulary must be 1 .. 2^20 - 1";
    if (out_of_range(c->hidden)) return "hidden size must be 1 .. 2^20 - 1";
    if (out_of_range(c->embedding)) return "embedding size must be 1 .. 2^20 - 1";
    if (out_of_range(c->ffn)) return "FFN size must be 1 .. 2^20 - 1";
    if (c->layers < 1 || c->layers > LAYERS_MAX) return "layers must be 1 .. 1024";
    if (out_of_range(c->positions)) return "positions must be 1 .. 2^20 - 1";
    if (c->token_types >= SIZE_LIMIT) return "token types must be 0 .. 2^20 - 1";
    return NULL;
}

static const char *check_heads(const struct model_config *c)
{
    if (c->heads < 1 || c->heads >= SIZE_LIMIT) return "heads must be 1 .. 2^20 - 1";
    if (out_of_range(c->head_dim)) return "heads must divide the hidden size, or the head size must be given";
    if ((uint64_t)c->heads * c->head_dim >= SIZE_LIMIT) return "heads times head size must be below 2^20";
    if (c->kv_heads < 1 || c->kv_heads > c->heads || c->heads % c->kv_heads != 0)
        return "key and value heads must divide the heads";
    if ((uint64_t)c->heads * c->positions >= PAIRS_LIMIT) return "heads times positions must be below 2^27";
    return NULL;
}

static const char *check_positions(const struct model_config *c)
{
    if (c->rotary > 1) return "rotary must be 0 or 1";
    if (c->rotary && c->head_dim % 2 != 0) return "rotary positions need an even head size";
    if (c->rotary && (c->position_rows != 0 || c->position_offset != 0))
        return "position rows must be 0 with rotary positions";
    if (c->rotary) return NULL;
    if (out_of_range(c->position_rows)) return "position rows must be 1 .. 2^20 - 1";
    if (c->position_offset >= SIZE_LIMIT || c->position_rows != c->positions + c->position_offset)
        return "position rows must be positions + position offset";
    return NULL;
}

static const char *check_switches(const struct model_config *c)
{
    if (c->pre_norm > 1 || c->final_norm > 1 || c->tied > 1) return "pre_norm, final_norm and tied must be 0 or 1";
    if (c->gated > 1 || c->encoder > 1 || c->score_by_layer > 1)
        return "gated, encoder and score_by_layer must be 0 or 1";
    if (c->norm_kind > NORM_RMS) return "norm kind must be 0 (LayerNorm) or 1 (RMSNorm)";
    if (c->activation >= ACTIVATIONS) return "activation must be 0 .. 4";
    if (c->head >= HEAD_KINDS) return "head must be 0 .. 3";
    if (c->head == HEAD_CLASSIFY ? out_of_range(c->labels) : c->labels != 0)
        return "labels must be 1 .. 2^20 - 1 with a classifying head, else 0";
    if (c->reserved != 0) return "reserved must be 0";
    if (c->bos >= c->vocabulary || c->eos >= c->vocabulary || c->pad >= c->vocabulary)
        return "bos, eos and pad must be below the vocabulary";
    if (!(c->norm_epsilon >= 1e-12 && c->norm_epsilon <= 1)) return "norm epsilon must be 1e-12 .. 1";
    if (!(c->score_scale >= 1e-6 && c->score_scale <= 1e6)) return "score scale must be 1e-6 .. 1e6";
    return NULL;
}

struct model_config graph_config_complete(const struct model_config *config)
{
    struct model_config c = *config;
    if (c.embedding == 0) c.embedding = c.hidden;
    if (c.kv_heads == 0) c.kv_heads = c.heads;
    if (c.head_dim == 0 && c.heads > 0 && c.hidden % c.heads == 0) c.head_dim = c.hidden / c.heads;
    if (c.score_scale == 0 && c.head_dim > 0) c.score_scale = 1.0 / real_sqrt((double)c.head_dim);
    return c;
}

const char *graph_config_check_complete(const struct model_config *c)
{
    const struct graph_family *family = graph_family_find(c->family);
    if (family == NULL) return "family must be 1 .. 5 (opt, llama, qwen2, gpt2, bert)";
    const char *reason = check_sizes(c);
    if (reason == NULL) reason = check_heads(c);
    if (reason == NULL) reason = check_positions(c);
    if (reason == NULL) reason = check_switches(c);
    return reason != NULL ? reason : family->check(c);
}

const char *graph_config_check(const struct model_config *config)
{
    const struct model_config c = graph_config_complete(config);
    return graph_config_check_complete(&c);
}
