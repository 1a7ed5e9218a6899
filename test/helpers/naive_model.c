#include "test/helpers/naive_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/helpers/naive_state.h"

/* ---- a token ---------------------------------------------------------------------------------- */

static void select_token(struct naive *naive, uint32_t token, uint32_t visible, int asked)
{
    naive->token = token;
    naive->visible = visible;
    naive->asked = asked;
    naive->residual = naive->residuals + (size_t)token * naive->c->hidden;
}

/* Synapses of a norm's output into q, k and v. */
static uint64_t into_attention(const struct naive *naive)
{
    return (uint64_t)(naive->c->heads + 2 * naive->c->kv_heads) * naive->c->head_dim;
}

static uint64_t into_ffn(const struct naive *naive)
{
    return (uint64_t)naive->c->ffn * (naive->c->gated ? 2 : 1);
}

static void embed(struct naive *naive, uint32_t id, uint32_t type, uint32_t first_residual)
{
    uint32_t hidden = naive->c->hidden, narrow = naive->c->embedding, row = naive->token + naive->c->position_offset;
    uint32_t tok = naive_population(naive, "tok");
    double *x = naive_look_up(naive, naive_matrix(naive, "tok"), id);
    naive->level = 0;
    memset(naive->residual, 0, hidden * sizeof *naive->residual);
    naive_input(naive, tok, id, narrow);
    if (!naive->c->rotary) naive_input(naive, naive_population(naive, "pos"), row, hidden);
    if (naive->c->token_types > 0) naive_input(naive, naive_population(naive, "typ"), type, hidden);
    naive->level++;
    if (narrow == hidden) naive_into_residual(naive, x, first_residual);
    if (!naive->c->rotary)
        naive_into_residual(naive, naive_look_up(naive, naive_matrix(naive, "pos"), row), first_residual);
    if (naive->c->token_types > 0)
        naive_into_residual(naive, naive_look_up(naive, naive_matrix(naive, "typ"), type), first_residual);
    if (narrow == hidden) return;
    struct sent sent = naive_fire_oat(naive, naive_population(naive, "embed"), x, narrow, 0, hidden, 0);
    naive_macs(naive, sent.population, (uint64_t)narrow * hidden);
    naive->level++;
    free(x);
    naive_linear_into_residual(naive, naive_matrix(naive, "project_in"), &sent, first_residual);
}

/* Name of the norm, or residual, that takes in what follows block `layer` - 1's FFN. */
static uint32_t next_residual(const struct naive *naive, uint32_t layer)
{
    if (!naive->c->pre_norm) return naive_population(naive, "layers.%u.norm2.res", layer - 1);
    return layer < naive->c->layers ? naive_population(naive, "layers.%u.norm1.res", layer)
                                    : naive_population(naive, "final.res");
}

static uint32_t ffn_out(const struct naive *naive, uint32_t layer)
{
    return naive_matrix(naive, naive->c->gated ? "layers.%u.down" : "layers.%u.fc2", layer);
}

static void pre_norm_block(struct naive *naive, uint32_t layer)
{
    char norm[32];
    snprintf(norm, sizeof norm, "layers.%u.norm1", layer);
    struct sent ln = naive_norm(naive, norm, into_attention(naive));
    naive_attend(naive, layer, &ln);
    free(ln.value);
    struct sent att = naive_attended(naive, layer);
    naive_linear_into_residual(naive, naive_matrix(naive, "layers.%u.o", layer), &att,
                               naive_population(naive, "layers.%u.norm2.res", layer));
    snprintf(norm, sizeof norm, "layers.%u.norm2", layer);
    ln = naive_norm(naive, norm, into_ffn(naive));
    struct sent fc = naive_feed_forward(naive, layer, &ln);
    naive_linear_into_residual(naive, ffn_out(naive, layer), &fc, next_residual(naive, layer + 1));
}

/* What the last norm feeds. */
static uint64_t head_side(const struct naive *naive)
{
    const struct model_config *c = naive->c;
    if (c->embedding != c->hidden) return c->embedding;
    switch (c->head) {
    case HEAD_LM: return c->vocabulary;
    case HEAD_VALUES: return 1;
    default: return c->hidden; /* transform or pooler */
    }
}

/* The population whose close comes first after a block's inner norm has fired. */
static uint32_t ffn_first(const struct naive *naive, uint32_t layer)
{
    const char *name = naive->c->activation == ACTIVATION_RELU ? "layers.%u.fc" : "layers.%u.act";
    return naive_population(naive, name, layer);
}

/* A post-LN block after naive_attend; returns the train that feeds what follows, none (value NULL) when that is the head
 * side and it is not asked for. */
