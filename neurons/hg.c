#include "neurons/hg.h"

#include "neurons/hg_layout.h"
#include "neurons/real.h"

enum side { SIDE_POSITIVE = 1, SIDE_NEGATIVE = 2 };

/* What the neuron needs to know about a function: one row each. */
static const struct {
    const char *name;
    unsigned sides; /* where it is defined */
    int finite_at_zero;
    enum hg_error_kind error_kind;
} functions[HG_FUNCTIONS] = {
    [HG_EXP] = {"exp", SIDE_NEGATIVE, 1, HG_ERROR_ABSOLUTE},
    [HG_INV] = {"inv", SIDE_POSITIVE, 0, HG_ERROR_RELATIVE},
    [HG_RSQRT] = {"rsqrt", SIDE_POSITIVE, 0, HG_ERROR_RELATIVE},
    [HG_SQRT] = {"sqrt", SIDE_POSITIVE, 1, HG_ERROR_RELATIVE},
    [HG_SQUARE] = {"square", SIDE_POSITIVE | SIDE_NEGATIVE, 1, HG_ERROR_RELATIVE},
    [HG_GELU_ERF] = {"gelu_erf", SIDE_POSITIVE | SIDE_NEGATIVE, 1, HG_ERROR_ABSOLUTE},
    [HG_GELU_TANH] = {"gelu_tanh", SIDE_POSITIVE | SIDE_NEGATIVE, 1, HG_ERROR_ABSOLUTE},
    [HG_SILU] = {"silu", SIDE_POSITIVE | SIDE_NEGATIVE, 1, HG_ERROR_ABSOLUTE},
    [HG_QUICK_GELU] = {"quick_gelu", SIDE_POSITIVE | SIDE_NEGATIVE, 1, HG_ERROR_ABSOLUTE},
    [HG_TANH] = {"tanh", SIDE_POSITIVE | SIDE_NEGATIVE, 1, HG_ERROR_ABSOLUTE},
};

enum hg_error_kind hg_function_error_kind(enum hg_function function)
{
    return functions[function].error_kind;
}

const char *hg_function_name(enum hg_function function)
{
    return functions[function].name;
}

int hg_function_positive(enum hg_function function)
{
    return (functions[function].sides & SIDE_POSITIVE) != 0;
}

int hg_function_negative(enum hg_function function)
{
    return (functions[function].sides & SIDE_NEGATIVE) != 0;
}

int hg_function_finite_at_zero(enum hg_function function)
{
    return functions[function].finite_at_zero;
}

static double sigmoid_product(double x, double scale)
{
    return x / (1.0 + real_exp(-(scale * x)));
}

double hg_reference(enum hg_function function, double x)
{
    static const double sqrt_half = 0x1.6a09e667f3bcdp-1, sqrt_two_over_pi = 0x1.9884533d43651p-1;
    switch (function) {
    case HG_EXP: return real_exp(x);
    case HG_INV: return 1.0 / x;
    case HG_RSQRT: return 1.0 / real_sqrt(x);
    case HG_SQRT: return real_sqrt(x);
    case HG_SQUARE: return x * x;
    case HG_GELU_ERF: return 0.5 * x * (1.0 + real_erf(x * sqrt_half));
    case HG_GELU_TANH: return 0.5 * x * (1.0 + real_tanh(sqrt_two_over_pi * (x + 0.044715 * x * x * x)));
    case HG_SILU: return sigmoid_product(x, 1.0);
    case HG_QUICK_GELU: return sigmoid_product(x, 1.702);
    case HG_TANH: return real_tanh(x);
    case HG_FUNCTIONS: break;
    }
    return __builtin_nan("");
}

static int is_flag(int value)
{
    return value == 0 || value == 1;
}

