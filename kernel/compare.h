/* Loss of one network against another on the same tokens (docs/design.md, What loss-less means): perplexities, KL
 * divergence of the next-token distributions, top-1 agreement, largest logit error.
 *
 * Log-softmax in double, in a fixed order, without libm: the same figures on every machine. */
#ifndef LASSIM_KERNEL_COMPARE_H
#define LASSIM_KERNEL_COMPARE_H

#include <stdint.h>

struct comparison {
    uint64_t tokens;                 /* predicted tokens compared */
    uint64_t agreed;                 /* positions at which both have the same most likely token */
    double nll_reference, nll_other; /* sums of -ln p(target) */
    double kl_sum, kl_max;           /* KL(reference || other), natural logarithm */
    double logit_error_max;          /* largest |difference| of two logits */
};

/* Adds one position: logits [n] of both networks (n >= 1) and the token that really came (< n).
 * scratch: [n] doubles.  O(n). */
void comparison_add(struct comparison *comparison, const double *reference, const float *other, uint32_t n,
                    uint32_t target, double *scratch);

/* Adds one vector [n] of both networks where no distribution is read out: kl_sum and kl_max are then of 1 - cosine, agreed
 * of the largest component; no target.  O(n). */
void comparison_add_vector(struct comparison *comparison, const double *reference, const float *other, uint32_t n);

/* Perplexities, their relative change in percent, mean KL, share of agreement 0 .. 1; 0 tokens give 0. */
double comparison_ppl_reference(const struct comparison *comparison);
double comparison_ppl_other(const struct comparison *comparison);
double comparison_dppl_percent(const struct comparison *comparison);
double comparison_kl_mean(const struct comparison *comparison);
double comparison_top1(const struct comparison *comparison);

#endif
