/* Any bytes as a file of stuck neurons of a small model. */
#include <stdlib.h>
#include <string.h>

#include "kernel/stuck_neurons.h"
#include "layers/perturb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct graph *graph;
    const struct model_config config = {.family = FAMILY_OPT,
                                        .vocabulary = 11,
                                        .hidden = 8,
                                        .embedding = 8,
                                        .ffn = 10,
                                        .layers = 1,
                                        .heads = 2,
                                        .positions = 6,
                                        .position_rows = 8,
                                        .position_offset = 2,
                                        .pre_norm = 1,
                                        .final_norm = 1,
                                        .tied = 1,
                                        .norm_epsilon = 1e-5};
    const char *reason;
    struct stuck_neurons stuck;
    struct lassim_error error;
    if (graph == NULL && (graph = graph_build(&config, &reason)) == NULL) abort();
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    memcpy(text, data, size);
    enum lassim_status status = stuck_neurons_parse("fuzz", text, size, graph, &stuck, &error);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || strchr(error.text, '\n') != NULL)) abort();
    uint64_t found = 0;
    for (uint32_t p = 0; p < stuck.populations; p++)
        for (uint32_t n = 0; stuck.state[p] != NULL && n < graph->population[p].neurons; n++)
            found += stuck.state[p][n] != STUCK_NOT;
    if (found != stuck.count) abort();
    stuck_neurons_free(&stuck);
    free(text);
    return 0;
}
