/* Whole CSV tables: quotes, line ends, cut-off files, refusals; any bytes either parse or are refused in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/csv_table.h"
#include "test/helpers/trace_samples.h"

static struct csv_table parsed(const char *text)
{
    struct csv_table table;
    struct lassim_error error;
    if (csv_table_parse("x.csv", text, strlen(text), &table, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return table;
}

static const char *cell(const struct csv_table *table, uint32_t row, uint32_t column)
{
    return table->cell[row * table->columns + column];
}

static void cells_and_quotes(void **state)
{
    (void)state;
    struct csv_table table = parsed("a,b,\"c \"\"d\"\"\"\r\n\n1,\"x,y\nz\",\r\n,,3\n");
    assert_int_equal(table.columns, 3);
    assert_int_equal(table.rows, 2);
    assert_false(table.cut);
    assert_string_equal(cell(&table, 0, 2), "c \"d\"");
    assert_string_equal(cell(&table, 1, 1), "x,y\nz");
    assert_string_equal(cell(&table, 1, 2), "");
    assert_string_equal(cell(&table, 2, 0), "");
    assert_string_equal(cell(&table, 2, 2), "3");
    csv_table_free(&table);
    table = parsed("only\nlast"); /* no end of line, but whole */
    assert_int_equal(table.rows, 1);
    assert_string_equal(cell(&table, 1, 0), "last");
    assert_false(table.cut);
    csv_table_free(&table);
}

static void a_killed_writers_last_line_is_left_out(void **state)
{
    (void)state;
    struct csv_table table = parsed("a,b,c\n1,2,3\n4,5");
    assert_int_equal(table.rows, 1);
    assert_true(table.cut);
    csv_table_free(&table);
}

static void refuse(const char *text, size_t size, const char *part)
{
    struct csv_table table;
    struct lassim_error error;
    assert_int_equal(csv_table_parse("x.csv", text, size, &table, &error), LASSIM_ERR_FILE);
    if (strstr(error.text, part) == NULL) fail_msg("'%s' lacks '%s'", error.text, part);
    assert_null(strchr(error.text, '\n'));
    csv_table_free(&table);
}

static void refusals_name_the_line(void **state)
{
    (void)state;
    refuse("", 0, "expected a header line");
    refuse("a,b\n1,2\n1,2,3\n", 14, "x.csv: line 3: expected 2 cells, found 3");
    refuse("a,b\n1\n2,3\n", 10, "line 2: expected 2 cells, found 1");
    refuse("a,b\n1,2,3", 9, "line 2: expected 2 cells, found 3");
    refuse("a,b\n\"1,2\n", 9, "expected a closing quote");
    refuse("a,b\n\"1\"x,2\n", 11, "line 2: expected a comma");
    refuse("a,b\n1\"x\",2\n", 11, "line 2: expected quotes around");
    refuse("a,\0b\n", 5, "0 byte");
    char wide[2 * CSV_TABLE_COLUMNS + 2];
    memset(wide, ',', sizeof wide);
    refuse(wide, CSV_TABLE_COLUMNS, "256 columns");
    struct csv_table table;
    assert_int_equal(csv_table_parse("x.csv", wide, CSV_TABLE_COLUMNS - 1, &table, NULL), LASSIM_OK);
    assert_int_equal(table.columns, CSV_TABLE_COLUMNS);
    csv_table_free(&table);
    char *many = malloc(2 * (CSV_TABLE_CELLS + 1));
    for (uint32_t i = 0; i < CSV_TABLE_CELLS + 1; i++) memcpy(many + 2 * i, "x\n", 2);
    refuse(many, 2 * (CSV_TABLE_CELLS + 1), "at most 1048576 cells");
    free(many);
}

/* Every byte of a table is there again when it is written out plainly. */
static void random_bytes(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("csv_table");
    static const char alphabet[] = "a1,,\n\n\"\r";
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t size = sample_below(&random, sizeof text + 1);
        for (size_t i = 0; i < size; i++) text[i] = alphabet[sample_below(&random, sizeof alphabet - 1)];
        char *copy = malloc(size > 0 ? size : 1); /* exact bounds, for the sanitizer */
        memcpy(copy, text, size);
        struct csv_table table;
        struct lassim_error error;
        enum lassim_status status = csv_table_parse("x", copy, size, &table, &error);
        assert_true(status == LASSIM_OK || (status == LASSIM_ERR_FILE && strchr(error.text, '\n') == NULL));
        size_t bytes = 0;
        for (uint32_t i = 0; status == LASSIM_OK && i < (table.rows + 1) * table.columns; i++)
            bytes += strlen(table.cell[i]);
        assert_true(bytes <= size);
        csv_table_free(&table);
        free(copy);
    }
}

static void numbers(void **state)
{
    (void)state;
    double value;
    assert_true(csv_number("-2.5e-3", &value) && value == -2.5e-3);
    assert_true(csv_number("0", &value) && value == 0);
    static const char *const wrong[] = {"", " 1", "1 ", "0x1", "nan", "inf", "1e999", "1-", "--1", "e5", "1,2", "-"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (csv_number(wrong[i], &value)) fail_msg("'%s' is no number", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_and_quotes), cmocka_unit_test(a_killed_writers_last_line_is_left_out),
        cmocka_unit_test(refusals_name_the_line), cmocka_unit_test(random_bytes), cmocka_unit_test(numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
