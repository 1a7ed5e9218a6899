/* Lines and cells of CSV texts, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/csv.h"

static struct csv text_of(const char *text, size_t size)
{
    return (struct csv){.path = "x.csv", .at = text, .end = text + size};
}

static void lines_and_cells(void **state)
{
    (void)state;
    static const char text[] = "a,b\r\n\n\r\n,\nlast";
    struct csv csv = text_of(text, sizeof text - 1);
    struct lassim_error error;
    int more;
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    assert_true(more && csv.cells == 2 && csv.number == 1);
    assert_string_equal(csv.cell[0], "a");
    assert_string_equal(csv.cell[1], "b");
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    assert_true(more && csv.cells == 2 && csv.number == 4);
    assert_string_equal(csv.cell[1], "");
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    assert_string_equal(csv.cell[0], "last");
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    assert_false(more);
}

static void refusals_name_the_line(void **state)
{
    (void)state;
    char longest[CSV_LINE_MAX + 3];
    struct lassim_error error;
    int more;
    memset(longest, 'x', sizeof longest);
    struct csv csv = text_of(longest, CSV_LINE_MAX);
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    csv = text_of(longest, CSV_LINE_MAX + 1);
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "x.csv: line 1: expected at most 255 characters");
    csv = text_of("ok\nb\0d\n", 7);
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "x.csv: line 2: expected text, found a 0 byte");
    csv = text_of(",,,,,,,,,,,,,,,", 15);
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_OK);
    assert_int_equal(csv.cells, 16);
    csv = text_of(",,,,,,,,,,,,,,,,", 16);
    assert_int_equal(csv_line(&csv, &more, &error), LASSIM_ERR_FILE);
}

static void numbers(void **state)
{
    (void)state;
    uint64_t wide;
    uint32_t narrow;
    assert_true(csv_unsigned("18446744073709551615", &wide) && wide == UINT64_MAX);
    assert_false(csv_unsigned("18446744073709551616", &wide));
    assert_true(csv_unsigned32("4294967295", &narrow) && narrow == UINT32_MAX);
    assert_false(csv_unsigned32("4294967296", &narrow));
    static const char *const none[] = {"", "-1", "+1", " 1", "1 ", "1.0", "x"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) assert_false(csv_unsigned(none[i], &wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_cells),
        cmocka_unit_test(refusals_name_the_line),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
