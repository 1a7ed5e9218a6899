/* Options of a run that exclude each other, each pair in turn, and those that go together. */
#include "kernel/program/run_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* run_options_check of "lassim -m a.snn WORDS"; the line that it prints goes to text. */
static int check(const char *words, char *text, size_t size, int *standard)
{
    char line[256], *argv[20];
    int argc = 0;
    struct cli cli;
    FILE *file = tmpfile();
    assert_non_null(file);
    snprintf(line, sizeof line, "lassim -m a.snn %s", words);
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) argv[argc++] = word;
    argv[argc] = NULL;
    assert_int_equal(cli_parse(argc, argv, &cli), CLI_RUN);
    fflush(NULL);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int status = run_options_check(&cli);
    fflush(NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    *standard = run_options_results_on_standard_output(&cli);
    return status;
}

static void what_excludes_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *words, *text;
    } bad[] = {
        {"-p a --prompt-file b", "found several"},
        {"-p a --token-ids 1", "found several"},
        {"--prompt-file a --token-ids 1", "found several"},
        {"--engine dense --trace t.bin", "no spikes to trace"},
        {"--engine dense --drop-spikes 0.1", "no spikes to perturb"},
        {"--engine dense --threshold-noise 0.1", "no spikes to perturb"},
        {"--engine dense --stuck-neurons f.csv", "no spikes to perturb"},
        {"--trace - --metrics -", "--trace: only one result"},
        {"--trace - --logits -", "--trace: only one result"},
        {"--metrics - --logits -", "--metrics: only one result"},
        {"--trace - --json", "--trace: only one result"},
        {"--metrics - --json", "--metrics: only one result"},
        {"--logits - --json", "only one result"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        int standard;
        if (check(bad[i].words, text, sizeof text, &standard) != LASSIM_ERR_USAGE)
            fail_msg("allowed: %s", bad[i].words);
        if (strstr(text, bad[i].text) == NULL) fail_msg("%s: %s", bad[i].words, text);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
}

static void what_goes_together(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int standard;
    } good[] = {
        {"", 0},
        {"-p a", 0},
        {"--engine dense --drop-spikes 0 --threshold-noise 0", 0},
        {"--engine event --trace t --drop-spikes 0.1", 0},
        {"--trace - --metrics m --logits l", 1},
        {"--trace t --metrics - --logits l", 1},
        {"--trace t --metrics m --logits - --quiet", 1},
        {"--trace t --metrics m --json", 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[512];
        int standard = -1;
        if (check(good[i].words, text, sizeof text, &standard) != 0) fail_msg("%s: %s", good[i].words, text);
        assert_string_equal(text, "");
        assert_int_equal(standard, good[i].standard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_excludes_each_other),
        cmocka_unit_test(what_goes_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
