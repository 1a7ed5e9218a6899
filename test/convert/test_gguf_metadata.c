/* Typed access: every type of value as gguf-py writes it, ranges, absent and wrong entries. */
#include "convert/gguf_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/gguf_draft.h"

static struct gguf *open_bytes(const struct bytes *file)
{
    struct gguf *gguf = NULL;
    struct lassim_error error;
    if (gguf_open("m.gguf", file->data, file->size, &gguf, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return gguf;
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t value;
    } good[] = {
        {"test.u8", 255},        {"test.i8", -128},        {"test.u16", 65535},
        {"test.i16", -32768},    {"test.u32", 4294967295}, {"test.i32", -2147483647 - 1},
        {"test.u64", INT64_MAX}, {"test.i64", INT64_MIN},
    };
    struct lassim_error error;
    struct bytes file = bytes_of_file("test/data/gguf/F32.gguf");
    struct gguf *gguf = open_bytes(&file);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = 7, v = good[i].value;
        assert_int_equal(gguf_get_integer(gguf, good[i].key, GGUF_REQUIRED, v, v, &value, &error), LASSIM_OK);
        assert_true(value == v);
        value = 7;
        if (v > INT64_MIN) {
            assert_refused(gguf_get_integer(gguf, good[i].key, GGUF_REQUIRED, INT64_MIN, v - 1, &value, &error), &error,
                           "expected an integer from");
        }
        if (v < INT64_MAX)
            assert_refused(gguf_get_integer(gguf, good[i].key, GGUF_OPTIONAL, v + 1, INT64_MAX, &value, &error), &error,
                           good[i].key);
        if (v != INT64_MAX || v != INT64_MIN) assert_int_equal(value, 7);
    }
    int64_t value = 7;
    assert_int_equal(gguf_get_integer(gguf, "no", GGUF_OPTIONAL, 0, 1, &value, &error), LASSIM_OK);
    assert_int_equal(value, 7);
    assert_refused(gguf_get_integer(gguf, "no", GGUF_REQUIRED, 0, 1, &value, &error), &error,
                   "m.gguf: no: expected an integer, found nothing");
    assert_refused(gguf_get_integer(gguf, "test.string", GGUF_OPTIONAL, 0, 1, &value, &error), &error,
                   "test.string: expected an integer, found a value of type string");
    assert_refused(gguf_get_integer(gguf, "test.true", GGUF_OPTIONAL, 0, 1, &value, &error), &error, "type bool");
    assert_refused(gguf_get_integer(gguf, "test.integers", GGUF_OPTIONAL, 0, 1, &value, &error), &error,
                   "found an array of 3 int32");
    gguf_close(gguf);
    bytes_clear(&file);
}

static void test_other_scalars(void **state)
{
    (void)state;
    struct lassim_error error;
    struct bytes file = bytes_of_file("test/data/gguf/F32.gguf");
    struct gguf *gguf = open_bytes(&file);
    double number = 0;
    int yes = 7, no = 7;
    struct gguf_text text = {0};
    assert_int_equal(gguf_get_number(gguf, "test.f32", GGUF_REQUIRED, &number, &error), LASSIM_OK);
    assert_true(number == 0.1);
    number = 0;
    assert_int_equal(gguf_get_number(gguf, "test.f64", GGUF_REQUIRED, &number, &error), LASSIM_OK);
    assert_true(number == 0.1);
    assert_int_equal(gguf_get_number(gguf, "test.i8", GGUF_REQUIRED, &number, &error), LASSIM_OK);
    assert_true(number == -128);
    assert_refused(gguf_get_number(gguf, "test.true", GGUF_REQUIRED, &number, &error), &error, "expected a number");
    assert_refused(gguf_get_number(gguf, "no", GGUF_REQUIRED, &number, &error), &error, "found nothing");
    assert_int_equal(gguf_get_bool(gguf, "test.true", GGUF_REQUIRED, &yes, &error), LASSIM_OK);
    assert_int_equal(gguf_get_bool(gguf, "test.false", GGUF_REQUIRED, &no, &error), LASSIM_OK);
    assert_true(yes == 1 && no == 0);
    assert_refused(gguf_get_bool(gguf, "test.u8", GGUF_OPTIONAL, &yes, &error), &error,
                   "expected a bool, found a value");
    assert_int_equal(gguf_get_text(gguf, "test.string", GGUF_REQUIRED, &text, &error), LASSIM_OK);
    assert_true(gguf_text_equal(text, "na\xc3\xafve \xf0\x9f\x99\x82"));
    assert_refused(gguf_get_text(gguf, "test.strings", GGUF_OPTIONAL, &text, &error), &error, "an array of 3 string");
    gguf_close(gguf);
    bytes_clear(&file);
}

