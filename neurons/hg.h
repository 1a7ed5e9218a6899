/* HG, the hierarchically gated neuron: a scalar nonlinearity by integer tables (LAS, arXiv
 * 2505.09659; exact form: docs/design.md).
 *
 * A gate picks one interval [l, l+w): first the side (sign of x) and octave of |x|, then one of
 * 2^sub_bits equal sub-intervals of the octave.  The few-spike sub-neuron of that interval codes
 *   u = (|x| - l) / w,   c = min(round(u 2^T), 2^T - 1)
 * and the output is   y = (base[row] + slope[row] c / 2^T) 2^output_grid,  exact because every
 * slope is a multiple of 2^16.  base = f(l), slope = f(l+w) - f(l), both rounded to the grid.
 *
 * Receives: a value x per neuron when the window closes.  Sends: at the window's first step the octave gate
 * and the sub-interval gate, which brings base; then the T-step train of c (neurons/code.h), each spike of
 * step t weighing slope 2^-(t+1).  Silent where f is 0 beyond 2^hi on its grid: no gate, no spike.
 *
 * Exactness: x is rounded once, half away from zero, to the input grid; all after that is integers.
 * Error against f: chord w^2 |f''| / 8, plus coding |slope| 2^-(T+1) (2^-T in the last step of an
 * interval), plus rounding of base and slope, 2^(output_grid + 15).  hg_measure gives the sum as a figure.
 *
 * Rows: for each side present (positive first; 0 belongs to the first), one underflow row [0, 2^lo) if
 * f(0) is finite, then for each octave lo .. hi-1 ascending 2^sub_bits rows ascending.
 * Gates: octave gates are numbered side by side in the same order (underflow first), then the
 * sub-interval gates 0 .. 2^sub_bits - 1 follow; G = their total.  An underflow row has sub-interval 0.
 */
#ifndef LASSIM_NEURONS_HG_H
#define LASSIM_NEURONS_HG_H

#include <stddef.h>
#include <stdint.h>

enum hg_function {
    HG_EXP,        /* e^x, x <= 0 (negative side only) */
    HG_INV,        /* 1/x, x > 0 */
    HG_RSQRT,      /* 1/sqrt(x), x > 0 */
    HG_SQRT,       /* sqrt(x), x >= 0 */
    HG_SQUARE,     /* x^2, both sides */
    HG_GELU_ERF,   /* x Phi(x) */
    HG_GELU_TANH,  /* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    HG_SILU,       /* x sigmoid(x) */
    HG_QUICK_GELU, /* x sigmoid(1.702 x) */
    HG_TANH,       /* tanh x */
    HG_FUNCTIONS
};
enum hg_error_kind { HG_ERROR_ABSOLUTE, HG_ERROR_RELATIVE };

/* Bounds that hg_table_check enforces, whoever made the table.  Besides: sides and underflow as the function
 * has them, input_grid in hi - 62 .. lo - sub_bits, G <= 65536 (so 2^16 sub-intervals never fit). */
enum { HG_SUB_BITS_MAX = 16, HG_OCTAVE_MIN = -64, HG_OCTAVE_MAX = 64, HG_SLOPE_GRAIN = 1 << 16 };
enum { HG_OUTPUT_GRID_MAX = 256 /* |output_grid| */ };
#define HG_BASE_LIMIT (INT64_C(1) << 61) /* |base|, |slope| and |base + slope| stay below */

struct hg_table {
    enum hg_function function;
    int lo, hi;             /* octaves 2^lo .. 2^hi, lo < hi, hi - input_grid <= 62 */
    int positive, negative; /* which sides exist, at least one */
    int underflow;          /* 1: f(0) is finite, [0, 2^lo) is a row on each side */
    int silent_beyond;      /* 1: |x| >= 2^hi gives no spike at all (f is 0 on its grid there); 0: saturates */
    unsigned sub_bits;      /* log2 of sub-intervals per octave, 0..16 */
    int input_grid;         /* x is rounded to multiples of 2^input_grid, half away from zero */
    int output_grid;        /* base and slope are multiples of 2^output_grid */
    double error;           /* measured maximum error over the domain at T = 16 */
    enum hg_error_kind error_kind;
    uint32_t rows;
    const int64_t *base, *slope; /* [rows]; owned by whoever made the table */
    int exact; /* 1, for ablations only: values are f itself, rounded to the output grid; nothing spikes */
};

/* A code of a table with `exact`: its 64-bit value stands in row, octave_gate and sub_gate (hg_value). */
enum { HG_EXACT = 2 };

/* One coded neuron. */
struct hg_code {
    uint32_t row;
    uint16_t octave_gate, sub_gate; /* gate indices, sub_gate already counted on from the octaves */
    uint16_t magnitude;             /* c */
    uint8_t silent;                 /* 1: no gates, no code, value 0; HG_EXACT: no gates, no code, but a value */
    uint8_t saturated;
};

