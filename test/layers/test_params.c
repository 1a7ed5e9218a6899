/* Weight values bit by bit, product bounds at their edge, and the proof of a matrix worked out on paper. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layers/params.h"

static void every_half_is_its_value(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits;
        double value = weight_value(WEIGHT_F16, &half, 0);
        int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
        double expected = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
        if (exponent == 31 && fraction != 0) {
            assert_true(isnan(value));
            continue;
        }
        if (exponent == 31) expected = INFINITY;
        assert_true(value == (bits & 0x8000 ? -expected : expected));
    }
}

static void floats_and_bfloats_are_exact(void **state)
{
    (void)state;
    const float floats[] = {0.0f, -1.5f, 0x1p-149f, 0x1.fffffep127f, INFINITY};
    for (size_t i = 0; i < 5; i++) {
        uint32_t bits;
        memcpy(&bits, &floats[i], sizeof bits);
        uint16_t half = (uint16_t)(bits >> 16);
        uint32_t widened = (uint32_t)half << 16;
        float truncated;
        memcpy(&truncated, &widened, sizeof truncated);
        assert_true(weight_value(WEIGHT_F32, floats, i) == (double)floats[i]);
        assert_true(weight_value(WEIGHT_BF16, &half, 0) == (double)truncated);
    }
    const float nan_value = NAN;
    assert_true(isnan(weight_value(WEIGHT_F32, &nan_value, 0)));
    assert_int_equal(weight_size(WEIGHT_F32), 4);
    assert_int_equal(weight_size(WEIGHT_F16), 2);
    assert_int_equal(weight_size(WEIGHT_BF16), 2);
    assert_string_equal(weight_type_name(WEIGHT_BF16), "BF16");
}

/* V = 3, D = 2, F = 1, one head, one layer, pre-LN, no final norm. */
static struct graph *small_graph(uint32_t hidden, uint32_t positions)
{
    const char *reason;
    struct model_config config = {.family = FAMILY_OPT,
                                  .vocabulary = 3,
                                  .hidden = hidden,
                                  .embedding = hidden,
                                  .ffn = 1,
                                  .layers = 1,
                                  .heads = 1,
                                  .positions = positions,
                                  .position_rows = positions,
                                  .pre_norm = 1,
                                  .bos = 2,
                                  .eos = 2,
                                  .pad = 1,
                                  .norm_epsilon = 1e-5};
    struct graph *graph = graph_build(&config, &reason);
    if (graph == NULL) fail_msg("%s", reason);
    return graph;
}

static uint32_t index_of(const struct graph *graph, const char *name)
{
    for (uint32_t p = 0; p < graph->populations; p++)
        if (strcmp(graph->population[p].name, name) == 0) return p;
    fail_msg("no population %s", name);
    return 0;
}

static void products_stay_below_their_limit(void **state)
{
    (void)state;
    struct population_params params[64] = {{0}};
    uint32_t at = 99;
    /* d_head (2^16 - 1)^2 2^20 < 2^62 iff d_head <= 1024 */
    for (uint32_t hidden = 1024; hidden <= 1025; hidden++) {
        struct graph *graph = small_graph(hidden, 4);
        params[index_of(graph, "layers.0.q")].j = 10;
        params[index_of(graph, "layers.0.k")].j = 10;
        const char *reason = params_check_products(graph, params, &at);
        assert_int_equal(reason == NULL, hidden == 1024);
        if (reason != NULL) {
            assert_non_null(strstr(reason, "q.k"));
            assert_int_equal(at, index_of(graph, "layers.0.k"));
        }
        graph_free(graph);
    }
    memset(params, 0, sizeof params);
    /* positions (2^16 - 1)^2 2^11 < 2^62 iff positions <= 2^19 + 16 */
    for (uint32_t positions = (1 << 19) + 16; positions <= (1 << 19) + 17; positions++) {
        struct graph *graph = small_graph(2, positions);
        params[index_of(graph, "layers.0.v")].j = 10;
        const char *reason = params_check_products(graph, params, &at);
        assert_int_equal(reason == NULL, positions == (1 << 19) + 16);
        if (reason != NULL) assert_int_equal(at, index_of(graph, "layers.0.v"));
        graph_free(graph);
    }
}

static uint32_t matrix_of(const struct graph *graph, const char *name)
{
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (strcmp(graph->matrix[m].name, name) == 0) return m;
    fail_msg("no matrix %s", name);
    return 0;
}

/* q: rows {3, -5}, {0, 7} quarters; column sums 3 + 0, 5 + 7, the second row shifted by 2: 3, 5 + 28. */
static void a_proof_on_paper(void **state)
{
    (void)state;
    struct graph *graph = small_graph(2, 4);
    const float weights[] = {0.75f, -1.25f, 0.0f, 1.75f};
    const int8_t shift[] = {0, 2};
    struct population_params source = {.scale = 1, .j = 3, .shift = shift};
    struct matrix matrix = {.type = WEIGHT_F32, .grid = -2, .weights = weights};
    struct matrix_proof proof;
    uint32_t m = matrix_of(graph, "layers.0.q");
    assert_null(params_prove_matrix(graph, m, &matrix, &source, &proof));
    assert_int_equal(proof.integer_max, 7);
    assert_int_equal(proof.bound, UINT64_C(33) * 65535 * 8);
    source.shift = NULL;
    assert_null(params_prove_matrix(graph, m, &matrix, &source, &proof));
    assert_int_equal(proof.bound, UINT64_C(12) * 65535 * 8);
    matrix.grid = -1;
    assert_non_null(strstr(params_prove_matrix(graph, m, &matrix, &source, &proof), "multiple"));
    assert_int_equal(proof.source, 0);
    assert_int_equal(proof.target, 0);
    matrix.grid = -42; /* 7 2^40 2^19 > 2^61; with the other row beyond 2^62 */
    assert_non_null(strstr(params_prove_matrix(graph, m, &matrix, &source, &proof), "below 2^62"));
    assert_int_equal(proof.target, 1);
    graph_free(graph);
}

/* An input population spikes once with weight 1: its bound is the largest weight. */
static void inputs_are_bounded_by_one_spike(void **state)
{
    (void)state;
    struct graph *graph = small_graph(2, 4);
    const uint16_t weights[] = {0x3c00, 0xbc00, 0x4000, 0x0000, 0x3c00, 0xc200}; /* 1, -1; 2, 0; 1, -3 */
    struct population_params source = {.scale = 1};
    struct matrix matrix = {.type = WEIGHT_F16, .grid = -24, .weights = weights};
    struct matrix_proof proof;
    assert_null(params_prove_matrix(graph, matrix_of(graph, "tok"), &matrix, &source, &proof));
    assert_int_equal(proof.integer_max, 3 << 24);
    assert_int_equal(proof.bound, 3 << 24);
    graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_is_its_value),         cmocka_unit_test(floats_and_bfloats_are_exact),
        cmocka_unit_test(products_stay_below_their_limit), cmocka_unit_test(a_proof_on_paper),
        cmocka_unit_test(inputs_are_bounded_by_one_spike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
