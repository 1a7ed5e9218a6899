/* The safetensors reader: good files, every invariant broken once, truncation, bit flips; and the elements of
 * the three readable types. */
#include "convert/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

static const char shard_path[] = "test/data/variants/bare/model-00002-of-00002.safetensors";

static enum lassim_status read_bytes(const struct bytes *bytes, size_t size, struct tensor_list *list,
                                     struct lassim_error *error)
{
    *list = (struct tensor_list){0};
    *error = (struct lassim_error){0};
    uint8_t *exact = malloc(size + (size == 0)); /* a read past the end is then seen by ASan */
    assert_non_null(exact);
    memcpy(exact, bytes->data, size);
    enum lassim_status status = safetensors_read("w.safetensors", exact, size, list, error);
    for (size_t i = 0; i < list->count && status == LASSIM_OK; i++) {
        const struct checkpoint_tensor *tensor = &list->tensor[i];
        const uint8_t *data = tensor->data;
        assert_true(data >= exact && data <= exact + size);
        if (tensor->readable)
            assert_true(tensor->elements * weight_size(tensor->type) <= (size_t)(exact + size - data));
    }
    free(exact);
    return status;
}

static void accept_json(const char *json, size_t data_size, size_t tensors)
{
    struct tensor_list list;
    struct lassim_error error;
    struct bytes bytes = fixture_safetensors(json, data_size);
    if (read_bytes(&bytes, bytes.size, &list, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(list.count, tensors);
    tensor_list_clear(&list);
    bytes_clear(&bytes);
}

static void refuse_json(const char *json, size_t data_size, const char *part)
{
    struct tensor_list list;
    struct lassim_error error;
    struct bytes bytes = fixture_safetensors(json, data_size);
    assert_refused(read_bytes(&bytes, bytes.size, &list, &error), &error, part);
    assert_non_null(strstr(error.text, "w.safetensors: "));
    tensor_list_clear(&list);
    bytes_clear(&bytes);
}

static void test_good_file(void **state)
{
    (void)state;
    struct tensor_list list = {0};
    struct lassim_error error;
    struct bytes bytes = bytes_of_file(shard_path);
    assert_int_equal(safetensors_read(shard_path, bytes.data, bytes.size, &list, &error), LASSIM_OK);
    assert_int_equal(tensor_list_sort(&list, &error), LASSIM_OK);
    assert_int_equal(list.count, 8);
    const struct checkpoint_tensor *tensor = tensor_list_find(&list, "model.decoder.layers.1.self_attn.v_proj.weight");
    assert_non_null(tensor);
    assert_int_equal(tensor->rank, 2);
    assert_int_equal(tensor->shape[0], 60);
    assert_int_equal(tensor->shape[1], 60);
    assert_int_equal(tensor->type, WEIGHT_BF16);
    assert_string_equal(tensor->dtype, "BF16");
    double first, last;
    checkpoint_tensor_f64(tensor, 0, 1, &first);
    checkpoint_tensor_f64(tensor, 3599, 1, &last);
    assert_true(first == -0x1.c4p-7 && last == -0x1.88p-4);
    assert_null(tensor_list_find(&list, "model.decoder.layers.1"));
    tensor_list_clear(&list);
    bytes_clear(&bytes);
}

static void test_legal_oddities(void **state)
{
    (void)state;
    accept_json("{}", 0, 0);
    accept_json("{\"__metadata__\":{\"format\":\"pt\"}}      ", 0, 0);
    accept_json("{\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, 1);
    accept_json("{\"z\":{\"dtype\":\"F16\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0, 1);
    accept_json("{\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[2,10]},"
                "\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                "\"z\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[2,2]}}",
                10, 3);
    accept_json("{\"f\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, 1);
    accept_json("{\"n\":{\"dtype\":\"F9_NEW\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3, 1);
}

static void test_broken_tables(void **state)
{
    (void)state;
    refuse_json("[]", 0, "starts with {");
    refuse_json(" {}", 0, "starts with {");
    refuse_json("{}x", 0, "header");
    refuse_json("{\"a\":1}", 0, "expected an object");
    refuse_json("{\"__metadata__\":{\"a\":1}}", 0, "expected a string");
    refuse_json("{\"__metadata__\":[]}", 0, "expected an object");
    refuse_json("{\"a\":{\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "dtype");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"data_offsets\":[0,2]}}", 2, "shape");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1]}}", 2, "data_offsets");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[-1],\"data_offsets\":[0,2]}}", 2, "shape[0]");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1.0],\"data_offsets\":[0,2]}}", 2, "shape[0]");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,2]}}", 2, "at most 8");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "exact size");
    refuse_json("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, "exact size");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[2,0]}}", 2, "ascending");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2,4]}}", 2, "two integers");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,9223372036854775807]}}", 2, "ascending");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}", 2, "header");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,2]}}", 2, "2^64");
    refuse_json("{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904],\"data_offsets\":[0,2]}}", 2, "exact size");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 4, "4 bytes");
    refuse_json("{\"a\":{\"dtype\":\"a type with a very long name\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2,
                "dtype");
    refuse_json("{\"\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "tensor name of 0 bytes");
}

static void test_holes_overlap_duplicates(void **state)
{
    (void)state;
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[2,4]}}", 4, "hole");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                "\"b\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
                2, "overlap");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                "\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[2,6]}}",
                6, "overlap");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                "\"b\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[4,6]}}",
                6, "hole");
    refuse_json("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                "\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[2,4]}}",
                4, "duplicate");
}

