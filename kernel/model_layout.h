/* The .snn file as bytes: records, sections and their order.  docs/snn-format.md is the same in prose.
 *
 *   header (64 bytes), section table (32 bytes each), then the sections in the table's order, each at the
 *   first multiple of 64 after the one before (the table counts as the first), gaps zero, the file ending
 *   with the last section's last byte.  Order: config, populations, matrices, one weights section a matrix,
 *   norms, biases, scales, shifts, rotary, tables, check, tokenizer, prompt, readout,
 *   provenance.
 *
 * So the table is redundant on purpose: a reader that knows the configuration knows every entry but the
 * sizes of the last four, and refuses whatever differs.  Numbers are little-endian, doubles IEEE 754. */
#ifndef LASSIM_KERNEL_MODEL_LAYOUT_H
#define LASSIM_KERNEL_MODEL_LAYOUT_H

#include "kernel/model.h"

enum { SNN_VERSION = 5, SNN_ALIGN = 64, SNN_TABLES_MAX = 16, SNN_TEXT_MAX = 1 << 20 };
#define SNN_MAGIC "\x89SNN\r\n\x1a\n"
#define SNN_NO_TABLE UINT32_MAX

enum snn_section_type {
    SNN_CONFIG = 1,
    SNN_POPULATIONS,
    SNN_MATRICES,
    SNN_WEIGHTS,
    SNN_NORMS,
    SNN_BIASES,
    SNN_SCALES,
    SNN_SHIFTS,
    SNN_ROTARY,
    SNN_TABLES,
    SNN_CHECK,
    SNN_TOKENIZER,
    SNN_PROMPT,
    SNN_READOUT,
    SNN_PROVENANCE,
    SNN_SECTION_TYPES
};
/* Sections besides the weights. */
enum { SNN_SMALL_SECTIONS = SNN_SECTION_TYPES - 2 };

struct snn_header {
    uint8_t magic[8];
    uint32_t version, flags; /* flags: features a reader must know; none yet, 0 */
    uint32_t sections, zero;
    uint64_t file_size;
    uint64_t table_checksum; /* XXH3-64 of the section table */
    uint64_t reserved[2];
    uint64_t header_checksum; /* XXH3-64 of the 56 bytes before */
};

struct snn_section {
    uint32_t type, index; /* index: matrix number of SNN_WEIGHTS, else 0 */
    uint64_t offset, size;
    uint64_t checksum; /* XXH3-64 of the section's bytes */
};

struct snn_config {
    uint32_t family, vocabulary, hidden, embedding, ffn, layers, heads, positions, position_rows, position_offset;
    uint32_t pre_norm, final_norm, tied, bos, eos, pad;
    uint32_t kv_heads, head_dim, norm_kind, activation, gated, rotary, encoder, token_types, head, labels,
        score_by_layer;
    uint32_t zero;
    double norm_epsilon, score_scale;
    uint32_t timesteps, code;
    int32_t residual_grid;
    uint32_t block_neurons; /* GRAPH_BLOCK_NEURONS */
    uint32_t populations, matrices, norms, tables;
    uint64_t reserved[4];
};

enum snn_population_flags {
    SNN_VISIBLE_ONLY = 1,
    SNN_HEAD_SIDE = 2,
    SNN_RELU = 4,
    SNN_PER_CHANNEL = 8,
    SNN_INTO_RESIDUAL = 16
};

struct snn_population {
    char name[40]; /* zero-padded */
    uint32_t kind, code;
    int32_t layer;
    uint32_t level, neurons, fan_out, product, product_partners, flags, norm, bias_elements;
    /* Up to here the record follows from the configuration. */
    int32_t exponent;
    uint32_t j, table; /* table: SNN_NO_TABLE unless code is HG */
    double scale, calibrated_max;
    uint32_t timesteps, zero; /* timesteps: 0: the model's */
    uint64_t reserved;
};

struct snn_matrix {
    char name[40]; /* zero-padded */
    uint32_t source, target, target_population, sources, targets;
    int32_t layer;
    /* Up to here the record follows from the configuration. */
    uint32_t has_bias, type;
    int32_t grid;
    uint32_t zero;
    uint64_t integer_max, bound, moved;
    double moved_max, moved_rms;
    uint64_t reserved;
};

/* SNN_NORMS: one of these per norm, then gamma[D], beta[D] (RMSNorm: gamma alone) as doubles for each affine norm. */
struct snn_norm {
    uint32_t affine, zero;
};

/* SNN_TABLES: one of these per table, then base[rows], slope[rows] as int64 for each. */
struct snn_table {
    uint32_t function;
    int32_t lo, hi;
    uint32_t positive, negative, underflow, silent_beyond, sub_bits;
    int32_t input_grid, output_grid;
    uint32_t error_kind, rows;
    double error;
    uint64_t reserved;
};

