/* HG tables: fit, error bounds of docs/design.md over whole domains, encode's edges, hostile tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/code.h"
#include "neurons/hg.h"
#include "neurons/oat.h"
#include "neurons/real.h"
#include "test/neurons/sample.h"

static const uint64_t seed = 31337;
static const double target = 1e-6; /* the program's default */

/* One table per function, on a domain that holds docs/design.md's, and docs/design.md's bound at T = 16. */
struct subject {
    enum hg_function function;
    int lo, hi;
    double from, to, bound;
};
static const struct subject subjects[] = {
    {HG_EXP, -12, 5, -10, -0.0, 8.9e-5},    {HG_INV, -4, 14, 0.2, 60, 1.1e-4},  {HG_RSQRT, -17, 18, 10, 1500, 7.3e-7},
    {HG_SQRT, -10, 16, 10, 1500, 7.3e-7},   {HG_SQUARE, -3, 7, 3, 100, 3.3e-2}, {HG_GELU_ERF, -10, 5, -6, 30, 2.9e-6},
    {HG_GELU_TANH, -10, 5, -6, 30, 2.9e-6}, {HG_SILU, -10, 5, -6, 30, 2.9e-6},  {HG_QUICK_GELU, -10, 5, -6, 30, 2.9e-6},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

static struct hg_table tables[SUBJECTS];
static int64_t *storages[SUBJECTS];
enum { CAPACITY = 1 << 15 };

static const struct hg_table *table_of(enum hg_function function)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        if (subjects[i].function == function) return &tables[i];
    return NULL;
}

static int fit_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct subject *s = &subjects[i];
        storages[i] = malloc(2 * CAPACITY * sizeof(int64_t));
        if (storages[i] == NULL) return -1;
        if (hg_fit(s->function, s->lo, s->hi, target, storages[i], CAPACITY, &tables[i]) != 0) return -1;
    }
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) free(storages[i]);
    return 0;
}

/* f in long double by libm: shares nothing with hg_reference. */
static long double truth(enum hg_function function, long double x)
{
    switch (function) {
    case HG_EXP: return expl(x);
    case HG_INV: return 1 / x;
    case HG_RSQRT: return 1 / sqrtl(x);
    case HG_SQRT: return sqrtl(x);
    case HG_SQUARE: return x * x;
    case HG_GELU_ERF: return x / 2 * erfcl(-x / sqrtl(2));
    case HG_GELU_TANH: return x / 2 * (1 + tanhl(sqrtl(2 / 3.14159265358979323846L) * (x + 0.044715L * x * x * x)));
    case HG_SILU: return x / (1 + expl(-x));
    case HG_QUICK_GELU: return x / (1 + expl(-1.702L * x));
    case HG_TANH: return tanhl(x);
    case HG_FUNCTIONS: break;
    }
    return NAN;
}

static double value_at(const struct hg_table *table, unsigned steps, double x)
{
    struct hg_code code;
    assert_int_equal(hg_encode(table, steps, x, &code), 0);
    return ldexp((double)hg_value(table, steps, &code), table->output_grid);
}

/* x^2's bound in docs/design.md is absolute; its table is measured relative. */
static double error_at(const struct hg_table *table, unsigned steps, double x, int relative)
{
    long double f = truth(table->function, x);
    double error = (double)fabsl(value_at(table, steps, x) - f);
    return relative ? error / (double)fabsl(f) : error;
}