static const char *layout_error(const struct hg_table *table)
{
    if ((unsigned)table->function >= HG_FUNCTIONS) return "the function is unknown";
    if (!is_flag(table->positive) || !is_flag(table->negative) || !is_flag(table->underflow) ||
        !is_flag(table->silent_beyond))
        return "a flag is neither 0 nor 1";
    if (!table->positive && !table->negative) return "the table has neither side";
    if ((table->positive && !hg_function_positive(table->function)) ||
        (table->negative && !hg_function_negative(table->function)))
        return "the function is not defined on a side of the table";
    if (table->underflow != hg_function_finite_at_zero(table->function))
        return "an underflow row is needed exactly where f(0) is finite";
    if (table->lo < HG_OCTAVE_MIN || table->hi > HG_OCTAVE_MAX || table->lo >= table->hi)
        return "octaves are not -64 <= lo < hi <= 64";
    if (table->sub_bits > HG_SUB_BITS_MAX) return "more than 2^16 sub-intervals per octave";
    if (table->input_grid < table->hi - 62 || table->input_grid > table->lo - (int)table->sub_bits)
        return "the input grid is not in hi - 62 .. lo - sub_bits";
    if (table->output_grid < -HG_OUTPUT_GRID_MAX || table->output_grid > HG_OUTPUT_GRID_MAX)
        return "the output grid is not in -256 .. 256";
    if (hg_octave_gates(table) + (UINT32_C(1) << table->sub_bits) > UINT16_MAX + 1u) return "more than 65536 gates";
    return NULL;
}

uint32_t hg_rows(const struct hg_table *table)
{
    return layout_error(table) == NULL ? hg_sides(table) * hg_side_rows(table) : 0;
}

uint32_t hg_gates(const struct hg_table *table)
{
    return hg_octave_gates(table) + (UINT32_C(1) << table->sub_bits);
}

static int within_limit(int64_t value)
{
    return value > -HG_BASE_LIMIT && value < HG_BASE_LIMIT;
}

static const char *rows_error(const struct hg_table *table)
{
    for (uint32_t row = 0; row < table->rows; row++) {
        int64_t base = table->base[row], slope = table->slope[row];
        if (!within_limit(base) || !within_limit(slope) || !within_limit(base + slope))
            return "a base or slope is not below 2^61";
        if (slope % HG_SLOPE_GRAIN != 0) return "a slope is not a multiple of 2^16";
    }
    return NULL;
}

/* f(+-2^hi) is below half a grid step on every side of the table. */
static int vanishes_beyond(const struct hg_table *table)
{
    double edge = real_power_of_two(table->hi);
    double half_step = real_power_of_two(table->output_grid - 1);
    return (!table->positive || __builtin_fabs(hg_reference(table->function, edge)) < half_step) &&
           (!table->negative || __builtin_fabs(hg_reference(table->function, -edge)) < half_step);
}

const char *hg_table_check(const struct hg_table *table)
{
    const char *wrong = layout_error(table);
    if (wrong != NULL) return wrong;
    if (table->rows != hg_rows(table)) return "the number of rows is not what the layout asks for";
    if (table->base == NULL || table->slope == NULL) return "there are no rows";
    if ((unsigned)table->error_kind != hg_function_error_kind(table->function))
        return "the kind of error is not the function's";
    if (!(table->error >= 0.0) || table->error > 0x1p64) return "the error is not a finite number >= 0";
    if (table->silent_beyond && !vanishes_beyond(table)) return "silent beyond 2^hi where f is not 0 on its grid";
    return rows_error(table);
}

int hg_gates_of_row(const struct hg_table *table, uint32_t row, uint16_t *octave_gate, uint16_t *sub_gate)
{
    if (row >= hg_sides(table) * hg_side_rows(table)) return -1;
    uint32_t side = row >= hg_side_rows(table), within = row - side * hg_side_rows(table);
    uint32_t underflow = (uint32_t)table->underflow;
    uint32_t octave = 0, sub = 0;
    if (within >= underflow) {
        octave = underflow + ((within - underflow) >> table->sub_bits);
        sub = (within - underflow) & ((UINT32_C(1) << table->sub_bits) - 1);
    }
    *octave_gate = (uint16_t)(side * (underflow + hg_octaves(table)) + octave);
    *sub_gate = (uint16_t)(hg_octave_gates(table) + sub);
    return 0;
}

/* Where an input falls within one side: row of the side, and its few-spike code. */
struct place {
    uint32_t row;
    uint32_t magnitude;
    uint8_t saturated;
};