struct snn_check {
    uint64_t tokens, saturations;
    double ppl_dense, ppl_spiking, kl_mean, kl_max, top1_agreement;
    uint64_t reserved;
};

/* "config", "populations", ...; "unknown" out of range. */
const char *snn_section_name(uint32_t type);
/* The next multiple of SNN_ALIGN; size < 2^63. */
uint64_t snn_align(uint64_t size);
/* Sections of a graph's file, the section table's entry of matrix m, and where the first section starts. */
uint32_t snn_sections(const struct graph *graph);
uint32_t snn_weights_entry(uint32_t m);
uint64_t snn_first_offset(uint32_t sections);
/* Type and matrix index of entry e in the fixed order. */
void snn_entry(const struct graph *graph, uint32_t e, uint32_t *type, uint32_t *index);

/* Sizes of sections, bytes. */
uint64_t snn_weights_size(const struct matrix_slot *slot, enum weight_type type);
uint64_t snn_norms_size(const struct graph *graph, uint32_t affine);
/* Vectors of an affine norm: gamma and beta, or gamma alone. */
uint32_t snn_norm_vectors(const struct graph *graph);
uint64_t snn_shifts_size(const struct graph *graph);
uint64_t snn_rotary_size(const struct graph *graph);
/* matrix: [graph->matrices], types read. */
uint64_t snn_scales_size(const struct graph *graph, const struct matrix *matrix);

/* The part of a record that the graph decides; the rest of it is zero. */
void snn_population_structure(const struct graph *graph, uint32_t p, struct snn_population *record);
void snn_matrix_structure(const struct graph *graph, uint32_t m, struct snn_matrix *record);

/* Records from and to what they describe; reserved bytes are zero. */
void snn_config_pack(const struct model *model, struct snn_config *record);
void snn_config_unpack(const struct snn_config *record, struct model_config *config);
void snn_table_pack(const struct hg_table *table, struct snn_table *record);
void snn_table_unpack(const struct snn_table *record, const int64_t *rows, struct hg_table *table);

/* Recomputes every checksum from the section table in bytes [0, size).  Entries that lie outside are left
 * alone, so it is safe on hostile bytes (tests and fuzzing seal what they change).  O(size). */
void snn_seal(uint8_t *bytes, uint64_t size);
/* XXH3-64 of header and section table: the model's hash.  The table must lie inside. */
uint64_t snn_hash(const uint8_t *bytes, uint32_t sections);

/* The section table of an opened model, [snn_sections(model->graph)]; NULL for one the converter holds. */
const struct snn_section *snn_section_table(const struct model *model);
/* model_open on bytes in memory: `name` stands for the path in errors.  bytes are borrowed, aligned to 8,
 * and must outlive the model. */
enum lassim_status model_read(const char *name, const uint8_t *bytes, uint64_t size, struct model **model,
                              struct lassim_error *error);

/* Range checks of model_check.c: NULL, or a static string that says what was expected. */
const char *snn_check_config(const struct snn_config *config);
/* timesteps: the model's. */
const char *snn_check_population(const struct graph *graph, uint32_t p, uint32_t timesteps,
                                 const struct snn_population *record, const struct hg_table *table, uint32_t tables);
const char *snn_check_matrix(const struct matrix_slot *slot, const struct snn_matrix *record);
/* Largest |integer| a type can hold: 2^15 - 1, 2^7 - 1, 7 * 255; floats below 2^62. */
uint64_t snn_integer_limit(enum weight_type type);
/* What a matrix's weights of an integer type must look like beyond being numbers: no -2^15, -2^7 or I4 -8, I4 group
 * scales 1 .. 255, padding 0.  Floats always pass.  On failure *source and *target say where; reads every weight. */
const char *snn_check_integers(const struct matrix_slot *slot, const struct matrix *matrix, uint32_t *source,
                               uint32_t *target);
const char *snn_check_table_record(const struct snn_table *record);
const char *snn_check_table(const struct model_config *config, const struct hg_table *table);
const char *snn_check_self_check(const struct self_check *check);
/* |x| <= 2^200 and not NaN, all of [n]. */
int snn_vector_in_range(const double *x, uint64_t n);
/* Every number of a rotary table [n] is in -(2^31 - 1) .. 2^31 - 1. */
int snn_rotary_in_range(const int32_t *x, uint64_t n);
/* 2^-200 <= x <= 2^200, all of [n]. */
int snn_scales_in_range(const double *x, uint64_t n);
/* All of [n] bytes are zero. */
int snn_all_zero(const void *bytes, uint64_t n);

/* What model_close unmaps.  bytes: whole file. */
struct model_file {
    char *name;
    const uint8_t *bytes;
    uint64_t size;
    int mapped;
};

#endif
