/* Integer weights: by hand, and random matrices against what the format says of each weight, read by other code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/dense_kernels.h"
#include "convert/quantise.h"
#include "kernel/model_layout.h"
#include "neurons/real.h"

enum { SEED = 20261125, ROUNDS = 8 };
static uint64_t random_state;

static uint32_t next(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static struct checkpoint_tensor tensor_of(enum weight_type type, const void *data, uint64_t rows, uint64_t columns)
{
    static char name[] = "w";
    return (struct checkpoint_tensor){.name = name,
                                      .readable = 1,
                                      .type = type,
                                      .rank = 2,
                                      .shape = {rows, columns},
                                      .elements = rows * columns,
                                      .data = data,
                                      .file = "memory"};
}

/* A quantised matrix with its own memory. */
struct made {
    struct matrix_slot slot;
    struct matrix matrix;
    double *scale;
    uint8_t *weights;
    uint64_t bytes;
};

static struct made make(unsigned threads, const struct checkpoint_tensor *tensor, enum weight_type type)
{
    struct made made = {.slot = {.sources = (uint32_t)tensor->shape[1], .targets = (uint32_t)tensor->shape[0]}};
    const struct grid_matrix matrix = {tensor, made.slot.sources, made.slot.targets, 0};
    made.bytes = weight_bytes(type, made.slot.sources, made.slot.targets);
    made.weights = calloc(made.bytes, 1);
    made.scale = calloc(made.slot.targets, sizeof *made.scale);
    made.matrix.bound = 77;
    assert_int_equal(quantise_matrix(threads, &matrix, type, made.scale, made.weights, &made.matrix), 0);
    assert_int_equal(made.matrix.type, type);
    assert_int_equal(made.matrix.grid, 0);
    assert_int_equal(made.matrix.bound, 77);
    assert_ptr_equal(made.matrix.weights, made.weights);
    assert_ptr_equal(made.matrix.scale, made.scale);
    return made;
}

static void clear(struct made *made)
{
    free(made->scale);
    free(made->weights);
}

static void test_i16_by_hand(void **state)
{
    (void)state;
    /* Scales 2^-15, 1 (nothing but zeros) and 1; halves go away from zero. */
    const float w[9] = {32767.0f / 32768, -0.5f, 1.5f / 32768, 0, 0, -0.0f, -32767, 2.5f, -0.5f};
    const struct checkpoint_tensor tensor = tensor_of(WEIGHT_F32, w, 3, 3);
    struct made made = make(2, &tensor, WEIGHT_I16);
    const int16_t expected[9] = {32767, 0, -32767, -16384, 0, 3, 2, 0, -1}; /* [source][target] */
    assert_memory_equal(made.weights, expected, sizeof expected);
    assert_true(made.scale[0] == 0x1p-15 && made.scale[1] == 1 && made.scale[2] == 1);
    assert_int_equal(made.matrix.integer_max, 32767);
    assert_int_equal(made.matrix.moved, 3);
    assert_true(made.matrix.moved_max == 0.5);
    assert_true(made.matrix.moved_rms == real_sqrt((0.25 + 0.25 + 0x1p-32) / 3));
    uint64_t bound;
    const int8_t shift[3] = {0, 1, 2};
    assert_int_equal(quantise_bound(1, &made.matrix, 3, 3, NULL, 0, &bound), 0);
    assert_int_equal(bound, UINT64_C(65535) * (32767 + 16384 + 2));
    assert_int_equal(quantise_bound(2, &made.matrix, 3, 3, shift, 4, &bound), 0);
    assert_int_equal(bound, UINT64_C(65535) * (32767 + 2 * 16384 + 4 * 2) << 4);
    const int8_t far[3] = {30, 30, 30};
    assert_int_equal(quantise_bound(1, &made.matrix, 3, 3, far, 1, &bound), -1);
    clear(&made);
}

