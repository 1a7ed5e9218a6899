/* A checkpoint, folder or GGUF, opened down to its tensors, for tests of the converter.  Failures fail the test. */
#ifndef LASSIM_TEST_OPENED_CHECKPOINT_H
#define LASSIM_TEST_OPENED_CHECKPOINT_H

#include <stddef.h>

#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"
#include "convert/dense_double.h"
#include "convert/model_tensors.h"

struct opened {
    struct checkpoint *checkpoint;
    struct checkpoint_config config;
    struct graph *graph;
    struct model_tensors *tensors;
};
void opened_open(const char *path, struct opened *opened);
void opened_close(struct opened *opened);

/* Runs ids[0 .. n), of types[] or NULL, through the network, sequences of `context` tokens; the caller closes the
 * result. */
struct dense_double *opened_forward(const struct opened *opened, const uint32_t *ids, const uint32_t *types, size_t n,
                                    size_t context, unsigned threads, dense_observer *observer,
                                    void *context_of_observer);

#endif
