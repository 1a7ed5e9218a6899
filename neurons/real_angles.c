#include "neurons/real_angles.h"

#include <stdint.h>

#include "neurons/real.h"

/* pi/2 = P0 + P1 + P2 + P3: 32 significant bits each, so that products with integers below 2^21 are exact, and a rest. */
#define P0 0x1.921fb544p+0
#define P1 0x1.0b4611a6p-34
#define P2 0x1.3198a2ep-69
#define P3 0x1.b839a252049c1p-104
#define TWO_OVER_PI 0x1.45f306dc9c883p-1
#define LN2_HIGH 0x1.62e42feep-1 /* 32 significant bits */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define SQRT_TWO 0x1.6a09e667f3bcdp+0
#define SPLIT 0x1.0000002p+27 /* 2^27 + 1: halves of 26 bits (Dekker 1971) */

/* A number as the sum of two doubles, the second below half an ulp of the first. */
struct pair {
    double high, low;
};

/* a + b exactly (Knuth). */
static struct pair sum_of(double a, double b)
{
    double s = a + b, t = s - a;
    return (struct pair){s, (a - (s - t)) + (b - t)};
}

/* a b exactly, far from overflow (Dekker). */
static struct pair product_of(double a, double b)
{
    double p = a * b, ta = SPLIT * a, tb = SPLIT * b;
    double ah = ta - (ta - a), al = a - ah, bh = tb - (tb - b), bl = b - bh;
    return (struct pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/* x = quarter pi/2 + the pair, which lies in -pi/4 .. pi/4 but for a rounding. */
static struct pair reduce(double x, unsigned *quarter)
{
    int64_t turns = real_round_half_away(x * TWO_OVER_PI);
    double k = (double)turns;
    struct pair a = sum_of(x - k * P0, -(k * P1)); /* the difference is exact */
    struct pair b = sum_of(a.high, -(k * P2));
    *quarter = (unsigned)turns & 3;
    return sum_of(b.high, (a.low + b.low) - k * P3);
}

/* Truncation: (pi/4)^19 / 19! = 8e-20. */
static double sine(struct pair r)
{
    static const double coefficient[] = {
        -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
    double square = r.high * r.high, sum = coefficient[7];
    for (int n = 6; n >= 0; n--) sum = sum * square + coefficient[n];
    return r.high + (r.high * square * sum + r.low * (1.0 - 0.5 * square));
}

/* Truncation: (pi/4)^18 / 18! = 2e-18. */
static double cosine(struct pair r)
{
    static const double coefficient[] = {1.0 / 24,        -1.0 / 720,         1.0 / 40320,         -1.0 / 3628800,
                                         1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000};
    double square = r.high * r.high, half = 0.5 * square, sum = coefficient[6];
    for (int n = 5; n >= 0; n--) sum = sum * square + coefficient[n];
    double near = 1.0 - half;
    return near + (((1.0 - near) - half) + (square * square * sum - r.high * r.low));
}

static double quarter_turned(double x, unsigned ahead)
{
    unsigned quarter;
    if (!(__builtin_fabs(x) <= REAL_ANGLE_MAX)) return __builtin_nan("");
    struct pair r = reduce(x, &quarter);
    quarter += ahead;
    double y = (quarter & 1) != 0 ? cosine(r) : sine(r);
    return (quarter & 2) != 0 ? -y : y;
}

double real_sin(double x)
{
    if (__builtin_fabs(x) < 0x1p-28) return x; /* x^3/6 is below half an ulp */
    return quarter_turned(x, 0);
}

double real_cos(double x)
{
    return quarter_turned(x, 1);
}

/* ln x to some 2^-58: x = 2^k m with m in sqrt(1/2) .. sqrt 2, ln m = 2 (s + s^3/3 + ...), s = (m - 1) / (m + 1). */
static struct pair logarithm(double x)
{
    int k = real_floor_log2(x);
    double m = real_ldexp(x, -k);
    if (m >= SQRT_TWO) {
        m *= 0.5;
        k++;
    }
    double f = m - 1.0; /* exact */
    struct pair d = sum_of(m, 1.0);
    double s = f / d.high;
    struct pair p = product_of(s, d.high);
    double low = (((f - p.high) - p.low) - s * d.low) / d.high, z = s * s, sum = 2.0 / 25.0;
    for (int n = 23; n >= 3; n -= 2) sum = sum * z + 2.0 / (double)n;
    struct pair whole = sum_of((double)k * LN2_HIGH, 2.0 * s);
    return sum_of(whole.high, whole.low + (2.0 * low + (s * z * sum + (double)k * LN2_LOW)));
}

double real_pow(double x, double y)
{
    if (!(x > 0) || x - x != 0 || y - y != 0) return __builtin_nan("");
    struct pair l = logarithm(x);
    if (!(__builtin_fabs(l.high * y) < 700.0)) return real_exp(l.high * y);
    if (__builtin_fabs(y) < 0x1p-60) return 1.0; /* the product's parts would leave the normal numbers */
    struct pair p = product_of(l.high, y);
    double e = real_exp(p.high);
    return e + e * (p.low + l.low * y);
}