/* One group of 33 sources, two targets: places of scales, halves and the second group. */
static void test_i4_by_hand(void **state)
{
    (void)state;
    float w[2][33] = {{0}};
    for (int i = 0; i < 32; i++) w[0][i] = (float)(i % 15 - 7) * 255; /* unit 255: scale 1, group scale 255 */
    w[0][32] = -14;                                                   /* a group scale of 2 reaches it */
    w[1][4] = 1785;                                                   /* as far as 7 * 255 * 1 */
    const struct checkpoint_tensor tensor = tensor_of(WEIGHT_F32, w, 2, 33);
    struct made made = make(3, &tensor, WEIGHT_I4);
    assert_int_equal(made.bytes, 32 + 32 * 16 + 32 + 16);
    assert_true(made.scale[0] == 1 && made.scale[1] == 1);
    const uint8_t *second = made.weights + 32 + 32 * 16;
    assert_int_equal(made.weights[0], 255);
    assert_int_equal(made.weights[1], 255);
    for (int i = 0; i < 32; i++) assert_int_equal(made.weights[32 + 16 * i], (i % 15 - 7) & 15);
    assert_int_equal(made.weights[32 + 16 * 4 + 1], 7);
    assert_int_equal(second[0], 2);
    assert_int_equal(second[1], 1);
    assert_int_equal(second[32], -7 & 15);
    assert_int_equal(made.matrix.integer_max, 1785);
    assert_int_equal(made.matrix.moved, 0);
    clear(&made);
}

/* Integer and unit (scale, times the group's) of one weight, by the format's words. */
static int stored_at(const struct made *made, uint32_t source, uint32_t target, double *unit)
{
    uint32_t targets = made->slot.targets, padded = (targets + 31) / 32 * 32;
    uint64_t at = (uint64_t)source * targets + target;
    *unit = made->scale[target];
    if (made->matrix.type == WEIGHT_I8) return (int8_t)made->weights[at];
    if (made->matrix.type == WEIGHT_I16) return (int16_t)(made->weights[2 * at] | made->weights[2 * at + 1] << 8);
    const uint8_t *group = made->weights + source / 32 * (padded + 16 * (uint64_t)padded);
    *unit *= group[target];
    int byte = group[padded + source % 32 * (padded / 2) + target / 32 * 16 + target % 16];
    int half = target % 32 < 16 ? byte & 15 : byte >> 4;
    return half > 7 ? half - 16 : half;
}

/* Squared distance of n weights from what a unit with integers -limit .. limit can hold. */
static double naive_error(const double *w, size_t n, double unit, double limit)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double size = w[i] < 0 ? -w[i] : w[i], integer = (double)(int64_t)(size / unit + 0.5);
        if (integer > limit) integer = limit;
        sum += (size - integer * unit) * (size - integer * unit);
    }
    return sum;
}

static double largest_of(const double *w, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double size = w[i] < 0 ? -w[i] : w[i];
        if (size > largest) largest = size;
    }
    return largest;
}

/* x, 2^-200 .. 2^20, to 24 bits: a float's, its exponent moved out of the denormals' way. */
static double rounded24(double x)
{
    return real_ldexp((float)real_ldexp(x, 100), -100);
}

/* Each weight as near as its unit allows; those clipped (at an end, farther than half a unit) at most `clipped` off. */
static void assert_near(const struct made *made, uint32_t target, uint32_t first, size_t n, const double *w, int limit,
                        double clipped)
{
    for (uint32_t i = 0; i < n; i++) {
        double unit;
        int integer = stored_at(made, first + i, target, &unit);
        double off = __builtin_fabs(integer * unit - w[i]);
        assert_true(integer >= -limit && integer <= limit);
        if (off <= unit / 2 * (1 + 1e-9)) continue;
        assert_true(integer == limit || integer == -limit);
        assert_true(off <= clipped * (1 + 1e-6));
    }
}

static void check_target(const struct made *made, uint32_t target, const double *w)
{
    uint32_t n = made->slot.sources;
    double largest = largest_of(w, n), scale = made->scale[target];
    assert_true(scale == rounded24(scale));
    if (largest == 0) {
        assert_true(scale == 1);
    } else if (made->matrix.type == WEIGHT_I16) {
        assert_true(__builtin_fabs(scale * 32767 / largest - 1) < 1e-7);
        assert_near(made, target, 0, n, w, 32767, 0);
    } else if (made->matrix.type == WEIGHT_I8) {
        assert_near(made, target, 0, n, w, 127, largest / 4);
        for (int clip = 24; clip <= 32; clip++)
            assert_true(naive_error(w, n, scale, 127) <=
                        naive_error(w, n, rounded24(largest * clip / 32 / 127), 127) * (1 + 1e-9));
    }
    for (uint32_t s = 0; s < n && made->matrix.type == WEIGHT_I4 && largest > 0; s += 32) {
        double unit, group = largest_of(w + s, n - s < 32 ? n - s : 32);
        size_t width = n - s < 32 ? n - s : 32;
        stored_at(made, s, target, &unit);
        assert_near(made, target, s, width, w + s, 7, group * 3 / 8);
        double whole = (double)(int64_t)(group / (7 * scale) + 0.999999);
        whole = whole < 1 ? 1 : whole > 255 ? 255 : whole;
        assert_true(naive_error(w + s, width, unit, 7) <= naive_error(w + s, width, whole * scale, 7) * (1 + 1e-9));
    }
}

