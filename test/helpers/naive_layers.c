/* The naive model's layers: norms, attention, FFN. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test/helpers/naive_state.h"

struct sent naive_fire_residual(struct naive *naive, uint32_t p, uint64_t fan_out, uint64_t partners)
{
    uint32_t hidden = naive->c->hidden;
    double *x = naive_make(hidden, sizeof *x);
    for (uint32_t i = 0; i < hidden; i++) x[i] = ldexp(naive->residual[i], naive->model->residual_grid);
    struct sent sent = naive_fire_oat(naive, p, x, hidden, 0, fan_out, partners);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_centered(struct naive *naive, uint32_t p, const struct sent *res)
{
    uint32_t hidden = naive->c->hidden;
    double *x = naive_make(hidden, sizeof *x), unit = naive_lsb(naive, res->population) / hidden;
    wide sum = 0;
    for (uint32_t i = 0; i < hidden; i++) sum += res->value[i];
    for (uint32_t i = 0; i < hidden; i++) x[i] = (double)(hidden * res->value[i] - sum) * unit;
    struct sent sent = naive_fire_oat(naive, p, x, hidden, 0, 0, 1);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_rstd(struct naive *naive, uint32_t p, const struct sent *xmu)
{
    double lsb = naive_lsb(naive, xmu->population);
    wide sum = 0;
    for (uint32_t i = 0; i < xmu->n; i++) sum += xmu->value[i] * xmu->value[i];
    double x = (double)sum * (lsb * lsb / naive->c->hidden) + naive->c->norm_epsilon;
    struct sent sent = naive_fire_hg(naive, p, &x, 1, 0, 0, naive->c->hidden);
    naive->level++;
    return sent;
}

static uint32_t norm_of(const struct naive *naive, const char *name)
{
    for (uint32_t n = 0; n < naive->model->graph->norms; n++)
        if (strcmp(naive->model->graph->norm[n].name, name) == 0) return n;
    LASSIM_INVARIANT(0, "no norm %s", name);
}

struct sent naive_norm_over(struct naive *naive, const char *name, struct sent *source, uint64_t fan_out)
{
    const struct norm_params *params = &naive->model->norm[norm_of(naive, name)];
    uint32_t p = naive_population(naive, "%s.rstd", name), hidden = naive->c->hidden;
    struct sent xmu = *source;
    if (naive->c->norm_kind == NORM_LAYER) {
        xmu = fire_centered(naive, naive_population(naive, "%s.xmu", name), source);
        free(source->value);
    }
    struct sent rstd = fire_rstd(naive, p, &xmu);
    double *x = naive_make(hidden, sizeof *x);
    double unit = ldexp(naive_lsb(naive, xmu.population), naive_table(naive, p)->output_grid);
    for (uint32_t i = 0; i < hidden; i++) {
        x[i] = (double)(xmu.value[i] * rstd.value[0]) * unit;
        if (params->gamma != NULL) x[i] = x[i] * params->gamma[i];
        if (params->beta != NULL) x[i] = x[i] + params->beta[i];
    }
    struct sent ln = naive_fire_oat(naive, naive_population(naive, "%s.ln", name), x, hidden, 0, fan_out, 0);
    naive->level++;
    free(x);
    free(xmu.value);
    free(rstd.value);
    return ln;
}

struct sent naive_norm(struct naive *naive, const char *name, uint64_t fan_out)
{
    int rms = naive->c->norm_kind == NORM_RMS;
    struct sent res = naive_fire_residual(naive, naive_population(naive, "%s.res", name), rms ? 0 : 2, rms);
    return naive_norm_over(naive, name, &res, fan_out);
}

void naive_replace_residual(struct naive *naive, const struct sent *ln, uint32_t closing)
{
    double *x = naive_make(ln->n, sizeof *x), unit = naive_lsb(naive, ln->population);
    for (uint32_t i = 0; i < ln->n; i++) {
        x[i] = (double)ln->value[i] * unit;
        naive->residual[i] = 0;
    }
    naive_into_residual(naive, x, closing);
}

/* ---- attention -------------------------------------------------------------------------------- */