static void test_hostile_names(void **state)
{
    (void)state;
    struct bytes json = {0};
    bytes_text(&json, "{\"");
    for (int i = 0; i < 100000; i++) bytes_text(&json, "n");
    bytes_text(&json, "\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}");
    bytes_number(&json, 0, 1);
    refuse_json((const char *)json.data, 2, "tensor name of 100000 bytes");
    bytes_clear(&json);
    refuse_json("{\"a\\n\\u001b[2J\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "a\\x0a\\x1b[2J");
    for (int i = 0; i < 100000; i++) bytes_text(&json, "{\"a\":");
    bytes_number(&json, 0, 1);
    refuse_json((const char *)json.data, 0, "deep");
    bytes_clear(&json);
}

static void test_header_lengths(void **state)
{
    (void)state;
    const uint64_t lengths[] = {0, 3, 100000001, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct tensor_list list;
        struct lassim_error error;
        struct bytes bytes = fixture_safetensors("{}", 0);
        memcpy(bytes.data, &lengths[i], 8);
        assert_refused(read_bytes(&bytes, bytes.size, &list, &error), &error, "header");
        bytes_clear(&bytes);
    }
}

static void test_truncated(void **state)
{
    (void)state;
    struct bytes bytes = bytes_of_file(shard_path);
    for (size_t size = 0; size < bytes.size; size += size < 1000 ? 1 : 997) {
        struct tensor_list list;
        struct lassim_error error;
        assert_refused(read_bytes(&bytes, size, &list, &error), &error, "");
        tensor_list_clear(&list);
    }
    bytes_clear(&bytes);
}

/* Any single bit of length and JSON: accepted with everything inside the file, or one line. */
static void test_bit_flips(void **state)
{
    (void)state;
    struct bytes bytes = bytes_of_file(shard_path);
    size_t refused = 0;
    for (size_t bit = 0; bit < (8 + 896) * 8; bit++) {
        struct tensor_list list;
        struct lassim_error error;
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum lassim_status status = read_bytes(&bytes, bytes.size, &list, &error);
        if (status != LASSIM_OK) assert_refused(status, &error, "");
        refused += status != LASSIM_OK;
        tensor_list_clear(&list);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_in_range(refused, 1000, (8 + 896) * 8 - 1000); /* most of the rest only changes a name */
    bytes_clear(&bytes);
}

/* --- elements --- */

/* The value of bits by definition: sign, exponent bits e with bias b, fraction bits f. */
static double by_definition(uint32_t bits, unsigned exponent_bits, unsigned fraction_bits)
{
    uint32_t fraction = bits & ((1u << fraction_bits) - 1);
    int exponent = (int)(bits >> fraction_bits & ((1u << exponent_bits) - 1)), bias = (1 << (exponent_bits - 1)) - 1;
    double sign = (bits >> (exponent_bits + fraction_bits) & 1) != 0 ? -1 : 1;
    if (exponent == 2 * bias + 1) return fraction != 0 ? NAN : sign * INFINITY;
    double mantissa = (double)fraction + (exponent != 0 ? ldexp(1, (int)fraction_bits) : 0);
    return sign * ldexp(mantissa, (exponent != 0 ? exponent : 1) - bias - (int)fraction_bits);
}

static int same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static void test_every_half(void **state)
{
    (void)state;
    static uint8_t storage[1 + 65536 * 2]; /* from an odd address: data may be unaligned */
    static float narrow[65536];
    static double wide[65536];
    for (uint32_t i = 0; i < 65536; i++) {
        storage[1 + 2 * i] = (uint8_t)i;
        storage[2 + 2 * i] = (uint8_t)(i >> 8);
    }
    struct checkpoint_tensor tensor = {.name = "h", .readable = 1, .elements = 65536, .data = storage + 1};
    const unsigned exponent_bits[] = {[WEIGHT_F16] = 5, [WEIGHT_BF16] = 8};
    for (enum weight_type type = WEIGHT_F16; type <= WEIGHT_BF16; type++) {
        tensor.type = type;
        checkpoint_tensor_f32(&tensor, 0, 65536, narrow);
        checkpoint_tensor_f64(&tensor, 0, 65536, wide);
        for (uint32_t i = 0; i < 65536; i++) {
            double expected = by_definition(i, exponent_bits[type], 15 - exponent_bits[type]);
            assert_true(same(wide[i], expected) && same(narrow[i], expected));
        }
        assert_int_equal(checkpoint_first_nonfinite(&tensor), type == WEIGHT_F16 ? 0x7c00 : 0x7f80);
    }
}

static void test_first_nonfinite(void **state)
{
    (void)state;
    float values[5] = {0, -0.0f, 3e38f, 1e-45f, -1};
    struct checkpoint_tensor tensor = {.name = "f", .readable = 1, .type = WEIGHT_F32, .elements = 5, .data = values};
    assert_int_equal(checkpoint_first_nonfinite(&tensor), -1);
    values[4] = -INFINITY;
    assert_int_equal(checkpoint_first_nonfinite(&tensor), 4);
    values[2] = NAN;
    assert_int_equal(checkpoint_first_nonfinite(&tensor), 2);
    float out[2];
    checkpoint_tensor_f32(&tensor, 3, 2, out);
    assert_true(out[0] == 1e-45f && out[1] == -INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file),     cmocka_unit_test(test_legal_oddities),
        cmocka_unit_test(test_broken_tables), cmocka_unit_test(test_holes_overlap_duplicates),
        cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_header_lengths),
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_every_half),    cmocka_unit_test(test_first_nonfinite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