/* Sweeps [from, to] on the input grid: every row's ends and middle, and `points` grid points evenly. */
static double sweep(const struct hg_table *table, unsigned steps, double from, double to, int points, int relative)
{
    double grid = ldexp(1, table->input_grid), worst = 0;
    int64_t first = (int64_t)ceil(from / grid), last = (int64_t)floor(to / grid);
    int64_t stride = (last - first) / points + 1;
    for (int64_t at = first; at <= last; at += stride)
        worst = fmax(worst, error_at(table, steps, (double)at * grid, relative));
    for (int octave = table->lo; octave < table->hi; octave++) {
        double width = ldexp(1, octave - (int)table->sub_bits);
        for (int sub = 0; sub < 1 << table->sub_bits; sub++) {
            double low = ldexp(1, octave) + sub * width;
            double places[] = {low, low + width / 2, low + width - grid, -low, -low - width / 2, -low - width + grid};
            for (int i = 0; i < 6; i++)
                if (places[i] >= from && places[i] <= to)
                    worst = fmax(worst, error_at(table, steps, places[i], relative));
        }
    }
    return fmax(worst, fmax(error_at(table, steps, (double)first * grid, relative),
                            error_at(table, steps, (double)last * grid, relative)));
}

static void test_bounds_of_las_at_16(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct subject *s = &subjects[i];
        int relative = s->function == HG_INV || s->function == HG_SQRT || s->function == HG_RSQRT;
        double error = sweep(&tables[i], 16, s->from, s->to, 250000, relative);
        printf("%-10s [%g,%g] %s error %.3g (bound %.2g), %u sub-intervals per octave\n", hg_function_name(s->function),
               s->from, s->to, relative ? "relative" : "absolute", error, s->bound, 1u << tables[i].sub_bits);
        assert_true(error <= s->bound);
        assert_true(tables[i].sub_bits <= 9);
    }
}

/* The stored error holds over the whole table, ends included (relative kinds: from 2^lo on). */
static void test_stored_error_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct hg_table *table = &tables[i];
        int relative = table->error_kind == HG_ERROR_RELATIVE;
        double near = relative ? ldexp(1, table->lo) : 0.0, far = nextafter(ldexp(1, table->hi), 0), error = 0;
        if (table->positive) error = sweep(table, 16, near, far, 100000, relative);
        if (table->negative) error = fmax(error, sweep(table, 16, -far, -near, 100000, relative));
        assert_true(table->error <= target);
        assert_true(error <= table->error * 1.001);
        assert_null(hg_table_check(table));
        assert_true(hg_function_error_kind(table->function) == table->error_kind);
    }
}

static void test_other_timesteps(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct subject *s = &subjects[i];
        printf("%-10s measured error at T = 1..16:", hg_function_name(s->function));
        double before = INFINITY;
        for (unsigned steps = 1; steps <= 16; steps++) {
            double error = s->from < 0 ? hg_measure(&tables[i], steps, s->from, -0.0, 2) : 0;
            if (s->to > 0) error = fmax(error, hg_measure(&tables[i], steps, fmax(s->from, 0), s->to, 2));
            printf(" %.1e", error);
            assert_true(error <= before * 1.0001); /* more steps never code worse, within a rounding */
            before = error;
        }
        printf("\n");
    }
}

static void test_measure_agrees_with_itself_and_the_truth(void **state)
{
    (void)state;
    const struct hg_table *table = table_of(HG_EXP);
    double a = hg_measure(table, 16, -10, 0, 5), b = sweep(table, 16, -10, 0, 200000, 0);
    assert_true(a == hg_measure(table, 16, 0.0, -10, 5));
    assert_true(b <= a * 1.001 && a <= b * 1.03);
    assert_true(hg_measure(table, 16, -3, -2, 5) <= a);
    assert_true(hg_measure(table, 16, -0x1p-13, -0x1p-14, 5) < 0x1p-24); /* inside the underflow row */
}

static void test_reference_against_libm(void **state)
{
    (void)state;
    uint64_t random = seed;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct subject *s = &subjects[i];
        for (int k = 0; k < 20000; k++) {
            double x = sample_uniform(&random, s->from, s->to);
            long double f = truth(s->function, x);
            double scale = tables[i].error_kind == HG_ERROR_RELATIVE ? (double)fabsl(f) : 1.0;
            assert_true(fabsl(hg_reference(s->function, x) - f) <= 1e-14 * fmax(scale, fabs((double)f)));
        }
    }
}

