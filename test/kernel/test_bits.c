#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bits.h"
#include "test/helpers/trace_samples.h"

static void test_bytes_by_hand(void **state)
{
    (void)state;
    uint8_t out[4 + BITS_SLACK] = {0};
    struct bit_writer writer = {.out = out};
    bits_put(&writer, 5, 3);      /* 1 0 1 */
    bits_put_rice(&writer, 2, 0); /* 0 0 1 */
    bits_put_rice(&writer, 5, 1); /* 0 0 1, then 1 */
    bits_put(&writer, 0x1234, 16);
    assert_ptr_equal(bits_flush(&writer), out + 4);
    /* stream: 101 001 00 | 11 then 0x1234 from bit 10 */
    assert_int_equal(out[0], 0x25);
    assert_int_equal(out[1], 0x03 | (0x1234 & 0x3f) << 2);
    assert_int_equal(out[2], 0x1234 >> 6 & 0xff);
    assert_int_equal(out[3], 0x1234 >> 14);
}

static void test_round_trip(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint32_t value[N];
    static unsigned width[N], rice[N];
    static uint8_t bytes[N * 80 + BITS_SLACK];
    struct sample_random random = sample_seed("bits");
    struct bit_writer writer = {.out = bytes};
    for (int i = 0; i < N; i++) {
        width[i] = sample_below(&random, 33);
        rice[i] = sample_below(&random, 3) == 0;
        value[i] = width[i] == 0 ? 0 : (uint32_t)sample_next(&random) >> (32 - width[i]);
        if (rice[i]) value[i] &= (UINT32_C(1) << width[i] % 26) * 300 - 1; /* quotients up to 300 */
        if (rice[i])
            bits_put_rice(&writer, value[i], width[i] % 26);
        else
            bits_put(&writer, value[i], width[i]);
    }
    uint8_t *end = bits_flush(&writer);
    struct bit_reader reader = {.in = bytes, .end = end};
    for (int i = 0; i < N; i++) {
        uint32_t got = rice[i] ? bits_get_rice(&reader, width[i] % 26, value[i]) : bits_get(&reader, width[i]);
        assert_int_equal(got, value[i]);
    }
    assert_ptr_equal(bits_align(&reader), end);
    assert_false(reader.failed);
}

static void test_reading_past_the_end_fails(void **state)
{
    (void)state;
    const uint8_t bytes[2] = {0, 0x80};
    struct bit_reader reader = {.in = bytes, .end = bytes + 2};
    assert_int_equal(bits_get(&reader, 15), 0);
    assert_int_equal(bits_get(&reader, 1), 1);
    assert_false(reader.failed);
    assert_int_equal(bits_get(&reader, 1), 0);
    assert_true(reader.failed);
    reader = (struct bit_reader){.in = bytes, .end = bytes + 1};
    assert_int_equal(bits_get_rice(&reader, 0, UINT32_MAX), 0); /* zeros to the end */
    assert_true(reader.failed);
}

static void test_values_above_the_bound_fail(void **state)
{
    (void)state;
    const uint8_t bytes[2] = {0, 0x80}; /* unary 15 */
    struct bit_reader reader = {.in = bytes, .end = bytes + 2};
    assert_int_equal(bits_get_rice(&reader, 0, 15), 15);
    assert_false(reader.failed);
    reader = (struct bit_reader){.in = bytes, .end = bytes + 2};
    bits_get_rice(&reader, 0, 14);
    assert_true(reader.failed);
    reader = (struct bit_reader){.in = bytes, .end = bytes + 2};
    bits_get_rice(&reader, 31, 7); /* quotient 15 at k = 31 would overflow 32 bits */
    assert_true(reader.failed);
}

static void test_padding_must_be_zero(void **state)
{
    (void)state;
    const uint8_t bytes[2] = {0x09, 0xff};
    struct bit_reader reader = {.in = bytes, .end = bytes + 2};
    assert_int_equal(bits_get(&reader, 4), 9);
    assert_ptr_equal(bits_align(&reader), bytes + 1);
    assert_false(reader.failed);
    reader = (struct bit_reader){.in = bytes, .end = bytes + 2};
    assert_int_equal(bits_get(&reader, 3), 1);
    bits_align(&reader);
    assert_true(reader.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_by_hand),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reading_past_the_end_fails),
        cmocka_unit_test(test_values_above_the_bound_fail),
        cmocka_unit_test(test_padding_must_be_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
