/* The outer loop: exit status, signals, watchdog, progress only on a terminal.  Each case is a child
 * process, because the loop owns the process's signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/program/run_loop.h"

static atomic_int stopped;

static void stop_work(void *context)
{
    (void)context;
    atomic_store(&stopped, 1);
}

static void no_progress(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    (void)context;
    *timesteps = 7;
    *tokens = 2;
}

static const struct run_watch watch = {.stop = stop_work, .progress = no_progress};

static int returns_four(const void *context)
{
    (void)context;
    return 4;
}

/* Signals itself, then works until it is stopped. */
static int stopped_by_signal(const void *context)
{
    const int *number = context;
    run_watch(&watch);
    kill(getpid(), *number);
    while (!atomic_load(&stopped)) usleep(1000);
    int seen = run_interrupted();
    run_unwatch();
    return seen ? 1 : 99;
}

static int never_stops(const void *context)
{
    const int *number = context;
    run_watch(&watch);
    kill(getpid(), *number);
    while (!atomic_load(&stopped)) usleep(1000);
    usleep(20000); /* the loop is out of its callback */
    kill(getpid(), *number);
    sleep(30); /* cut short by the end of the process */
    return 99;
}

static int unwatched(const void *context)
{
    const int *number = context;
    kill(getpid(), *number);
    sleep(30); /* cut short by the end of the process */
    return 99;
}

static int stalls(const void *context)
{
    (void)context;
    run_watch(&watch);
    usleep(1900000);
    run_unwatch();
    return 0;
}

static int writes_to_closed_pipe(const void *context)
{
    (void)context;
    int ends[2];
    if (pipe(ends) != 0) return 98;
    close(ends[0]);
    return write(ends[1], "x", 1) == -1 ? 0 : 99;
}

struct outcome {
    int status;
    char text[1024];
};

static struct outcome run(int (*job)(const void *context), int number)
{
    struct outcome outcome = {0, ""};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        _exit(run_loop(job, &number, 1));
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(ends[0], outcome.text + used, sizeof outcome.text - 1 - used)) > 0) used += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &outcome.status, 0), child);
    return outcome;
}

static void status_is_the_jobs(void **state)
{
    (void)state;
    struct outcome outcome = run(returns_four, 0);
    assert_true(WIFEXITED(outcome.status));
    assert_int_equal(WEXITSTATUS(outcome.status), 4);
    assert_string_equal(outcome.text, "");
}

static void signal_stops_the_job(void **state)
{
    (void)state;
    struct outcome interrupt = run(stopped_by_signal, SIGINT), terminate = run(stopped_by_signal, SIGTERM);
    assert_int_equal(WEXITSTATUS(interrupt.status), 130);
    assert_int_equal(WEXITSTATUS(terminate.status), 143);
}

static void second_signal_kills(void **state)
{
    (void)state;
    struct outcome outcome = run(never_stops, SIGTERM);
    assert_true(WIFSIGNALED(outcome.status));
    assert_int_equal(WTERMSIG(outcome.status), SIGTERM);
}

static void signal_without_watch_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(run(unwatched, SIGINT).status), 130);
}

static void stall_is_said_once(void **state)
{
    (void)state;
    struct outcome outcome = run(stalls, 0);
    assert_int_equal(WEXITSTATUS(outcome.status), 0);
    assert_string_equal(outcome.text, "lassim: no timestep has passed for 1 s: at timestep 7, 2 tokens done\n");
}

static void closed_pipe_is_an_error_not_a_death(void **state)
{
    (void)state;
    struct outcome outcome = run(writes_to_closed_pipe, 0);
    assert_true(WIFEXITED(outcome.status));
    assert_int_equal(WEXITSTATUS(outcome.status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_the_jobs),  cmocka_unit_test(signal_stops_the_job),
        cmocka_unit_test(second_signal_kills), cmocka_unit_test(signal_without_watch_ends_at_once),
        cmocka_unit_test(stall_is_said_once),  cmocka_unit_test(closed_pipe_is_an_error_not_a_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
