/* A whole file mapped read only.  A file cut short while mapped raises SIGBUS, which the program handles. */
#ifndef LASSIM_CONVERT_FILE_MAP_H
#define LASSIM_CONVERT_FILE_MAP_H

#include <stdint.h>

#include "kernel/error.h"

struct file_map {
    const uint8_t *data; /* [size]; never NULL once opened */
    uint64_t size;
};

/* Maps path (symbolic links are followed: the hub's cache is made of them).  LASSIM_ERR_FILE if it cannot be
 * opened or is not a regular file.  The caller unmaps with file_map_close.  O(1). */
enum lassim_status file_map_open(const char *path, struct file_map *map, struct lassim_error *error);
/* Unmaps and zeroes *map; a zeroed map is allowed. */
void file_map_close(struct file_map *map);

#endif
