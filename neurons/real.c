#include "neurons/real.h"

#include <float.h>
#include <limits.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

_Static_assert(FLT_EVAL_METHOD == 0, "double operations must round to double");
_Static_assert(DBL_MANT_DIG == 53, "double must be IEEE binary64");

#define MANTISSA_MASK ((UINT64_C(1) << 52) - 1)
#define SIGN_MASK (UINT64_C(1) << 63)
#define EXPONENT_INFINITE 0x7ff

/* ln 2 in two parts: the high one has 32 significant bits, so that its product with a binary exponent
 * is exact (Cody and Waite). */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LOG2_E 0x1.71547652b82fep+0
#define SQRT_HALF_BITS UINT64_C(0x3fe6a09e667f3bcd)
#define TWO_OVER_SQRT_PI 0x1.20dd750429b6dp+0
#define ONE_OVER_SQRT_PI 0x1.20dd750429b6dp-1

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int biased_exponent(double x)
{
    return (int)(bits_of(x) >> 52) & EXPONENT_INFINITE;
}

static double with_sign_of(double magnitude, double sign)
{
    return double_of((bits_of(magnitude) & ~SIGN_MASK) | (bits_of(sign) & SIGN_MASK));
}

int real_floor_log2(double x)
{
    int exponent = biased_exponent(x);
    uint64_t mantissa = bits_of(x) & MANTISSA_MASK;
    if (exponent == EXPONENT_INFINITE) return INT_MAX;
    if (exponent != 0) return exponent - 1023;
    return mantissa == 0 ? INT_MIN : 63 - __builtin_clzll(mantissa) - 1074;
}

double real_ldexp(double x, int exponent)
{
    int own = real_floor_log2(x);
    if (own == INT_MIN || own == INT_MAX) return x;
    if (exponent < -4000) exponent = -4000;
    if (exponent > 4000) exponent = 4000;
    if (own < -1022) { /* a denormal: multiplying by 2^54 makes it normal, exactly */
        x *= 0x1p54;
        exponent -= 54;
    }
    int result = biased_exponent(x) - 1023 + exponent;
    uint64_t without_exponent = bits_of(x) & (SIGN_MASK | MANTISSA_MASK);
    if (result > 1023) return with_sign_of(__builtin_inf(), x);
    if (result >= -1022) return double_of(without_exponent | (uint64_t)(result + 1023) << 52);
    if (result < -1100) result = -1100; /* below half the least denormal either way */
    return double_of(without_exponent | (uint64_t)(result + 200 + 1023) << 52) * 0x1p-200;
}

int64_t real_round_half_away(double x)
{
    double magnitude = __builtin_fabs(x);
    if (!(magnitude < 0x1p63)) return x != x ? 0 : x < 0 ? -INT64_MAX : INT64_MAX;
    int64_t whole = (int64_t)magnitude;
    whole += magnitude - (double)whole >= 0.5;
    return x < 0 ? -whole : whole;
}

/* e^(high - low) for |high - low| <= 0.35: Taylor series of e^r (A&S 4.2.1) after 1 + r.
 * Truncation: 0.35^14 / 14! = 5e-18. */
static double exp_reduced(double high, double low)
{
    static const double inverse_factorial[] = {
        1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
        1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
    };
    double r = high - low;
    double sum = inverse_factorial[11];
    for (int n = 10; n >= 0; n--) sum = sum * r + inverse_factorial[n];
    double lost = (high - r) - low; /* what rounding took from r */
    return 1.0 + (r + (r * r * sum + lost));
}

double real_exp(double x)
{
    if (x != x) return x;
    if (x > 710.0) return __builtin_inf();
    if (x < -746.0) return 0.0;
    double k = (double)real_round_half_away(x * LOG2_E);
    return real_ldexp(exp_reduced(x - k * LN2_HIGH, k * LN2_LOW), (int)k);
}

/* ln(1+f) - f + f^2/2, over s = f/(2+f): 2 atanh(s) = 2s + 2s^3/3 + ... (A&S 4.1.27) gives
 * s (f^2/2 + R), R = sum 2 s^2k / (2k+1).  |s| <= 0.1716; truncation 2^-62. */
static double log_tail(double f, double half_square)
{
    static const double coefficient[] = {
        2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23,
    };
    double s = f / (2.0 + f);
    double z = s * s;
    double sum = coefficient[10];
    for (int n = 9; n >= 0; n--) sum = sum * z + coefficient[n];
    return s * (half_square + z * sum);
}

