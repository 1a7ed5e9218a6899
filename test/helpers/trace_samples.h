/* Random traces with a naive expansion beside them, for the trace tests. */
#ifndef LASSIM_TEST_TRACE_SAMPLES_H
#define LASSIM_TEST_TRACE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/trace_expand.h"
#include "kernel/trace_writer.h"

/* xorshift64*: the tests' own generator. */
struct sample_random {
    uint64_t state; /* not 0 */
};
uint64_t sample_next(struct sample_random *random);
/* 0 .. n - 1 */
uint32_t sample_below(struct sample_random *random, uint32_t n);
/* The seed of LASSIM_TEST_SEED, or fixed; prints it. */
struct sample_random sample_seed(const char *test);

/* The populations of a sample header, in table order. */
enum sample_population {
    SAMPLE_TOK,  /* input, 50 */
    SAMPLE_RES,  /* OAT, 70 neurons */
    SAMPLE_XMU,  /* OAT, 2500 neurons in blocks of 1024, the same level as RES */
    SAMPLE_RSTD, /* HG, 1 neuron, 5 octave gates, 2^3 sub-intervals */
    SAMPLE_EXP,  /* HG of visible keys, 3 heads, 9 positions, 1 octave gate, 2^0 sub-intervals */
    SAMPLE_E,    /* OAT of visible keys, 3 heads, 9 positions */
    SAMPLE_POPULATIONS
};
extern const struct trace_population sample_table[SAMPLE_POPULATIONS];
struct trace_header_info sample_info(uint32_t timesteps, uint32_t code);

struct sample_rows {
    struct trace_row *row;
    size_t count, capacity;
};

/* Writes `windows` windows of random records to path and collects their naive expansion, sorted, in *rows
 * (sample_rows_free) and the counts per population in counters[SAMPLE_POPULATIONS], both computed here from
 * the definitions.  small: 1 leaves the large populations out.  finish: 1 completes the trace, 0 abandons it. */
void sample_trace(struct sample_random *random, const char *path, const struct trace_header_info *info,
                  uint32_t windows, int small, int finish, struct sample_rows *rows, struct counters *counters);
void sample_rows_free(struct sample_rows *rows);

/* A whole file in memory; the caller frees. */
uint8_t *sample_read_file(const char *path, size_t *size);
/* A fresh directory under TMPDIR; sample_directory_remove deletes its files and it. */
const char *sample_directory(void);
void sample_directory_remove(void);
/* directory/name, valid until eight further calls. */
const char *sample_path(const char *name);

#endif
