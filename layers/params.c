#include "layers/params.h"

uint32_t weight_size(enum weight_type type)
{
    return type == WEIGHT_F32 ? 4 : 2;
}

const char *weight_type_name(enum weight_type type)
{
    switch (type) {
    case WEIGHT_F32: return "F32";
    case WEIGHT_F16: return "F16";
    case WEIGHT_BF16: return "BF16";
    }
    return "unknown";
}
