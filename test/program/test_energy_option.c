/* --energy-models and --energy as the command line gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/energy_option.h"

static enum lassim_status open_words(char *words[], int count, struct energy_list *list, struct lassim_error *error)
{
    struct cli cli;
    assert_int_equal(cli_parse(count, words, &cli), CLI_RUN);
    return energy_option_open(&cli, list, error);
}

static void built_in_and_unknown(void **state)
{
    (void)state;
    struct energy_list list;
    struct lassim_error error;
    char *none[] = {"lassim", "--model", "x"}, *one[] = {"lassim", "--model", "x", "--energy", "spinnaker2"};
    char *bad[] = {"lassim", "--model", "x", "--energy", "mine"};
    assert_int_equal(open_words(none, 3, &list, &error), LASSIM_OK);
    assert_true(list.more == NULL && list.mores == 0);
    assert_int_equal(open_words(one, 5, &list, &error), LASSIM_OK);
    assert_int_equal(open_words(bad, 5, &list, &error), LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "loihi"));
    assert_non_null(strstr(error.text, "'mine'"));
}

static void from_a_file(void **state)
{
    (void)state;
    struct energy_list list;
    struct lassim_error error;
    char path[] = "/tmp/lassim-energy-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("{\"format\": \"lassim.energy.1\", \"models\": [{\"name\": \"mine\", \"source\": \"s\", \"kind\": \"event\", "
          "\"event_pj\": 7}]}",
          file);
    fclose(file);
    char *words[] = {"lassim", "--model", "x", "--energy-models", path, "--energy", "mine"};
    assert_int_equal(open_words(words, 7, &list, &error), LASSIM_OK);
    assert_int_equal(list.mores, 1);
    assert_string_equal(list.more[0].name, "mine");
    free(list.more);
    remove(path);
    assert_int_equal(open_words(words, 7, &list, &error), LASSIM_ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(built_in_and_unknown), cmocka_unit_test(from_a_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
