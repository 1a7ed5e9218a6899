/* Planes and lists of codes by definition, at every length around the vectors' and every kind of code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/synapse_planes.h"
#include "neurons/oat.h"

enum { LENGTH = 67, CODES = 1 << 18 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static int32_t value_of(uint32_t code)
{
    return code & OAT_OUTLIER ? 0 : oat_value(code, 0);
}

/* Every code there is: magnitudes, signs, outliers. */
static void halves_make_up_every_code(void **state)
{
    (void)state;
    uint32_t *codes = malloc(CODES * sizeof *codes);
    int16_t *low = malloc(CODES * sizeof *low), *high = malloc(CODES * sizeof *high);
    for (uint32_t k = 0; k < CODES; k++) codes[k] = k;
    synapse_plane_halves(codes, CODES, low, high);
    for (uint32_t k = 0; k < CODES; k++) {
        assert_int_equal(256 * high[k] + low[k], value_of(k));
        assert_in_range(low[k] + 128, 0, 255);
    }
    free(codes), free(low), free(high);
}

static void clamped_codes_and_what_is_left(void **state)
{
    (void)state;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (uint32_t n = 0; n <= LENGTH; n++)
        for (int round = 0; round < 20; round++) {
            uint32_t codes[LENGTH], found[LENGTH], any[LENGTH], count = 0;
            int16_t plane[LENGTH];
            const uint32_t covered = (1u << next_random() % 16) - 1;
            for (uint32_t k = 0; k < n; k++) {
                codes[k] = (uint32_t)next_random() & (OAT_MAGNITUDE | OAT_NEGATIVE | OAT_OUTLIER);
                if (next_random() % 2) codes[k] &= ~OAT_MAGNITUDE | covered | (covered + 1);
                if (next_random() % 4 == 0) codes[k] &= ~OAT_MAGNITUDE;
                any[k] = 1u << 20;
            }
            uint32_t beyond = synapse_codes_beyond(codes, n, covered, found);
            synapse_plane_clamped(codes, n, covered, plane);
            synapse_codes_merge(codes, n, any);
            for (uint32_t k = 0; k < n; k++) {
                int32_t value = value_of(codes[k]), limit = (int32_t)covered;
                assert_int_equal(plane[k], value > limit ? limit : value < -limit ? -limit : value);
                assert_int_equal(any[k], 1u << 20 | (uint32_t)(value < 0 ? -value : value));
                int left = (codes[k] & OAT_OUTLIER) && (codes[k] & OAT_MAGNITUDE);
                if (left || plane[k] != value) assert_int_equal(found[count++], k);
            }
            assert_int_equal(count, beyond);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_make_up_every_code),
        cmocka_unit_test(clamped_codes_and_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
