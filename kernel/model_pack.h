/* From a struct model to the bytes of its sections, the weights aside: what kernel/model_writer.c puts in place. */
#ifndef LASSIM_KERNEL_MODEL_PACK_H
#define LASSIM_KERNEL_MODEL_PACK_H

#include "kernel/model_layout.h"

/* Sections after the weights, SNN_NORMS .. SNN_PROVENANCE. */
enum { SNN_TAIL_SECTIONS = SNN_SECTION_TYPES - SNN_WEIGHTS - 1 };
/* Bytes of each, in order. */
void snn_tail_sizes(const struct model *model, uint64_t sizes[SNN_TAIL_SECTIONS]);
/* Writes a section of any type but SNN_WEIGHTS to `at`, which has room for it and is zero. */
void snn_pack_section(const struct model *model, uint32_t type, uint8_t *at);

#endif