static uint32_t key_width(const struct naive *naive)
{
    return naive->c->kv_heads * naive->c->head_dim;
}

static wide *cached(const struct naive *naive, wide *cache, uint32_t layer, uint32_t token)
{
    return cache + ((uint64_t)layer * naive->c->positions + token) * key_width(naive);
}

/* The key and value channel that query channel i has to do with. */
static uint32_t shared_channel(const struct naive *naive, uint32_t i)
{
    uint32_t dim = naive->c->head_dim, head = i / dim, group = naive->c->heads / naive->c->kv_heads;
    return head / group * dim + i % dim;
}

/* Rotates pairs (i, i + dim / 2) of each head by the token's angles; frees *plain. */
static struct sent fire_turned(struct naive *naive, uint32_t p, struct sent *plain, uint64_t partners)
{
    uint32_t dim = naive->c->head_dim, half = dim / 2;
    double *x = naive_make(plain->n, sizeof *x), unit = ldexp(naive_lsb(naive, plain->population), -30);
    for (uint32_t first = 0; first < plain->n; first += dim)
        for (uint32_t pair = 0; pair < half; pair++) {
            const int32_t *angle = naive->model->rotary + 2 * ((uint64_t)naive->token * half + pair);
            wide a = plain->value[first + pair], b = plain->value[first + pair + half];
            x[first + pair] = (double)(a * angle[0] - b * angle[1]) * unit;
            x[first + pair + half] = (double)(b * angle[0] + a * angle[1]) * unit;
        }
    struct sent sent = naive_fire_oat(naive, p, x, plain->n, 0, 0, partners);
    free(x);
    free(plain->value);
    return sent;
}

void naive_attend(struct naive *naive, uint32_t layer, const struct sent *from)
{
    const struct model_config *c = naive->c;
    uint64_t keys = c->encoder ? naive->visible : c->heads / c->kv_heads;
    uint32_t vp = naive_population(naive, "layers.%u.v", layer), rotary = c->rotary;
    naive_macs(naive, from->population, (uint64_t)c->hidden * (c->heads * c->head_dim + 2ull * key_width(naive)));
    struct sent q = naive_fire_linear(naive, naive_matrix(naive, "layers.%u.q", layer),
                                      naive_population(naive, "layers.%u.q", layer), from, rotary ? 2 : 0,
                                      rotary ? 0 : naive->visible);
    struct sent k =
        naive_fire_linear(naive, naive_matrix(naive, "layers.%u.k", layer),
                          naive_population(naive, "layers.%u.k", layer), from, rotary ? 2 : 0, rotary ? 0 : keys);
    struct sent v = naive_fire_linear(naive, naive_matrix(naive, "layers.%u.v", layer), vp, from, 0, 0);
    naive->level++;
    if (rotary) {
        q = fire_turned(naive, naive_population(naive, "layers.%u.qr", layer), &q, naive->visible);
        k = fire_turned(naive, naive_population(naive, "layers.%u.kr", layer), &k, keys);
        naive->level++;
    }
    memcpy(cached(naive, naive->key, layer, naive->token), k.value, key_width(naive) * sizeof(wide));
    memcpy(cached(naive, naive->value, layer, naive->token), v.value, key_width(naive) * sizeof(wide));
    naive_macs(naive, q.population, (uint64_t)q.n * naive->visible);
    naive->query[naive->token] = q;
    naive->key_population = k.population;
    naive->value_population = vp;
    free(k.value);
    free(v.value);
}

static double score_unit(const struct naive *naive, uint32_t layer, const struct sent *q)
{
    double factor = naive->c->score_scale;
    if (naive->c->score_by_layer) factor /= layer + 1;
    return naive_lsb(naive, q->population) * naive_lsb(naive, naive->key_population) * factor;
}

