/* Durable output files: a file under its final name is always whole.
 *
 * A regular target PATH is written to PATH.partial; outfile_close_complete syncs it, renames it to PATH and
 * syncs the directory.  A kill, a full disk or outfile_abandon leaves PATH.partial.  "-" (stdout), pipes
 * and devices are written directly.  Writes are buffered; outfile_flush hands everything to the kernel.
 *
 * Errors are sticky: after the first failed write every later call returns the same one-line error, which
 * names the file.  Full disk, closed pipe and I/O errors are LASSIM_ERR_RUN.  EPIPE instead of death needs
 * SIGPIPE ignored, which is the program's decision, not this module's. */
#ifndef LASSIM_KERNEL_OUTFILE_H
#define LASSIM_KERNEL_OUTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

struct outfile;

/* Opens PATH for writing.  no_clobber: refuses (LASSIM_ERR_RUN) if PATH exists as a regular file, now or at
 * the rename.  An existing PATH.partial is overwritten.  On success the caller owns *out and ends it with
 * outfile_close_complete or outfile_abandon; on failure *out is NULL. */
enum lassim_status outfile_open(const char *path, int no_clobber, struct outfile **out, struct lassim_error *error);

/* What outfile_open would refuse PATH for before it touches anything, for work that takes long before it writes: a
 * directory, or with no_clobber an existing file. */
enum lassim_status outfile_check(const char *path, int no_clobber, struct lassim_error *error);

/* Appends size bytes; retries interrupted and short writes.  O(size). */
enum lassim_status outfile_write(struct outfile *out, const void *data, size_t size, struct lassim_error *error);

/* Appends formatted text of at most 4095 bytes (longer is a bug and aborts). */
enum lassim_status outfile_printf(struct outfile *out, struct lassim_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes out what is buffered (no sync). */
enum lassim_status outfile_flush(struct outfile *out, struct lassim_error *error);

/* 1 if bytes already written can be replaced (regular target), 0 for pipes, devices and "-". */
int outfile_can_patch(const struct outfile *out);

/* Replaces size bytes at offset, which were written before.  Only if outfile_can_patch. */
enum lassim_status outfile_patch(struct outfile *out, uint64_t offset, const void *data, size_t size,
                                 struct lassim_error *error);

/* Flushes, syncs, renames, syncs the directory and closes.  Frees out also on failure, when PATH is as
 * it was before and PATH.partial stays. */
enum lassim_status outfile_close_complete(struct outfile *out, struct lassim_error *error);

/* Flushes as far as possible, leaves PATH.partial, frees out.  NULL is fine. */
void outfile_abandon(struct outfile *out);

#endif
