/* Codes of one token made ready for 16-bit kernels: lists of (row, 16-bit code) in groups of equal shift. */
#ifndef LASSIM_LAYERS_SYNAPSE_CODES_H
#define LASSIM_LAYERS_SYNAPSE_CODES_H

#include <stdint.h>

#include "layers/params.h"
#include "layers/synapse_lanes.h"

enum {
    SYNAPSE_CODE_PIECES = 3,      /* 65535 = 32767 + 32767 + 1 */
    SYNAPSE_ALL_COVERED = 0xffff, /* every normal code */
    SYNAPSE_GROUP_MAX = 1 << 15,  /* entries (rows) of one group: fewer folds than SYNAPSE_FOLDS_MAX */
    SYNAPSE_GROUPS = 192          /* shifts below SYNAPSE_SHIFTS, and 3 pieces of fewer than 2^20 rows */
};

/* entry[first .. first + count) adds up in units of 2^shift. */
struct synapse_group {
    uint32_t first, count;
    unsigned shift;
};

struct synapse_code_list {
    struct synapse_entry *entry; /* [SYNAPSE_CODE_PIECES sources] */
    struct synapse_group group[SYNAPSE_GROUPS];
    uint32_t groups;
};

/* What a normal code of magnitude up to 2^16 - 1 gives within +-limit. */
static inline int32_t synapse_code_clamp(int32_t value, int32_t limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

/* Fills *list with the n active neurons' codes: outlier codes, and what normal codes have beyond +-covered (0: all
 * of them).  Sum of code 2^shift over a row's entries = the neuron's v (layers/synapse_window.h). */
void synapse_codes_list(const struct population_params *source, const uint32_t *codes, const uint32_t *active,
                        uint32_t n, int32_t covered, struct synapse_code_list *list);

/* Sorts n rows by channel shift into row[..], each group filled up to an even number with its last row, and writes the
 * groups; room for n + SYNAPSE_GROUPS rows.  Returns the number of groups. */
uint32_t synapse_codes_sort_rows(const struct population_params *source, const uint32_t *rows, uint32_t n,
                                 uint32_t *sorted, struct synapse_group *group);

#endif
