/* Energy = what was executed x a named cost model, spiking and dense side by side (docs/energy.md).  The models and
 * the published thresholds are data: metrics, the printed tables and the documentation name them from here. */
#ifndef LASSIM_KERNEL_ENERGY_H
#define LASSIM_KERNEL_ENERGY_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

/* Joules of one multiply-accumulate, by the width of the dense network: 32-bit and 16-bit floating point, 8-bit
 * integers (accumulated in 8 bits, as SpikingJelly counts them). */
enum energy_width { ENERGY_FP32, ENERGY_FP16, ENERGY_INT8, ENERGY_WIDTHS };
enum energy_kind {
    ENERGY_COMPUTE, /* additions and multiplications alone */
    ENERGY_MEMORY,  /* the same, addressing, and every word read or written at the cost of its buffer */
    ENERGY_EVENT    /* a chip's published cost of one synaptic event, everything included */
};

/* Bytes of a buffer, joules per byte read or written: linear between points, from (0, 0) on, constant after the last. */
struct energy_point {
    double bytes, joules;
};
enum { ENERGY_POINTS_MAX = 8, ENERGY_NAME = 40, ENERGY_SOURCE = 200 };

struct energy_model {
    char name[ENERGY_NAME]; /* [a-z0-9_]+ */
    char source[ENERGY_SOURCE];
    enum energy_kind kind;
    double add, multiply;                         /* joules of the spiking side's operations; kind EVENT: 0 */
    double event;                                 /* kind EVENT: joules of a synaptic event; else 0 */
    double mac[ENERGY_WIDTHS];                    /* joules of the dense side's multiply-accumulates */
    enum energy_width width;                      /* the one that dense_joules means */
    uint32_t points;                              /* kind MEMORY: at least 1 */
    struct energy_point point[ENERGY_POINTS_MAX]; /* bytes ascending */
    double dram_above, dram; /* kind MEMORY: buffers of more bytes lie in DRAM, joules per byte; 0: none does */
};

/* One kind of access: so many bytes, of a buffer of that size.  Dense: both are elements, of the network's width. */
struct energy_traffic {
    uint64_t bytes, buffer;
};
enum { ENERGY_TRAFFIC_MAX = 16 };

/* What one population did: the formulas' arguments. */
struct energy_work {
    uint64_t adds;       /* membrane updates + threshold tests */
    uint64_t multiplies; /* spike-product operations of HG populations */
    uint64_t events;     /* synaptic + spike-product operations */
    uint64_t macs;       /* of the dense network */
    uint32_t spiking_count, dense_count;
    struct energy_traffic spiking[ENERGY_TRAFFIC_MAX], dense[ENERGY_TRAFFIC_MAX];
};

/* Built-in models 0 .. energy_models() - 1; the first is horowitz45_fp32. */
unsigned energy_models(void);
const struct energy_model *energy_model(unsigned index);

/* The models of a command: the built-in ones, then those of a file. */
struct energy_list {
    struct energy_model *more; /* [mores], or NULL; owned by whoever read them */
    uint32_t mores;
};
unsigned energy_list_models(const struct energy_list *list);
const struct energy_model *energy_list_model(const struct energy_list *list, unsigned index);
/* The model of that name, NULL if there is none. */
const struct energy_model *energy_list_find(const struct energy_list *list, const char *name);
/* XXH3-64 of what a model's figures follow from, its name included; of all of the list. */
uint64_t energy_model_hash(const struct energy_model *model);
uint64_t energy_list_hash(const struct energy_list *list);

/* Joules per byte of a buffer. */
double energy_byte(const struct energy_model *model, uint64_t buffer);
/* Joules of n populations' work: integers are summed first, accesses then added population by population, in the
 * order of their lists. */
double energy_spiking(const struct energy_model *model, const struct energy_work *work, uint32_t n);
double energy_dense(const struct energy_model *model, const struct energy_work *work, uint32_t n,
                    enum energy_width width);
/* Spikes per neuron and window at which the spiking side would cost what the dense one does, if every spike's cost
 * stayed what it is on average: rate x (dense - idle) / (spiking - idle).  idle: the spiking side without its spikes
 * (threshold tests, biases, gates stay).  0 if already idle costs more; -1 if there is nothing to compare: no dense
 * work or no spikes. */
double energy_break_even(double rate, double spiking, double idle, double dense);
/* "fp32", "fp16", "int8"; "compute", "memory", "event". */
const char *energy_width_name(enum energy_width width);
const char *energy_kind_name(enum energy_kind kind);

/* Published thresholds of spiking activity below which a spiking network was found to win, above which to lose. */
enum energy_quantity {
    ENERGY_SPIKES_PER_SYNAPSE, /* and inference: synaptic operations / dense multiply-accumulates */
    ENERGY_SPIKES_PER_NEURON,  /* and inference */
    ENERGY_SPIKE_RATE          /* spikes per neuron and timestep */
};
struct energy_threshold {
    const char *name;
    enum energy_quantity quantity;
    double low, high; /* below low: spikes win; above high: they lose; between: it depends on the design */
    const char *source;
};
unsigned energy_thresholds(void);
const struct energy_threshold *energy_threshold(unsigned index);
/* "spiking", "depends" or "dense". */
const char *energy_verdict(const struct energy_threshold *threshold, double value);
const char *energy_quantity_name(enum energy_quantity quantity);

/* Reads models from a JSON file (docs/energy.md) of at most 2^20 bytes, hostile: 1 .. 64 models, names not those of
 * built-in ones or of each other.  The caller owns *models: free.  LASSIM_ERR_FILE with the place otherwise. */
enum { ENERGY_FILE_MAX = 1 << 20, ENERGY_MODELS_MAX = 64 };
enum lassim_status energy_file_read(const char *path, struct energy_model **models, uint32_t *count,
                                    struct lassim_error *error);
/* The same from bytes; path is used in errors. */
enum lassim_status energy_file_parse(const char *path, const char *text, size_t size, struct energy_model **models,
                                     uint32_t *count, struct lassim_error *error);

#endif
