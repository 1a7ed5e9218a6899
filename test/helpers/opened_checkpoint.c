#include "test/helpers/opened_checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convert/checkpoint_model.h"

void opened_open(const char *path, struct opened *o)
{
    struct lassim_error error = {0};
    const char *reason;
    if (checkpoint_open(path, &o->checkpoint, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (checkpoint_model_read(o->checkpoint, path, &o->config, &error) != LASSIM_OK) fail_msg("%s", error.text);
    o->graph = graph_build(&o->config.model, &reason);
    if (o->graph == NULL) fail_msg("%s", reason);
    if (model_tensors_open(o->checkpoint, &o->config, o->graph, &o->tensors, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
}

void opened_close(struct opened *o)
{
    model_tensors_close(o->tensors);
    checkpoint_close(o->checkpoint);
    checkpoint_config_clear(&o->config);
    graph_free(o->graph);
}

struct dense_double *opened_forward(const struct opened *o, const uint32_t *ids, const uint32_t *types, size_t n,
                                    size_t context, unsigned threads, dense_observer *observer,
                                    void *context_of_observer)
{
    struct lassim_error error = {0};
    struct dense_double *dense;
    if (dense_double_open(o->tensors, ids, types, n, context, threads, &dense, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
    for (int32_t l = -1; l <= (int32_t)o->config.model.layers; l++)
        assert_int_equal(dense_double_layer(dense, l, observer, context_of_observer, &error), LASSIM_OK);
    return dense;
}
