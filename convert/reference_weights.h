/* A checkpoint's own weights in float32 for the engine `dense`: what `verify --reference` compares with. */
#ifndef LASSIM_CONVERT_REFERENCE_WEIGHTS_H
#define LASSIM_CONVERT_REFERENCE_WEIGHTS_H

#include "convert/checkpoint_config.h"
#include "kernel/dense_engine.h"

struct reference;

/* Opens the checkpoint (a folder with config.json and weights, or a .gguf), checks every tensor against the graph made from its
 * config.  The caller owns *reference: reference_close. */
enum lassim_status reference_open(const char *directory, struct reference **reference, struct lassim_error *error);
void reference_close(struct reference *reference); /* NULL allowed */

/* The checkpoint's graph; lives as long as the reference. */
const struct graph *reference_graph(const struct reference *reference);
/* Views into the reference for dense_engine_new. */
void reference_weights(struct reference *reference, struct dense_weights *weights);

#endif
