/* The .snn's weights widened to float32: every F16 and BF16 pattern, rows at any offset, biases and norms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "kernel/dense_engine.h"
#include "test/helpers/tiny_model.h"

enum { PATTERNS = 1 << 16 };

/* F16 by the definition of its fields. */
static double f16_value(uint32_t half)
{
    int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
    double value = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000 ? -value : value;
}

/* A model whose only matrix has all 65,536 patterns as one row a value. */
static void widen_all(enum weight_type type, float *out)
{
    static uint16_t patterns[PATTERNS];
    struct matrix matrix = {.type = type, .weights = patterns};
    struct matrix_slot slot = {.sources = PATTERNS / 16, .targets = 16};
    struct graph graph = {.matrices = 1, .matrix = &slot};
    struct model model = {.graph = &graph, .matrix = &matrix};
    struct dense_weights weights;
    struct lassim_error error;
    for (uint32_t i = 0; i < PATTERNS; i++) patterns[i] = (uint16_t)i;
    dense_weights_of_model(&model, &weights);
    for (uint32_t row = 0; row < slot.sources; row += 128)
        assert_int_equal(weights.rows(weights.context, 0, row, 128, out + (size_t)row * 16, &error), 0);
}

static void every_f16_is_exact(void **state)
{
    static float out[PATTERNS];
    (void)state;
    widen_all(WEIGHT_F16, out);
    for (uint32_t i = 0; i < PATTERNS; i++) {
        if ((i >> 10 & 31) == 31) continue; /* refused by convert */
        assert_true((double)out[i] == f16_value(i));
        assert_int_equal(signbit(out[i]) != 0, i >> 15);
    }
}

static void every_bf16_is_the_upper_half(void **state)
{
    static float out[PATTERNS];
    (void)state;
    widen_all(WEIGHT_BF16, out);
    for (uint32_t i = 0; i < PATTERNS; i++) {
        uint32_t bits;
        memcpy(&bits, &out[i], sizeof bits);
        assert_int_equal(bits, i << 16);
    }
}

/* Integers times their target's scale, from a row in the middle of a group. */
static void integers_take_their_scale(void **state)
{
    enum { SOURCES = 70, TARGETS = 45, FIRST = 29, COUNT = 40 };
    (void)state;
    for (int type = WEIGHT_I16; type < WEIGHT_TYPES; type++) {
        static uint8_t bytes[SOURCES * TARGETS * 4];
        double scale[TARGETS];
        float out[COUNT * TARGETS];
        struct matrix matrix = {.type = (enum weight_type)type, .weights = bytes, .scale = scale};
        struct matrix_slot slot = {.sources = SOURCES, .targets = TARGETS};
        struct graph graph = {.matrices = 1, .matrix = &slot};
        struct model model = {.graph = &graph, .matrix = &matrix};
        struct dense_weights weights;
        struct lassim_error error;
        assert_true(weight_bytes(matrix.type, SOURCES, TARGETS) <= sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 167 + i / 256 * 31);
        for (int i = 0; i < TARGETS; i++) scale[i] = 0.3 + i * 0.01;
        dense_weights_of_model(&model, &weights);
        assert_ptr_equal(weights.mapped(weights.context, 0), &matrix);
        assert_int_equal(weights.rows(weights.context, 0, FIRST, COUNT, out, &error), 0);
        for (uint32_t j = 0; j < COUNT; j++)
            for (uint32_t i = 0; i < TARGETS; i++)
                assert_true(out[j * TARGETS + i] == (float)(matrix_value(&matrix, TARGETS, FIRST + j, i) * scale[i]));
    }
}

static void rows_biases_and_norms_are_the_models(void **state)
{
    (void)state;
    for (int bare = 0; bare < 2; bare++) {
        struct model_config config = tiny_config();
        struct model *model = tiny_model_new(&config, 5, bare);
        struct dense_weights weights;
        struct lassim_error error;
        float out[64], beta[64];
        dense_weights_of_model(model, &weights);
        for (uint32_t m = 0; m < model->graph->matrices; m++) {
            const struct matrix_slot *slot = &model->graph->matrix[m];
            const struct matrix *matrix = &model->matrix[m];
            assert_int_equal(weights.rows(weights.context, m, slot->sources - 2, 2, out, &error), 0);
            for (uint32_t i = 0; i < 2 * slot->targets; i++)
                assert_true((double)out[i] == weight_value(matrix->type, matrix->weights,
                                                           (uint64_t)(slot->sources - 2) * slot->targets + i));
            assert_int_equal(weights.bias(weights.context, m, out, &error), matrix->bias == NULL);
            for (uint32_t i = 0; matrix->bias != NULL && i < slot->targets; i++)
                assert_true(out[i] == (float)matrix->bias[i]);
        }
        for (uint32_t n = 0; n < model->graph->norms; n++) {
            assert_int_equal(weights.norm(weights.context, n, out, beta, &error), bare);
            for (uint32_t i = 0; !bare && i < config.hidden; i++)
                assert_true(out[i] == (float)model->norm[n].gamma[i] && beta[i] == (float)model->norm[n].beta[i]);
        }
        tiny_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16_is_exact),
        cmocka_unit_test(every_bf16_is_the_upper_half),
        cmocka_unit_test(integers_take_their_scale),
        cmocka_unit_test(rows_biases_and_norms_are_the_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
