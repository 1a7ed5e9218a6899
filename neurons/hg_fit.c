/* Fitting and measuring of HG tables: what only the converter, inspect and the tests need. */
#include "neurons/hg.h"

#include <string.h>

#include "neurons/real.h"

enum { FIT_SUB_BITS_MAX = 12, FIT_STEPS = 16, FIT_EXTRA_POINTS = 3 };

/* |base| stays below 2^59, so that base + slope keeps HG_BASE_LIMIT with room for rounding. */
enum { BASE_BITS = 59 };

/* A reach of the finest grids in which e^x may vanish: coarser ones would cost accuracy. */
enum { EXP_GRID_COARSEST = -44 };

static uint64_t next_random(uint64_t *state) /* splitmix64: Steele, Lea and Flood 2014 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* One side of a table between two magnitudes, while it is being measured. */
struct sweep {
    const struct hg_table *table;
    unsigned steps;
    double sign, from, to; /* magnitudes */
    double worst;
};

/* Measures at the grid point nearest to magnitude, if the sweep covers it. */
static void measure_at(struct sweep *sweep, double magnitude)
{
    const struct hg_table *table = sweep->table;
    double on_grid =
        real_ldexp((double)real_round_half_away(real_ldexp(magnitude, -table->input_grid)), table->input_grid);
    if (on_grid < sweep->from || on_grid > sweep->to) return;
    double x = sweep->sign * on_grid;
    double truth = hg_reference(table->function, x);
    struct hg_code code;
    if (hg_encode(table, sweep->steps, x, &code) != 0) return;
    double value = real_ldexp((double)hg_value(table, sweep->steps, &code), table->output_grid);
    double error = __builtin_fabs(value - truth);
    if (table->error_kind == HG_ERROR_RELATIVE) error /= __builtin_fabs(truth);
    if (!(error <= sweep->worst)) sweep->worst = error;
}

/* Edges, centre, quarter points, both sides of the code tie next to each (where the coding error is
 * largest, one way and the other), and `extra` seeded points of [low, low + width). */
static void measure_interval(struct sweep *sweep, double low, double width, unsigned extra)
{
    double tie = width * real_power_of_two(-(int)sweep->steps - 1), end = low + width;
    double grid_step = real_power_of_two(sweep->table->input_grid), double_step = real_ldexp(end, -53);
    double step = larger(grid_step, double_step);
    uint64_t random;
    memcpy(&random, &low, sizeof random);
    measure_at(sweep, low);
    measure_at(sweep, end - step);
    for (int quarter = 1; quarter < 4; quarter++) {
        double at = low + width * 0.25 * quarter;
        measure_at(sweep, at);
        measure_at(sweep, at + tie - step);
        measure_at(sweep, at + tie);
    }
    for (unsigned i = 0; i < extra; i++)
        measure_at(sweep, low + width * real_ldexp((double)(next_random(&random) >> 11), -53));
}

static void measure_octave(struct sweep *sweep, int octave, unsigned extra)
{
    double bottom = real_power_of_two(octave);
    double width = real_power_of_two(octave - (int)sweep->table->sub_bits);
    int64_t first = 0, subs = INT64_C(1) << sweep->table->sub_bits, last = subs - 1;
    if (bottom > sweep->to || 2.0 * bottom <= sweep->from) return;
    if (sweep->from > bottom) first = (int64_t)((sweep->from - bottom) / width);
    if (sweep->to < 2.0 * bottom) last = (int64_t)((sweep->to - bottom) / width);
    for (int64_t sub = first; sub <= last; sub++) measure_interval(sweep, bottom + width * (double)sub, width, extra);
}

double hg_measure(const struct hg_table *table, unsigned steps, double from, double to, unsigned extra)
{
    double below_end = real_power_of_two(table->hi) * (1.0 - 0x1p-53);
    double low = __builtin_fabs(from), high = __builtin_fabs(to);
    struct sweep sweep = {.table = table, .steps = steps, .sign = from < 0 || to < 0 ? -1.0 : 1.0};
    sweep.from = low < high ? low : high;
    sweep.to = low < high ? high : low;
    if (sweep.to > below_end) sweep.to = below_end;
    int whole = table->underflow && table->error_kind == HG_ERROR_ABSOLUTE;
    double bottom = real_power_of_two(table->lo);
    if (sweep.from < bottom && whole) measure_interval(&sweep, 0.0, bottom, 64 + extra);
    if (sweep.from < bottom && !whole) sweep.from = bottom;
    measure_at(&sweep, sweep.from);
    measure_at(&sweep, sweep.to);
    for (int octave = table->lo; octave < table->hi; octave++) measure_octave(&sweep, octave, extra);
    return sweep.worst;
}