/* Counts, displacements, sums and bounds from the weights as stored. */
static void check_figures(const struct made *made, const double *w, const int8_t *shift)
{
    uint32_t sources = made->slot.sources, targets = made->slot.targets;
    uint64_t moved = 0, largest = 0, bound, reached = 0;
    double moved_max = 0, squares = 0;
    int16_t *row = malloc(targets * sizeof *row);
    unsigned __int128 *sum = calloc(targets, sizeof *sum);
    for (uint32_t s = 0; s < sources; s++) {
        uint32_t first = next() % targets, n = 1 + next() % (targets - first);
        quantise_row(&made->matrix, targets, s, first, n, row);
        for (uint32_t t = 0; t < targets; t++) {
            double unit;
            int integer = stored_at(made, s, t, &unit);
            uint64_t size = (uint64_t)(__builtin_fabs(integer * unit) / made->scale[t] + 0.5);
            double off = __builtin_fabs(integer * unit - w[(uint64_t)t * sources + s]);
            if (t >= first && t < first + n)
                assert_true(row[t - first] == (integer < 0 ? -(double)size : (double)size));
            moved += off != 0;
            moved_max = off > moved_max ? off : moved_max;
            squares += off * off;
            largest = size > largest ? size : largest;
            sum[t] += (unsigned __int128)size << shift[s];
        }
    }
    for (uint32_t t = 0; t < targets; t++)
        if (sum[t] > reached) reached = (uint64_t)sum[t];
    assert_int_equal(quantise_bound(2, &made->matrix, sources, targets, shift, 2, &bound), 0);
    assert_int_equal(bound, reached * 65535 << 2);
    assert_int_equal(made->matrix.moved, moved);
    assert_int_equal(made->matrix.integer_max, largest);
    assert_true(made->matrix.moved_max == moved_max);
    double rms = moved ? real_sqrt(squares / (double)moved) : 0;
    assert_true(__builtin_fabs(made->matrix.moved_rms - rms) <= rms * 1e-12);
    free(row);
    free(sum);
}

/* grid_reach_bound with the smallest exponent as base is the bound with shift = exponent - base. */
static void check_reach(const struct made *made, const int8_t *shift)
{
    uint32_t sources = made->slot.sources, targets = made->slot.targets;
    uint64_t bound;
    int *exponent = malloc(sources * sizeof *exponent);
    struct grid_reach reach;
    int base = 100;
    for (uint32_t i = 0; i < sources; i++) {
        exponent[i] = shift[i] - 9;
        if (exponent[i] < base) base = exponent[i];
    }
    int8_t *relative = malloc(sources);
    for (uint32_t i = 0; i < sources; i++) relative[i] = (int8_t)(exponent[i] - base);
    assert_int_equal(quantise_reach_new(3, &made->matrix, sources, targets, exponent, &reach), 0);
    assert_int_equal(quantise_bound(1, &made->matrix, sources, targets, relative, 0, &bound), 0);
    assert_int_equal(reach.lowest, base);
    assert_true(grid_reach_bound(&reach, base) == bound);
    grid_reach_free(&reach);
    free(exponent);
    free(relative);
}

/* Bell-shaped weights over some octaves, outliers, a target of zeros and one of the smallest denormals. */
static void fill(enum weight_type type, uint8_t *raw, uint32_t sources, uint32_t targets)
{
    for (uint64_t i = 0; i < (uint64_t)sources * targets; i++) {
        uint64_t t = i / sources;
        float value = (float)((int)(next() % 2001) + (int)(next() % 2001) + (int)(next() % 2001) - 3000) / 30000;
        if (next() % 64 == 0) value *= 20;
        if (t % 16 == 3) value = 0;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (t % 16 == 5 && type == WEIGHT_F32) bits = next() & 0x80000007;
        uint16_t half = type == WEIGHT_F16 ? (uint16_t)(next() & 0xbbff) : (uint16_t)(bits >> 16);
        if (t % 16 == 3) half = 0;
        if (type == WEIGHT_F32)
            memcpy(raw + i * 4, &bits, 4);
        else
            memcpy(raw + i * 2, &half, 2);
    }
}

