/* Independent tasks on a few threads, for the converter's double kernels.
 *
 * Results never depend on the number of threads: each task writes its own outputs, and every sum is formed
 * inside one task in one order. */
#ifndef LASSIM_CONVERT_PARALLEL_H
#define LASSIM_CONVERT_PARALLEL_H

#include <stddef.h>

enum { PARALLEL_THREADS_MAX = 256 };

/* index: 0 .. tasks-1, each exactly once; worker: 0 .. threads-1, never the same on two threads at once. */
typedef void parallel_task(void *context, size_t index, unsigned worker);

/* Runs every task and returns when all are done.  The calling thread works too; if a thread cannot be
 * started the others do its work.  threads: 1 .. PARALLEL_THREADS_MAX. */
void parallel_for(unsigned threads, size_t tasks, parallel_task *task, void *context);
/* Cores this process may run on, 1 .. PARALLEL_THREADS_MAX. */
unsigned parallel_default_threads(void);

#endif