/* Largest |f| at the ends of the sides; no function here is larger inside (GELU's and SiLU's dips are
 * below their values on the positive side, which is always there too). */
static double largest_value(const struct hg_table *table)
{
    double near = table->underflow ? 0.0 : real_power_of_two(table->lo), far = real_power_of_two(table->hi);
    double largest = 0.0;
    for (int negative = 0; negative < 2; negative++) {
        double sign = negative ? -1.0 : 1.0;
        if (!(negative ? table->negative : table->positive)) continue;
        largest = larger(largest, __builtin_fabs(hg_reference(table->function, sign * near)));
        largest = larger(largest, __builtin_fabs(hg_reference(table->function, sign * far)));
    }
    return largest;
}

/* The finest grid that base fits; for e^x the finest on which e^-2^hi is 0, where that is still fine. */
static void choose_output_grid(struct hg_table *table)
{
    table->output_grid = real_floor_log2(largest_value(table)) + 1 - BASE_BITS;
    table->silent_beyond = 0;
    if (table->function != HG_EXP) return;
    double end = hg_reference(HG_EXP, -real_power_of_two(table->hi));
    int vanishing = end > 0 ? real_floor_log2(end) + 2 : table->output_grid;
    if (vanishing > EXP_GRID_COARSEST) return;
    if (vanishing > table->output_grid) table->output_grid = vanishing;
    table->silent_beyond = 1;
}

static int64_t on_output_grid(const struct hg_table *table, double value)
{
    return real_round_half_away(real_ldexp(value, -table->output_grid));
}

static void fill_row(const struct hg_table *table, double low, double width, double sign, int64_t *base, int64_t *slope)
{
    double start = hg_reference(table->function, sign * low);
    double end = hg_reference(table->function, sign * (low + width));
    *base = on_output_grid(table, start);
    *slope = real_round_half_away(real_ldexp(end - start, -table->output_grid - 16)) * HG_SLOPE_GRAIN;
}

static void fill_side(const struct hg_table *table, double sign, int64_t *base, int64_t *slope)
{
    uint32_t row = 0, subs = UINT32_C(1) << table->sub_bits;
    if (table->underflow) {
        fill_row(table, 0.0, real_power_of_two(table->lo), sign, base, slope);
        row++;
    }
    for (int octave = table->lo; octave < table->hi; octave++) {
        double bottom = real_power_of_two(octave), width = real_power_of_two(octave - (int)table->sub_bits);
        for (uint32_t sub = 0; sub < subs; sub++, row++)
            fill_row(table, bottom + width * sub, width, sign, base + row, slope + row);
    }
}

static void fill(struct hg_table *table, int64_t *storage, size_t capacity)
{
    int64_t *base = storage, *slope = storage + capacity;
    uint32_t side_rows = table->rows / (uint32_t)(table->positive + table->negative);
    if (table->positive) fill_side(table, 1.0, base, slope);
    if (table->negative) fill_side(table, -1.0, base + table->rows - side_rows, slope + table->rows - side_rows);
    table->base = base;
    table->slope = slope;
}

static double measure_domain(const struct hg_table *table)
{
    double end = real_power_of_two(table->hi), worst = 0.0;
    if (table->positive) worst = hg_measure(table, FIT_STEPS, 0.0, end, FIT_EXTRA_POINTS);
    if (table->negative) worst = larger(worst, hg_measure(table, FIT_STEPS, 0.0, -end, FIT_EXTRA_POINTS));
    return worst;
}

int hg_fit(enum hg_function function, int lo, int hi, double error_target, int64_t *storage, size_t capacity,
           struct hg_table *table)
{
    *table = (struct hg_table){
        .function = function,
        .lo = lo,
        .hi = hi,
        .positive = hg_function_positive(function),
        .negative = hg_function_negative(function),
        .underflow = hg_function_finite_at_zero(function),
        .input_grid = lo - 28 > hi - 61 ? lo - 28 : hi - 61,
        .error_kind = hg_function_error_kind(function),
    };
    if (hg_rows(table) == 0) return -1;
    choose_output_grid(table);
    for (unsigned sub_bits = 0; sub_bits <= FIT_SUB_BITS_MAX; sub_bits++) {
        struct hg_table tried = *table;
        tried.sub_bits = sub_bits;
        tried.rows = hg_rows(&tried);
        if (tried.rows == 0 || tried.rows > capacity) break;
        fill(&tried, storage, capacity);
        tried.error = measure_domain(&tried);
        *table = tried;
        if (tried.error <= error_target) return 0;
    }
    return -1;
}
