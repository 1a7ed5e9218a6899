/* Rotary positions: the frequencies of a checkpoint's configuration, with their scaling, and the table of cosines and
 * sines that a model is run with (Su et al. 2021, RoFormer; the variants as transformers' modeling_rope_utils has them,
 * here in double by neurons/real_angles.h: the same bits everywhere).
 *
 *   plain    f_i = theta^(-2i / head_dim), i < head_dim / 2; `dynamic` is plain up to the context that the model has
 *   linear   f_i / factor
 *   llama3   wavelengths above original / low_frequency divided by factor, those below original / high_frequency kept,
 *            between them in proportion
 *   yarn     between beta_fast and beta_slow turns within the original length the frequency goes over from f_i to
 *            f_i / factor (Peng et al. 2023); its attention factor is in model_config.score_scale, squared
 *
 * GGUF files keep llama3's scaling as one divisor for each frequency. */
#ifndef LASSIM_CONVERT_ROTARY_H
#define LASSIM_CONVERT_ROTARY_H

#include <stdint.h>

enum rotary_scaling { ROTARY_PLAIN = 0, ROTARY_LINEAR, ROTARY_LLAMA3, ROTARY_YARN };
enum { ROTARY_ONE = 1 << 30 /* the table's 1.0 */ };

struct rotary {
    enum rotary_scaling scaling;
    double theta;                         /* above 1 */
    double factor;                        /* not plain: above 0 */
    double original;                      /* llama3, yarn: positions before the scaling, at least 1 */
    double low_frequency, high_frequency; /* llama3: 0 < low < high */
    double beta_fast, beta_slow;          /* yarn: above 0 */
    int exact_range;                      /* yarn: 1: the range's ends are not rounded to whole channels */
    const double *divisor; /* [head_dim / 2], at least 1: each frequency is divided by it before any scaling; or NULL */
};

/* Radians a position of the pair i < head_dim / 2.  head_dim: even, at least 2. */
double rotary_frequency(const struct rotary *rotary, uint32_t head_dim, uint32_t i);
/* table[position][i][0, 1] = cosine and sine of position * frequency i times ROTARY_ONE, rounded half away from zero.
 * positions <= 2^20 and frequencies <= 1 radian, so that every angle is in range.  table: [positions][head_dim / 2][2].
 * O(table). */
void rotary_table(const struct rotary *rotary, uint32_t positions, uint32_t head_dim, int32_t *table);

#endif
