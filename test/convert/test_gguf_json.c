/* Entries as members, sizes of tensors. */
#include "convert/gguf_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/gguf_llama.h"

struct opened_json {
    struct bytes file;
    struct gguf *gguf;
    struct lassim_error error;
    struct gguf_json builder;
};

static void open_draft(struct gguf_draft *draft, struct opened_json *o)
{
    o->file = gguf_draft_finish(draft);
    if (gguf_open("j.gguf", o->file.data, o->file.size, &o->gguf, &o->error) != LASSIM_OK)
        fail_msg("%s", o->error.text);
    o->builder = (struct gguf_json){.gguf = o->gguf, .architecture = "a", .json = json_object(), .error = &o->error};
}

static void close_draft(struct opened_json *o)
{
    json_decref(o->builder.json);
    gguf_close(o->gguf);
    bytes_clear(&o->file);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct gguf_number rules[] = {
        {"one", "first", GGUF_INTEGER, GGUF_REQUIRED},
        {"absent", "second", GGUF_INTEGER, GGUF_OPTIONAL},
        {"half", "third", GGUF_REAL, GGUF_REQUIRED},
        {NULL, NULL, GGUF_INTEGER, GGUF_OPTIONAL},
    };
    static const struct gguf_number missing[] = {{"absent", "x", GGUF_REAL, GGUF_REQUIRED},
                                                 {NULL, NULL, GGUF_REAL, GGUF_OPTIONAL}};
    static const struct gguf_number negative = {"a.minus", "x", GGUF_INTEGER, GGUF_OPTIONAL};
    struct opened_json o;
    struct gguf_draft draft = {0};
    gguf_draft_number(&draft, "a.one", GGUF_UINT8, 1);
    gguf_draft_number(&draft, "one", GGUF_UINT8, 2);
    gguf_draft_float(&draft, "half", 0.25f);
    gguf_draft_float(&draft, "a.half", 0.5f);
    gguf_draft_number(&draft, "a.minus", GGUF_INT8, 255);
    open_draft(&draft, &o);
    assert_int_equal(gguf_json_numbers(&o.builder, rules, 1), LASSIM_OK);
    gguf_assert_json(json_incref(o.builder.json), "{\"first\":1,\"third\":0.5}");
    assert_int_equal(gguf_json_numbers(&o.builder, rules, 0), LASSIM_OK);
    gguf_assert_json(json_incref(o.builder.json), "{\"first\":2,\"third\":0.25}");
    assert_refused(gguf_json_numbers(&o.builder, missing, 1), &o.error, "j.gguf: a.absent: expected a number");
    assert_refused(gguf_json_number(&o.builder, o.builder.json, "a.minus", &negative), &o.error, "from 0 to");
    int64_t value = 7;
    assert_int_equal(gguf_json_optional(&o.builder, "absent", &value), LASSIM_OK);
    assert_int_equal(value, 7);
    assert_int_equal(gguf_json_optional(&o.builder, "one", &value), LASSIM_OK);
    assert_int_equal(value, 1);
    close_draft(&o);
}

static void test_rows(void **state)
{
    (void)state;
    static const uint64_t three[] = {3, 1, 1};
    struct opened_json o;
    struct gguf_draft draft = {0};
    int64_t rows = 0;
    gguf_add_matrix(&draft, "m", 4, 6);
    gguf_add_matrix(&draft, "none", 4, 0);
    gguf_draft_tensor(&draft, "v", 1, three, 0, "123456789012", 12);
    gguf_draft_tensor(&draft, "cube", 3, three, 0, "123456789012", 12);
    open_draft(&draft, &o);
    assert_true(gguf_json_has_tensor(&o.builder, "m") && !gguf_json_has_tensor(&o.builder, "n"));
    assert_int_equal(gguf_json_rows_of(&o.builder, "m", &rows), LASSIM_OK);
    assert_int_equal(rows, 6);
    assert_int_equal(gguf_json_rows(&o.builder, "key", "m"), LASSIM_OK);
    assert_int_equal(json_integer_value(json_object_get(o.builder.json, "key")), 6);
    assert_refused(gguf_json_rows_of(&o.builder, "n", &rows), &o.error, "j.gguf: n: tensor missing");
    assert_refused(gguf_json_rows_of(&o.builder, "none", &rows), &o.error, "expected a matrix of 1 to");
    assert_refused(gguf_json_rows_of(&o.builder, "v", &rows), &o.error, "1 dimensions, expected a matrix");
    assert_refused(gguf_json_rows_of(&o.builder, "cube", &rows), &o.error, "3 dimensions, expected a matrix");
    close_draft(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
