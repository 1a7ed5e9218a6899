#include "kernel/compare.h"

#include "neurons/real.h"

/* The largest of x and its first index. */
static double largest_of(const double *x, uint32_t n, uint32_t *at)
{
    *at = 0;
    for (uint32_t i = 1; i < n; i++)
        if (x[i] > x[*at]) *at = i;
    return x[*at];
}

static uint32_t largest_of_float(const float *x, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++)
        if (x[i] > x[at]) at = i;
    return at;
}

static void note_error(struct comparison *comparison, double reference, double other)
{
    double error = other - reference;
    error = error < 0 ? -error : error;
    if (error > comparison->logit_error_max) comparison->logit_error_max = error;
}

/* 1 - cosine, by the squared distance of the normalised vectors so that nothing cancels; 0 where both are 0. */
static double angle_loss(const double *a, const float *b, uint32_t n)
{
    double aa = 0, bb = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        aa += a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    if (aa == 0 && bb == 0) return 0;
    if (aa == 0 || bb == 0) return 1;
    double by_a = 1 / real_sqrt(aa), by_b = 1 / real_sqrt(bb);
    for (uint32_t i = 0; i < n; i++) {
        double off = a[i] * by_a - b[i] * by_b;
        sum += off * off;
    }
    return sum / 2;
}

void comparison_add_vector(struct comparison *comparison, const double *reference, const float *other, uint32_t n)
{
    uint32_t best;
    double loss = angle_loss(reference, other, n);
    largest_of(reference, n, &best);
    for (uint32_t i = 0; i < n; i++) note_error(comparison, reference[i], other[i]);
    comparison->tokens++;
    comparison->agreed += best == largest_of_float(other, n);
    comparison->kl_sum += loss;
    if (loss > comparison->kl_max) comparison->kl_max = loss;
}

void comparison_add(struct comparison *comparison, const double *reference, const float *other, uint32_t n,
                    uint32_t target, double *scratch)
{
    uint32_t best, best_other = largest_of_float(other, n);
    double top = largest_of(reference, n, &best), top_other = other[best_other];
    double sum = 0, sum_other = 0, kl = 0;
    for (uint32_t i = 0; i < n; i++) {
        scratch[i] = real_exp(reference[i] - top);
        sum += scratch[i];
        sum_other += real_exp(other[i] - top_other);
        note_error(comparison, reference[i], other[i]);
    }
    double log_sum = top + real_log(sum), log_sum_other = top_other + real_log(sum_other);
    /* ln p - ln q = (reference - other) - (log_sum - log_sum_other) */
    for (uint32_t i = 0; i < n; i++) kl += scratch[i] * ((reference[i] - other[i]) - (log_sum - log_sum_other));
    kl /= sum;
    if (kl < 0) kl = 0; /* rounding: KL is never negative */
    comparison->tokens++;
    comparison->agreed += best == best_other;
    comparison->nll_reference += log_sum - reference[target];
    comparison->nll_other += log_sum_other - other[target];
    comparison->kl_sum += kl;
    if (kl > comparison->kl_max) comparison->kl_max = kl;
}

static double per_token(const struct comparison *comparison, double sum)
{
    return comparison->tokens ? sum / (double)comparison->tokens : 0;
}

static double perplexity(const struct comparison *comparison, double nll)
{
    return comparison->tokens ? real_exp(per_token(comparison, nll)) : 0;
}

double comparison_ppl_reference(const struct comparison *comparison)
{
    return perplexity(comparison, comparison->nll_reference);
}

double comparison_ppl_other(const struct comparison *comparison)
{
    return perplexity(comparison, comparison->nll_other);
}

double comparison_dppl_percent(const struct comparison *comparison)
{
    return 100.0 * (real_exp(per_token(comparison, comparison->nll_other - comparison->nll_reference)) - 1.0);
}

double comparison_kl_mean(const struct comparison *comparison)
{
    return per_token(comparison, comparison->kl_sum);
}

double comparison_top1(const struct comparison *comparison)
{
    return per_token(comparison, (double)comparison->agreed);
}
