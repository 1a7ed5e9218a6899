/* Sets of code points as sorted ranges. */
#ifndef LASSIM_KERNEL_CODE_RANGES_H
#define LASSIM_KERNEL_CODE_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct code_range {
    int32_t first, last;
};

/* 1 if code lies in one of range[0 .. count), which ascend.  O(log count). */
static inline int code_in_ranges(const struct code_range *range, size_t count, int32_t code)
{
    size_t low = 0, high = count;
    while (low < high) { /* the first range that ends at code or behind it */
        size_t middle = low + (high - low) / 2;
        if (range[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && range[low].first <= code;
}
#define CODE_IN_RANGES(ranges, code) code_in_ranges(ranges, sizeof(ranges) / sizeof *(ranges), code)

#endif
