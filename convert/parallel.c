#include "convert/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

struct crew {
    atomic_size_t next;
    size_t tasks;
    parallel_task *task;
    void *context;
};

struct member {
    struct crew *crew;
    unsigned worker;
    pthread_t thread;
};

static void *work(void *argument)
{
    const struct member *member = argument;
    struct crew *crew = member->crew;
    for (;;) {
        size_t index = atomic_fetch_add(&crew->next, 1);
        if (index >= crew->tasks) return NULL;
        crew->task(crew->context, index, member->worker);
    }
}

void parallel_for(unsigned threads, size_t tasks, parallel_task *task, void *context)
{
    struct crew crew = {.next = 0, .tasks = tasks, .task = task, .context = context};
    struct member members[PARALLEL_THREADS_MAX];
    if (threads > PARALLEL_THREADS_MAX) threads = PARALLEL_THREADS_MAX;
    if (threads > tasks) threads = (unsigned)tasks;
    unsigned started = 1;
    members[0] = (struct member){.crew = &crew};
    for (; started < threads; started++) {
        members[started] = (struct member){.crew = &crew, .worker = started};
        if (pthread_create(&members[started].thread, NULL, work, &members[started]) != 0) break;
    }
    work(&members[0]);
    for (unsigned i = 1; i < started; i++) pthread_join(members[i].thread, NULL);
}

unsigned parallel_default_threads(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    if (count < 1) return 1;
    return count > PARALLEL_THREADS_MAX ? PARALLEL_THREADS_MAX : (unsigned)count;
}
