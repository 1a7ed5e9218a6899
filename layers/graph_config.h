/* The families that there are, and what their hyperparameters must satisfy: what graph_build starts from.  The rest of
 * what layers/graph_config.c does is in layers/graph.h. */
#ifndef LASSIM_LAYERS_GRAPH_CONFIG_H
#define LASSIM_LAYERS_GRAPH_CONFIG_H

#include "layers/graph_builder.h"

/* One row a family. */
struct graph_family {
    uint32_t id;
    const char *name; /* model_type in config.json */
    const char *title;
    const char *(*check)(const struct model_config *config); /* NULL, or what the family is not */
    void (*capacity)(const struct model_config *config, struct graph_builder *builder);
    void (*build)(struct graph_builder *builder);
};
/* NULL if there is none of that id. */
const struct graph_family *graph_family_find(uint32_t id);

/* *config with what 0 stands for in its place. */
struct model_config graph_config_complete(const struct model_config *config);
/* graph_config_check of such a config. */
const char *graph_config_check_complete(const struct model_config *config);

#endif
