/* `trace export --format sonata`: spikes as SONATA has them (SONATA Developer Guide, spike files), an HDF5 file that
 * libsonata, NEST, Neo's tools and h5py read.
 *
 *   /                                attributes magic u32 0x0A7A, version u32[2] {0, 1}
 *   /spikes/POPULATION               attribute sorting: enum {none 0, by_id 1, by_time 2} = by_time
 *   /spikes/POPULATION/timestamps    float64 [N] ms, attribute units "ms": timestep x milliseconds per timestep
 *   /spikes/POPULATION/node_ids      uint64 [N] neuron
 *   /spikes/POPULATION/signs         int8 [N], and
 *   /spikes/POPULATION/kinds         uint8 [N] (0 normal and input, 1 outlier, 3 HG code): no part of SONATA
 *
 * Gates, which are no spikes of a neuron's code, are left out.  Populations without spikes have empty arrays.  The same
 * trace gives the same bytes with the same libhdf5. */
#ifndef LASSIM_PROGRAM_SONATA_H
#define LASSIM_PROGRAM_SONATA_H

#include "kernel/error.h"
#include "kernel/trace_expand.h"

struct sonata_writer;

/* Opens path (kernel/outfile.h), which must be a regular file (else LASSIM_ERR_USAGE), for the populations of info,
 * which outlives the writer.  LASSIM_ERR_FILE if a population's name has a slash.  The caller owns *writer:
 * sonata_writer_finish or _abandon. */
enum lassim_status sonata_writer_open(const char *path, int no_clobber, const struct trace_header_info *info,
                                      double ms_per_timestep, struct sonata_writer **writer,
                                      struct lassim_error *error);
/* Appends rows, in the trace's order. */
enum lassim_status sonata_writer_rows(struct sonata_writer *writer, const struct trace_row *rows, size_t count,
                                      struct lassim_error *error);
/* Completes the file and frees writer, also on failure (then PATH.partial stays). */
enum lassim_status sonata_writer_finish(struct sonata_writer *writer, struct lassim_error *error);
/* Leaves PATH.partial; NULL is fine. */
void sonata_writer_abandon(struct sonata_writer *writer);

#endif
