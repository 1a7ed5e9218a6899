#include "kernel/program/run_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/lassim.h"
#include "kernel/mapguard.h"

enum { TICK_MICROSECONDS = 200000, EVENTS = 4 };

/* The watch, shared by the job's thread and the loop's. */
static struct {
    pthread_mutex_t lock;
    struct run_watch watch;
    int present;
    int shown; /* a progress line stands on the terminal */
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_int signal_seen;

struct loop {
    struct event_base *base;
    struct event *event[EVENTS];
    int (*job)(const void *context);
    const void *context;
    int status;                 /* of the job */
    int done[2];                /* pipe: the job's end closes done[1] */
    int terminal;               /* stderr is one */
    double stall;               /* seconds */
    double started, advanced;   /* seconds: of the watch, of the last progress */
    uint64_t timesteps, tokens; /* last seen */
    int stalled;                /* the diagnostic was printed for this stall */
};

double run_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void clear_line(void)
{
    if (watched.shown) fputs("\r\033[K", stderr);
    watched.shown = 0;
}

void run_watch(const struct run_watch *watch)
{
    pthread_mutex_lock(&watched.lock);
    watched.watch = *watch;
    watched.present = 1;
    pthread_mutex_unlock(&watched.lock);
}

void run_unwatch(void)
{
    pthread_mutex_lock(&watched.lock);
    clear_line();
    watched.present = 0;
    pthread_mutex_unlock(&watched.lock);
}

void run_hide_progress(void)
{
    pthread_mutex_lock(&watched.lock);
    clear_line();
    watched.watch.quiet = 1;
    pthread_mutex_unlock(&watched.lock);
}

int run_interrupted(void)
{
    return atomic_load(&signal_seen) != 0;
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    (void)context;
    signal(SIGINT, SIG_DFL); /* the second one kills */
    signal(SIGTERM, SIG_DFL);
    atomic_store(&signal_seen, (int)number);
    pthread_mutex_lock(&watched.lock);
    clear_line();
    if (!watched.present) _exit(128 + (int)number);
    watched.watch.stop(watched.watch.context);
    pthread_mutex_unlock(&watched.lock);
}

static void show_progress(const struct loop *loop, double now)
{
    double rate = now > loop->started ? (double)loop->tokens / (now - loop->started) : 0;
    char of[32] = "", text[160];
    if (watched.watch.line != NULL) {
        watched.watch.line(watched.watch.context, text, sizeof text);
        fprintf(stderr, "\r\033[K%s", text);
        fflush(stderr);
        watched.shown = 1;
        return;
    }
    if (watched.watch.tokens_expected > 0) snprintf(of, sizeof of, "/%" PRIu64, watched.watch.tokens_expected);
    fprintf(stderr, "\r\033[K%" PRIu64 "%s tokens, timestep %" PRIu64 ", %.2f tokens/s", loop->tokens, of,
            loop->timesteps, rate);
    fflush(stderr);
    watched.shown = 1;
}

/* The caller holds the lock and a watch is present. */
static void look_at_job(struct loop *loop)
{
    uint64_t timesteps = 0, tokens = 0;
    double now = run_seconds();
    watched.watch.progress(watched.watch.context, &timesteps, &tokens);
    if (loop->started == 0) loop->started = now;
    if (loop->advanced == 0 || timesteps != loop->timesteps || tokens != loop->tokens) {
        loop->advanced = now;
        loop->stalled = 0;
    }
    loop->timesteps = timesteps;
    loop->tokens = tokens;
    if (!loop->stalled && now - loop->advanced >= loop->stall) {
        clear_line();
        fprintf(stderr, "lassim: no timestep has passed for %.0f s: at timestep %" PRIu64 ", %" PRIu64 " tokens done\n",
                now - loop->advanced, timesteps, tokens);
        loop->stalled = 1;
    }
    if (loop->terminal && !watched.watch.quiet) show_progress(loop, now);
}

static void on_tick(evutil_socket_t file, short what, void *context)
{
    (void)file;
    (void)what;
    pthread_mutex_lock(&watched.lock);
    if (watched.present) look_at_job(context);
    pthread_mutex_unlock(&watched.lock);
}

static void on_done(evutil_socket_t file, short what, void *context)
{
    (void)file;
    (void)what;
    struct loop *loop = context;
    event_base_loopbreak(loop->base);
}

static void *work(void *context)
{
    struct loop *loop = context;
    loop->status = loop->job(loop->context);
    close(loop->done[1]);
    return NULL;
}

static int set_up(struct loop *loop)
{
    if (pipe(loop->done) != 0) return -1;
    loop->base = event_base_new();
    if (loop->base == NULL) return -1;
    loop->event[0] = evsignal_new(loop->base, SIGINT, on_signal, loop);
    loop->event[1] = evsignal_new(loop->base, SIGTERM, on_signal, loop);
    loop->event[2] = event_new(loop->base, loop->done[0], EV_READ, on_done, loop);
    loop->event[3] = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    const struct timeval tick = {0, TICK_MICROSECONDS};
    for (int i = 0; i < EVENTS; i++) {
        if (loop->event[i] == NULL || event_add(loop->event[i], i == 3 ? &tick : NULL) != 0) return -1;
    }
    return 0;
}

static void tear_down(struct loop *loop)
{
    for (int i = 0; i < EVENTS; i++) {
        if (loop->event[i] != NULL) event_free(loop->event[i]);
    }
    if (loop->base != NULL) event_base_free(loop->base);
    close(loop->done[0]);
}

int run_loop(int (*job)(const void *context), const void *context, unsigned stall_seconds)
{
    struct loop loop = {.job = job,
                        .context = context,
                        .status = LASSIM_ERR_RUN,
                        .terminal = isatty(STDERR_FILENO),
                        .stall = stall_seconds > 0 ? stall_seconds : RUN_STALL_SECONDS,
                        .done = {-1, -1}};
    signal(SIGPIPE, SIG_IGN);
    mapguard_install();
    pthread_t thread;
    int failed = set_up(&loop) != 0 ? errno : pthread_create(&thread, NULL, work, &loop);
    if (failed != 0) {
        fprintf(stderr, "lassim: the event loop cannot start: %s\n", strerror(failed));
    } else {
        event_base_dispatch(loop.base);
        pthread_join(thread, NULL);
    }
    tear_down(&loop);
    int number = atomic_load(&signal_seen);
    return number != 0 ? 128 + number : loop.status;
}
