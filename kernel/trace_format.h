/* The spike trace: its header, and what writer and reader share.  Layout to the byte:
 * docs/trace-format.md.
 *
 * A trace is a header (model hash, T, code, population table), blocks of up to TRACE_BLOCK_RECORDS records
 * sorted by (window, level, population, token), one record per population window, and a final block with
 * totals.  window = opening timestep / T: windows always open at multiples of T.  The same run gives the same
 * bytes whatever engine, thread count or machine wrote them. */
#ifndef LASSIM_KERNEL_TRACE_FORMAT_H
#define LASSIM_KERNEL_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"
#include "layers/perturb.h"

enum {
    TRACE_VERSION = 2,
    TRACE_BLOCK_RECORDS = 256,     /* blocks are cut by record count only */
    TRACE_NAME = 40,               /* bytes of a population name, terminator included */
    TRACE_HEADER_BYTES = 40,       /* before the population table */
    TRACE_POPULATION_BYTES = 92,   /* one row of the population table */
    TRACE_PERTURBATION_BYTES = 40, /* after the table, if the run was perturbed */
    TRACE_PERTURBED = 256,         /* bit of the header's code field that says so */
    TRACE_BLOCK_HEADER_BYTES = 64, /* of every block, the final one too */
    TRACE_TOTALS_BYTES = 24,       /* payload of the final block */
    TRACE_POPULATIONS_MAX = 1 << 16,
    TRACE_NEURONS_MAX = 1 << 28
};

/* Kinds of spikes, as in the rows of `trace export` (interface.md). */
enum trace_kind { TRACE_NORMAL = 0, TRACE_OUTLIER = 1, TRACE_GATE = 2, TRACE_HG_CODE = 3, TRACE_KINDS = 4 };

/* One row of the population table. */
struct trace_population {
    char name[TRACE_NAME];  /* struct population's */
    uint32_t kind;          /* enum population_kind, at most 65535 */
    uint32_t code;          /* enum code_kind */
    int32_t layer;          /* -1: before the first block, L: after the last */
    uint32_t level;         /* window offset in the token */
    uint32_t neurons;       /* 1 .. TRACE_NEURONS_MAX; neurons * max(G, 1) <= 2^32 */
    uint32_t fan_out;       /* synapses per spike */
    uint32_t block_neurons; /* neurons of a spike packet's block, >= 1: block = neuron / block_neurons */
    uint32_t octave_gates;  /* HG: octave gates, 1 .. 65535; G = octave_gates + 2^sub_bits.  Else 0 */
    uint32_t sub_bits;      /* HG: log2 of sub-intervals per octave, 0 .. HG_SUB_BITS_MAX.  Else 0 */
    uint32_t j;             /* OAT: outlier shift, 0 .. OAT_SHIFT_MAX.  Else 0 */
    uint32_t heads;         /* populations of visible keys (exp, e): neurons = heads * positions, */
    uint32_t positions;     /* and neuron = head * positions + key.  Else both 0 */
    uint32_t timesteps;     /* T of its own, 1 .. below the window's; 0: the window's, as for every input */
};

/* How a run was perturbed (docs/design.md, Perturbation): all 0 if it was not. */
struct trace_perturbation {
    int on;
    struct perturbation rule; /* `stuck` is NULL: the file is known by its hash only */
    uint64_t stuck, stuck_hash;
};

struct trace_header_info {
    uint64_t model_hash;
    uint32_t timesteps; /* T, 1 .. 16, of the windows that the trace was run with; a population's own: its row */
    uint32_t code;      /* enum spike_code */
    uint32_t vocabulary;
    uint32_t populations;                /* 1 .. TRACE_POPULATIONS_MAX */
    struct trace_population *population; /* [populations]; owned */
    struct trace_perturbation perturbation;
};

/* Flags of an OAT record's payload: which fields its active neurons carry. */
enum {
    TRACE_FLAG_SIGNED = 1,   /* a sign bit: some neuron is negative */
    TRACE_FLAG_OUTLIERS = 2, /* an outlier bit: some neuron is an outlier */
    TRACE_FLAG_PREFIXED = 4, /* magnitudes as TRACE_LENGTH_BITS of bit length - 1, then the bits below the
                              * highest one; set if that is shorter than T bits each */
    TRACE_FLAGS = 7,
    TRACE_LENGTH_BITS = 4
};

/* What the final block holds; spikes by enum trace_kind. */
struct trace_totals {
    uint64_t blocks;    /* of records, the final one not counted */
    uint64_t records;   /* population windows */
    uint64_t timesteps; /* simulated */
    uint64_t spikes[TRACE_KINDS];
};