static struct sent post_norm_block(struct naive *naive, uint32_t layer)
{
    char norm[32];
    int last = layer + 1 == naive->c->layers;
    struct sent att = naive_attended(naive, layer);
    naive_linear_into_residual(naive, naive_matrix(naive, "layers.%u.o", layer), &att,
                               naive_population(naive, "layers.%u.norm1.res", layer));
    snprintf(norm, sizeof norm, "layers.%u.norm1", layer);
    struct sent ln = naive_norm(naive, norm, into_ffn(naive) + 1);
    naive_replace_residual(naive, &ln, ffn_first(naive, layer));
    struct sent fc = naive_feed_forward(naive, layer, &ln);
    naive_linear_into_residual(naive, ffn_out(naive, layer), &fc, next_residual(naive, layer + 1));
    if (last && !naive->asked) return (struct sent){0, 0, NULL};
    snprintf(norm, sizeof norm, "layers.%u.norm2", layer);
    struct sent from = naive_norm(naive, norm, last ? head_side(naive) : into_attention(naive) + 1);
    if (!last) naive_replace_residual(naive, &from, naive_population(naive, "layers.%u.q", layer + 1));
    return from;
}

/* What stands between the last norm and the head's matrix; *from is replaced. */
static void before_head(struct naive *naive, struct sent *from)
{
    const struct model_config *c = naive->c;
    if (c->embedding != c->hidden) {
        uint32_t p = naive_population(naive, "project_out"), m = naive_matrix(naive, "project_out");
        naive_macs(naive, from->population, (uint64_t)c->embedding * c->hidden);
        struct sent out = naive_fire_linear(naive, m, p, from, c->vocabulary, 0);
        naive->level++;
        free(from->value);
        *from = out;
    }
    if (c->head != HEAD_CLASSIFY && c->head != HEAD_MASKED_LM) return;
    const char *name = c->head == HEAD_CLASSIFY ? "pooler" : "transform";
    uint32_t act = naive_population(naive, "%s.act", name), relay = naive_population(naive, "%s", name);
    uint64_t fan_out = c->head == HEAD_CLASSIFY ? c->labels : 2;
    naive_macs(naive, from->population, (uint64_t)c->hidden * c->hidden);
    *from = naive_activated(naive, naive_matrix(naive, "%s", name), act, relay, from, fan_out);
    if (c->head == HEAD_MASKED_LM) *from = naive_norm_over(naive, "transform", from, c->vocabulary);
}

/* From the train that feeds the head side to what is read out. */
static void head(struct naive *naive, struct sent *from, float *logits)
{
    before_head(naive, from);
    if (naive->c->head == HEAD_VALUES) {
        for (uint32_t i = 0; i < from->n; i++)
            logits[i] = (float)((double)from->value[i] * naive_lsb(naive, from->population));
    } else {
        uint32_t m = naive_matrix(naive, "head"), width = naive->model->graph->matrix[m].targets;
        naive_macs(naive, from->population, (uint64_t)from->n * width);
        double *x = naive_linear(naive, m, from, from->population);
        for (uint32_t i = 0; i < width; i++) logits[i] = (float)x[i];
        free(x);
    }
    free(from->value);
}

void naive_token(struct naive *naive, uint32_t id, int asked, float *logits)
{
    const struct model_config *c = naive->c;
    struct sent from = {0, 0, NULL};
    uint32_t token = naive->tokens++;
    LASSIM_INVARIANT(token < c->positions && !c->encoder, "context");
    select_token(naive, token, token + 1, asked);
    embed(naive, id, 0, naive_population(naive, c->pre_norm ? "layers.0.norm1.res" : "layers.0.res"));
    if (!c->pre_norm)
        from = naive_fire_residual(naive, naive_population(naive, "layers.0.res"), into_attention(naive), 0);
    for (uint32_t layer = 0; layer < c->layers; layer++) {
        if (c->pre_norm) {
            pre_norm_block(naive, layer);
            continue;
        }
        naive_attend(naive, layer, &from);
        free(from.value);
        from = post_norm_block(naive, layer);
    }
    if (!asked) return;
    if (c->pre_norm)
        from = c->final_norm ? naive_norm(naive, "final", head_side(naive))
                             : naive_fire_residual(naive, naive_population(naive, "final.res"), head_side(naive), 0);
    head(naive, &from, logits);
}

/* ---- a sequence ------------------------------------------------------------------------------- */

int naive_encoder_asks(const struct naive *naive, uint32_t token)
{
    return naive->c->head != HEAD_CLASSIFY || token == 0;
}

void naive_sequence(struct naive *naive, const uint32_t *ids, const uint32_t *types, uint32_t n, int read,
                    float *logits)
{
    const struct model_config *c = naive->c;
    struct sent *from = naive_make(n, sizeof *from);
    uint32_t level = 0;
    LASSIM_INVARIANT(naive->tokens == 0 && n <= c->positions && c->encoder, "one sequence");
    naive->tokens = n;
    for (uint32_t t = 0; t < n; t++) {
        select_token(naive, t, n, read && naive_encoder_asks(naive, t));
        embed(naive, ids[t], types != NULL ? types[t] : 0, naive_population(naive, "embed.res"));
        from[t] = naive_norm(naive, "embed", into_attention(naive) + 1);
        naive_replace_residual(naive, &from[t], naive_population(naive, "layers.0.q"));
    }
    for (uint32_t layer = 0; layer < c->layers; layer++) {
        for (uint32_t t = 0, start = naive->level; t < n; t++) {
            naive->level = start;
            select_token(naive, t, n, read && naive_encoder_asks(naive, t));
            naive_attend(naive, layer, &from[t]);
            free(from[t].value);
        }
        for (uint32_t t = 0, start = naive->level; t < n; t++) {
            naive->level = start;
            select_token(naive, t, n, read && naive_encoder_asks(naive, t));
            from[t] = post_norm_block(naive, layer);
            if (naive->level > level) level = naive->level;
        }
        naive->level = level;
    }
    for (uint32_t t = 0; t < n; t++) {
        if (from[t].value == NULL) continue;
        naive->level = level;
        select_token(naive, t, n, 1);
        head(naive, &from[t], logits + (size_t)t * naive->model->graph->head_width);
    }
    free(from);
}

