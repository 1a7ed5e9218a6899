/* Reading files whole and parsing token ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "kernel/program/input.h"

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
        uint8_t *bytes;
        size_t size;
        assert_int_equal(input_read(path, 200000, &bytes, &size, NULL), LASSIM_OK);
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
    uint8_t *bytes;
    size_t size;
    write_file(path, 11);
    assert_int_equal(input_read(path, 11, &bytes, &size, &error), LASSIM_OK);
    free(bytes);
    assert_int_equal(input_read(path, 10, &bytes, &size, &error), LASSIM_ERR_FILE);
    assert_null(bytes);
    assert_non_null(strstr(error.text, "longer than 10 bytes"));
    unlink(path);
    assert_int_equal(input_read(path, 10, &bytes, &size, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(input_read("/tmp", 10, &bytes, &size, &error), LASSIM_ERR_FILE);
}

static void ids_are_parsed(void **state)
{
    (void)state;
    uint32_t *ids;
    size_t n;
    assert_int_equal(input_token_ids("2,17,0,99", 100, &ids, &n, NULL), LASSIM_OK);
    assert_true(n == 4 && ids[0] == 2 && ids[1] == 17 && ids[2] == 0 && ids[3] == 99);
    free(ids);
    assert_int_equal(input_token_ids("7", 8, &ids, &n, NULL), LASSIM_OK);
    assert_true(n == 1 && ids[0] == 7);
    free(ids);
}

static void bad_ids_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               ",",
                               "1,",
                               ",1",
                               "1,,2",
                               "1;2",
                               "-1",
                               "+1",
                               " 1",
                               "100",
                               "4294967298",
                               "1e1",
                               "99999999999999999999999999",
                               "1,2,x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lassim_error error;
        uint32_t *ids;
        size_t n;
        assert_int_equal(input_token_ids(bad[i], 100, &ids, &n, &error), LASSIM_ERR_USAGE);
        assert_null(ids);
        assert_non_null(strstr(error.text, "--token-ids: id "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole),
        cmocka_unit_test(refuses_long_and_absent),
        cmocka_unit_test(ids_are_parsed),
        cmocka_unit_test(bad_ids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
