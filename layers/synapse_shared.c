#include "layers/synapse_shared.h"

#include <string.h>

#include "layers/packet.h"
#include "layers/synapse_active.h"

enum { ROWS_TOGETHER = 8 /* as the kernels take them */ };

static int rows_may_be_split(uint32_t targets, unsigned workers)
{
    return workers > 1 && workers <= SYNAPSE_SHARED_WORKERS && targets / workers < SYNAPSE_SHARED_TARGETS;
}

size_t synapse_partials_bytes(uint32_t targets, unsigned workers)
{
    return rows_may_be_split(targets, workers) ? (size_t)targets * workers * sizeof(int64_t) : 0;
}

static size_t codes_bytes(uint32_t sources)
{
    return ((size_t)sources * sizeof(uint32_t) + 63) / 64 * 64;
}

size_t synapse_shared_scratch(uint32_t sources)
{
    return 2 * codes_bytes(sources) + synapse_window_scratch(sources, 1);
}

/* The last worker adds up: everybody's sums are seen by it, and it leaves zeros. */
static void finish(struct synapse_partials *partials, uint32_t targets, unsigned workers, int64_t *sum)
{
    if (atomic_fetch_add_explicit(&partials->finished, 1, memory_order_acq_rel) + 1 < workers) return;
    for (unsigned w = 0; w < workers; w++) {
        const int64_t *part = partials->sum + (size_t)w * targets;
        for (uint32_t i = 0; i < targets; i++) sum[i] += part[i];
    }
    memset(partials->sum, 0, (size_t)workers * targets * sizeof *partials->sum);
    atomic_store_explicit(&partials->finished, 0, memory_order_relaxed);
}

/* codes: those of sources up to the last active one of the worker's share, silence before the first. */
static uint32_t own_codes(const uint32_t *all, const uint32_t *row, uint32_t active, unsigned worker, unsigned workers,
                          uint32_t *codes)
{
    uint32_t from, to;
    packet_share(active, ROWS_TOGETHER, worker, workers, &from, &to);
    if (from == to) return 0;
    uint32_t first = row[from], end = row[to - 1] + 1;
    memset(codes, 0, first * sizeof *codes);
    memcpy(codes + first, all + first, (end - first) * sizeof *codes);
    return end;
}

void synapse_shared_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                            const struct population_params *source, const struct synapse_window *window,
                            struct synapse_partials *partials, unsigned worker, unsigned workers, void *scratch)
{
    uint32_t *row = scratch, *codes = (uint32_t *)(void *)((char *)scratch + codes_bytes(sources));
    void *rest = (char *)scratch + 2 * codes_bytes(sources);
    uint32_t from, to, active = 0;
    if (partials->sum != NULL && rows_may_be_split(targets, workers))
        active = synapse_active(SYNAPSE_ALL, window->codes, sources, row, codes);
    if (active < SYNAPSE_SHARED_ROWS * workers) {
        packet_share(targets, SYNAPSE_WINDOW_GRAIN, worker, workers, &from, &to);
        synapse_window_receive(matrix, sources, targets, source, window, 1, from, to, NULL, rest);
        return;
    }
    uint32_t end = own_codes(window->codes, row, active, worker, workers, codes);
    const struct synapse_window own = {codes, partials->sum + (size_t)worker * targets};
    if (end > 0) synapse_window_receive(matrix, end, targets, source, &own, 1, 0, targets, NULL, rest);
    finish(partials, targets, workers, window->sum);
}
