#include "test/helpers/aborts.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static _Noreturn void run_child(void (*deed)(void *context), void *context, int output)
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL); /* cmocka's goes on with the next test */
    dup2(output, STDERR_FILENO);
    deed(context);
    _exit(0);
}

void assert_aborts(void (*deed)(void *context), void *context, const char *text)
{
    char output[4096];
    size_t length = 0;
    int ends[2], status;
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) run_child(deed, context, ends[1]);
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], output + length, sizeof output - 1 - length)) > 0;) length += (size_t)n;
    output[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (text == NULL ? status != 0 : !WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
        fail_msg("status 0x%x: %s", (unsigned)status, output);
    if (text != NULL && strstr(output, text) == NULL) fail_msg("\"%s\" lacks \"%s\"", output, text);
}