/* c = min(round(offset 2^T / 2^width_log), 2^T - 1), 0 <= offset < 2^width_log. */
static uint32_t few_spike_code(int64_t offset, int width_log, unsigned steps)
{
    int drop = width_log - (int)steps;
    int64_t code = drop > 0 ? (offset + (INT64_C(1) << (drop - 1))) >> drop : offset << -drop;
    int64_t largest = (INT64_C(1) << steps) - 1;
    return (uint32_t)(code < largest ? code : largest);
}

/* grid_steps: |x| in steps of the input grid, >= 0. */
static struct place locate(const struct hg_table *table, unsigned steps, int64_t grid_steps)
{
    int lowest = table->lo - table->input_grid, sub_bits = (int)table->sub_bits;
    struct place place = {0, 0, 0};
    if (grid_steps >> lowest == 0) { /* below 2^lo */
        if (table->underflow)
            place.magnitude = few_spike_code(grid_steps, lowest, steps);
        else
            place.saturated = 1;
        return place;
    }
    int top = 63 - __builtin_clzll((uint64_t)grid_steps);
    if (top >= table->hi - table->input_grid) { /* from 2^hi on */
        place.row = hg_side_rows(table) - 1;
        place.magnitude = (UINT32_C(1) << steps) - 1;
        place.saturated = 1;
        return place;
    }
    int width_log = top - sub_bits;
    uint32_t sub = (uint32_t)(grid_steps >> width_log) & ((UINT32_C(1) << sub_bits) - 1);
    place.row = (uint32_t)table->underflow + ((uint32_t)(top - lowest) << sub_bits) + sub;
    place.magnitude = few_spike_code(grid_steps & ((INT64_C(1) << width_log) - 1), width_log, steps);
    return place;
}

/* f(x) on the output grid.  Beyond the function's side, beyond 2^hi or the grid's range x saturates. */
static int encode_exact(const struct hg_table *table, double x, struct hg_code *code)
{
    double edge = real_ldexp(1, table->hi), least = table->underflow ? 0 : real_ldexp(1, table->lo);
    int exists = x == 0 ? table->underflow : x < 0 ? table->negative : table->positive;
    double size = exists ? __builtin_fabs(x) : least;
    int negative = exists ? x < 0 : !table->positive;
    if (size > edge && table->silent_beyond) return 0;
    code->saturated = !exists || size > edge;
    if (size > edge) size = edge;
    double y = hg_reference(table->function, negative ? -size : size) * real_power_of_two(-table->output_grid);
    const double limit = (double)HG_BASE_LIMIT;
    if (!(__builtin_fabs(y) < limit)) {
        y = y < 0 ? -limit : limit;
        code->saturated = 1;
    }
    uint64_t bits = (uint64_t)real_round_half_away(y);
    if (bits == 0) return 0;
    code->row = (uint32_t)bits;
    code->octave_gate = (uint16_t)(bits >> 32);
    code->sub_gate = (uint16_t)(bits >> 48);
    code->silent = HG_EXACT;
    return 0;
}

int hg_encode(const struct hg_table *table, unsigned steps, double x, struct hg_code *code)
{
    *code = (struct hg_code){.silent = 1};
    if (x != x) return -1;
    if (table->exact) return encode_exact(table, x, code);
    int64_t grid_steps = real_round_half_away(__builtin_fabs(x) * real_power_of_two(-table->input_grid));
    int negative = x < 0 && grid_steps != 0;
    int exists = grid_steps == 0 || (negative ? table->negative : table->positive);
    if (exists && table->silent_beyond && grid_steps >> (table->hi - table->input_grid) != 0) return 0;
    struct place place = locate(table, steps, exists ? grid_steps : 0);
    code->silent = 0;
    code->saturated = place.saturated || !exists;
    code->magnitude = (uint16_t)place.magnitude;
    code->row = place.row + (negative && table->negative && table->positive ? hg_side_rows(table) : 0);
    hg_gates_of_row(table, code->row, &code->octave_gate, &code->sub_gate);
    return 0;
}

int64_t hg_value(const struct hg_table *table, unsigned steps, const struct hg_code *code)
{
    if (code->silent == HG_EXACT)
        return (int64_t)(code->row | (uint64_t)code->octave_gate << 32 | (uint64_t)code->sub_gate << 48);
    if (code->silent) return 0;
    return table->base[code->row] + table->slope[code->row] / (INT64_C(1) << steps) * code->magnitude;
}
