/* Reading texts whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "kernel/program/text_file.h"

static void write_file(char *path, size_t size)
{
    int file = mkstemp(path);
    for (size_t i = 0; i < size; i++) assert_int_equal(write(file, &(char){(char)('a' + i % 7)}, 1), 1);
    close(file);
}

static void reads_whole(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        char path[] = "/tmp/test_input-XXXXXX";
        write_file(path, sizes[s]);
        char *bytes;
        size_t size;
        assert_int_equal(text_file_read(path, &bytes, &size, NULL), LASSIM_OK);
        assert_true(size == sizes[s]);
        for (size_t i = 0; i < size; i++) assert_int_equal(bytes[i], 'a' + i % 7);
        assert_int_equal(bytes[size], 0);
        free(bytes);
        unlink(path);
    }
}

static void refuses_long_and_absent(void **state)
{
    (void)state;
    char path[] = "/tmp/test_input-XXXXXX";
    struct lassim_error error;
    char *bytes;
    size_t size;
    write_file(path, 0);
    assert_int_equal(truncate(path, (off_t)1 << 28), 0);
    assert_int_equal(text_file_read(path, &bytes, &size, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "larger than"));
    unlink(path);
    assert_int_equal(text_file_read(path, &bytes, &size, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(text_file_read("/tmp", &bytes, &size, &error), LASSIM_ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole),
        cmocka_unit_test(refuses_long_and_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
