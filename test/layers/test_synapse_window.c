/* Window kernels give the integers that the single spikes add up to: every weight type, sparse and dense, one
 * and two planes and the 64-bit path, any split over workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/packet.h"
#include "layers/synapse.h"
#include "layers/synapse_window.h"
#include "neurons/oat.h"

enum { SOURCES = 301, TARGETS = 215, TOKENS = 9 };

static uint64_t random_state = 0x9e3779b97f4a7c15ull;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* Weights k 2^grid with |k| < 128: representable in every type. */
static void fill(struct matrix *matrix, void *weights)
{
    for (uint32_t i = 0; i < SOURCES * TARGETS; i++) {
        float value = (float)((int64_t)(next_random() % 255) - 127) * 0x1p-10f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (matrix->type == WEIGHT_F32) ((uint32_t *)weights)[i] = bits;
        if (matrix->type == WEIGHT_BF16) ((uint16_t *)weights)[i] = (uint16_t)(bits >> 16);
        if (matrix->type == WEIGHT_F16)
            ((uint16_t *)weights)[i] =
                value == 0
                    ? 0
                    : (uint16_t)((bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff));
    }
    matrix->weights = weights;
    matrix->grid = -10;
    matrix->integer_max = 127;
}

/* By definition, from the weights' integers. */
static void naive(const struct matrix *matrix, const struct population_params *source, const uint32_t *codes,
                  int64_t *sum)
{
    for (uint32_t k = 0; k < SOURCES; k++) {
        int64_t value = oat_value(codes[k], source->j);
        if (source->shift != NULL) value *= INT64_C(1) << source->shift[k];
        for (uint32_t i = 0; i < TARGETS; i++) sum[i] += value * synapse_integer(matrix, TARGETS, k, i);
    }
}

static void compare(enum weight_type type, int active_per_mille, int shifts, uint64_t bound, uint32_t tokens)
{
    static uint32_t codes[TOKENS][SOURCES];
    static int64_t wanted[TOKENS][TARGETS], got[TOKENS][TARGETS];
    static int8_t shift[SOURCES];
    struct synapse_window window[TOKENS];
    struct matrix matrix = {.type = type, .bound = bound};
    struct population_params source = {.j = 6, .shift = shifts ? shift : NULL};
    void *weights = malloc(SOURCES * TARGETS * 4), *scratch = NULL;
    size_t bytes = synapse_window_scratch(SOURCES, tokens);
    assert_int_equal(posix_memalign(&scratch, 64, bytes), 0);
    fill(&matrix, weights);
    memset(wanted, 0, sizeof wanted);
    memset(got, 0, sizeof got);
    for (uint32_t k = 0; k < SOURCES; k++) shift[k] = (int8_t)(next_random() % 4);
    for (uint32_t t = 0; t < tokens; t++) {
        for (uint32_t k = 0; k < SOURCES; k++) {
            uint32_t flags = (next_random() & 1 ? OAT_NEGATIVE : 0) | (next_random() % 10 == 0 ? OAT_OUTLIER : 0);
            codes[t][k] =
                next_random() % 1000 < (uint64_t)active_per_mille ? (uint32_t)(next_random() & 0xffff) | flags : 0;
        }
        window[t] = (struct synapse_window){codes[t], got[t]};
        naive(&matrix, &source, codes[t], wanted[t]);
    }
    unsigned workers = 1 + (unsigned)(next_random() % 3);
    for (unsigned w = 0; w < workers; w++) {
        uint32_t from, to;
        packet_share(TARGETS, SYNAPSE_WINDOW_GRAIN, w, workers, &from, &to);
        synapse_window_receive(&matrix, SOURCES, TARGETS, &source, window, tokens, from, to, scratch);
    }
    assert_memory_equal(got, wanted, sizeof got);
    free(weights);
    free(scratch);
}

static void windows_add_up_to_their_spikes(void **state)
{
    (void)state;
    const enum weight_type types[] = {WEIGHT_F32, WEIGHT_F16, WEIGHT_BF16};
    const int active[] = {0, 20, 400, 1000};
    /* A bound in double; only the planes apart; not even those.  The true sums are far below each. */
    const uint64_t bounds[] = {UINT64_C(1) << 45, UINT64_C(1) << 56, UINT64_C(1) << 61};
    for (int t = 0; t < 3; t++)
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 3; b++)
                for (uint32_t tokens = 1; tokens <= TOKENS; tokens += 4)
                    for (int shifts = 0; shifts < 2; shifts++) compare(types[t], active[a], shifts, bounds[b], tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_add_up_to_their_spikes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
