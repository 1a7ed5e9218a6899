/* The page is whole whatever the data holds: nothing in it can end the script element, and it reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/report_page.h"
#include "test/helpers/trace_samples.h"

static const char *const hostile[] = {"</script><script>alert(1)</script>",
                                      "<!--<script>",
                                      "-->",
                                      "]]>",
                                      "&lt;&amp;",
                                      "\xe2\x80\xa8\xe2\x80\xa9",
                                      "\x01\x1f\x7f\"\\'`${}",
                                      "@@D3@@",
                                      "\xf0\x9f\x98\x80"};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

static json_t *hostile_json(void)
{
    json_t *object = json_object();
    for (int i = 0; i < HOSTILE; i++) json_object_set_new(object, hostile[i], json_pack("[s, i]", hostile[i], i));
    return object;
}

static void data_is_safe_and_the_same(void **state)
{
    (void)state;
    json_t *json = hostile_json();
    size_t size;
    char *data = report_page_data(json, &size);
    assert_int_equal(strlen(data), size);
    for (size_t i = 0; i < size; i++) {
        if (data[i] < 0x20 || (unsigned char)data[i] > 0x7f) fail_msg("byte %d at %zu", data[i], i);
        assert_true(strchr("<>&", data[i]) == NULL);
    }
    json_t *again = json_loads(data, 0, NULL);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(json);
    free(data);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;
    for (; (text = strstr(text, part)) != NULL; text++) found++;
    return found;
}

static void the_page(void **state)
{
    (void)state;
    json_t *json = hostile_json();
    struct outfile *out;
    struct lassim_error error;
    size_t size;
    assert_int_equal(outfile_open(sample_path("page.html"), 0, &out, &error), LASSIM_OK);
    assert_int_equal(report_page_write(out, json, &error), LASSIM_OK);
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_OK);
    char *page = (char *)sample_read_file(sample_path("page.html"), &size);
    page[size] = '\0';
    assert_int_equal(strlen(page), size);
    assert_int_equal(count(page, "</script>"), 4); /* errors, data, D3, the page's own */
    assert_int_equal(count(page, "<script"), 4);
    assert_int_equal(count(page, "<!--"), 1);
    assert_int_equal(count(page, "</html>"), 1);
    assert_int_equal(count(page, "@@"), 4); /* of the hostile key and value that look like a place of the template */
    assert_int_equal(count(page, "Michael Bostock may not be used"), 1);
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_null(strstr(page, "src=\""));
    char *begin = strstr(page, "id=\"data\">") + strlen("id=\"data\">");
    *strstr(begin, "</script>") = '\0';
    json_t *again = json_loads(begin, 0, NULL);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(json);
    free(page);
}

static void every_asset_has_bytes_and_a_place(void **state)
{
    (void)state;
    unsigned assets;
    const struct report_asset *asset = report_assets(&assets), template = report_template();
    char *text = strndup(template.bytes, template.size);
    assert_int_equal(assets, 10);
    for (unsigned i = 0; i < assets; i++) {
        char place[40];
        snprintf(place, sizeof place, "\n@@%s@@\n", asset[i].name);
        assert_true(asset[i].size > 100);
        assert_int_equal(count(text, place), 1);
        char *bytes = strndup(asset[i].bytes, asset[i].size);
        assert_null(strstr(bytes, "</script"));
        assert_null(strstr(bytes, "<!--"));
        free(bytes);
    }
    free(text);
}

static int tear_down(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(data_is_safe_and_the_same), cmocka_unit_test(the_page),
                                       cmocka_unit_test(every_asset_has_bytes_and_a_place)};
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
