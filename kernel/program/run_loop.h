/* The program's outer loop: libevent owns signals and timers on the main thread while one job works on a
 * thread of its own.
 *
 *   SIGINT, SIGTERM  the watch's stop is called and the loop waits for the job; exit status 130 or 143.  A
 *                    second signal, or no watch, ends the process at once.
 *   SIGPIPE          ignored: writes report EPIPE
 *   SIGBUS           kernel/mapguard.h
 *   progress         one line on stderr, five times a second, only if stderr is a terminal
 *   watchdog         one line on stderr when nothing has advanced for stall_seconds */
#ifndef LASSIM_PROGRAM_RUN_LOOP_H
#define LASSIM_PROGRAM_RUN_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* What the loop may ask about the work in hand; every function is called on the main thread. */
struct run_watch {
    void (*stop)(void *context);                                            /* makes the work return soon; never NULL */
    void (*progress)(void *context, uint64_t *timesteps, uint64_t *tokens); /* never NULL */
    void *context;
    uint64_t tokens_expected;                             /* 0: unknown */
    int quiet;                                            /* 1: no progress line */
    void (*line)(void *context, char *text, size_t size); /* the progress line's text; NULL: tokens and timesteps */
};

enum { RUN_STALL_SECONDS = 60 };

/* Runs job(context) on a thread of its own and returns its exit status, or 128 + signal.
 * stall_seconds: of the watchdog, 0 for RUN_STALL_SECONDS.  Returns LASSIM_ERR_RUN after one line on stderr
 * when the loop cannot be set up. */
int run_loop(int (*job)(const void *context), const void *context, unsigned stall_seconds);

/* Called by the job, around the work that can be stopped and watched.  *watch is copied; its context must
 * live until run_unwatch, which waits for a callback in progress.  Without run_loop both do nothing. */
void run_watch(const struct run_watch *watch);
void run_unwatch(void);
/* From the job: clears the progress line and shows it no more (text is about to go to the terminal). */
void run_hide_progress(void);
/* Seconds of a clock that only goes forward. */
double run_seconds(void);
/* 1 after the first SIGINT or SIGTERM. */
int run_interrupted(void);

#endif
