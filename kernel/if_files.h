/* Files of integrate-and-fire networks: NET.json and spike lists (docs/network-format.md).  Hostile bytes: every size
 * is checked before use; an error is one line "FILE: PLACE: expectation", LASSIM_ERR_FILE. */
#ifndef LASSIM_KERNEL_IF_FILES_H
#define LASSIM_KERNEL_IF_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/if_engine.h"
#include "kernel/if_network.h"

enum {
    IF_FILE_MAX = 1 << 28, /* bytes of a JSON or CSV file */
    IF_JSON_DEPTH = 16,
    IF_JSON_VALUES = 1 << 22
};

/* Fills the empty *network from a JSON text.  path names it in errors; files that it names lie beside path, with
 * files = 0 they are refused. */
enum lassim_status if_json_parse(const char *path, const char *text, size_t size, int files, struct if_network *network,
                                 struct lassim_error *error);
/* Reads the file at path. */
enum lassim_status if_json_read(const char *path, struct if_network *network, struct lassim_error *error);

/* Synapses of a CSV text: a header "source,target,weight" or "source,target,weight,delay", then a synapse a line.  The
 * caller owns *synapses: free.  delay: of synapses that give none. */
enum lassim_status if_csv_synapses(const char *path, const char *text, size_t size, uint32_t delay,
                                   struct lassim_synapse **synapses, uint64_t *count, struct lassim_error *error);
/* Input spikes of a CSV text: a header that names the columns time, neuron and optionally population (number or name;
 * default: the first input population), others are ignored; a spike a line, in any order, none twice.  now: the earliest time allowed.  The caller owns *spikes: free. */
enum lassim_status if_csv_spikes(const char *path, const char *text, size_t size, const struct if_network *network,
                                 uint64_t now, struct if_spike **spikes, uint64_t *count, struct lassim_error *error);
/* Input spikes of an NPY file's bytes: structured with integer fields time, neuron and optionally population (others are
 * ignored), or integers [n, 2]: time, neuron. */
enum lassim_status if_npy_spikes(const char *path, const uint8_t *bytes, size_t size, const struct if_network *network,
                                 uint64_t now, struct if_spike **spikes, uint64_t *count, struct lassim_error *error);
/* A .npy or else CSV file by its name. */
enum lassim_status if_read_spikes(const char *path, const struct if_network *network, uint64_t now,
                                  struct if_spike **spikes, uint64_t *count, struct lassim_error *error);

/* Reads a whole regular file of at most `limit` bytes into *bytes (free; a 0 byte follows). */
enum lassim_status if_read_file(const char *path, size_t limit, char **bytes, size_t *size, struct lassim_error *error);

#endif