double real_log(double x)
{
    if (x != x) return x;
    if (x == 0.0) return -__builtin_inf();
    if (x < 0.0) return __builtin_nan("");
    int k = real_floor_log2(x);
    if (k == INT_MAX) return x;
    double mantissa = real_ldexp(x, -k);
    if (bits_of(mantissa) >= SQRT_HALF_BITS + (UINT64_C(1) << 52)) { /* keep it in [sqrt 1/2, sqrt 2) */
        mantissa *= 0.5;
        k++;
    }
    double f = mantissa - 1.0;
    double half_square = 0.5 * f * f;
    double tail = log_tail(f, half_square);
    return (double)k * LN2_HIGH - ((half_square - (tail + (double)k * LN2_LOW)) - f);
}

/* e^-x^2 without the rounding of x^2: x = h + r with h of 26 bits, so h^2 is exact. */
static double exp_minus_square(double x)
{
    double h = double_of(bits_of(x) & ~((UINT64_C(1) << 27) - 1));
    return real_exp(-h * h) * real_exp((h - x) * (h + x));
}

/* erf by 2/sqrt(pi) sum (-1)^n x^(2n+1) / (n! (2n+1)) (A&S 7.1.5), nested; 0 <= x < 1.
 * Truncation: 1 / (19! 39) = 2e-19. */
static double erf_series(double x)
{
    double square = x * x;
    double sum = 1.0 / 37.0;
    for (int n = 17; n > 0; n--) sum = 1.0 / (double)(2 * n + 1) - square / (double)(n + 1) * sum;
    return TWO_OVER_SQRT_PI * (x - x * (square * sum));
}

/* erfc by the continued fraction 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ... (A&S 7.1.14); x >= 1.
 * 216/x^2 terms leave less than 2^-58 of erf. */
static double erfc_fraction(double x)
{
    double tail = x;
    for (int n = 1 + (int)(216.0 / (x * x)); n > 0; n--) tail = x + 0.5 * (double)n / tail;
    return ONE_OVER_SQRT_PI * exp_minus_square(x) / tail;
}

double real_erf(double x)
{
    double magnitude = __builtin_fabs(x);
    if (x != x || x == 0.0) return x;
    if (magnitude < 0x1p-28) {
        /* x^3/3 is below half an ulp; scaled so that a denormal is rounded once */
        return real_ldexp(real_ldexp(x, 200) * TWO_OVER_SQRT_PI, -200);
    }
    if (magnitude >= 6.0) return with_sign_of(1.0, x);
    return with_sign_of(magnitude < 1.0 ? erf_series(magnitude) : 1.0 - erfc_fraction(magnitude), x);
}

/* Lambert's continued fraction x / (1 + x^2/(3 + x^2/(5 + ... (A&S 4.5.70); 0 <= x < 0.6. */
static double tanh_fraction(double x)
{
    double square = x * x;
    double tail = 17.0;
    for (int odd = 15; odd >= 3; odd -= 2) tail = (double)odd + square / tail;
    return x - x * (square / (tail + square));
}

double real_tanh(double x)
{
    double magnitude = __builtin_fabs(x);
    if (x != x || magnitude < 0x1p-28) return x;
    if (magnitude >= 20.0) return with_sign_of(1.0, x);
    if (magnitude < 0.6) return with_sign_of(tanh_fraction(magnitude), x);
    return with_sign_of(1.0 - 2.0 / (real_exp(2.0 * magnitude) + 1.0), x);
}

/* floor(sqrt(n)) bit by bit; n < 2^108. */
static uint64_t integer_sqrt(unsigned __int128 n)
{
    uint64_t root = 0;
    for (int bit = 53; bit >= 0; bit--) {
        uint64_t tried = root | UINT64_C(1) << bit;
        if ((unsigned __int128)tried * tried <= n) root = tried;
    }
    return root;
}

double real_sqrt_portable(double x)
{
    int exponent = real_floor_log2(x);
    if (x != x || x == 0.0) return x;
    if (x < 0.0) return __builtin_nan("");
    if (exponent == INT_MAX) return x;
    /* x = n 2^(2h) with n an integer of 105 or 106 bits, whose root has 53 */
    int half = (exponent - 104 - ((exponent - 104) & 1)) / 2;
    uint64_t mantissa = (uint64_t)real_ldexp(x, 52 - exponent);
    unsigned __int128 n = (unsigned __int128)mantissa << (exponent - 52 - 2 * half);
    uint64_t root = integer_sqrt(n);
    root += n - (unsigned __int128)root * root > root; /* above (root + 1/2)^2: nearer to root + 1 */
    return real_ldexp((double)root, half);
}

double real_sqrt(double x)
{
#ifdef __SSE2__
    __m128d v = _mm_set_sd(x);
    return _mm_cvtsd_f64(_mm_sqrt_sd(v, v));
#else
    return real_sqrt_portable(x);
#endif
}
