/* What the machine can read from memory: a STREAM-like sum over a buffer far larger than the caches, each worker of
 * a team its own contiguous part (McCalpin, Memory Bandwidth and Machine Balance, 1995; reading only), with the widest
 * loads that the CPU has and with prefetches, which reach further than the hardware's own where pages are small. */
#ifndef LASSIM_BENCH_READ_PROBE_H
#define LASSIM_BENCH_READ_PROBE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/measure.h"
#include "kernel/team.h"

typedef uint64_t read_vector __attribute__((vector_size(64)));

struct read_probe {
    struct topology *topology;
    struct team *team;
    read_vector *buffer;
    size_t bytes;
    uint64_t sum[TEAM_THREADS_MAX];
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

enum { READ_PROBE_AHEAD = 8192 / sizeof(read_vector) };

static inline __attribute__((always_inline)) uint64_t read_probe_sum(const read_vector *at, const read_vector *end)
{
    read_vector a = {0}, b = {0}, c = {0}, d = {0};
    for (; at < end; at += 4) {
        for (int line = 0; line < 4; line++) __builtin_prefetch(at + READ_PROBE_AHEAD + line, 0, 2);
        a += at[0], b += at[1], c += at[2], d += at[3];
    }
    a += b + c + d;
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof a / sizeof sum; i++) sum += a[i];
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static inline uint64_t read_probe_avx512(const read_vector *at,
                                                                            const read_vector *end)
{
    return read_probe_sum(at, end);
}

__attribute__((target("avx2"))) static inline uint64_t read_probe_avx2(const read_vector *at, const read_vector *end)
{
    return read_probe_sum(at, end);
}
#endif

/* Reads the worker's part of `bytes`, a multiple of 256; the sum, so that the reading is not left out. */
static inline uint64_t read_probe_part(const read_vector *buffer, size_t bytes, unsigned worker, unsigned workers)
{
    size_t strides = bytes / sizeof(read_vector) / 4;
    const read_vector *at = buffer + 4 * (strides * worker / workers);
    const read_vector *end = buffer + 4 * (strides * (worker + 1) / workers);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return read_probe_avx512(at, end);
    if (__builtin_cpu_supports("avx2")) return read_probe_avx2(at, end);
#endif
    return read_probe_sum(at, end);
}

static inline void read_probe_work(void *context, unsigned worker, unsigned workers)
{
    struct read_probe *probe = context;
    probe->sum[worker] = read_probe_part(probe->buffer, probe->bytes, worker, workers);
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
