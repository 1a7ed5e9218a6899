/* The cursor that walks a .snn: header and section table first, then every section in its fixed order, so
 * that each byte of the file is accounted for and no two sections can overlap. */
#ifndef LASSIM_KERNEL_MODEL_READER_H
#define LASSIM_KERNEL_MODEL_READER_H

#include "kernel/model_layout.h"

struct snn_reader {
    const char *name;
    const uint8_t *bytes;
    uint64_t size;
    const struct snn_section *section; /* [sections] */
    uint32_t sections;
    uint32_t entry; /* next section table entry */
    uint64_t end;   /* where the bytes taken so far end */
    struct model *model;
    struct lassim_error *error;
};

/* The bytes of one section. */
struct snn_span {
    const uint8_t *bytes;
    uint64_t size;
};

/* Fills the reader's error and returns its status: "NAME: PLACE: REASON", LASSIM_ERR_FILE. */
enum lassim_status snn_refuse(const struct snn_reader *reader, const char *place, const char *reason);
/* The same with "section SECTION, ITEM" as the place. */
enum lassim_status snn_refuse_in(const struct snn_reader *reader, const char *section, const char *item,
                                 const char *reason);
/* "NAME: no memory", LASSIM_ERR_RUN. */
enum lassim_status snn_no_memory(const struct snn_reader *reader);

/* Checks header and section table against name, bytes and size; sets section, sections and end. */
enum lassim_status snn_read_header(struct snn_reader *reader);
/* Hands out the next section, which must be of the given type, index and, unless size is 0, size.  Checks its
 * place and, for all but weights, its checksum. */
enum lassim_status snn_take_section(struct snn_reader *reader, uint32_t type, uint32_t index, uint64_t size,
                                    struct snn_span *span);

/* Take the sections that matrices and norms are in (model_read_matrices.c), in this order, into reader->model, whose graph
 * is built and whose arrays are allocated.  *records: the matrices' own, in place. */
enum lassim_status snn_read_matrices(struct snn_reader *reader, const struct snn_matrix **records);
enum lassim_status snn_read_weights(struct snn_reader *reader);
enum lassim_status snn_read_norms(struct snn_reader *reader);
enum lassim_status snn_read_biases(struct snn_reader *reader, const struct snn_matrix *records);
enum lassim_status snn_read_scales(struct snn_reader *reader);
/* Populations read too: bound >= integer_max times the source's largest code, so that a bound that lies is refused before
 * any weight is read. */
enum lassim_status snn_check_bounds(const struct snn_reader *reader);

#endif