/* Sum of step weights of both spike codes, plus the gate's base, is hg_value. */
static void test_spikes_sum_to_the_value(void **state)
{
    (void)state;
    uint64_t random = seed + 1;
    for (int i = 0; i < 200000; i++) {
        const struct hg_table *table = &tables[(unsigned)i % SUBJECTS];
        unsigned steps = 1 + sample_bits(&random) % 16;
        struct hg_code code = {.row = (uint32_t)(sample_bits(&random) % table->rows)};
        code.magnitude = (uint16_t)(sample_bits(&random) & ((1u << steps) - 1));
        for (int c = 0; c < 2; c++) {
            struct spike_steps spikes = code_steps((enum spike_code)c, steps, code.magnitude);
            int64_t sum = table->base[code.row];
            for (unsigned t = 0; t < steps; t++) {
                int64_t weight = hg_step_weight(table, code.row, t);
                assert_int_equal(weight * (INT64_C(1) << (t + 1)), table->slope[code.row]);
                if (spikes.fired >> t & 1) sum += spikes.negative >> t & 1 ? -weight : weight;
            }
            assert_int_equal(sum, hg_value(table, steps, &code));
        }
    }
}

/* The definition of the code, in long double, for every T. */
static void test_encode_follows_the_definition(void **state)
{
    (void)state;
    uint64_t random = seed + 2;
    for (int i = 0; i < 300000; i++) {
        const struct hg_table *table = &tables[(unsigned)i % SUBJECTS];
        unsigned steps = 1 + sample_bits(&random) % 16;
        double x = ldexp(sample_uniform(&random, 1, 2), table->lo - 2 + (int)(sample_bits(&random) % 30));
        if (x >= ldexp(1, table->hi) * 0.999) continue;
        struct hg_code code;
        assert_int_equal(hg_encode(table, steps, table->positive ? x : -x, &code), 0);
        long double on_grid = floorl(ldexpl(x, -table->input_grid) + 0.5L), u;
        long double magnitude = ldexpl(on_grid, table->input_grid);
        uint32_t row = 0;
        if (magnitude < ldexpl(1, table->lo)) {
            assert_int_equal(code.saturated, !table->underflow);
            if (!table->underflow) continue;
            u = ldexpl(magnitude, -table->lo);
        } else {
            int octave = ilogbl(magnitude);
            long double place = ldexpl(magnitude - ldexpl(1, octave), (int)table->sub_bits - octave);
            row = (uint32_t)table->underflow + ((uint32_t)(octave - table->lo) << table->sub_bits) +
                  (uint32_t)floorl(place);
            u = place - floorl(place);
        }
        long double c = floorl(ldexpl(u, (int)steps) + 0.5L), largest = ldexpl(1, (int)steps) - 1;
        assert_int_equal(code.row, row);
        assert_int_equal(code.magnitude, (uint32_t)(c < largest ? c : largest));
        assert_int_equal(code.silent, 0);
    }
}

static void expect(const struct hg_table *table, double x, int silent, int saturated, uint32_t row, unsigned magnitude)
{
    struct hg_code code;
    assert_int_equal(hg_encode(table, 16, x, &code), 0);
    assert_int_equal(code.silent, silent);
    assert_int_equal(code.saturated, saturated);
    assert_int_equal(code.row, row);
    assert_int_equal(code.magnitude, magnitude);
    if (silent) assert_int_equal(hg_value(table, 16, &code), 0);
}

