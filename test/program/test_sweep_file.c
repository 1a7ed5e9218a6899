/* The rows' file: what a kill, a foreign file or a second run leaves and finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/sweep_file.h"

enum { POINTS = 3 };

static char directory[] = "/tmp/lassim-sweep-XXXXXX";
static char *keys[POINTS] = {(char *)"a,1", (char *)"a,2", (char *)"a,12"};

static const char *at(const char *name)
{
    static char path[4][256];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", directory, name);
    return out;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(const char *name, const char *text)
{
    char buffer[1024] = "";
    FILE *file = fopen(at(name), "r");
    if (file == NULL) fail_msg("%s is not there", name);
    buffer[fread(buffer, 1, sizeof buffer - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(buffer, text);
}

static void clean(void)
{
    unlink(at("rows"));
    unlink(at("rows.partial"));
}

static struct sweep_file *open_rows(const char *header)
{
    struct sweep_file *file;
    struct lassim_error error;
    if (sweep_file_open(at("rows"), header, keys, POINTS, &file, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return file;
}

static void add(struct sweep_file *file, uint32_t point, const char *row)
{
    struct lassim_error error;
    assert_int_equal(sweep_file_add(file, point, strdup(row), &error), LASSIM_OK);
}

static void finish(struct sweep_file *file)
{
    struct lassim_error error;
    if (sweep_file_finish(file, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

static void rows_come_in_the_grids_order(void **state)
{
    (void)state;
    struct sweep_file *file = open_rows("key,n,x");
    add(file, 2, "a,12,z");
    add(file, 0, "a,1,x");
    assert_holds("rows.partial", "key,n,x\na,12,z\na,1,x\n");
    assert_true(sweep_file_has(file, 0) && !sweep_file_has(file, 1));
    add(file, 1, "a,2,y");
    finish(file);
    assert_holds("rows", "key,n,x\na,1,x\na,2,y\na,12,z\n");
    assert_int_equal(access(at("rows.partial"), F_OK), -1);
    clean();
}

/* A row cut short, or without its newline, is no row; one of no point is kept out. */
static void a_partial_file_is_gone_on_with(void **state)
{
    (void)state;
    static const char *const tails[] = {"", "a,2,", "a,2,y", "a"};
    for (unsigned i = 0; i < 4; i++) {
        char text[128];
        snprintf(text, sizeof text, "key,n,x\na,12,z\na,123,q\n%s", tails[i]);
        put("rows.partial", text);
        struct sweep_file *file = open_rows("key,n,x");
        assert_int_equal(sweep_file_count(file), 1);
        assert_true(sweep_file_has(file, 2));
        add(file, 1, "a,2,y");
        assert_holds("rows.partial", "key,n,x\na,12,z\na,123,q\na,2,y\n");
        sweep_file_close(file);
        file = open_rows("key,n,x");
        assert_int_equal(sweep_file_count(file), 2);
        add(file, 0, "a,1,x");
        finish(file);
        assert_holds("rows", "key,n,x\na,1,x\na,2,y\na,12,z\n");
        clean();
    }
}

static void rows_of_an_earlier_sweep_are_taken(void **state)
{
    (void)state;
    put("rows", "key,n,x\na,2,y\nb,1,x\n");
    struct sweep_file *file = open_rows("key,n,x");
    assert_int_equal(sweep_file_count(file), 1);
    add(file, 0, "a,1,x");
    add(file, 2, "a,12,z");
    assert_holds("rows", "key,n,x\na,2,y\nb,1,x\n"); /* until all is there */
    finish(file);
    assert_holds("rows", "key,n,x\na,1,x\na,2,y\na,12,z\n");
    clean();
    put("rows", "something else\na,2,y\n");
    file = open_rows("key,n,x");
    assert_int_equal(sweep_file_count(file), 0);
    sweep_file_close(file);
    assert_int_equal(access(at("rows.partial"), F_OK), -1); /* nothing was added */
    assert_holds("rows", "something else\na,2,y\n");
    clean();
}

static void foreign_and_locked_files_are_refused(void **state)
{
    (void)state;
    struct lassim_error error;
    struct sweep_file *file, *second;
    put("rows.partial", "other,columns\n");
    assert_int_equal(sweep_file_open(at("rows"), "key,n,x", keys, POINTS, &file, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "other columns"));
    assert_holds("rows.partial", "other,columns\n");
    assert_int_equal(sweep_file_open(at("rows"), NULL, keys, POINTS, &file, &error), LASSIM_ERR_RUN);
    clean();
    file = open_rows("key,n,x");
    assert_int_equal(sweep_file_open(at("rows"), "key,n,x", keys, POINTS, &second, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "another sweep"));
    sweep_file_close(file);
    assert_int_equal(sweep_file_open(at("no/folder"), "key,n,x", keys, POINTS, &file, &error), LASSIM_ERR_RUN);
    assert_null(file);
    clean();
}

static void without_a_header(void **state)
{
    (void)state;
    put("rows.partial", "{\"k\": 1, \"x\": 2}\n");
    char *json[1] = {(char *)"{\"k\": 1"};
    struct sweep_file *file;
    struct lassim_error error;
    assert_int_equal(sweep_file_open(at("rows"), NULL, json, 1, &file, &error), LASSIM_OK);
    assert_int_equal(sweep_file_count(file), 1);
    finish(file);
    assert_holds("rows", "{\"k\": 1, \"x\": 2}\n");
    clean();
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_the_grids_order),
        cmocka_unit_test(a_partial_file_is_gone_on_with),
        cmocka_unit_test(rows_of_an_earlier_sweep_are_taken),
        cmocka_unit_test(foreign_and_locked_files_are_refused),
        cmocka_unit_test(without_a_header),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
