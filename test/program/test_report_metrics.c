/* The copy of the metrics: everything that is drawn, in bounded size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/report_metrics.h"

static void what_is_drawn_stays(void **state)
{
    (void)state;
    json_t *root =
        json_pack("{s:s, s:{s:I, s:n}, s:{s:{s:f}}, s:[{s:i, s:I, s:I}], s:[{s:s, s:I, s:{s:i}}]}", "schema",
                  "lassim.metrics.1", "totals", "spikes", (json_int_t)9007199254740993, "saturations", "energy", "t",
                  "spiking_joules", 1.25e-3, "tokens", "token", 0, "spikes", (json_int_t)5, "windows", (json_int_t)3,
                  "populations", "name", "<script>", "spikes", (json_int_t)2, "energy", "t", 1);
    struct lassim_error error;
    json_t *copy;
    assert_int_equal(report_metrics_copy("m", root, &copy, &error), LASSIM_OK);
    assert_true(json_equal(json_object_get(copy, "totals"), json_object_get(root, "totals")));
    assert_true(json_equal(json_object_get(copy, "energy"), json_object_get(root, "energy")));
    const json_t *token = json_array_get(json_object_get(copy, "tokens"), 0);
    assert_int_equal(json_integer_value(json_object_get(token, "spikes")), 5);
    assert_null(json_object_get(token, "windows"));
    const json_t *population = json_array_get(json_object_get(copy, "populations"), 0);
    assert_string_equal(json_string_value(json_object_get(population, "name")), "<script>");
    assert_null(json_object_get(population, "energy"));
    assert_int_equal(json_object_size(json_object_get(copy, "left_out")), 0);
    json_decref(copy);
    json_decref(root);
}

static void long_lists_are_cut(void **state)
{
    (void)state;
    json_t *root = json_pack("{s:s, s:[]}", "schema", "lassim.metrics.1", "tokens"),
           *tokens = json_object_get(root, "tokens"), *copy;
    struct lassim_error error;
    for (int i = 0; i < REPORT_METRICS_LIST + 7; i++) json_array_append_new(tokens, json_pack("{s:i}", "spikes", i));
    assert_int_equal(report_metrics_copy("m", root, &copy, &error), LASSIM_OK);
    assert_int_equal(json_array_size(json_object_get(copy, "tokens")), REPORT_METRICS_LIST);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(copy, "left_out"), "tokens")), 7);
    json_decref(copy);
    json_decref(root);
}

static void refuse(json_t *root, const char *part)
{
    struct lassim_error error;
    json_t *copy;
    assert_int_equal(report_metrics_copy("m.json", root, &copy, &error), LASSIM_ERR_FILE);
    assert_null(copy);
    if (strstr(error.text, part) == NULL) fail_msg("'%s' lacks '%s'", error.text, part);
    json_decref(root);
}

static void refusals(void **state)
{
    (void)state;
    refuse(json_pack("[]"), "m.json: schema: expected an object around it, found array");
    refuse(json_pack("{}"), "schema: expected");
    refuse(json_pack("{s:s}", "schema", "other.1"), "found \"other.1\"");
    json_t *deep = json_integer(1);
    for (int i = 0; i < REPORT_METRICS_DEPTH; i++) deep = json_pack("[o]", deep);
    refuse(json_pack("{s:s, s:o}", "schema", "lassim.metrics.1", "x", deep), "nested at most 6");
    json_t *wide = json_pack("{s:s}", "schema", "lassim.metrics.1");
    for (int i = 0; i < REPORT_METRICS_VALUES; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        json_object_set_new(wide, key, json_true());
    }
    refuse(wide, "at most 200000 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_drawn_stays), cmocka_unit_test(long_lists_are_cut),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
