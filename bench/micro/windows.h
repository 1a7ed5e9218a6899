/* The window kernels' part of bench_synapse: one token over matrices far larger than the caches beside reading them,
 * and 128 tokens beside OpenBLAS's sgemm, for every weight type. */
#ifndef LASSIM_BENCH_MICRO_WINDOWS_H
#define LASSIM_BENCH_MICRO_WINDOWS_H

#include <cblas.h>

#include "bench/read_probe.h"
#include "layers/synapse.h"
#include "layers/synapse_amx.h"
#include "layers/synapse_shared.h"
#include "neurons/oat.h"

enum {
    WINDOWS_TOKENS = 128,
    WINDOWS_SIDE = 2048, /* sources and targets of the matrices that all types are measured on */
    WINDOWS_WIDEST = 50304,
    WINDOWS_LONGEST = 8192,
    WINDOWS_REPEATS_MAX = 9,
    WINDOWS_REPEATS_QUICK = 3,
    WINDOWS_CHECKED = 8,
    WINDOWS_SLOTS = 8 /* matrices that workers may go through without waiting, as those of one population */
};
static const double WINDOWS_SHARES[] = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1};
enum { WINDOWS_SHARE_COUNT = sizeof WINDOWS_SHARES / sizeof WINDOWS_SHARES[0] };

struct windows_bench {
    uint8_t *weights; /* [bytes] in 4 KiB pages, as a model file's are */
    size_t bytes;
    struct matrix matrix; /* the first of `matrices` in a row */
    uint32_t sources, targets, matrices, tokens;
    struct population_params source;
    uint32_t *codes; /* [WINDOWS_TOKENS][WINDOWS_LONGEST] */
    int64_t *sum;    /* [WINDOWS_TOKENS][WINDOWS_WIDEST]; of one token [WINDOWS_SLOTS][...] */
    struct synapse_window window[WINDOWS_TOKENS];
    struct synapse_amx_shared *amx; /* or NULL: no such tiles */
    struct synapse_partials partials[WINDOWS_SLOTS];
    void *scratch[TEAM_THREADS_MAX];
    float *a, *b, *c; /* sgemm's, of WINDOWS_SIDE */
    uint64_t random;
    int repeats;
    unsigned threads;
    struct read_probe probe;
};

