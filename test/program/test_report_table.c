/* Sweep rows of every form give the same table; hostile ones are bounded or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/report_table.h"

static json_t *table_of(const char *text)
{
    json_t *json;
    struct lassim_error error;
    if (report_table_parse("x", text, strlen(text), &json, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return json;
}

static void the_same_table_from_every_form(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "T,kl,code,on,a_hash\n4,1.5e-2,radix,,0012345678901234\n8,-2,\"a,b\",,12e4\n",
        "[{\"T\": 4, \"kl\": 0.015, \"code\": \"radix\", \"on\": null, \"a_hash\": \"0012345678901234\"},"
        "{\"T\": 8, \"kl\": -2, \"code\": \"a,b\", \"on\": null, \"a_hash\": \"12e4\"}]",
        "{\"rows\": [{\"T\": 4, \"kl\": 0.015, \"code\": \"radix\", \"on\": [1], \"a_hash\": \"0012345678901234\"},\n"
        "{\"a_hash\": \"12e4\", \"T\": 8, \"kl\": -2, \"code\": \"a,b\"}]}",
        "{\"T\": 4, \"kl\": 0.015, \"code\": \"radix\", \"on\": {}, \"a_hash\": \"0012345678901234\"}\n\n"
        "{\"T\": 8, \"kl\": -2, \"code\": \"a,b\", \"on\": null, \"a_hash\": \"12e4\"}\n"};
    json_t *expected = json_pack("{s:[s,s,s,s,s], s:[[i,f,s,n,s],[i,i,s,n,s]], s:b, s:i}", "columns", "T", "kl", "code",
                                 "on", "a_hash", "rows", 4, 0.015, "radix", "0012345678901234", 8, -2, "a,b", "12e4",
                                 "cut", 0, "left_out", 0);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        json_t *found = table_of(forms[i]);
        if (!json_equal(found, expected)) fail_msg("form %zu: %s", i, json_dumps(found, 0));
        json_decref(found);
    }
    json_decref(expected);
}

static void rows_of_different_columns(void **state)
{
    (void)state;
    json_t *found = table_of("[{\"a\": 1}, {\"b\": true}]");
    json_t *expected =
        json_pack("{s:[s,s], s:[[i],[n,b]], s:b, s:i}", "columns", "a", "b", "rows", 1, 1, "cut", 0, "left_out", 0);
    assert_true(json_equal(found, expected));
    json_decref(found);
    json_decref(expected);
}

static void cut_off_files(void **state)
{
    (void)state;
    static const char *const cut[] = {"a,b\n1,2\n3", "{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"b"};
    for (size_t i = 0; i < 2; i++) {
        json_t *found = table_of(cut[i]);
        assert_true(json_is_true(json_object_get(found, "cut")));
        assert_int_equal(json_array_size(json_object_get(found, "rows")), 1);
        json_decref(found);
    }
}

static void refuse(const char *text, const char *part)
{
    json_t *json;
    struct lassim_error error;
    assert_int_equal(report_table_parse("x", text, strlen(text), &json, &error), LASSIM_ERR_FILE);
    assert_null(json);
    if (strstr(error.text, part) == NULL) fail_msg("'%s' lacks '%s'", error.text, part);
}

static void refusals(void **state)
{
    (void)state;
    refuse("", "expected a header line");
    refuse("[1]", "row 0: expected an object, found integer");
    refuse("{\"rows\": 3}", "rows: expected an array, found integer");
    refuse("{\"a\": 1}\n{\"a\": \n{\"a\": 3}\n", "row 2: line 1");
    refuse("[{\"a\": 1}", "line 1");
}

static void too_much_is_left_out(void **state)
{
    (void)state;
    enum { ROWS = REPORT_CELLS / 3 + 10 };
    char *text = malloc(ROWS * 4 + 16), *at = text;
    at += sprintf(at, "a,b\n");
    for (int i = 0; i < ROWS; i++) at += sprintf(at, "1,2\n");
    json_t *found = table_of(text);
    assert_int_equal(json_array_size(json_object_get(found, "rows")), REPORT_CELLS / 3);
    assert_int_equal(json_integer_value(json_object_get(found, "left_out")), 10);
    json_decref(found);
    free(text);
}

static void strings(void **state)
{
    (void)state;
    char long_text[3 * REPORT_CELL_BYTES];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    long_text[REPORT_CELL_BYTES - 1] = '\xc3'; /* a character that the cut would split */
    long_text[REPORT_CELL_BYTES] = '\xa4';
    json_t *string = report_string(long_text);
    assert_int_equal(json_string_length(string), REPORT_CELL_BYTES - 1 + 3);
    json_decref(string);
    string = report_string("a\xff"
                           "b\xf0");
    assert_string_equal(json_string_value(string), "a\xef\xbf\xbd"
                                                   "b\xef\xbf\xbd");
    json_decref(string);
    memset(long_text, '\xff', sizeof long_text - 1); /* each grows to three bytes */
    string = report_string(long_text);
    assert_int_equal(json_string_length(string), 3 * REPORT_CELL_BYTES + 3);
    json_decref(string);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_table_from_every_form),
                                       cmocka_unit_test(rows_of_different_columns),
                                       cmocka_unit_test(cut_off_files),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(too_much_is_left_out),
                                       cmocka_unit_test(strings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
