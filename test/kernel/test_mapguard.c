/* mapguard: a mapped file cut short gives one line and exit 3; other SIGBUS faults keep their default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/mapguard.h"

enum { MAPPED = 1 << 16 };

struct fault {
    int guarded; /* register the range before the fault */
    int removed; /* ... and take it out again */
    enum mapguard_use use;
    const char *name;
};

/* In the child: maps a file, cuts it to nothing, reads it. */
static void fault_now(const struct fault *fault)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    char path[] = "/tmp/mapguard-XXXXXX";
    int file = mkstemp(path);
    unlink(path);
    if (ftruncate(file, MAPPED) != 0) _exit(99);
    volatile char *bytes = mmap(NULL, MAPPED, PROT_READ, MAP_SHARED, file, 0);
    signal(SIGBUS, SIG_DFL);
    mapguard_install();
    if (fault->guarded) mapguard_add((const void *)bytes, MAPPED, fault->name, fault->use);
    if (fault->removed) mapguard_remove((const void *)bytes);
    if (ftruncate(file, 0) != 0) _exit(99);
    _exit(bytes[MAPPED - 1] == 0 ? 98 : 97);
}

/* Runs the fault in a child; returns its wait status and what it wrote to stderr. */
static int run_fault(const struct fault *fault, char *text, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        fault_now(fault);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while (used + 1 < size && (got = read(ends[0], text + used, size - 1 - used)) > 0) used += (size_t)got;
    text[used] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void input_cut_short_is_exit_3(void **state)
{
    (void)state;
    char text[1024];
    const struct fault fault = {1, 0, MAPGUARD_INPUT, "model\n.snn"};
    int status = run_fault(&fault, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(text, "lassim: model?.snn: cut short while in use, expected its length to stay as it was "
                              "when opened\n");
}

static void output_without_space_is_exit_1(void **state)
{
    (void)state;
    char text[1024];
    const struct fault fault = {1, 0, MAPGUARD_OUTPUT, "out.snn"};
    int status = run_fault(&fault, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_string_equal(text, "lassim: out.snn: no space left while writing\n");
}

static void foreign_fault_keeps_its_default(void **state)
{
    (void)state;
    char text[1024];
    const struct fault never = {0, 0, MAPGUARD_INPUT, "x"}, gone = {1, 1, MAPGUARD_INPUT, "x"};
    int status = run_fault(&never, text, sizeof text);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 1); /* 1: a sanitizer took the signal over */
    assert_null(strstr(text, "cut short"));
    status = run_fault(&gone, text, sizeof text);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
    assert_null(strstr(text, "cut short"));
}

static void table_fills_and_empties(void **state)
{
    (void)state;
    static char bytes[MAPGUARD_RANGES + 1];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MAPGUARD_RANGES; i++) assert_int_equal(mapguard_add(bytes + i, 1, "x", MAPGUARD_INPUT), 0);
        assert_int_equal(mapguard_add(bytes + MAPGUARD_RANGES, 1, "x", MAPGUARD_INPUT), -1);
        mapguard_remove(NULL);
        for (int i = 0; i < MAPGUARD_RANGES; i++) mapguard_remove(bytes + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_cut_short_is_exit_3),
        cmocka_unit_test(output_without_space_is_exit_1),
        cmocka_unit_test(foreign_fault_keeps_its_default),
        cmocka_unit_test(table_fills_and_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
