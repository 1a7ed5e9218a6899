/* Window kernels on AMX tiles, for many tokens and any weight type: exact sums by products of bytes.
 *
 * Weights become two's complement integers of `weight_digits` bytes, w = sum_a 2^(8a) w_a, the top byte signed and the
 * others not; a source's value v (code, outlier shift and channel shift together) becomes digits -128 .. 127,
 * v = sum_b 2^(8b) v_b, or where no value is negative (ReLU) bytes 0 .. 255.  Tiles add up sum_k v_b w_a over the rows in 32 bits, one tile of sums for each a + b:
 * |v_b w_a| < 2^15, at most 4 pairs of one a + b, at most SYNAPSE_AMX_ROWS rows, so below 2^31; half as many rows where
 * v_b is a byte without sign.  The sums, shifted by
 * 8 (a + b), are the matrix's exact integers.  Digits of 64 rows and 16 tokens that are all 0 are skipped: high ones
 * of values often are, and low ones where channels' shifts are large. */
#ifndef LASSIM_LAYERS_SYNAPSE_AMX_H
#define LASSIM_LAYERS_SYNAPSE_AMX_H

#include <stddef.h>
#include <stdint.h>

#include "layers/synapse_window.h"

enum {
    SYNAPSE_AMX_ROWS = 16320, /* of a matrix */
    SYNAPSE_AMX_TOKENS = 4,   /* fewer do not fill a tile well enough */
    SYNAPSE_AMX_DIGITS = 6    /* of a value: |v| < 2^46 */
};

/* 1: this CPU has such tiles (neurons/cpu.h), and windows of so many tokens and rows may go through them. */
int synapse_amx_takes(uint32_t sources, uint32_t tokens);

/* The values of one source's windows, made ready once for all workers and all matrices of the source: every worker
 * calls synapse_amx_collect, all of them before any calls synapse_amx_cut, and that before any calls
 * synapse_amx_receive, with the same windows each time.  Only where synapse_amx_takes. */
struct synapse_amx_shared;
struct synapse_amx_ready; /* as one worker has them */
/* Bytes for populations of up to `sources` (those of more than SYNAPSE_AMX_ROWS left out), `tokens` and `workers`; 0 on
 * a CPU without tiles and for fewer tokens than SYNAPSE_AMX_TOKENS. */
size_t synapse_amx_shared_bytes(uint32_t sources, uint32_t tokens, unsigned workers);
/* In `memory` of so many bytes, 64-byte aligned, the caller's. */
struct synapse_amx_shared *synapse_amx_shared_new(void *memory, uint32_t sources, uint32_t tokens, unsigned workers);
/* Which rows the worker's share of the tokens needs.  O(sources tokens / workers). */
void synapse_amx_collect(struct synapse_amx_shared *shared, const struct synapse_window *window, uint32_t tokens,
                         uint32_t sources, unsigned worker, unsigned workers);
/* Digits of the worker's share of the tokens.  O(active rows tokens / workers). */
void synapse_amx_cut(struct synapse_amx_shared *shared, const struct population_params *source,
                     const struct synapse_window *window, uint32_t tokens, uint32_t sources, unsigned worker,
                     unsigned workers);

/* What synapse_amx_receive wants, once all workers have called synapse_amx_cut. */
const struct synapse_amx_ready *synapse_amx_ready_of(const struct synapse_amx_shared *shared, unsigned worker);

/* Bytes of scratch memory that a worker needs for synapse_amx_receive; as synapse_amx_shared_bytes. */
size_t synapse_amx_scratch(uint32_t sources, uint32_t tokens);

/* 0: values, weights or rows are beyond the bounds above, or going through the rows token by token costs less.  The same
 * for every worker.  ready: not NULL. */
int synapse_amx_is_worth(const struct synapse_amx_ready *ready, const struct matrix *matrix, uint32_t tokens);

/* Adds all tokens' windows to sum[from .. to) and returns 1; returns 0, having done nothing, where `ready` is NULL, where
 * values, weights or rows are beyond the bounds above, or, unless `always`, where going through the rows token by token
 * costs less.  from: for I4 a multiple of WEIGHT_GROUP.  scratch: the worker's, 64-byte aligned.
 * O(active rows (to - from) tokens / 16). */
int synapse_amx_receive(const struct synapse_amx_ready *ready, const struct matrix *matrix, uint32_t targets,
                        const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to, int always,
                        void *scratch);

#endif