static struct sent fire_exp(struct naive *naive, uint32_t layer, const struct sent *q)
{
    uint32_t visible = naive->visible, heads = naive->c->heads, dim = naive->c->head_dim;
    double *x = naive_make((size_t)heads * visible, sizeof *x), unit = score_unit(naive, layer, q);
    for (uint32_t h = 0; h < heads; h++) {
        wide *score = naive_make(visible, sizeof *score), largest = 0;
        for (uint32_t t = 0; t < visible; t++) {
            const wide *key = cached(naive, naive->key, layer, t);
            for (uint32_t i = h * dim; i < (h + 1) * dim; i++) score[t] += q->value[i] * key[shared_channel(naive, i)];
            if (t == 0 || score[t] > largest) largest = score[t];
        }
        for (uint32_t t = 0; t < visible; t++) x[h * visible + t] = (double)(score[t] - largest) * unit;
        free(score);
    }
    uint32_t p = naive_population(naive, "layers.%u.exp", layer);
    struct sent sent = naive_fire_hg(naive, p, x, heads * visible, 1, 1, 0);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_weights(struct naive *naive, uint32_t layer, const struct sent *exponential)
{
    double *x = naive_make(exponential->n, sizeof *x);
    for (uint32_t i = 0; i < exponential->n; i++)
        x[i] = (double)exponential->value[i] * ldexp(1, naive_table(naive, exponential->population)->output_grid);
    uint32_t p = naive_population(naive, "layers.%u.e", layer);
    struct sent sent = naive_fire_oat(naive, p, x, exponential->n, 1, 1, naive->c->head_dim);
    free(x);
    naive->level++;
    return sent;
}

/* inv and ctx share a level; octave [heads] is floor(log2 sum e). */
static struct sent fire_inverse(struct naive *naive, uint32_t layer, const struct sent *e, int *octave)
{
    uint32_t visible = naive->visible, heads = naive->c->heads;
    double *x = naive_make(heads, sizeof *x);
    for (uint32_t h = 0; h < heads; h++) {
        wide sum = 0;
        for (uint32_t t = 0; t < visible; t++) sum += e->value[h * visible + t];
        x[h] = (double)sum * naive_lsb(naive, e->population);
        octave[h] = x[h] > 0 ? ilogb(x[h]) : 0;
    }
    uint32_t p = naive_population(naive, "layers.%u.inv", layer);
    struct sent sent = naive_fire_hg(naive, p, x, heads, 0, 0, naive->c->head_dim);
    free(x);
    return sent;
}

static struct sent fire_context(struct naive *naive, uint32_t layer, const struct sent *e, const int *octave)
{
    uint32_t visible = naive->visible, dim = naive->c->head_dim, width = naive->c->heads * dim;
    double *x = naive_make(width, sizeof *x);
    double unit = naive_lsb(naive, e->population) * naive_lsb(naive, naive->value_population);
    for (uint32_t i = 0; i < width; i++) {
        wide sum = 0;
        for (uint32_t t = 0; t < visible; t++)
            sum += e->value[i / dim * visible + t] * cached(naive, naive->value, layer, t)[shared_channel(naive, i)];
        x[i] = ldexp((double)sum * unit, -octave[i / dim]);
    }
    struct sent sent = naive_fire_oat(naive, naive_population(naive, "layers.%u.ctx", layer), x, width, 0, 0, 1);
    free(x);
    naive->level++;
    return sent;
}

static struct sent fire_attention(struct naive *naive, uint32_t layer, const struct sent *ctx, const struct sent *inv,
                                  const int *octave)
{
    uint32_t hidden = naive->c->hidden, dim = naive->c->head_dim;
    double *x = naive_make(ctx->n, sizeof *x);
    double unit = ldexp(naive_lsb(naive, ctx->population), naive_table(naive, inv->population)->output_grid);
    for (uint32_t i = 0; i < ctx->n; i++)
        x[i] = ldexp((double)(ctx->value[i] * inv->value[i / dim]) * unit, octave[i / dim]);
    uint32_t p = naive_population(naive, "layers.%u.att", layer);
    struct sent sent = naive_fire_oat(naive, p, x, ctx->n, 0, hidden, 0);
    free(x);
    naive->level++;
    naive_macs(naive, p, (uint64_t)hidden * ctx->n);
    return sent;
}

struct sent naive_attended(struct naive *naive, uint32_t layer)
{
    int *octave = naive_make(naive->c->heads, sizeof *octave);
    struct sent q = naive->query[naive->token];
    struct sent exponential = fire_exp(naive, layer, &q);
    struct sent e = fire_weights(naive, layer, &exponential);
    naive_macs(naive, e.population, (uint64_t)q.n * naive->visible);
    struct sent inv = fire_inverse(naive, layer, &e, octave);
    struct sent ctx = fire_context(naive, layer, &e, octave);
    struct sent att = fire_attention(naive, layer, &ctx, &inv, octave);
    wide *done[] = {q.value, exponential.value, e.value, inv.value, ctx.value};
    for (size_t i = 0; i < sizeof done / sizeof *done; i++) free(done[i]);
    free(octave);
    return att;
}

/* ---- FFN -------------------------------------------------------------------------------------- */

static struct sent fire_activation(struct naive *naive, uint32_t m, uint32_t p, const struct sent *from,
                                   uint64_t fan_out, uint64_t partners)
{
    double *x = naive_linear(naive, m, from, p);
    struct sent sent = naive_fire_hg(naive, p, x, naive->model->graph->matrix[m].targets, 0, fan_out, partners);
    free(x);
    return sent;
}

struct sent naive_activated(struct naive *naive, uint32_t m, uint32_t act, uint32_t relay, struct sent *from,
                            uint64_t fan_out)
{
    struct sent fired = fire_activation(naive, m, act, from, 1, 0);
    double *x = naive_make(fired.n, sizeof *x);
    naive->level++;
    for (uint32_t i = 0; i < fired.n; i++) x[i] = ldexp((double)fired.value[i], naive_table(naive, act)->output_grid);
    struct sent relayed = naive_fire_oat(naive, relay, x, fired.n, 0, fan_out, 0);
    naive->level++;
    free(x);
    free(fired.value);
    free(from->value);
    return relayed;
}

static struct sent gated(struct naive *naive, uint32_t layer, struct sent *from)
{
    uint32_t up_p = naive_population(naive, "layers.%u.up", layer);
    struct sent gate = fire_activation(naive, naive_matrix(naive, "layers.%u.gate", layer),
                                       naive_population(naive, "layers.%u.gate", layer), from, 0, 1);
    struct sent up = naive_fire_linear(naive, naive_matrix(naive, "layers.%u.up", layer), up_p, from, 0, 1);
    double *x = naive_make(up.n, sizeof *x);
    double unit = ldexp(naive_lsb(naive, up_p), naive_table(naive, gate.population)->output_grid);
    naive->level++;
    for (uint32_t i = 0; i < up.n; i++) x[i] = (double)(gate.value[i] * up.value[i]) * unit;
    uint32_t p = naive_population(naive, "layers.%u.fc", layer);
    struct sent product = naive_fire_oat(naive, p, x, up.n, 0, naive->c->hidden, 0);
    naive->level++;
    free(x);
    free(gate.value);
    free(up.value);
    free(from->value);
    return product;
}

struct sent naive_feed_forward(struct naive *naive, uint32_t layer, struct sent *from)
{
    uint64_t macs = (uint64_t)naive->c->hidden * naive->c->ffn;
    uint32_t fc_p = naive_population(naive, "layers.%u.fc", layer);
    struct sent fc;
    naive_macs(naive, from->population, naive->c->gated ? 2 * macs : macs);
    naive_macs(naive, fc_p, macs);
    if (naive->c->gated) return gated(naive, layer, from);
    uint32_t m = naive_matrix(naive, "layers.%u.fc1", layer);
    if (naive->c->activation != ACTIVATION_RELU)
        return naive_activated(naive, m, naive_population(naive, "layers.%u.act", layer), fc_p, from, naive->c->hidden);
    fc = naive_fire_linear(naive, m, fc_p, from, naive->c->hidden, 0);
    naive->level++;
    free(from->value);
    return fc;
}