/* Rows the layout above asks for; 0 if the layout breaks a bound.  O(1), safe on hostile fields. */
uint32_t hg_rows(const struct hg_table *table);
/* G, the number of gates, 2 .. 65536.  The table passed hg_table_check, as for all below.  O(1). */
uint32_t hg_gates(const struct hg_table *table);
/* NULL if every field and row keeps the bounds above, else what is wrong (a static string).  Safe on
 * hostile fields; reads base and slope [0, rows) only after rows was checked.  O(rows). */
const char *hg_table_check(const struct hg_table *table);

/* Codes x (double: finite or +-inf; -0 is 0) for T = steps.  A NaN is refused: returns -1 and leaves
 * *code silent.  Out of range: saturated = 1 and the nearest row's end, or silent (silent_beyond; x on a
 * side that does not exist saturates at that table's end nearest to 0, unless it rounds to 0).  Returns 0.
 * O(1), about 30 ns; with table->exact hg_reference's time. */
int hg_encode(const struct hg_table *table, unsigned steps, double x, struct hg_code *code);
/* codes[i] = hg_encode of x[i] for i < n, NaNs silent.  Returns the number saturated.  O(n), eight at a time where the CPU
 * has AVX-512. */
uint64_t hg_encode_all(const struct hg_table *table, unsigned steps, const double *x, size_t n, struct hg_code *codes);
/* The same from a row and code seen in a trace: fills gates from row.  Returns -1 if row is out of range. */
int hg_gates_of_row(const struct hg_table *table, uint32_t row, uint16_t *octave_gate, uint16_t *sub_gate);
/* base + slope c / 2^T, exact; 0 if silent. */
int64_t hg_value(const struct hg_table *table, unsigned steps, const struct hg_code *code);
/* value[i] = hg_value of codes[i] for i < n. */
void hg_values(const struct hg_table *table, unsigned steps, const struct hg_code *codes, size_t n, int64_t *value);
/* What the code spike of step t (0..T-1) adds: slope 2^-(t+1), exact. */
static inline int64_t hg_step_weight(const struct hg_table *table, uint32_t row, unsigned t)
{
    return table->slope[row] / (INT64_C(1) << (t + 1));
}

/* The reference function in double, fixed order of operations, no libm (neurons/real.h); finite x.  Within
 * 1e-14 of f: relative for relative kinds, else absolute (relative above 1). */
double hg_reference(enum hg_function function, double x);
enum hg_error_kind hg_function_error_kind(enum hg_function function);
const char *hg_function_name(enum hg_function function);
/* Where a function is defined: x > 0, x < 0, and whether f(0) is finite (then 0 belongs to its sides). */
int hg_function_positive(enum hg_function function);
int hg_function_negative(enum hg_function function);
int hg_function_finite_at_zero(enum hg_function function);

/* Fits a table for |x| in [2^lo, 2^hi), -64 <= lo < hi <= 64: the smallest sub_bits in 0..12 whose measured
 * error (hg_measure at T = 16, both sides) is <= error_target; both sides where the function has them.
 *   input_grid   max(lo - 28, hi - 61): 2^-16 of the finest sub-interval where int64 allows
 *   output_grid  the finest with |f| < 2^59 steps; for HG_EXP from hi = 5 on the finest on which e^-2^hi is 0 as
 *                well (hi = 5: 2^-45), and silent_beyond = 1
 * What 1e-6 reaches with 512 sub-intervals per octave: 21 octaves for 1/x, 47 for 1/sqrt, 46 for sqrt, 12 for
 * x^2 (slope steps of 2^16 grid steps bound the relative error far from the largest |f|); e^x and the others
 * need lo <= -9 (the underflow row is one interval) and hi <= 6.
 * base and slope are written into `storage` ([capacity] int64_t each, base first then slope; capacity >=
 * HG_ROWS_MAX suffices up to 63 octaves); table->base/slope point into it.
 * Reproducible: same arguments, same integers on every compiler.  About 0.1 s at 1e-6.
 * Returns 0, or -1 if error_target cannot be met within sub_bits, capacity or the layout's bounds (the table is
 * then the finest tried; rows = 0 if lo and hi themselves are out of bounds). */
enum { HG_ROWS_MAX = 1 << 19 };
int hg_fit(enum hg_function function, int lo, int hi, double error_target, int64_t *storage, size_t capacity,
           struct hg_table *table);
/* Largest error against hg_reference, in the table's kind, over [from, to] (same sign; cut at 2^hi), sweeping
 * the input grid at the edges, centre, quarter points and the code ties next to them of every sub-interval
 * met and `extra` seeded points each.  A relative kind is measured from 2^lo on: in the underflow row of sqrt
 * and x^2 the relative error has no bound, and the row is left out.  O(rows met). */
double hg_measure(const struct hg_table *table, unsigned steps, double from, double to, unsigned extra);

#endif
