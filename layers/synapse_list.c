#include "layers/synapse_list.h"

#include <stddef.h>

/* First synapse of [low, high) whose target is not below `target`. */
static uint64_t lower_bound(const struct synapse_list *list, uint64_t low, uint64_t high, uint32_t target)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (list->target[middle] < target)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void synapse_list_row(const struct synapse_list *list, uint32_t source, uint64_t *first, uint64_t *end)
{
    uint32_t low = 0, high = list->rows;
    while (list->row != NULL && low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->row[middle] < source)
            low = middle + 1;
        else
            high = middle;
    }
    int found = list->row == NULL || (low < list->rows && list->row[low] == source);
    if (list->row == NULL) low = source;
    *first = found ? list->start[low] : 0;
    *end = found ? list->start[low + 1] : 0;
}

void synapse_list_sum(const struct synapse_list *list, const uint32_t *rows, uint32_t count, uint32_t from, uint32_t to,
                      int64_t *sum)
{
    for (uint32_t r = 0; r < count; r++) {
        uint64_t s, end;
        synapse_list_row(list, rows[r], &s, &end);
        if (from > 0) s = lower_bound(list, s, end, from);
        for (; s < end && list->target[s] < to; s++) sum[list->target[s] - from] += list->weight[s];
    }
}
