/* NPY version 1.0 files (numpy.lib.format): little-endian, C order.
 *
 * The header has one length for any number of rows, so that it can be written first and patched at the
 * end of a regular file, and the bytes do not depend on which way it went. */
#ifndef LASSIM_KERNEL_NPY_H
#define LASSIM_KERNEL_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/outfile.h"

#define NPY_ROWS_UNKNOWN UINT64_MAX

struct npy_writer;

/* Opens path (kernel/outfile.h) for an array of `rows` elements of dtype `descr`, a Python literal such as
 * "'<f4'" or "[('time', '<u8')]", of element_bytes each; columns > 0: shape [rows, columns], 0: [rows].
 * rows may be NPY_ROWS_UNKNOWN for regular files; for pipes and devices that is LASSIM_ERR_USAGE.  The
 * caller owns *writer: npy_writer_finish or npy_writer_abandon.  On failure *writer is NULL. */
enum lassim_status npy_writer_open(const char *path, int no_clobber, const char *descr, size_t element_bytes,
                                   uint64_t rows, uint64_t columns, struct npy_writer **writer,
                                   struct lassim_error *error);
/* The same for float32 [rows, columns]. */
enum lassim_status npy_writer_open_f32(const char *path, int no_clobber, uint64_t rows, uint64_t columns,
                                       struct npy_writer **writer, struct lassim_error *error);
/* Appends `rows` rows, already little-endian.  Errors are sticky. */
enum lassim_status npy_writer_rows(struct npy_writer *writer, const void *data, uint64_t rows,
                                   struct lassim_error *error);
/* Appends `rows` rows of columns floats each. */
enum lassim_status npy_writer_rows_f32(struct npy_writer *writer, const float *data, uint64_t rows,
                                       struct lassim_error *error);
/* Sets the number of rows and completes the file.  Fails with LASSIM_ERR_RUN if rows were announced and
 * others came.  Frees writer, also on failure (then PATH.partial stays). */
enum lassim_status npy_writer_finish(struct npy_writer *writer, struct lassim_error *error);
/* Leaves PATH.partial with the rows so far, its header saying so; frees.  NULL is fine. */
void npy_writer_abandon(struct npy_writer *writer);

/* A float32 matrix in memory. */
struct npy_matrix {
    uint64_t rows, columns;
    float *data; /* [rows][columns]; owned: npy_matrix_free */
};
/* Reads a version 1.0 file of dtype '<f4', C order, 1 or 2 dimensions (one: columns = 1).  Anything else is
 * LASSIM_ERR_FILE. */
enum lassim_status npy_read_f32(const char *path, struct npy_matrix *matrix, struct lassim_error *error);
void npy_matrix_free(struct npy_matrix *matrix);

#endif
