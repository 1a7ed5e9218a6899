/* An output that is the input, under whatever name, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/same_file.h"
#include "test/helpers/trace_samples.h"

static void make(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void names_of_one_file(void **state)
{
    (void)state;
    struct lassim_error error;
    const char *input = sample_path("in"), *link_name = sample_path("link"), *partial = sample_path("out.partial");
    make(input);
    make(partial);
    assert_int_equal(symlink(input, link_name), 0);
    assert_int_equal(same_file_refuse(input, input, "the trace", &error), LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "would overwrite the trace that is read"));
    assert_int_equal(same_file_refuse(input, link_name, "it", &error), LASSIM_ERR_USAGE);
    assert_int_equal(same_file_refuse(partial, sample_path("out"), "it", &error), LASSIM_ERR_USAGE);
    assert_int_equal(same_file_refuse(input, sample_path("out"), "it", &error), LASSIM_OK);
    assert_int_equal(same_file_refuse("-", "-", "it", &error), LASSIM_OK);
    assert_int_equal(same_file_refuse("/dev/null", "/dev/null", "it", &error), LASSIM_OK);
}

static int tear_down(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_one_file)};
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
