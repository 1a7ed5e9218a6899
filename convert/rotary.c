#include "convert/rotary.h"

#include <stddef.h>

#include "neurons/real.h"
#include "neurons/real_angles.h"

#define TWO_PI 0x1.921fb54442d18p+2

static double floor_of(double x) /* |x| < 2^62 */
{
    double whole = (double)(int64_t)x;
    return whole > x ? whole - 1 : whole;
}

static double llama3(const struct rotary *r, double frequency)
{
    double turns = r->original * frequency / TWO_PI; /* within the original length */
    if (turns < r->low_frequency) return frequency / r->factor;
    if (turns > r->high_frequency) return frequency;
    double kept = (turns - r->low_frequency) / (r->high_frequency - r->low_frequency);
    return (1 - kept) * frequency / r->factor + kept * frequency;
}

/* The channel, as a real number, that makes that many turns within the original length. */
static double channel_of_turns(const struct rotary *r, uint32_t head_dim, double turns)
{
    return head_dim * real_log(r->original / (turns * TWO_PI)) / (2 * real_log(r->theta));
}

static double yarn(const struct rotary *r, uint32_t head_dim, uint32_t i, double frequency)
{
    double low = channel_of_turns(r, head_dim, r->beta_fast), high = channel_of_turns(r, head_dim, r->beta_slow);
    if (!r->exact_range) {
        low = floor_of(low);
        high = -floor_of(-high);
    }
    if (low < 0) low = 0;
    if (high > head_dim - 1.0) high = head_dim - 1.0;
    if (low == high) high += 0.001;
    double divided = (i - low) / (high - low);
    divided = divided < 0 ? 0 : divided > 1 ? 1 : divided;
    return frequency / r->factor * divided + frequency * (1 - divided);
}

double rotary_frequency(const struct rotary *r, uint32_t head_dim, uint32_t i)
{
    double frequency = real_pow(r->theta, -2.0 * i / head_dim);
    if (r->divisor != NULL) frequency /= r->divisor[i];
    switch (r->scaling) {
    case ROTARY_LINEAR: return frequency / r->factor;
    case ROTARY_LLAMA3: return llama3(r, frequency);
    case ROTARY_YARN: return yarn(r, head_dim, i, frequency);
    case ROTARY_PLAIN: break;
    }
    return frequency;
}

void rotary_table(const struct rotary *rotary, uint32_t positions, uint32_t head_dim, int32_t *table)
{
    uint32_t pairs = head_dim / 2;
    for (uint32_t i = 0; i < pairs; i++) {
        double frequency = rotary_frequency(rotary, head_dim, i);
        for (uint32_t position = 0; position < positions; position++) {
            int32_t *entry = table + ((uint64_t)position * pairs + i) * 2;
            double angle = position * frequency;
            entry[0] = (int32_t)real_round_half_away(real_cos(angle) * ROTARY_ONE);
            entry[1] = (int32_t)real_round_half_away(real_sin(angle) * ROTARY_ONE);
        }
    }
}
