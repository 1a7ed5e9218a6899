/* The memory plan: what is available is read from a made-up machine, and a run that cannot fit is refused. */
#include "kernel/memory_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static char root[64];

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(full, 0777);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/lassim-plan-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void the_tightest_limit_counts(void **state)
{
    (void)state;
    assert_true(memory_available(root) == UINT64_MAX); /* nothing to read */
    put("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:    8192 kB\n");
    assert_true(memory_available(root) == 8 * MIB);
    put("proc/self/cgroup", "0::/outer/inner\n");
    put("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    assert_true(memory_available(root) == 8 * MIB);
    put("sys/fs/cgroup/outer/memory.max", "6291456\n");
    assert_true(memory_available(root) == 6 * MIB);
    put("sys/fs/cgroup/outer/memory.stat", "file 5242880\nanon 2097152\n");
    assert_true(memory_available(root) == 4 * MIB);
    put("sys/fs/cgroup/outer/inner/memory.max", "1048576\n");
    assert_true(memory_available(root) == 1 * MIB);
}

static void garbage_is_no_limit(void **state)
{
    (void)state;
    put("proc/meminfo", "MemAvailable: lots\n");
    put("proc/self/cgroup", "0::/gone\n");
    assert_true(memory_available(root) == UINT64_MAX);
}

static void what_cannot_fit_is_refused(void **state)
{
    (void)state;
    struct lassim_error error = {LASSIM_OK, ""};
    struct memory_plan plan = {.weights = 100 * MIB, .state = 50 * MIB, .cache = 40 * MIB, .available = 50 * MIB};
    char line[256];
    assert_int_equal(memory_plan_check(&plan, &error), LASSIM_OK);
    memory_plan_print(&plan, line, sizeof line);
    assert_non_null(strstr(line, "100.0 MiB"));
    assert_non_null(strstr(line, "again and again")); /* 150 do not fit 50 */
    plan.available = 150 * MIB;
    memory_plan_print(&plan, line, sizeof line);
    assert_null(strstr(line, "again and again"));
    plan.available = 50 * MIB - 1;
    assert_int_equal(memory_plan_check(&plan, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "50 MiB"));
    plan.available = UINT64_MAX;
    assert_int_equal(memory_plan_check(&plan, &error), LASSIM_OK);
    memory_plan_print(&plan, line, 20);
    assert_true(strlen(line) < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tightest_limit_counts, make_root, remove_root),
        cmocka_unit_test_setup_teardown(garbage_is_no_limit, make_root, remove_root),
        cmocka_unit_test(what_cannot_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
