/* Sizes of an HG table that follow from its layout (neurons/hg.h), shared by the files that code with it; meaningful
 * only for a layout that hg_table_check accepts. */
#ifndef LASSIM_NEURONS_HG_LAYOUT_H
#define LASSIM_NEURONS_HG_LAYOUT_H

#include "neurons/hg.h"

static inline uint32_t hg_octaves(const struct hg_table *table)
{
    return (uint32_t)(table->hi - table->lo);
}

static inline uint32_t hg_sides(const struct hg_table *table)
{
    return (uint32_t)(table->positive + table->negative);
}

static inline uint32_t hg_side_rows(const struct hg_table *table)
{
    return (uint32_t)table->underflow + (hg_octaves(table) << table->sub_bits);
}

static inline uint32_t hg_octave_gates(const struct hg_table *table)
{
    return hg_sides(table) * ((uint32_t)table->underflow + hg_octaves(table));
}

#endif
