#include "kernel/team.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS_MOST = 8, ROUNDS = 3000, BARRIERS = 300 };
static const unsigned sizes[] = {1, 2, 3, 4, 8};

static struct team *open_team(unsigned threads)
{
    struct team *team;
    struct lassim_error error = {0};
    assert_int_equal(team_new(threads, NULL, 0, &team, &error), LASSIM_OK);
    assert_int_equal(team_workers(team), threads);
    return team;
}

/* Plain memory, written by workers and read after the join: TSan proves the ordering. */
struct tally {
    uint64_t calls[WORKERS_MOST], input, sum[WORKERS_MOST];
    unsigned workers;
};

static void count_call(void *context, unsigned worker, unsigned workers)
{
    struct tally *tally = context;
    tally->calls[worker]++;
    tally->sum[worker] += tally->input * (worker + 1);
    if (worker == 0) tally->workers = workers;
}

static void test_every_worker_once_a_run(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct team *team = open_team(sizes[s]);
        struct tally tally = {{0}, 0, {0}, 0};
        for (unsigned round = 1; round <= ROUNDS; round++) {
            tally.input = round;
            team_run(team, count_call, &tally);
            for (unsigned w = 0; w < sizes[s]; w++) assert_int_equal(tally.calls[w], round);
        }
        assert_int_equal(tally.workers, sizes[s]);
        for (unsigned w = 0; w < sizes[s]; w++)
            assert_int_equal(tally.sum[w], (uint64_t)ROUNDS * (ROUNDS + 1) / 2 * (w + 1));
        team_free(team);
    }
}

/* Runs far apart: the workers sleep in between and are woken. */
static void test_sleeping_team_wakes(void **state)
{
    (void)state;
    struct team *team = open_team(4);
    struct tally tally = {{0}, 1, {0}, 0};
    for (unsigned round = 1; round <= 20; round++) {
        usleep(2000);
        team_run(team, count_call, &tally);
        for (unsigned w = 0; w < 4; w++) assert_int_equal(tally.calls[w], round);
    }
    team_free(team);
}

struct shift_register {
    struct team *team;
    uint64_t cell[2][WORKERS_MOST];
};

/* Each step copies the left neighbour's value + 1: right only if every barrier holds everybody. */
static void shift(void *context, unsigned worker, unsigned workers)
{
    struct shift_register *cells = context;
    for (unsigned step = 0; step < BARRIERS; step++) {
        uint64_t left = cells->cell[step % 2][(worker + workers - 1) % workers];
        cells->cell[(step + 1) % 2][worker] = left + 1;
        team_barrier(cells->team, worker);
    }
}

static void test_barrier_holds_everybody(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct shift_register cells = {open_team(sizes[s]), {{0}}};
        for (unsigned w = 0; w < sizes[s]; w++) cells.cell[0][w] = 1000 * w;
        team_run(cells.team, shift, &cells);
        for (unsigned w = 0; w < sizes[s]; w++) {
            unsigned from = (w + sizes[s] - BARRIERS % sizes[s]) % sizes[s];
            assert_int_equal(cells.cell[BARRIERS % 2][w], 1000 * from + BARRIERS);
        }
        team_free(cells.team);
    }
}

/* More threads than cores must not spin each other away: 8 threads, thousands of joins, in seconds.
 * Counted in CPU time: others on the machine take none of it. */
static void test_crowded_team_is_quick(void **state)
{
    (void)state;
    struct team *team = open_team(8);
    struct tally tally = {{0}, 1, {0}, 0};
    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (unsigned round = 0; round < 1000; round++) team_run(team, count_call, &tally);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_true(end.tv_sec - start.tv_sec < 10);
    team_free(team);
}

struct bindings {
    _Atomic unsigned calls;
    _Atomic unsigned pu[16], any;
};

static int note_thread(void *context, unsigned pu)
{
    struct bindings *bindings = context;
    if (pu == TOPOLOGY_ANY)
        atomic_fetch_add(&bindings->any, 1);
    else
        atomic_fetch_add(&bindings->pu[pu], 1);
    atomic_fetch_add(&bindings->calls, 1);
    return -1; /* a refusal changes nothing */
}

static void test_binding_policy(void **state)
{
    (void)state;
    struct bindings bindings = {0};
    struct topology_backend backend = {&bindings, note_thread, NULL};
    struct topology *topology;
    struct team *team;
    struct lassim_error error = {0};
    struct tally tally = {{0}, 1, {0}, 0};
    assert_int_equal(topology_new("node:2 core:4 pu:1", &backend, &topology, &error), LASSIM_OK);
    assert_int_equal(team_new(4, topology, 1, &team, &error), LASSIM_OK);
    team_run(team, count_call, &tally); /* every worker has bound itself by now */
    for (unsigned pu = 0; pu < 8; pu++) assert_int_equal(atomic_load(&bindings.pu[pu]), pu % 2 == 0);
    assert_int_equal(atomic_load(&bindings.any), 0);
    team_free(team);
    assert_int_equal(atomic_load(&bindings.any), 1);
    /* --numa off */
    assert_int_equal(team_new(4, topology, 0, &team, &error), LASSIM_OK);
    team_run(team, count_call, &tally);
    team_free(team);
    assert_int_equal(atomic_load(&bindings.calls), 5);
    topology_free(topology);
}

static _Atomic unsigned blocked;

static void see_mask(void *context, unsigned worker, unsigned workers)
{
    (void)context, (void)workers;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (worker != 0 && sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1 &&
        sigismember(&mask, SIGBUS) == 0)
        atomic_fetch_add(&blocked, 1);
}

static void test_signals_reach_the_caller_only(void **state)
{
    (void)state;
    sigset_t mask;
    struct team *team = open_team(3);
    team_run(team, see_mask, NULL);
    assert_int_equal(atomic_load(&blocked), 2);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
    team_free(team);
}

static void test_bad_counts(void **state)
{
    (void)state;
    struct team *team;
    struct lassim_error error = {0};
    assert_int_equal(team_new(0, NULL, 0, &team, &error), LASSIM_ERR_USAGE);
    assert_null(team);
    assert_int_equal(team_new(TEAM_THREADS_MAX + 1, NULL, 0, &team, &error), LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "1025"));
    team_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_worker_once_a_run),
        cmocka_unit_test(test_sleeping_team_wakes),
        cmocka_unit_test(test_barrier_holds_everybody),
        cmocka_unit_test(test_crowded_team_is_quick),
        cmocka_unit_test(test_binding_policy),
        cmocka_unit_test(test_signals_reach_the_caller_only),
        cmocka_unit_test(test_bad_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