static inline uint64_t windows_random(struct windows_bench *bench) /* splitmix64 */
{
    uint64_t z = bench->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline void *windows_memory(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (memory == NULL) {
        fprintf(stderr, "bench_synapse: no memory\n");
        exit(1);
    }
    return memset(memory, 0, bytes);
}

/* 64 bits of weights: floats of a trained matrix's size on the type's grid, or any odd integers. */
static inline uint64_t windows_word(struct windows_bench *bench, enum weight_type type)
{
    uint64_t bits = windows_random(bench);
    switch (type) {
    case WEIGHT_F32: return (bits & UINT64_C(0x81fff00081fff000)) | UINT64_C(0x3c0000003c000000);
    case WEIGHT_BF16: return (bits & UINT64_C(0x81ff81ff81ff81ff)) | UINT64_C(0x3c003c003c003c00);
    case WEIGHT_F16: return (bits & UINT64_C(0x8fff8fff8fff8fff)) | UINT64_C(0x1000100010001000);
    default: return bits | UINT64_C(0x1111111111111111);
    }
}

static inline int windows_grid(enum weight_type type)
{
    return type == WEIGHT_F32 ? -18 : type == WEIGHT_BF16 ? -14 : type == WEIGHT_F16 ? -24 : 0;
}

/* Matrices of that shape over the whole buffer, whose bytes are already of the type. */
static inline void windows_shape(struct windows_bench *bench, uint32_t sources, uint32_t targets)
{
    size_t bytes = weight_bytes(bench->matrix.type, sources, targets);
    bench->sources = sources;
    bench->targets = targets;
    bench->matrices = (uint32_t)(bench->bytes / ((bytes + 63) / 64 * 64));
}

static inline void windows_type(struct windows_bench *bench, enum weight_type type)
{
    for (size_t i = 0; i < bench->bytes / 8; i++) ((uint64_t *)(void *)bench->weights)[i] = windows_word(bench, type);
    bench->matrix = (struct matrix){.type = type,
                                    .grid = windows_grid(type),
                                    .bound = UINT64_C(1) << 52,
                                    .integer_max = 1u << 22,
                                    .weights = bench->weights};
    windows_shape(bench, WINDOWS_SIDE, WINDOWS_SIDE);
}

/* Exactly share x sources active codes for each token, of either sign, some of them outliers. */
static inline void windows_codes(struct windows_bench *bench, double share, uint32_t tokens)
{
    bench->tokens = tokens;
    for (uint32_t t = 0; t < tokens; t++) {
        uint32_t wanted = (uint32_t)(share * bench->sources + 0.5), *codes = bench->codes + (size_t)t * WINDOWS_LONGEST;
        for (uint32_t k = 0; k < bench->sources; k++) {
            uint64_t bits = windows_random(bench);
            int active = (bits >> 20) % (bench->sources - k) < wanted;
            codes[k] = active ? (uint32_t)(bits & 0x1ffff) | 1 | (bits >> 17 & 31 ? 0 : OAT_OUTLIER) : 0;
            wanted -= (uint32_t)active;
        }
        bench->window[t] = (struct synapse_window){codes, bench->sum + (size_t)t * WINDOWS_WIDEST};
    }
    for (uint32_t t = 0; t < (tokens == 1 ? WINDOWS_SLOTS : tokens); t++)
        memset(bench->sum + (size_t)t * WINDOWS_WIDEST, 0, bench->targets * sizeof(int64_t));
}

static inline const uint8_t *windows_matrix(const struct windows_bench *bench, uint32_t m)
{
    size_t bytes = weight_bytes(bench->matrix.type, bench->sources, bench->targets);
    return bench->weights + m * ((bytes + 63) / 64 * 64);
}

static inline void windows_receive(void *context, unsigned worker, unsigned workers)
{
    struct windows_bench *bench = context;
    const struct synapse_amx_ready *ready = NULL;
    struct matrix matrix = bench->matrix;
    uint32_t from, to;
    packet_share(bench->targets, SYNAPSE_WINDOW_GRAIN, worker, workers, &from, &to);
    if (synapse_amx_takes(bench->sources, bench->tokens)) {
        synapse_amx_collect(bench->amx, bench->window, bench->tokens, bench->sources, worker, workers);
        team_barrier(bench->probe.team, worker);
        synapse_amx_cut(bench->amx, &bench->source, bench->window, bench->tokens, bench->sources, worker, workers);
        team_barrier(bench->probe.team, worker);
        ready = synapse_amx_ready_of(bench->amx, worker);
    }
    for (uint32_t m = 0; m < bench->matrices; m++) {
        uint32_t slot = m % WINDOWS_SLOTS;
        const struct synapse_window one = {bench->codes, bench->sum + (size_t)slot * WINDOWS_WIDEST};
        matrix.weights = windows_matrix(bench, m);
        if (bench->tokens == 1)
            synapse_shared_receive(&matrix, bench->sources, bench->targets, &bench->source, &one,
                                   &bench->partials[slot], worker, workers, bench->scratch[worker]);
        else
            synapse_window_receive(&matrix, bench->sources, bench->targets, &bench->source, bench->window,
                                   bench->tokens, from, to, ready, bench->scratch[worker]);
        if (slot == WINDOWS_SLOTS - 1) team_barrier(bench->probe.team, worker);
    }
}

/* Each worker its targets of the product, with one of OpenBLAS's threads. */
static inline void windows_sgemm(void *context, unsigned worker, unsigned workers)
{
    struct windows_bench *bench = context;
    uint32_t from, to;
    packet_share(WINDOWS_SIDE, 64, worker, workers, &from, &to);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, WINDOWS_TOKENS, (int)(to - from), WINDOWS_SIDE, 1, bench->a,
                WINDOWS_SIDE, bench->b + from, WINDOWS_SIDE, 0, bench->c + from, WINDOWS_SIDE);
}