static void check_random(enum weight_type from, enum weight_type type, uint32_t sources, uint32_t targets)
{
    uint64_t n = (uint64_t)sources * targets;
    uint8_t *raw = malloc(n * 4);
    double *w = malloc(n * sizeof *w);
    int8_t *shift = malloc(sources);
    fill(from, raw, sources, targets);
    const struct checkpoint_tensor tensor = tensor_of(from, raw, targets, sources);
    checkpoint_tensor_f64(&tensor, 0, n, w);
    for (uint32_t i = 0; i < sources; i++) shift[i] = (int8_t)(next() % 9);
    struct made made = make(1, &tensor, type), again = make(3, &tensor, type);
    assert_memory_equal(made.weights, again.weights, made.bytes);
    assert_memory_equal(made.scale, again.scale, targets * sizeof *made.scale);
    assert_true(made.matrix.moved == again.matrix.moved && made.matrix.moved_max == again.matrix.moved_max &&
                made.matrix.moved_rms == again.matrix.moved_rms && made.matrix.integer_max == again.matrix.integer_max);
    uint32_t source, target;
    const char *reason = snn_check_integers(&made.slot, &made.matrix, &source, &target);
    if (reason != NULL) fail_msg("%s at %u, %u", reason, source, target);
    assert_true(snn_scales_in_range(made.scale, targets));
    assert_true(made.matrix.integer_max <= snn_integer_limit(type));
    for (uint32_t t = 0; t < targets; t++) check_target(&made, t, w + (uint64_t)t * sources);
    check_figures(&made, w, shift);
    check_reach(&made, shift);
    clear(&made);
    clear(&again);
    free(raw);
    free(w);
    free(shift);
}

static void test_random(void **state)
{
    (void)state;
    random_state = SEED;
    print_message("seed %d\n", SEED);
    for (int i = 0; i < ROUNDS; i++)
        for (enum weight_type type = WEIGHT_I16; type <= WEIGHT_I4; type++) {
            uint32_t sources = 1 + next() % 300, targets = 1 + next() % 150;
            check_random((enum weight_type)(next() % 3), type, sources, targets);
            check_random(WEIGHT_F32, type, i % 2 ? 1 : 32, i % 3 ? 64 : 1);
        }
}

/* The dense product from integers is, bit for bit, that from a tensor of the same values. */
static void test_dense_product(void **state)
{
    (void)state;
    enum { TOKENS = 5, SOURCES = 300, TARGETS = 83 };
    random_state = SEED;
    static float w[TARGETS * SOURCES];
    static double x[TOKENS * SOURCES], y[TOKENS * TARGETS], expected[TOKENS * TARGETS], bias[TARGETS];
    for (int i = 0; i < TOKENS * SOURCES; i++) x[i] = (int)next() / 1e9;
    for (int i = 0; i < TARGETS; i++) bias[i] = i;
    for (enum weight_type type = WEIGHT_I16; type <= WEIGHT_I4; type++) {
        for (int i = 0; i < TARGETS * SOURCES; i++) w[i] = (float)((int)next() / 4e9);
        struct checkpoint_tensor tensor = tensor_of(WEIGHT_F32, w, TARGETS, SOURCES);
        struct made made = make(2, &tensor, type);
        for (int t = 0; t < TARGETS; t++) made.scale[t] = 0x1p-12 * (1 + t % 3); /* so that floats hold the values */
        for (uint32_t t = 0; t < TARGETS; t++)
            for (uint32_t s = 0; s < SOURCES; s++)
                w[t * SOURCES + s] = (float)(matrix_value(&made.matrix, TARGETS, s, t) * made.scale[t]);
        dense_linear(2, &tensor, bias, x, TOKENS, SOURCES, TARGETS, expected);
        dense_linear_stored(3, &made.matrix, bias, x, TOKENS, SOURCES, TARGETS, y);
        assert_memory_equal(y, expected, sizeof y);
        clear(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i16_by_hand),
        cmocka_unit_test(test_i4_by_hand),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_dense_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
