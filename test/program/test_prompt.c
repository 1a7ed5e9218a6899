/* Parsing of token ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/program/prompt.h"

static void ids_are_parsed(void **state)
{
    (void)state;
    uint32_t *ids;
    size_t n;
    assert_int_equal(prompt_token_ids("2,17,0,99", 100, &ids, &n, NULL), LASSIM_OK);
    assert_true(n == 4 && ids[0] == 2 && ids[1] == 17 && ids[2] == 0 && ids[3] == 99);
    free(ids);
    assert_int_equal(prompt_token_ids("7", 8, &ids, &n, NULL), LASSIM_OK);
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
        assert_int_equal(prompt_token_ids(bad[i], 100, &ids, &n, &error), LASSIM_ERR_USAGE);
        assert_null(ids);
        assert_non_null(strstr(error.text, "--token-ids: id "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_parsed),
        cmocka_unit_test(bad_ids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