/* ---- object ----------------------------------------------------------------------------------- */

struct naive *naive_new(const struct model *model, unsigned steps)
{
    const struct model_config *c = &model->graph->config;
    struct naive *naive = naive_make(1, sizeof *naive);
    uint64_t cache = (uint64_t)c->layers * c->positions * c->kv_heads * c->head_dim;
    naive->model = model;
    naive->c = c;
    naive->steps = steps;
    naive->population = naive_make(model->graph->populations, sizeof *naive->population);
    naive->per_token = naive_make(c->positions, sizeof *naive->per_token);
    naive->largest = naive_make(model->graph->populations, sizeof *naive->largest);
    naive->record = naive_make((size_t)c->positions * model->graph->populations, sizeof *naive->record);
    naive->residuals = naive_make((size_t)c->positions * c->hidden, sizeof *naive->residuals);
    naive->query = naive_make(c->positions, sizeof *naive->query);
    naive->key = naive_make(cache, sizeof *naive->key);
    naive->value = naive_make(cache, sizeof *naive->value);
    return naive;
}

void naive_perturb(struct naive *naive, const struct perturbation *perturbation)
{
    naive->perturbation = perturbation;
}

void naive_free(struct naive *naive)
{
    for (uint32_t i = 0; i < naive->c->positions * naive->model->graph->populations; i++) {
        struct naive_record *record = &naive->record[i];
        void *arrays[] = {record->neuron, record->code, record->silent, record->octave, record->sub};
        for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) free(arrays[a]);
    }
    void *arrays[] = {naive->population, naive->per_token, naive->largest, naive->record, naive->residuals,
                      naive->query,      naive->key,       naive->value,   naive};
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) free(arrays[a]);
}

const struct naive_record *naive_record_of(const struct naive *naive, uint32_t p, uint32_t token)
{
    const struct naive_record *record = &naive->record[token * naive->model->graph->populations + p];
    return record->neurons > 0 ? record : NULL;
}

uint32_t naive_records(const struct naive *naive)
{
    return naive->records;
}

const struct counters *naive_populations(const struct naive *naive)
{
    return naive->population;
}

const struct counters *naive_tokens(const struct naive *naive)
{
    return naive->per_token;
}

double naive_largest(const struct naive *naive, uint32_t p)
{
    return naive->largest[p];
}

/* Windows of a block by its design: the norms' (two less where RMSNorm saves xmu), attention's six (two more to turn and
 * relay), the FFN's. */
uint32_t naive_head_level(const struct naive *naive)
{
    const struct model_config *c = naive->c;
    uint32_t norm = c->norm_kind == NORM_RMS ? 3 : 4, projections = c->embedding != c->hidden ? 2 : 0;
    uint32_t ffn = c->gated || c->activation != ACTIVATION_RELU ? 2 : 1, block = 2 * norm + 5 + c->rotary + ffn;
    if (c->pre_norm) return 1 + block * c->layers + (c->final_norm ? norm : 1) + projections;
    if (!c->encoder) return 2 + block * c->layers + projections;
    uint32_t heads = c->head == HEAD_VALUES ? 0 : c->head == HEAD_CLASSIFY ? 2 : 2 + norm - 1;
    return 1 + norm + block * c->layers + heads;
}

static void run_all(struct naive *naive, const uint32_t *ids, uint32_t n, float *logits)
{
    if (naive->c->encoder)
        naive_sequence(naive, ids, NULL, n, 1, logits);
    else
        for (uint32_t i = 0; i < n; i++) naive_token(naive, ids[i], 1, logits);
}

void naive_calibrate(struct model *model, const uint32_t *ids, uint32_t n, double margin)
{
    float *logits = naive_make((size_t)model->graph->head_width * n, sizeof *logits);
    for (uint32_t round_of = 0; round_of < 6; round_of++) {
        struct naive *naive = naive_new(model, 16);
        run_all(naive, ids, n, logits);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            struct population_params *params = &model->population[p];
            if (model->graph->population[p].code != CODE_OAT || naive->largest[p] == 0) continue;
            if (model->graph->population[p].kind == POPULATION_WEIGHT) continue;
            double alpha = naive->largest[p] * margin / params->scale;
            params->exponent = (int)ceil(log2(alpha)) - (int)params->j;
        }
        naive_free(naive);
    }
    free(logits);
}
