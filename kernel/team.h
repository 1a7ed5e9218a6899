/* A team of worker threads for a whole run, fork and join.
 *
 * Worker 0 is the caller.  Waiting threads spin for some microseconds, then sleep on a futex; with more
 * threads than PUs they yield and sleep at once.  Everything a worker wrote before the join (or barrier)
 * is seen by everybody after it.  Workers block all signals but SIGBUS: the others reach the caller's threads. */
#ifndef LASSIM_KERNEL_TEAM_H
#define LASSIM_KERNEL_TEAM_H

#include "kernel/error.h"
#include "kernel/topology.h"

enum { TEAM_THREADS_MAX = 1024 };

struct team;

typedef void team_work(void *context, unsigned worker, unsigned workers);

/* threads: 1 .. TEAM_THREADS_MAX.  topology: where the workers go, outlives the team, may be NULL if bind
 * is 0.  bind: 1 binds worker w to topology_place(w) (the calling thread included, until team_free); 0
 * leaves the scheduler free (--numa off).  ERR_USAGE for a bad count, ERR_RUN if a thread cannot start.
 * The caller owns *team: team_free. */
enum lassim_status team_new(unsigned threads, struct topology *topology, int bind, struct team **team,
                            struct lassim_error *error);
/* Ends and joins the threads.  Not while team_run runs.  NULL allowed. */
void team_free(struct team *team);

unsigned team_workers(const struct team *team);

/* Calls work(context, w, n) once on every worker and returns when all have returned.  With one thread a
 * plain call.  Only from one thread at a time, never from inside work (aborts).  About a microsecond when
 * cores are free and the last run is recent; no allocation. */
void team_run(struct team *team, team_work *work, void *context);

/* Inside work: returns when all workers of the team have called it.  Every worker of a run must call it
 * the same number of times.  With one thread nothing. */
void team_barrier(struct team *team, unsigned worker);

#endif
