/* Layers without a kernel: a network whose windows are closed and whose packets are delivered by hand, level by
 * level, with no queue, no time and no threads. */
#ifndef LASSIM_TEST_HELPERS_HAND_NETWORK_H
#define LASSIM_TEST_HELPERS_HAND_NETWORK_H

#include "kernel/model.h"
#include "layers/network.h"

enum { HAND_NOBODY = -1 };

struct hand {
    const struct model *model;
    struct network_model view;
    struct network *network;
    unsigned workers;
    int backwards;                    /* populations and workers of one timestep in reverse order */
    int64_t deaf;                     /* population whose packets are not delivered, or HAND_NOBODY */
    uint64_t packets;                 /* delivered */
    uint64_t saturations, injections; /* of all closes */
    void *memory;
};

/* model outlives it.  Aborts without memory.  hand_free. */
void hand_new(struct hand *hand, const struct model *model, unsigned steps, unsigned workers);
/* The same for whole windows of up to window_tokens tokens, which the test itself fills and hands to
 * network_receive_windows. */
void hand_new_windows(struct hand *hand, const struct model *model, unsigned steps, unsigned workers,
                      uint32_t window_tokens);
void hand_free(struct hand *hand);
/* The token's two input spikes. */
void hand_input(struct hand *hand, const struct token_window *token, uint32_t id);
/* Closes the populations of levels [from, to), delivering what each level fires, timestep by timestep. */
void hand_levels(struct hand *hand, const struct token_window *token, uint32_t from, uint32_t to);
/* A whole token, logits asked for. */
void hand_token(struct hand *hand, uint32_t t, uint32_t id, float *logits);
/* Index of the population with that name; aborts if there is none. */
uint32_t hand_population(const struct hand *hand, const char *name);

#endif