static inline double windows_time(struct windows_bench *bench, team_work *work)
{
    double start = measure_now();
    team_run(bench->probe.team, work, bench);
    return measure_now() - start;
}

/* Gigabytes a second of reading everything once. */
static inline double windows_read(struct windows_bench *bench)
{
    double start = measure_now();
    team_run(bench->probe.team, read_probe_work, &bench->probe);
    return (double)bench->bytes / (measure_now() - start) * 1e-9;
}

/* Sums of some targets of `passes` runs of the same codes, against their definition. */
static inline void windows_check(struct windows_bench *bench, int passes)
{
    struct matrix matrix = bench->matrix;
    for (int c = 0; c < WINDOWS_CHECKED; c++) {
        uint32_t target = (uint32_t)(windows_random(bench) % bench->targets);
        uint32_t t = (uint32_t)(windows_random(bench) % bench->tokens);
        int64_t sum = 0, got = 0;
        for (uint32_t slot = 0; slot < (bench->tokens == 1 ? WINDOWS_SLOTS : 1); slot++)
            got += bench->window[t].sum[(size_t)slot * WINDOWS_WIDEST + target];
        for (uint32_t m = 0; m < bench->matrices; m++) {
            matrix.weights = windows_matrix(bench, m);
            for (uint32_t k = 0; k < bench->sources; k++) {
                int64_t value = oat_value(bench->window[t].codes[k], bench->source.j);
                if (value != 0) sum += value * synapse_integer(&matrix, bench->targets, k, target);
            }
        }
        if (sum * passes == got) continue;
        fprintf(stderr, "bench_synapse: a window's sum differs from its definition\n");
        exit(1);
    }
}

static inline double windows_active_bytes(const struct windows_bench *bench, double share)
{
    double rows = (double)(uint32_t)(share * bench->sources + 0.5) / bench->sources;
    return rows * bench->matrices * (double)weight_bytes(bench->matrix.type, bench->sources, bench->targets);
}

/* One token: the kernel and reading everything, in turns. */
static inline json_t *windows_row(struct windows_bench *bench, double share, double *median)
{
    double seconds[WINDOWS_REPEATS_MAX], read[WINDOWS_REPEATS_MAX];
    size_t n = (size_t)bench->repeats;
    windows_codes(bench, share, 1);
    for (int r = 0; r < bench->repeats; r++) {
        read[r] = windows_read(bench);
        seconds[r] = windows_time(bench, windows_receive);
    }
    windows_check(bench, bench->repeats);
    double bytes = windows_active_bytes(bench, share) * 1e-9;
    *median = measure_median(seconds, n);
    double rate = bytes / *median, machine = measure_median(read, n);
    return json_pack("{s:f, s:o, s:f, s:f, s:f}", "active_percent", share * 100, "seconds", measure_json(seconds, n),
                     "weights_gigabytes_per_second", rate, "of_read_bandwidth", rate / machine,
                     "read_gigabytes_per_second", machine);
}

/* 128 tokens, all active, beside sgemm of the same shape. */
static inline json_t *windows_dense(struct windows_bench *bench)
{
    double seconds[WINDOWS_REPEATS_MAX], sgemm[WINDOWS_REPEATS_MAX];
    size_t n = (size_t)bench->repeats;
    uint32_t matrices = bench->matrices;
    windows_codes(bench, 1, WINDOWS_TOKENS);
    bench->matrices = 1;
    for (int r = 0; r < bench->repeats; r++) {
        sgemm[r] = windows_time(bench, windows_sgemm);
        seconds[r] = windows_time(bench, windows_receive);
    }
    windows_check(bench, bench->repeats);
    bench->matrices = matrices;
    double median = measure_median(seconds, n), peer = measure_median(sgemm, n);
    double operations = 2.0 * WINDOWS_TOKENS * WINDOWS_SIDE * WINDOWS_SIDE;
    return json_pack("{s:i, s:o, s:o, s:f, s:f, s:f}", "tokens", WINDOWS_TOKENS, "seconds", measure_json(seconds, n),
                     "sgemm_seconds", measure_json(sgemm, n), "gigaflops", operations / median * 1e-9,
                     "sgemm_gigaflops", operations / peer * 1e-9, "of_sgemm", peer / median);
}

