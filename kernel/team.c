#include "kernel/team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    CACHE_LINE = 64,
    SPIN_NANOSECONDS = 100000, /* before sleeping, with a PU for every worker: longer than what one worker does alone */
    SPIN_ROUND = 32,           /* pauses between two looks at the clock */
    YIELDS = 2                 /* before sleeping, with more workers than PUs */
};

/* Opened by one thread, waited for by others: `count` goes up once each time. */
struct gate {
    _Alignas(CACHE_LINE) _Atomic uint32_t count;
    _Alignas(CACHE_LINE) _Atomic uint32_t sleepers;
};

struct worker {
    struct team *team;
    pthread_t thread;
    unsigned index;
};

struct team {
    struct gate start, finish, barrier;
    _Alignas(CACHE_LINE) _Atomic uint32_t running; /* workers besides the caller still in work */
    _Alignas(CACHE_LINE) _Atomic uint32_t arrived; /* at the barrier */
    _Alignas(CACHE_LINE) team_work *work;          /* NULL: end the threads */
    void *context;
    unsigned workers, threads; /* threads: workers that did start */
    int crowded;               /* more workers than PUs: no spinning */
    int inside;                /* team_run is on its way */
    int bind;
    struct topology *topology;
    struct worker *worker; /* [workers] */
};

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t monotonic_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* 1 if the gate went past `seen` while spinning or yielding. */
static int gate_spin(struct gate *gate, uint32_t seen, int crowded)
{
    for (int i = 0; crowded && i < YIELDS; i++) {
        if (atomic_load_explicit(&gate->count, memory_order_acquire) != seen) return 1;
        sched_yield();
    }
    if (crowded) return 0;
    uint64_t end = monotonic_nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < SPIN_ROUND; i++) {
            if (atomic_load_explicit(&gate->count, memory_order_acquire) != seen) return 1;
            spin_pause();
        }
    } while (monotonic_nanoseconds() < end);
    return 0;
}

/* Returns once the gate's count differs from `seen`.  A sleeper announces itself before the kernel compares
 * the count, the opener raises the count before it looks for sleepers (both sequentially consistent): one
 * of the two always sees the other. */
static void gate_wait(struct gate *gate, uint32_t seen, int crowded)
{
    if (gate_spin(gate, seen, crowded)) return;
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->count) == seen) syscall(SYS_futex, &gate->count, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&gate->sleepers, 1);
}

static void gate_open(struct gate *gate)
{
    atomic_fetch_add(&gate->count, 1);
    if (atomic_load(&gate->sleepers) != 0)
        syscall(SYS_futex, &gate->count, FUTEX_WAKE_PRIVATE, TEAM_THREADS_MAX, NULL, NULL, 0);
}

static void bind_worker(struct team *team, unsigned worker)
{
    if (!team->bind) return;
    /* a refusal costs speed, not results */
    (void)topology_bind_thread(team->topology, topology_place(team->topology, worker, team->workers).pu);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct team *team = worker->team;
    bind_worker(team, worker->index);
    for (uint32_t seen = 0;; seen++) {
        gate_wait(&team->start, seen, team->crowded);
        if (team->work == NULL) return NULL;
        team->work(team->context, worker->index, team->workers);
        if (atomic_fetch_sub_explicit(&team->running, 1, memory_order_acq_rel) == 1) gate_open(&team->finish);
    }
}

/* Starts workers 1 .. with all signals but its own faults blocked.  0, or the error number of the first that cannot start. */
static int start_threads(struct team *team)
{
    sigset_t all, before;
    int failed = 0;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* a fault of the worker itself: blocked, it would skip the handler */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (team->threads = 1; team->threads < team->workers && failed == 0; team->threads += failed == 0) {
        struct worker *worker = &team->worker[team->threads];
        *worker = (struct worker){team, 0, team->threads};
        failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void nothing(void *context, unsigned worker, unsigned workers)
{
    (void)context, (void)worker, (void)workers;
}

enum lassim_status team_new(unsigned threads, struct topology *topology, int bind, struct team **team,
                            struct lassim_error *error)
{
    *team = NULL;
    if (threads < 1 || threads > TEAM_THREADS_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "threads", "expected 1 to %d, found %u", TEAM_THREADS_MAX,
                           threads);
    LASSIM_INVARIANT(!bind || topology != NULL, "binding %u threads needs a topology", threads);
    struct team *made = aligned_alloc(CACHE_LINE, sizeof *made);
    struct worker *worker = calloc(threads, sizeof *worker);
    if (made == NULL || worker == NULL) {
        free(made);
        free(worker);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "threads", "no memory for %u", threads);
    }
    *made = (struct team){.workers = threads,
                          .crowded = threads > topology_process_pus(),
                          .bind = bind,
                          .topology = topology,
                          .worker = worker};
    int failed = start_threads(made);
    if (failed != 0) {
        unsigned started = made->threads;
        team_free(made);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "threads", "expected to start %u, the system allows %u",
                           threads, started);
    }
    bind_worker(made, 0);
    team_run(made, nothing,
             NULL); /* every worker has bound itself, and allocated what that takes, before this returns */
    *team = made;
    return LASSIM_OK;
}

void team_free(struct team *team)
{
    if (team == NULL) return;
    LASSIM_INVARIANT(!team->inside, "team of %u freed inside team_run", team->workers);
    team->work = NULL;
    gate_open(&team->start);
    for (unsigned w = 1; w < team->threads; w++) pthread_join(team->worker[w].thread, NULL);
    if (team->bind) (void)topology_bind_thread(team->topology, TOPOLOGY_ANY);
    free(team->worker);
    free(team);
}

unsigned team_workers(const struct team *team)
{
    return team->workers;
}

void team_run(struct team *team, team_work *work, void *context)
{
    LASSIM_INVARIANT(!team->inside, "team_run inside work, team of %u", team->workers);
    team->inside = 1;
    if (team->workers == 1) {
        work(context, 0, 1);
    } else {
        uint32_t seen = atomic_load_explicit(&team->finish.count, memory_order_relaxed);
        team->work = work;
        team->context = context;
        atomic_store_explicit(&team->running, team->workers - 1, memory_order_relaxed);
        gate_open(&team->start);
        work(context, 0, team->workers);
        gate_wait(&team->finish, seen, team->crowded);
    }
    team->inside = 0;
}

void team_barrier(struct team *team, unsigned worker)
{
    LASSIM_INVARIANT(worker < team->workers, "worker %u of %u", worker, team->workers);
    if (team->workers == 1) return;
    uint32_t seen = atomic_load_explicit(&team->barrier.count, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == team->workers) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        gate_open(&team->barrier);
    } else {
        gate_wait(&team->barrier, seen, team->crowded);
    }
}
