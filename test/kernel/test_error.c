/* The one error and both tiers of assertions; the expensive tier is on in this program whatever the build.  What the
 * library's own checks do in each build: test_engine_setup.c. */
#ifndef LASSIM_DEBUG
#define LASSIM_DEBUG
#endif
#include "kernel/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/aborts.h"

static void file_place_and_expectation(void **state)
{
    (void)state;
    struct lassim_error error;
    assert_int_equal(lassim_fail(&error, LASSIM_ERR_FILE, "a.snn", "header", "expected %d, found %d", 1, 2),
                     LASSIM_ERR_FILE);
    assert_int_equal(error.status, LASSIM_ERR_FILE);
    assert_string_equal(error.text, "a.snn: header: expected 1, found 2");
    lassim_fail(&error, LASSIM_ERR_RUN, NULL, "place", "what");
    assert_string_equal(error.text, "place: what");
    lassim_fail(&error, LASSIM_ERR_RUN, NULL, NULL, "what");
    assert_string_equal(error.text, "what");
    assert_int_equal(lassim_fail(NULL, LASSIM_ERR_RUN, "a", "b", "c"), LASSIM_ERR_RUN);
}

/* A name from a file cannot write to the terminal, and the line stays one. */
static void control_characters_are_escaped(void **state)
{
    (void)state;
    struct lassim_error error;
    lassim_fail(&error, LASSIM_ERR_FILE, "a\nb", "\x1b[31m", "%s", "\x7f\t\xc3\xa4");
    assert_string_equal(error.text, "a\\x0ab: \\x1b[31m: \\x7f\\x09\xc3\xa4");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct lassim_error error;
    char text[2 * sizeof error.text];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    lassim_fail(&error, LASSIM_ERR_FILE, text, text, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    memset(text, '\n', sizeof text - 1);
    lassim_fail(&error, LASSIM_ERR_FILE, NULL, NULL, "%s", text);
    assert_true(strlen(error.text) > sizeof error.text - 5 && strlen(error.text) < sizeof error.text);
    assert_int_equal(strlen(error.text) % 4, 0);
}

static void cheap(void *context)
{
    const int *ok = context;
    LASSIM_INVARIANT(*ok, "timestep %d, population %d", 17, 4);
}

static void expensive(void *context)
{
    const int *ok = context;
    LASSIM_EXPENSIVE(*ok, "timestep %d, population %d", 18, 5);
}

static void each_tier_fires(void **state)
{
    (void)state;
    int ok = 0;
    assert_aborts(cheap, &ok, "*ok is false: timestep 17, population 4\n");
    assert_aborts(cheap, &ok, "lassim: bug: test/kernel/test_error.c:");
    assert_aborts(expensive, &ok, "*ok is false: timestep 18, population 5\n");
    ok = 1;
    assert_aborts(cheap, &ok, NULL);
    assert_aborts(expensive, &ok, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_place_and_expectation),
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(each_tier_fires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