static void test_edges(void **state)
{
    (void)state;
    const struct hg_table *e = table_of(HG_EXP), *inv = table_of(HG_INV), *root = table_of(HG_SQRT),
                          *gelu = table_of(HG_GELU_ERF);
    double least = 0x1p-1074;
    expect(e, 0.0, 0, 0, 0, 0);
    expect(e, -0.0, 0, 0, 0, 0);
    expect(e, -least, 0, 0, 0, 0);
    expect(e, least, 0, 0, 0, 0); /* rounds to 0 on the input grid, which is inside */
    expect(e, 1.0, 0, 1, 0, 0);   /* the side that does not exist: the end nearest to 0 */
    expect(e, INFINITY, 0, 1, 0, 0);
    expect(e, -32.0, 1, 0, 0, 0); /* f is 0 on its grid: silent */
    expect(e, -INFINITY, 1, 0, 0, 0);
    expect(e, -1e300, 1, 0, 0, 0);
    expect(e, nextafter(-32.0, 0), 1, 0, 0, 0); /* rounds to 32 on the input grid */
    expect(e, -32.0 + ldexp(1, e->input_grid), 0, 0, e->rows - 1, 65535);
    expect(inv, 0.0, 0, 1, 0, 0);
    expect(inv, least, 0, 1, 0, 0);
    expect(inv, -3.0, 0, 1, 0, 0);
    expect(inv, -INFINITY, 0, 1, 0, 0);
    expect(inv, INFINITY, 0, 1, inv->rows - 1, 65535);
    expect(inv, ldexp(1, 14), 0, 1, inv->rows - 1, 65535);
    expect(inv, 0.0625, 0, 0, 0, 0);
    expect(inv, 0.0625 - ldexp(1, inv->input_grid), 0, 1, 0, 0);
    expect(root, 0.0, 0, 0, 0, 0);
    expect(root, least, 0, 0, 0, 0);
    expect(root, -1.0, 0, 1, 0, 0);
    expect(gelu, -least, 0, 0, 0, 0);
    expect(gelu, INFINITY, 0, 1, gelu->rows / 2 - 1, 65535);
    expect(gelu, -INFINITY, 0, 1, gelu->rows - 1, 65535);
    expect(gelu, -ldexp(1, gelu->lo - 1), 0, 0, gelu->rows / 2, 32768);
    expect(gelu, ldexp(1, gelu->lo), 0, 0, 1, 0);
}

static void test_nan_is_refused(void **state)
{
    (void)state;
    struct hg_code code = {.row = 7, .magnitude = 9};
    assert_int_equal(hg_encode(table_of(HG_EXP), 16, NAN, &code), -1);
    assert_true(code.silent && code.row == 0 && code.magnitude == 0 && !code.saturated);
}

static void test_exact_values(void **state)
{
    (void)state;
    const struct hg_table *e = table_of(HG_EXP), *inv = table_of(HG_INV), *square = table_of(HG_SQUARE);
    uint32_t code;
    struct oat_params weights = {.lsb = 0x1p-16, .steps = 16, .j = 1};
    for (unsigned steps = 1; steps <= 16; steps++) {
        assert_true(value_at(e, steps, 0.0) == 1.0);
        for (int k = inv->lo; k < inv->hi; k++) assert_true(value_at(inv, steps, ldexp(1, k)) == ldexp(1, -k));
        for (int k = square->lo; k < square->hi; k++)
            assert_true(value_at(square, steps, -ldexp(1, k)) == ldexp(1, 2 * k));
    }
    double one = value_at(e, 16, 0.0);
    assert_int_equal(oat_encode(&weights, 0, &one, 1, &code), 0);
    assert_int_equal(code, OAT_OUTLIER | 0x8000);
    for (int c = 0; c < 2; c++)
        assert_int_equal(__builtin_popcount(code_steps((enum spike_code)c, 16, code & OAT_MAGNITUDE).fired), 1);
}

