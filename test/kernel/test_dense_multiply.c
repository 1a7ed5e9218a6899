/* Products with weights of every type against sums in double, for every way through the kernels: few rows and many,
 * teams of threads, tiles and tails, vectors and portable C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <math.h>

#include "kernel/dense_multiply.h"
#include "kernel/dense_rows.h"

enum { THREADS_MAX = 5, ROWS_MAX = 9 };

static struct team *teams[THREADS_MAX + 1];
static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static float next_float(void)
{
    return (float)((double)(int64_t)next_random() * 0x1p-63);
}

/* Random weights: any bytes for the integers (a smallest value too), floats of moderate size and some denormals. */
static struct matrix matrix_new(enum weight_type type, uint32_t sources, uint32_t targets, int scaled)
{
    uint64_t bytes = weight_bytes(type, sources, targets);
    uint8_t *weights = malloc(bytes);
    double *scale = scaled ? malloc(targets * sizeof *scale) : NULL;
    for (uint64_t i = 0; i < bytes; i++) weights[i] = (uint8_t)(next_random() >> 32);
    if (weight_is_float(type))
        for (uint64_t i = 0; i < (uint64_t)sources * targets; i++) {
            uint32_t sign = (uint32_t)(next_random() >> 40 & 1);
            if (type == WEIGHT_F32) ((float *)weights)[i] = next_float();
            if (type == WEIGHT_F16) ((uint16_t *)weights)[i] = (uint16_t)(sign << 15 | next_random() % 0x4000);
            if (type == WEIGHT_BF16) ((uint16_t *)weights)[i] = (uint16_t)(sign << 15 | next_random() % 0x3f80);
        }
    for (uint32_t i = 0; scaled && i < targets; i++) scale[i] = 0.01 + fabs((double)next_float());
    return (struct matrix){.type = type, .weights = weights, .scale = scale};
}

static void matrix_free(struct matrix *matrix)
{
    free((void *)(uintptr_t)matrix->weights);
    free((void *)(uintptr_t)matrix->scale);
}

static float *floats_new(size_t n)
{
    float *made = malloc(n * sizeof *made);
    for (size_t i = 0; i < n; i++) made[i] = next_float();
    return made;
}

static double weight_of(const struct dense_product *p, uint32_t j, uint32_t i)
{
    double scale = p->matrix->scale != NULL ? p->matrix->scale[i] : 1;
    return matrix_value(p->matrix, p->targets, j, i) * scale;
}

/* Every element within the bound of float32 summation: (sources + 8) 2^-24 times the sum of magnitudes. */
static void assert_product(const struct dense_product *p, const float *before, const char *what)
{
    for (uint32_t r = 0; r < p->rows; r++)
        for (uint32_t i = 0; i < p->targets; i++) {
            double sum = p->add ? before[(size_t)r * p->targets + i] : 0, size = fabs(sum);
            if (p->bias != NULL) sum += p->bias[i], size += fabs((double)p->bias[i]);
            for (uint32_t j = 0; j < p->sources; j++) {
                double term = p->in[r * p->in_stride + j] * weight_of(p, j, i);
                sum += term;
                size += fabs(term);
            }
            double error = fabs(p->out[(size_t)r * p->targets + i] - sum);
            if (!(error <= size * (p->sources + 8) * 0x1p-24))
                fail_msg("%s: type %s, %ux%u, row %u of %u, target %u: error %g of %g", what,
                         weight_type_name(p->matrix->type), p->sources, p->targets, r, p->rows, i, error, size);
        }
}

static void check(enum weight_type type, uint32_t sources, uint32_t targets, uint32_t rows, unsigned threads)
{
    struct matrix matrix = matrix_new(type, sources, targets, !weight_is_float(type) && next_random() % 8 != 0);
    size_t stride = sources + next_random() % 3;
    float *in = floats_new(stride * rows), *bias = floats_new(targets), *before = floats_new((size_t)rows * targets);
    float *out = malloc((size_t)rows * targets * sizeof *out);
    struct dense_multiplier *multiplier =
        dense_multiplier_new(teams[threads], targets + (uint32_t)(next_random() % 40));
    assert_non_null(multiplier);
    struct dense_product product = {&matrix, sources, targets, rows, in, stride, bias, (int)(next_random() & 1), out};
    if (next_random() % 4 == 0) product.bias = NULL;
    memcpy(out, before, (size_t)rows * targets * sizeof *out);
    dense_multiply(multiplier, &product);
    assert_product(&product, before, "product");
    dense_multiplier_free(multiplier);
    matrix_free(&matrix);
    free(in);
    free(bias);
    free(before);
    free(out);
}

static void products_are_those_of_double(void **state)
{
    static const uint32_t shapes[][2] = {{1, 1},    {31, 7},    {32, 32},   {33, 40},   {100, 65},
                                         {768, 96}, {300, 513}, {64, 1111}, {40, 8200}, {9, 12345}};
    (void)state;
    for (int type = 0; type < WEIGHT_TYPES; type++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (uint32_t rows = 1; rows <= ROWS_MAX; rows += rows < 5 ? 1 : 4)
                check((enum weight_type)type, shapes[s][0], shapes[s][1], rows,
                      1 + (unsigned)(next_random() % THREADS_MAX));
}

/* Rows summed over a tile in the middle of the matrix, by either kernel, change nothing beyond the tile. */
static void tiles_are_those_of_double(void **state)
{
    (void)state;
    for (int type = 0; type < WEIGHT_TYPES; type++)
        for (int portable = 0; portable < 2; portable++) {
            enum { SOURCES = 96, TARGETS = 200, BEGIN = 64, WIDTH = 96, FIRST = 32, COUNT = 50 };
            struct matrix matrix = matrix_new((enum weight_type)type, SOURCES, TARGETS, 0);
            float in[DENSE_TOKENS * COUNT], sum[DENSE_TOKENS][WIDTH + 8];
            for (size_t i = 0; i < sizeof in / sizeof *in; i++) in[i] = next_float();
            for (int t = 0; t < DENSE_TOKENS; t++)
                for (int i = 0; i < WIDTH + 8; i++) sum[t][i] = 7;
            const struct dense_rows rows = {&matrix, TARGETS, FIRST, COUNT, BEGIN, WIDTH};
            (portable ? dense_rows_add_portable : dense_rows_add)(&rows, in, COUNT, DENSE_TOKENS, sum[0], WIDTH + 8);
            for (int t = 0; t < DENSE_TOKENS; t++)
                for (int i = 0; i < WIDTH + 8; i++) {
                    double want = 7, size = 7;
                    for (int j = 0; i < WIDTH && j < COUNT; j++) {
                        double term = in[t * COUNT + j] *
                                      matrix_value(&matrix, TARGETS, FIRST + (uint32_t)j, BEGIN + (uint32_t)i);
                        want += term;
                        size += fabs(term);
                    }
                    assert_true(fabs(sum[t][i] - want) <= size * (COUNT + 8) * 0x1p-24);
                    assert_true(i < WIDTH || sum[t][i] == 7);
                }
            matrix_free(&matrix);
        }
}

int main(void)
{
    struct lassim_error error;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_double),
        cmocka_unit_test(tiles_are_those_of_double),
    };
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
    for (unsigned n = 1; n <= THREADS_MAX; n++)
        if (team_new(n, NULL, 0, &teams[n], &error) != LASSIM_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (unsigned n = 1; n <= THREADS_MAX; n++) team_free(teams[n]);
    return failed;
}
