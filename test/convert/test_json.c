#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert/json.h"
#include "test/helpers/checkpoint_fixture.h"

static json_t *parsed(const char *text)
{
    struct lassim_error error = {0};
    json_t *value = NULL;
    if (json_parse("f.json", NULL, text, strlen(text), &value, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return value;
}

/* text must be refused with one line that starts with the file and holds `expected`. */
static void refused_bytes(const void *text, size_t size, const char *expected)
{
    struct lassim_error error = {0};
    json_t *value = NULL;
    assert_int_equal(json_parse("f.json", "header", text, size, &value, &error), LASSIM_ERR_FILE);
    assert_int_equal(error.status, LASSIM_ERR_FILE);
    assert_ptr_equal(strstr(error.text, "f.json: header: "), error.text);
    assert_null(strchr(error.text, '\n'));
    if (strstr(error.text, expected) == NULL) fail_msg("\"%s\" without \"%s\"", error.text, expected);
}

static void refused(const char *text, const char *expected)
{
    refused_bytes(text, strlen(text), expected);
}

static void test_accepts(void **state)
{
    (void)state;
    json_t *value = parsed(" {\"a\": [1, -2, 3.5, true, null, \"\\u00e9\\ud83d\\ude00\"], \"\": {}} \n");
    json_t *list = json_object_get(value, "a");
    assert_int_equal(json_array_size(list), 6);
    assert_string_equal(json_string_value(json_array_get(list, 5)), "\xc3\xa9\xf0\x9f\x98\x80");
    assert_non_null(json_object_get(value, ""));
    json_decref(value);
}

static void test_keeps_order(void **state)
{
    (void)state;
    json_t *value = parsed("{\"z\": 0, \"a\": 1, \"m\": 2, \"b\": 3}"), *member;
    const char *key;
    int64_t next = 0;
    json_object_foreach(value, key, member) assert_int_equal(json_integer_value(member), next++);
    assert_int_equal(next, 4);
    json_decref(value);
}

static void test_refuses_grammar(void **state)
{
    (void)state;
    refused("", "line 1");
    refused("{\"a\": 1", "line 1");
    refused("{\"a\": 1} x", "end of file expected");
    refused("{\"a\": 1}{}", "end of file expected");
    refused("{'a': 1}", "line 1");
    refused("[1,]", "line 1");
    refused("[01]", "line 1");
    refused("[+1]", "line 1");
    refused("[NaN]", "line 1");
    refused("[.5]", "line 1");
    refused("[1] // c", "line 1");
    refused("[\"\t\"]", "control character");
    refused("12", "line 1");
    refused("\xef\xbb\xbf[]", "line 1");
    refused("[\n\n  1,\n  x]", "line 4, column 3");
}

static void test_refuses_strings(void **state)
{
    (void)state;
    refused("[\"\xff\"]", "0xff");
    refused("[\"\xc0\x80\"]", "0xc0");     /* overlong NUL */
    refused("[\"\xed\xa0\x80\"]", "0xed"); /* a surrogate */
    refused("[\"\\ud800\"]", "\\uD800");   /* half a pair */
    refused("[\"\\u0000\"]", "\\u0000");
    refused_bytes("[\"a\0b\"]", 7, "line 1");
    refused_bytes("[1]\0", 4, "line 1");
}

static void test_refuses_duplicates(void **state)
{
    (void)state;
    refused("{\"a\": 1, \"b\": 2,\n \"a\": 1}", "duplicate object key near '\"a\"'");
    refused("{\"a\": {\"b\": 1, \"\\u0062\": 1}}", "duplicate object key");
}

static void test_refuses_numbers(void **state)
{
    (void)state;
    json_t *value = parsed("[9223372036854775807, -9223372036854775808, 1e308]");
    assert_true(json_integer_value(json_array_get(value, 0)) == INT64_MAX);
    assert_true(json_integer_value(json_array_get(value, 1)) == INT64_MIN);
    json_decref(value);
    refused("[9223372036854775808]", "too big integer");
    refused("[1e999]", "real number overflow");
}

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    assert_non_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    char *text = nested(JSON_DEPTH_MAX);
    json_decref(parsed(text));
    free(text);
    text = nested(JSON_DEPTH_MAX + 1);
    refused(text, "column 65: nested too deep");
    free(text);
    text = nested(1000000);
    refused(text, "nested too deep");
    free(text);
    json_decref(parsed("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"]"));
    size_t size = 2 * (size_t)JSON_VALUES_MAX + 3; /* [0,0,...,0]: one value too many, then just enough */
    text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) text[i] = i % 2 == 0 ? ',' : '0';
    text[0] = '[';
    text[size - 1] = ']';
    refused_bytes(text, size, "4194304");
    free(text);
}

static void test_getters(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    json_t *value = parsed("{\"i\": 5, \"r\": 2.5, \"t\": true, \"s\": \"x\", \"n\": null, \"o\": {}, \"a\": []}");
    int64_t integer = -1;
    double number = -1;
    int flag = -1;
    const char *text = NULL;
    const json_t *part = NULL;
    assert_int_equal(json_get_integer("f", value, "i", JSON_REQUIRED, 5, 5, &integer, &error), LASSIM_OK);
    assert_int_equal(integer, 5);
    assert_int_equal(json_get_number("f", value, "r", JSON_REQUIRED, &number, &error), LASSIM_OK);
    assert_true(number == 2.5);
    assert_int_equal(json_get_number("f", value, "i", JSON_REQUIRED, &number, &error), LASSIM_OK);
    assert_true(number == 5);
    assert_int_equal(json_get_bool("f", value, "t", JSON_REQUIRED, &flag, &error), LASSIM_OK);
    assert_int_equal(flag, 1);
    assert_int_equal(json_get_string("f", value, "s", JSON_REQUIRED, &text, &error), LASSIM_OK);
    assert_string_equal(text, "x");
    assert_int_equal(json_get_object("f", value, "o", JSON_REQUIRED, &part, &error), LASSIM_OK);
    assert_true(json_is_object(part));
    assert_int_equal(json_get_array("f", value, "a", JSON_REQUIRED, &part, &error), LASSIM_OK);
    assert_true(json_is_array(part));
    json_decref(value);
}

static void test_getters_refuse(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    json_t *value = parsed("{\"i\": 5, \"r\": 2.0, \"n\": null}");
    int64_t integer = 77;
    const char *text = NULL;
    assert_int_equal(json_get_integer("f", value, "absent", JSON_OPTIONAL, 0, 9, &integer, &error), LASSIM_OK);
    assert_int_equal(json_get_integer("f", value, "n", JSON_OPTIONAL, 0, 9, &integer, &error), LASSIM_OK);
    assert_int_equal(integer, 77);
    assert_int_equal(json_get_integer("f", value, "absent", JSON_REQUIRED, 0, 9, &integer, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "f: absent: expected an integer, found nothing");
    assert_int_equal(json_get_integer("f", value, "i", JSON_OPTIONAL, 6, 9, &integer, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "f: i: expected an integer in 6 .. 9, found 5");
    assert_int_equal(json_get_integer("f", value, "i", JSON_OPTIONAL, 0, 4, &integer, &error), LASSIM_ERR_FILE);
    assert_int_equal(json_get_integer("f", value, "r", JSON_OPTIONAL, 0, 9, &integer, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "f: r: expected an integer, found number");
    assert_int_equal(json_get_string("f", value, "i", JSON_OPTIONAL, &text, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "f: i: expected a string, found integer");
    assert_int_equal(json_get_string("f", json_object_get(value, "i"), "x", JSON_OPTIONAL, &text, &error),
                     LASSIM_ERR_FILE);
    assert_string_equal(error.text, "f: x: expected an object around it, found integer");
    json_decref(value);
}

static void test_files(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    json_t *value = NULL;
    char *folder = folder_new(), path[512];
    assert_int_equal(json_read_file(folder, &value, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "expected a regular file"));
    snprintf(path, sizeof path, "%s/a.json", folder);
    assert_int_equal(json_read_file(path, &value, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "a.json: cannot open: No such file"));
    folder_write(folder, "a.json", "[1, 2", 5);
    assert_int_equal(json_read_file(path, &value, &error), LASSIM_ERR_FILE);
    folder_write(folder, "a.json", "[1, 2]\n", 7);
    assert_int_equal(json_read_file(path, &value, &error), LASSIM_OK);
    assert_int_equal(json_array_size(value), 2);
    json_decref(value);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
    assert_int_equal(json_read_file(path, &value, &error), LASSIM_ERR_FILE);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_keeps_order),
        cmocka_unit_test(test_refuses_grammar),
        cmocka_unit_test(test_refuses_strings),
        cmocka_unit_test(test_refuses_duplicates),
        cmocka_unit_test(test_refuses_numbers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_getters),
        cmocka_unit_test(test_getters_refuse),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