/* Gates follow the header: octaves side by side, then sub-intervals; a row and its gates are one to one. */
static void test_gates(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct hg_table *t = &tables[i];
        uint16_t octave, sub;
        uint32_t row = 0, gate = 0;
        uint32_t octave_gates = (uint32_t)((t->positive + t->negative) * (t->underflow + t->hi - t->lo));
        for (int side = 0; side < t->positive + t->negative; side++) {
            for (int k = 0; k < t->underflow + t->hi - t->lo; k++, gate++) {
                uint32_t subs = t->underflow && k == 0 ? 1 : 1u << t->sub_bits;
                for (uint32_t s = 0; s < subs; s++, row++) {
                    assert_int_equal(hg_gates_of_row(t, row, &octave, &sub), 0);
                    assert_int_equal(octave, gate);
                    assert_int_equal(sub, octave_gates + s);
                }
            }
        }
        assert_int_equal(row, t->rows);
        assert_int_equal(hg_gates(t), octave_gates + (1u << t->sub_bits));
        assert_int_equal(hg_gates_of_row(t, row, &octave, &sub), -1);
        assert_int_equal(hg_gates_of_row(t, UINT32_MAX, &octave, &sub), -1);
    }
    struct hg_code code;
    const struct hg_table *gelu = table_of(HG_GELU_ERF);
    hg_encode(gelu, 16, -1.5, &code);
    assert_int_equal(code.octave_gate, 16 + 1 + 10); /* after the positive side: underflow, then 2^-10 .. 2^-1 */
    assert_int_equal(code.sub_gate, 32 + (1u << gelu->sub_bits) / 2);
}

static void test_fit_is_the_smallest_that_meets_the_target(void **state)
{
    (void)state;
    static int64_t storage[2 * CAPACITY];
    struct hg_table table;
    unsigned before = 0;
    for (double goal = 1e-1; goal >= 1e-6; goal /= 10) {
        assert_int_equal(hg_fit(HG_INV, -4, 14, goal, storage, CAPACITY, &table), 0);
        assert_true(table.error <= goal && table.sub_bits >= before);
        before = table.sub_bits;
    }
    assert_int_equal(hg_fit(HG_INV, -4, 14, 0.0, storage, CAPACITY, &table), -1);
    assert_null(hg_table_check(&table)); /* the finest that fits the storage */
    assert_int_equal(table.sub_bits, 10);
    assert_int_equal(hg_fit(HG_INV, 3, 3, 1, storage, CAPACITY, &table), -1);
    assert_int_equal(hg_fit(HG_EXP, -100, 5, 1, storage, CAPACITY, &table), -1);
    assert_int_equal(hg_fit(HG_EXP, INT_MIN, INT_MAX, 1, storage, CAPACITY, &table), -1);
    assert_int_equal(hg_fit(HG_EXP, -8, 3, 1e-5, storage, CAPACITY, &table), 0);
    assert_int_equal(table.silent_beyond, 0); /* e^-8 is not 0 on any useful grid */
    assert_int_equal(hg_fit(HG_EXP, -8, 6, 1e-5, storage, CAPACITY, &table), 0);
    assert_true(table.silent_beyond == 1 && hg_table_check(&table) == NULL);
}

/* The integers of every table: a compiler that fits another table is caught here. */
static void test_same_tables_on_every_compiler(void **state)
{
    (void)state;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < SUBJECTS; i++) {
        for (uint32_t row = 0; row < tables[i].rows; row++) {
            hash = (hash ^ (uint64_t)tables[i].base[row]) * UINT64_C(0x100000001b3);
            hash = (hash ^ (uint64_t)tables[i].slope[row]) * UINT64_C(0x100000001b3);
        }
        hash = (hash ^ bits_of_double(tables[i].error)) * UINT64_C(0x100000001b3);
    }
    assert_int_equal(hash, UINT64_C(0x5875a887e5c13021));
}

/* The table with one field replaced is refused. */
#define REFUSED(table, field, lie)               \
    do {                                         \
        struct hg_table lying = (table);         \
        lying.field = (lie);                     \
        assert_non_null(hg_table_check(&lying)); \
    } while (0)

