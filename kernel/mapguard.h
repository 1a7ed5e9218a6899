/* Mapped files that may be cut short while in use.
 *
 * A read past the end of a mapped file raises SIGBUS.  Whoever maps a file registers the range with its
 * name; the program installs a handler that turns such a fault into one line and an exit status:
 * 3 for an input, 1 for an output (a full disk under a sparse file). */
#ifndef LASSIM_KERNEL_MAPGUARD_H
#define LASSIM_KERNEL_MAPGUARD_H

#include <stddef.h>

enum mapguard_use { MAPGUARD_INPUT, MAPGUARD_OUTPUT };
enum { MAPGUARD_RANGES = 256, MAPGUARD_NAME = 256 };

/* Registers [start, start + length) under name (copied, cut at MAPGUARD_NAME - 1, control characters
 * become '?').  Returns 0, or -1 when MAPGUARD_RANGES ranges are registered already (the range is then
 * unguarded, nothing else changes).  Any thread.  O(MAPGUARD_RANGES). */
int mapguard_add(const void *start, size_t length, const char *name, enum mapguard_use use);
/* Forgets the range that starts at start; call it before munmap.  Unknown starts are ignored. */
void mapguard_remove(const void *start);
/* Installs the SIGBUS handler; a fault outside every range keeps its default action. */
void mapguard_install(void);

#endif
