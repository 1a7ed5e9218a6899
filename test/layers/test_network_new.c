/* The network's memory: network_bytes says what network_new asks for, every refused request is survived, and what
 * was handed out is all that is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "test/helpers/tiny_model.h"

enum { REQUESTS_MAX = 4096 };

struct heap {
    void *memory[REQUESTS_MAX];
    uint32_t requests, refuse; /* refuse: the request that gets NULL */
    uint64_t bytes;
};

static void *from_heap(void *context, unsigned node, size_t bytes)
{
    (void)node;
    struct heap *heap = context;
    size_t rounded = (bytes + 63) / 64 * 64;
    assert_true(heap->requests < REQUESTS_MAX);
    if (heap->requests == heap->refuse) {
        heap->memory[heap->requests++] = NULL;
        return NULL;
    }
    void *memory = aligned_alloc(64, rounded);
    assert_non_null(memory);
    heap->bytes += rounded;
    return heap->memory[heap->requests++] = memset(memory, 0, rounded);
}

static void heap_free(struct heap *heap)
{
    for (uint32_t i = 0; i < heap->requests; i++) free(heap->memory[i]);
}

static struct model *model_of(int post)
{
    struct model_config config = tiny_config();
    if (post) config.pre_norm = config.final_norm = 0, config.layers = 2, config.embedding = 4;
    return tiny_model_new(&config, 1, 0);
}

static struct network_model view_of(const struct model *model)
{
    return (struct network_model){.graph = model->graph,
                                  .population = model->population,
                                  .matrix = model->matrix,
                                  .norm = model->norm,
                                  .table = model->table,
                                  .rotary = model->rotary,
                                  .code = model->code,
                                  .steps = 16,
                                  .residual_grid = model->residual_grid,
                                  .context = model->graph->config.positions};
}

static void bytes_are_what_is_asked_for(void **state)
{
    (void)state;
    for (int post = 0; post < 2; post++)
        for (unsigned workers = 1; workers <= 8; workers *= 2) {
            struct model *model = model_of(post);
            struct network_model view = view_of(model);
            struct heap heap = {.refuse = REQUESTS_MAX};
            assert_non_null(network_new(&view, &(struct network_team){workers, 1, NULL}, 0, from_heap, &heap));
            assert_int_equal(heap.bytes, network_bytes(&view, &(struct network_team){workers, 1, NULL}, 0));
            heap_free(&heap);
            tiny_model_free(model);
        }
}

static void every_refusal_gives_null(void **state)
{
    (void)state;
    for (int post = 0; post < 2; post++) {
        struct model *model = model_of(post);
        struct network_model view = view_of(model);
        uint32_t requests = UINT32_MAX;
        for (uint32_t refuse = 0; refuse < requests; refuse++) {
            struct heap heap = {.refuse = refuse};
            struct network *network = network_new(&view, &(struct network_team){2, 1, NULL}, 0, from_heap, &heap);
            assert_true((network == NULL) == (heap.requests > refuse));
            if (network != NULL) requests = refuse;
            assert_true(network != NULL || heap.requests == refuse + 1); /* asks for nothing more */
            heap_free(&heap);
        }
        assert_true(requests > 20);
        tiny_model_free(model);
    }
}

/* Post-LN: the residual takes a norm's value at the close of what the norm's train feeds, one level later; the last
 * norm's train goes to the head only. */
static void emptied_residuals_are_linked(void **state)
{
    (void)state;
    struct model *model = model_of(1);
    struct network_model view = view_of(model);
    struct heap heap = {.refuse = REQUESTS_MAX};
    const struct network *network = network_new(&view, &(struct network_team){1, 1, NULL}, 0, from_heap, &heap);
    uint32_t linked = 0;
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        uint32_t n = network->links[p].emptied_norm;
        if (n == GRAPH_NONE) continue;
        const struct population *ln = &model->graph->population[model->graph->norm[n].output];
        assert_true(ln->into_residual);
        assert_int_equal(model->graph->population[p].level, ln->level + 1);
        linked++;
    }
    assert_int_equal(linked, 2 * model->graph->config.layers - 1);
    heap_free(&heap);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_what_is_asked_for),
        cmocka_unit_test(every_refusal_gives_null),
        cmocka_unit_test(emptied_residuals_are_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