static void test_check_names_a_lie_about_the_function(void **state)
{
    (void)state;
    struct hg_table t = *table_of(HG_EXP);
    assert_null(hg_table_check(&t));
    REFUSED(t, function, HG_FUNCTIONS);
    REFUSED(t, function, (enum hg_function) - 1);
    REFUSED(t, function, HG_INV);
    REFUSED(t, positive, 1);
    REFUSED(t, positive, INT_MIN);
    REFUSED(t, negative, 0);
    REFUSED(t, negative, 2);
    REFUSED(t, underflow, 0);
    REFUSED(t, underflow, -1);
    REFUSED(t, silent_beyond, 2);
    REFUSED(t, output_grid, -46); /* silent beyond, but e^-32 is not 0 there */
    REFUSED(t, error, NAN);
    REFUSED(t, error, -1.0);
    REFUSED(t, error, INFINITY);
    REFUSED(t, error_kind, HG_ERROR_RELATIVE);
}

static void test_check_names_a_lie_about_the_layout(void **state)
{
    (void)state;
    struct hg_table t = *table_of(HG_EXP);
    REFUSED(t, lo, 5);
    REFUSED(t, lo, -65);
    REFUSED(t, lo, INT_MIN);
    REFUSED(t, hi, 65);
    REFUSED(t, hi, INT_MAX);
    REFUSED(t, sub_bits, 8);
    REFUSED(t, sub_bits, 17);
    REFUSED(t, sub_bits, UINT_MAX);
    REFUSED(t, input_grid, t.lo - 8);
    REFUSED(t, input_grid, t.hi - 63);
    REFUSED(t, input_grid, INT_MIN);
    REFUSED(t, output_grid, 257);
    REFUSED(t, output_grid, INT_MIN);
    REFUSED(t, rows, t.rows - 1);
    REFUSED(t, rows, UINT32_MAX);
    REFUSED(t, base, NULL);
    REFUSED(t, slope, NULL);
}

static void test_check_names_a_lie_in_the_rows(void **state)
{
    (void)state;
    struct hg_table t = *table_of(HG_EXP);
    int64_t *base = malloc(t.rows * sizeof *base), *slope = malloc(t.rows * sizeof *slope);
    assert_non_null(base);
    assert_non_null(slope);
    memcpy(base, t.base, t.rows * sizeof *base);
    memcpy(slope, t.slope, t.rows * sizeof *slope);
    t.base = base, t.slope = slope;
    int64_t *last_base = base + t.rows - 1, *last_slope = slope + t.rows - 1;
    assert_null(hg_table_check(&t));
    *last_slope += 1;
    assert_non_null(hg_table_check(&t));
    *last_slope = HG_BASE_LIMIT;
    assert_non_null(hg_table_check(&t));
    *last_slope = INT64_MIN;
    assert_non_null(hg_table_check(&t));
    *last_slope = HG_BASE_LIMIT - HG_SLOPE_GRAIN;
    *last_base = HG_SLOPE_GRAIN;
    assert_non_null(hg_table_check(&t));
    *last_base = HG_SLOPE_GRAIN - 1;
    assert_null(hg_table_check(&t));
    *last_base = INT64_MIN;
    assert_non_null(hg_table_check(&t));
    free(base);
    free(slope);
}

/* A table of the given random bits, of which about one in fifty is a table. */
static struct hg_table random_table(uint64_t r, uint64_t q, const int64_t *cells)
{
    struct hg_table t = {
        .function = (enum hg_function)(r % 11),
        .lo = (int)(r >> 8 & 127) - 64,
        .positive = (int)(r >> 16 & 1),
        .negative = (int)(r >> 17 & 1),
        .underflow = (int)(r >> 18 & 1),
        .silent_beyond = (r >> 20 & 7) == 0,
        .sub_bits = (unsigned)(r >> 24 & 15),
        .output_grid = (int)(r >> 32 & 1023) - 512,
        .error_kind = (enum hg_error_kind)(r >> 44 & 1),
        .base = cells,
        .slope = cells + CAPACITY,
    };
    t.hi = t.lo + (int)(q & 31);
    t.input_grid = t.lo - (int)(q >> 8 & 63);
    t.rows = hg_rows(&t);
    return t;
}