/* Fills *info for a run of model at T = timesteps.  The caller owns it: trace_info_free.  Fails with
 * LASSIM_ERR_RUN without memory or when a population does not fit a trace row (neuron * G above 2^32). */
enum lassim_status trace_info_from_model(const struct model *model, uint32_t timesteps, struct trace_header_info *info,
                                         struct lassim_error *error);
/* Frees the table; *info is zero afterwards. */
void trace_info_free(struct trace_header_info *info);
/* NULL if every field keeps the ranges above, else what is wrong (a static string); *population is then the
 * row concerned or UINT32_MAX. */
const char *trace_info_check(const struct trace_header_info *info, uint32_t *population);

/* T of a population (a row of info's table). */
unsigned trace_steps(const struct trace_header_info *info, const struct trace_population *population);
/* G of an HG population, 0 of any other. */
uint32_t trace_gates(const struct trace_population *population);
/* Bits of an octave gate in a record: ceil(log2(octave_gates)). */
unsigned trace_octave_bits(const struct trace_population *population);
/* Neurons of a record: heads * span where only visible keys take part, else neurons. */
uint32_t trace_record_neurons(const struct trace_population *population, uint32_t span);
/* Rice parameter of the gaps between `active` (>= 1) neurons out of n: the smallest k with
 * 2^(k+1) active >= n - active; k = 0 is a bitmap. */
unsigned trace_rice_parameter(uint32_t n, uint32_t active);
/* Upper bound of one record's payload in bytes, for any codes. */
size_t trace_payload_max(const struct trace_header_info *info, uint32_t population);
/* The same plus the record's head. */
size_t trace_record_max(const struct trace_header_info *info, uint32_t population);
/* "input", "oat" or "hg"; "radix" or "ternary". */
const char *trace_code_name(uint32_t code_kind);
const char *trace_spike_code_name(uint32_t spike_code);

/* Little-endian stores and loads; LEB128 of at most 10 bytes. */
void trace_put32(uint8_t *out, uint32_t value);
void trace_put64(uint8_t *out, uint64_t value);
uint32_t trace_get32(const uint8_t *in);
uint64_t trace_get64(const uint8_t *in);
enum { TRACE_VARINT_MAX = 10 };
/* Returns the bytes written (1 .. TRACE_VARINT_MAX). */
size_t trace_put_varint(uint8_t *out, uint64_t value);
/* Returns the bytes read from in[0..size), 0 if cut off, above 64 bits or not the shortest form. */
size_t trace_get_varint(const uint8_t *in, size_t size, uint64_t *value);

#define TRACE_MAGIC UINT64_C(0x52544d495353414c) /* "LASSIMTR" as stored */
#define TRACE_BLOCK_MAGIC 0x4b424c54u            /* "TLBK" as stored */
#define TRACE_END_MAGIC 0x444e4554u              /* "TEND" as stored */

/* Where a record stands in the order of a trace. */
struct trace_key {
    uint64_t window;
    uint32_t population, token;
};
/* 1 if b comes strictly after a by (window, level, population, token).  Both populations are in the table. */
int trace_key_before(const struct trace_header_info *info, const struct trace_key *a, const struct trace_key *b);

/* Bytes of the whole header with its checksum. */
size_t trace_header_bytes(uint32_t populations, int perturbed);
/* Writes the header into out[trace_header_bytes], zeroed. */
void trace_header_encode(const struct trace_header_info *info, uint8_t *out);
/* Reads one row of the population table, TRACE_POPULATION_BYTES.  Checks nothing. */
void trace_row_decode(const uint8_t *in, struct trace_population *row);
/* Reads a perturbation section, TRACE_PERTURBATION_BYTES.  NULL, or what is wrong (a static string). */
const char *trace_perturbation_decode(const uint8_t *in, struct trace_perturbation *perturbation);

/* A block's header; the checksum (its first 8 bytes) is XXH3-64, seed = number of the block, over
 * everything after it. */
struct trace_block_header {
    uint32_t magic;               /* TRACE_BLOCK_MAGIC or TRACE_END_MAGIC */
    uint32_t records;             /* 1 .. TRACE_BLOCK_RECORDS; 0 in the final block */
    uint64_t payload;             /* bytes after the header */
    uint64_t first_window;        /* 0 in the final block */
    uint64_t spikes[TRACE_KINDS]; /* of the block; of the whole trace in the final one */
};
/* Fills the first TRACE_BLOCK_HEADER_BYTES of block, whose header->payload further bytes are there. */
void trace_block_seal(uint8_t *block, const struct trace_block_header *header, uint64_t number);
void trace_block_header_decode(const uint8_t *in, struct trace_block_header *header);
/* 1 if the checksum of block[0 .. size) is right. */
int trace_block_intact(const uint8_t *block, size_t size, uint64_t number);

#endif
