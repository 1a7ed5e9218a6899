/* The windows' values made ready for tiles by `workers` workers one after the other, as worker `as` has them; NULL where
 * the CPU, the level of instructions, tokens or rows do without.  *memory: the caller frees it. */
#ifndef LASSIM_TEST_HELPERS_AMX_READY_H
#define LASSIM_TEST_HELPERS_AMX_READY_H

#include <stdlib.h>
#include <string.h>

#include "layers/synapse_amx.h"

static inline const struct synapse_amx_ready *amx_ready(const struct population_params *source,
                                                        const struct synapse_window *window, uint32_t tokens,
                                                        uint32_t sources, unsigned workers, unsigned as, void **memory)
{
    *memory = NULL;
    if (!synapse_amx_takes(sources, tokens)) return NULL;
    size_t bytes = synapse_amx_shared_bytes(sources, tokens, workers);
    if (posix_memalign(memory, 64, bytes) != 0) abort();
    memset(*memory, 0xa5, bytes); /* nothing in it is taken for granted */
    struct synapse_amx_shared *shared = synapse_amx_shared_new(*memory, sources, tokens, workers);
    for (unsigned w = 0; w < workers; w++) synapse_amx_collect(shared, window, tokens, sources, w, workers);
    for (unsigned w = 0; w < workers; w++) synapse_amx_cut(shared, source, window, tokens, sources, w, workers);
    return synapse_amx_ready_of(shared, as);
}

#endif
