/* What the machine can read from memory: a STREAM-like sum over a buffer far larger than the caches, each worker of
 * a team its own contiguous part (McCalpin, Memory Bandwidth and Machine Balance, 1995; reading only). */
#ifndef LASSIM_BENCH_READ_PROBE_H
#define LASSIM_BENCH_READ_PROBE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/measure.h"
#include "kernel/team.h"

typedef uint64_t read_vector __attribute__((vector_size(32)));

struct read_probe {
    struct topology *topology;
    struct team *team;
    read_vector *buffer;
    size_t bytes;
    uint64_t sum[TEAM_THREADS_MAX]; /* so that the reading is not left out */
};

/* bytes: a multiple of 2 MiB.  huge: 1 asks for huge pages, 0 for none.  The buffer is written once.
 * Ends this program on failure; read_probe_close. */
static inline read_vector *read_probe_buffer(size_t bytes, int huge)
{
    size_t page = (size_t)2 << 20;
    uint8_t *map = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        fprintf(stderr, "benchmark: no memory to read\n");
        exit(1);
    }
    uint8_t *buffer = map + (page - (uintptr_t)map % page) % page;
    madvise(buffer, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(buffer, 1, bytes);
    return (read_vector *)(void *)buffer;
}

static inline void read_probe_open(struct read_probe *probe, read_vector *buffer, size_t bytes, unsigned threads)
{
    struct lassim_error error;
    *probe = (struct read_probe){.buffer = buffer, .bytes = bytes};
    if (topology_new(NULL, NULL, &probe->topology, &error) != LASSIM_OK ||
        team_new(threads, probe->topology, 1, &probe->team, &error) != LASSIM_OK) {
        fprintf(stderr, "benchmark: %s\n", error.text);
        exit(1);
    }
}

static inline void read_probe_close(struct read_probe *probe)
{
    team_free(probe->team);
    topology_free(probe->topology);
}

static inline void read_probe_work(void *context, unsigned worker, unsigned workers)
{
    struct read_probe *probe = context;
    size_t strides = probe->bytes / sizeof(read_vector) / 8;
    const read_vector *at = probe->buffer + 8 * (strides * worker / workers);
    const read_vector *end = probe->buffer + 8 * (strides * (worker + 1) / workers);
    read_vector a = {0}, b = {0}, c = {0}, d = {0};
    for (; at < end; at += 8) {
        a += at[0], b += at[1], c += at[2], d += at[3];
        a += at[4], b += at[5], c += at[6], d += at[7];
    }
    a += b + c + d;
    probe->sum[worker] = a[0] + a[1] + a[2] + a[3];
}

enum { READ_PROBE_PASSES = 4 };

/* Gigabytes (10^9) a second over READ_PROBE_PASSES passes. */
static inline double read_probe_run(struct read_probe *probe)
{
    double start = measure_now();
    for (int pass = 0; pass < READ_PROBE_PASSES; pass++) team_run(probe->team, read_probe_work, probe);
    return READ_PROBE_PASSES * (double)probe->bytes / (measure_now() - start) * 1e-9;
}

#endif