/* Shapes of the OPT models at 100 % and 5 %, F16. */
static inline json_t *windows_shapes(struct windows_bench *bench)
{
    static const uint32_t shapes[][2] = {{768, 768},   {768, 3072},  {3072, 768}, {768, 50272},
                                         {2048, 2048}, {2048, 8192}, {8192, 2048}};
    json_t *list = json_array();
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int part = 0; part < 2; part++) {
            double median;
            windows_shape(bench, shapes[s][0], shapes[s][1]);
            json_t *row = windows_row(bench, part == 0 ? 1 : 0.05, &median);
            json_object_set_new(row, "sources", json_integer(shapes[s][0]));
            json_object_set_new(row, "targets", json_integer(shapes[s][1]));
            json_array_append_new(list, row);
        }
    return list;
}

static inline void windows_open(struct windows_bench *bench, uint64_t seed, int repeats, unsigned threads, size_t bytes)
{
    *bench = (struct windows_bench){.random = seed, .repeats = repeats, .threads = threads, .bytes = bytes};
    read_vector *buffer = read_probe_buffer(bytes, 0);
    read_probe_open(&bench->probe, buffer, bytes, threads);
    bench->weights = (uint8_t *)(void *)buffer;
    bench->source.j = 2;
    bench->codes = windows_memory((size_t)WINDOWS_TOKENS * WINDOWS_LONGEST * sizeof(uint32_t));
    bench->sum = windows_memory((size_t)WINDOWS_TOKENS * WINDOWS_WIDEST * sizeof(int64_t));
    size_t amx = synapse_amx_shared_bytes(WINDOWS_LONGEST, WINDOWS_TOKENS, threads);
    if (amx > 0) bench->amx = synapse_amx_shared_new(windows_memory(amx), WINDOWS_LONGEST, WINDOWS_TOKENS, threads);
    for (unsigned w = 0; w < threads; w++)
        bench->scratch[w] = windows_memory(synapse_window_scratch(WINDOWS_LONGEST, WINDOWS_TOKENS) +
                                           synapse_shared_scratch(WINDOWS_LONGEST));
    for (int slot = 0; slot < WINDOWS_SLOTS; slot++)
        bench->partials[slot].sum = windows_memory((size_t)threads * WINDOWS_WIDEST * sizeof(int64_t));
    bench->a = windows_memory((size_t)WINDOWS_TOKENS * WINDOWS_SIDE * sizeof(float));
    bench->b = windows_memory((size_t)WINDOWS_SIDE * WINDOWS_SIDE * sizeof(float));
    bench->c = windows_memory((size_t)WINDOWS_TOKENS * WINDOWS_SIDE * sizeof(float));
    for (size_t i = 0; i < (size_t)WINDOWS_TOKENS * WINDOWS_SIDE; i++) bench->a[i] = (float)(i % 251);
    for (size_t i = 0; i < (size_t)WINDOWS_SIDE * WINDOWS_SIDE; i++) bench->b[i] = (float)(i % 127) * 0x1p-10f;
    openblas_set_num_threads(1);
}

static inline void windows_close(struct windows_bench *bench)
{
    read_probe_close(&bench->probe);
    munmap(bench->weights, bench->bytes);
    free(bench->codes);
    free(bench->sum);
    free(bench->amx); /* at the start of its memory */
    for (int slot = 0; slot < WINDOWS_SLOTS; slot++) free(bench->partials[slot].sum);
    for (unsigned w = 0; w < bench->threads; w++) free(bench->scratch[w]);
    free(bench->a);
    free(bench->b);
    free(bench->c);
}

#endif