/* Random fields: whatever hg_table_check accepts, every entry point survives (sanitizers watch). */
static void test_accepted_means_safe(void **state)
{
    (void)state;
    uint64_t random = seed + 3;
    int accepted = 0;
    int64_t *cells = calloc(2 * CAPACITY, sizeof *cells);
    assert_non_null(cells);
    for (int i = 0; i < 300000; i++) {
        uint64_t r = sample_bits(&random), q = sample_bits(&random);
        struct hg_table t = random_table(r, q, cells);
        if (t.rows == 0 || t.rows > CAPACITY || hg_table_check(&t) != NULL) continue;
        accepted++;
        static const double inputs[] = {0.0, -0.0, 1.0, -1.0, 1e300, -1e300, INFINITY, -INFINITY, 0x1p-1074, 1e-5};
        for (int k = 0; k < 20; k++) {
            struct hg_code code;
            double x = k < 10 ? inputs[k] : sample_double(&random);
            unsigned steps = 1 + (unsigned)k % 16;
            assert_int_equal(hg_encode(&t, steps, x, &code), 0);
            assert_true(code.row < t.rows && code.magnitude < 1u << steps);
            assert_true(code.silent || (code.octave_gate < code.sub_gate && code.sub_gate < hg_gates(&t)));
            assert_int_equal(hg_value(&t, steps, &code), 0);
        }
    }
    printf("%d random tables accepted (seed %llu)\n", accepted, (unsigned long long)seed);
    assert_true(accepted > 100);
    free(cells);
}

/* The ablation's exact function: within half a grid step of the reference, no gate, no code. */
static void test_exact_function(void **state)
{
    (void)state;
    for (size_t s = 0; s < SUBJECTS; s++) {
        struct hg_table exact = tables[s];
        struct hg_code code;
        exact.exact = 1;
        for (int i = 0; i <= 1000; i++) {
            double x = subjects[s].from + (subjects[s].to - subjects[s].from) * i / 1000;
            double y = hg_reference(exact.function, x), step = ldexp(1, exact.output_grid);
            for (unsigned steps = 1; steps <= 16; steps += 5) {
                assert_int_equal(hg_encode(&exact, steps, x, &code), 0);
                assert_true(code.silent != 0 && !code.saturated);
                assert_true(fabs((double)hg_value(&exact, steps, &code) * step - y) <= step / 2 + 1e-15 * fabs(y));
            }
        }
    }
    struct hg_table exact = *table_of(HG_INV);
    struct hg_code code;
    exact.exact = 1;
    assert_int_equal(hg_encode(&exact, 16, -3, &code), 0);
    assert_true(code.saturated && hg_value(&exact, 16, &code) > 0);
    assert_int_equal(hg_encode(&exact, 16, NAN, &code), -1);
    assert_int_equal(hg_value(&exact, 16, &code), 0);
    exact = *table_of(HG_EXP);
    exact.exact = 1;
    assert_int_equal(hg_encode(&exact, 16, -1e9, &code), 0);
    assert_true(code.silent == 1 && !code.saturated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_of_las_at_16),
        cmocka_unit_test(test_stored_error_holds),
        cmocka_unit_test(test_other_timesteps),
        cmocka_unit_test(test_measure_agrees_with_itself_and_the_truth),
        cmocka_unit_test(test_reference_against_libm),
        cmocka_unit_test(test_spikes_sum_to_the_value),
        cmocka_unit_test(test_encode_follows_the_definition),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_nan_is_refused),
        cmocka_unit_test(test_exact_values),
        cmocka_unit_test(test_exact_function),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_fit_is_the_smallest_that_meets_the_target),
        cmocka_unit_test(test_same_tables_on_every_compiler),
        cmocka_unit_test(test_check_names_a_lie_about_the_function),
        cmocka_unit_test(test_check_names_a_lie_about_the_layout),
        cmocka_unit_test(test_check_names_a_lie_in_the_rows),
        cmocka_unit_test(test_accepted_means_safe),
    };
    return cmocka_run_group_tests(tests, fit_all, free_all);
}