static void test_arrays(void **state)
{
    (void)state;
    static const char *const expected[] = {"", "a", "bc"};
    struct lassim_error error;
    struct bytes file = bytes_of_file("test/data/gguf/F32.gguf");
    struct gguf *gguf = open_bytes(&file);
    const struct gguf_value *array = NULL;
    assert_int_equal(gguf_get_array(gguf, "no", GGUF_OPTIONAL, GGUF_STRINGS, &array, &error), LASSIM_OK);
    assert_null(array);
    assert_int_equal(gguf_get_array(gguf, "test.integers", GGUF_REQUIRED, GGUF_INTEGERS, &array, &error), LASSIM_OK);
    assert_int_equal(array->count, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(gguf_integer_at(array, (uint64_t)i), i - 1);
    assert_int_equal(gguf_get_array(gguf, "test.floats", GGUF_REQUIRED, GGUF_FLOATS, &array, &error), LASSIM_OK);
    assert_true(array->count == 2 && gguf_float_at(array, 0) == 0.5f && gguf_float_at(array, 1) == -2);
    assert_int_equal(gguf_get_array(gguf, "test.strings", GGUF_REQUIRED, GGUF_STRINGS, &array, &error), LASSIM_OK);
    struct gguf_strings strings = gguf_strings_start(array);
    struct gguf_text text;
    for (size_t i = 0; i < 3; i++)
        assert_true(gguf_strings_next(&strings, &text) && gguf_text_equal(text, expected[i]));
    assert_false(gguf_strings_next(&strings, &text));
    assert_refused(gguf_get_array(gguf, "test.bools", GGUF_REQUIRED, GGUF_INTEGERS, &array, &error), &error,
                   "expected an array of integers, found an array of 2 bool");
    assert_refused(gguf_get_array(gguf, "test.strings", GGUF_REQUIRED, GGUF_FLOATS, &array, &error), &error,
                   "expected an array of float32");
    assert_refused(gguf_get_array(gguf, "test.u8", GGUF_OPTIONAL, GGUF_INTEGERS, &array, &error), &error, "type uint8");
    assert_refused(gguf_get_array(gguf, "no", GGUF_REQUIRED, GGUF_STRINGS, &array, &error), &error,
                   "expected an array of string, found nothing");
    gguf_close(gguf);
    bytes_clear(&file);
}

/* Values that gguf-py's sample has not. */
static void test_made_here(void **state)
{
    (void)state;
    struct lassim_error error;
    struct gguf_draft draft = {0};
    gguf_draft_number(&draft, "nan", GGUF_FLOAT32, 0x7fc00000);
    gguf_draft_number(&draft, "inf", GGUF_FLOAT64, UINT64_C(0xfff0000000000000));
    gguf_draft_strings(&draft, "none", NULL, 0);
    gguf_draft_key(&draft, "u64s", GGUF_ARRAY);
    bytes_number(&draft.metadata, GGUF_UINT64, 4);
    bytes_number(&draft.metadata, 2, 8);
    bytes_number(&draft.metadata, UINT64_MAX, 8);
    bytes_number(&draft.metadata, 5, 8);
    struct bytes file = gguf_draft_finish(&draft);
    struct gguf *gguf = open_bytes(&file);
    double number = 3;
    const struct gguf_value *array = NULL;
    assert_refused(gguf_get_number(gguf, "nan", GGUF_REQUIRED, &number, &error), &error, "expected a finite number");
    assert_refused(gguf_get_number(gguf, "inf", GGUF_REQUIRED, &number, &error), &error, "expected a finite number");
    assert_true(number == 3);
    for (int kind = GGUF_STRINGS; kind <= GGUF_INTEGERS; kind++)
        assert_int_equal(gguf_get_array(gguf, "none", GGUF_REQUIRED, (enum gguf_elements)kind, &array, &error),
                         LASSIM_OK);
    struct gguf_strings strings = gguf_strings_start(array);
    struct gguf_text text;
    assert_false(gguf_strings_next(&strings, &text));
    assert_int_equal(gguf_get_array(gguf, "u64s", GGUF_REQUIRED, GGUF_INTEGERS, &array, &error), LASSIM_OK);
    assert_true(gguf_integer_at(array, 0) == INT64_MAX && gguf_integer_at(array, 1) == 5);
    gguf_close(gguf);
    bytes_clear(&file);
}

static void test_shortest(void **state)
{
    (void)state;
    assert_true(gguf_shortest(1e-5f) == 1e-5 && (double)1e-5f != 1e-5);
    assert_true(gguf_shortest(1e-6f) == 1e-6 && gguf_shortest(1e-12f) == 1e-12);
    assert_true(gguf_shortest(500000) == 500000 && gguf_shortest(-0.7f) == -0.7 && gguf_shortest(0) == 0);
    assert_true(gguf_shortest(16777217.0f) == 16777216 && (float)gguf_shortest(0x1.fffffep-127f) == 0x1.fffffep-127f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),  cmocka_unit_test(test_other_scalars), cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_made_here), cmocka_unit_test(test_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
