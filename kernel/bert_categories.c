#include "kernel/bert_categories.h"

#include "kernel/code_ranges.h"

#include "kernel/bert_categories.inc"

int bert_is_control(int32_t code)
{
    return CODE_IN_RANGES(control_ranges, code);
}

int bert_is_accent(int32_t code)
{
    return code >= 0x300 && CODE_IN_RANGES(accent_ranges, code);
}

int bert_is_punctuation(int32_t code)
{
    return CODE_IN_RANGES(punctuation_ranges, code);
}

int bert_is_chinese(int32_t code)
{
    /* 0x2b920, where Unicode has 0x2b820, is the reference's. */
    static const struct code_range blocks[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},
                                               {0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f},
                                               {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};
    return code >= 0x3400 && CODE_IN_RANGES(blocks, code);
}
