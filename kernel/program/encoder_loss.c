#include "kernel/program/encoder_loss.h"

#include <stdlib.h>

enum lassim_status encoder_loss_new(const struct graph *graph, struct encoder_loss *loss, struct lassim_error *error)
{
    *loss = (struct encoder_loss){(enum head_kind)graph->config.head, graph->head_width, NULL, NULL, NULL};
    loss->wide = malloc(loss->width * sizeof *loss->wide);
    loss->scratch = malloc(loss->width * sizeof *loss->scratch);
    loss->mean = malloc(loss->width * sizeof *loss->mean);
    if (loss->wide != NULL && loss->scratch != NULL && loss->mean != NULL) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a sequence's values");
}

void encoder_loss_free(struct encoder_loss *loss)
{
    free(loss->wide);
    free(loss->scratch);
    free(loss->mean);
    *loss = (struct encoder_loss){.wide = NULL};
}

uint32_t encoder_loss_rows(enum head_kind head, uint32_t n)
{
    return head == HEAD_CLASSIFY ? 1 : n;
}

/* The mean of rows [n][width], as doubles. */
static void mean_of(const float *rows, uint32_t n, uint32_t width, double *mean)
{
    for (uint32_t i = 0; i < width; i++) {
        mean[i] = 0;
        for (uint32_t r = 0; r < n; r++) mean[i] += rows[(size_t)r * width + i];
        mean[i] /= n;
    }
}

static void add_row(const struct encoder_loss *loss, const uint32_t *id, const float *dense, const float *spiking,
                    struct comparison *comparison)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < loss->width; i++) {
        loss->wide[i] = dense[i];
        if (dense[i] > dense[best]) best = i;
    }
    comparison_add(comparison, loss->wide, spiking, loss->width, loss->head == HEAD_CLASSIFY ? best : *id,
                   loss->scratch);
}

void encoder_loss_add(const struct encoder_loss *loss, const uint32_t *ids, uint32_t n, const float *dense,
                      const float *spiking, struct comparison *comparison)
{
    uint32_t width = loss->width, rows = encoder_loss_rows(loss->head, n);
    if (loss->head != HEAD_VALUES) {
        for (uint32_t r = 0; r < rows; r++)
            add_row(loss, &ids[r], dense + (size_t)r * width, spiking + (size_t)r * width, comparison);
        return;
    }
    mean_of(dense, n, width, loss->wide);
    mean_of(spiking, n, width, loss->scratch);
    for (uint32_t i = 0; i < width; i++) loss->mean[i] = (float)loss->scratch[i];
    comparison_add_vector(comparison, loss->wide, loss->mean, width);
}
