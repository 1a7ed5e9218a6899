#include "kernel/bert_categories.h"

#include <stddef.h>

struct code_range {
    int32_t first, last;
};

#include "kernel/bert_categories.inc"

static int in_ranges(const struct code_range *range, size_t count, int32_t code)
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
#define IN_RANGES(ranges, code) in_ranges(ranges, sizeof(ranges) / sizeof *(ranges), code)

int bert_is_control(int32_t code)
{
    return IN_RANGES(control_ranges, code);
}

int bert_is_accent(int32_t code)
{
    return code >= 0x300 && IN_RANGES(accent_ranges, code);
}

int bert_is_punctuation(int32_t code)
{
    return IN_RANGES(punctuation_ranges, code);
}

int bert_is_chinese(int32_t code)
{
    /* 0x2b920, where Unicode has 0x2b820, is the reference's. */
    static const struct code_range blocks[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},
                                               {0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f},
                                               {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};
    return code >= 0x3400 && IN_RANGES(blocks, code);
}
