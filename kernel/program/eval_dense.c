/* The dense side of kernel/program/eval.h. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/program/eval.h"
#include "kernel/program/run_loop.h"

/* Maps `bytes` of a new file beside `near` that has no name any more; its disk space is reserved. */
static void *map_unnamed(const char *near, uint64_t bytes, struct lassim_error *error)
{
    char path[4096];
    int failed = snprintf(path, sizeof path, "%s.dense-XXXXXX", near) >= (int)sizeof path ? ENAMETOOLONG : 0;
    int fd = failed ? -1 : mkostemp(path, O_CLOEXEC);
    void *map = MAP_FAILED;
    if (!failed && fd < 0) failed = errno;
    if (fd >= 0) {
        unlink(path);
        failed = posix_fallocate(fd, 0, (off_t)bytes);
        if (!failed) map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (!failed && map == MAP_FAILED) failed = errno;
        close(fd);
    }
    if (!failed) return map;
    lassim_fail(error, LASSIM_ERR_RUN, near, NULL, "no room beside it for the dense logits, %llu bytes: %s",
                (unsigned long long)bytes, strerror(failed));
    return NULL;
}

struct feed {
    struct eval_dense *dense;
    struct eval_watch *watch;
    size_t row; /* of the next that is read out */
};

static void keep(void *context, uint32_t token, const float *logits)
{
    struct feed *feed = context;
    struct eval_dense *dense = feed->dense;
    (void)token;
    memcpy(dense->logits + feed->row++ * dense->width, logits, dense->width * sizeof *logits);
    atomic_fetch_add(&feed->watch->timesteps, 1); /* for the watchdog: something advances */
}

static enum lassim_status run_text(struct dense_engine *engine, const struct eval_text *text, struct eval_watch *watch,
                                   struct eval_dense *dense, struct lassim_error *error)
{
    struct feed feed = {dense, watch, 0};
    uint32_t *chunk = malloc(text->context * sizeof *chunk);
    enum lassim_status status = LASSIM_OK;
    if (chunk == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a chunk");
    for (size_t i = 0; i < eval_text_pieces(text) && status == LASSIM_OK; i++) {
        struct eval_piece piece;
        eval_text_piece(text, i, chunk, &piece);
        const struct engine_feed whole = {piece.inputs, piece.types, piece.n, LASSIM_READ_ALL, keep, &feed};
        status = dense_engine_feed(engine, &whole, error);
        dense_engine_reset(engine);
    }
    free(chunk);
    return status;
}

static int show(struct eval_watch *watch, struct dense_engine *engine)
{
    pthread_mutex_lock(&watch->lock);
    int stopped = watch->stopped;
    watch->dense = engine;
    pthread_mutex_unlock(&watch->lock);
    return stopped;
}

/* The integers come first in the structure, without a gap; the doubles are compared as numbers.  Special tokens may come
 * from the tokenizer, which is not read again, and change nothing that is computed. */
static int same_config(const struct model_config *a, const struct model_config *b)
{
    struct model_config other = *b;
    other.bos = a->bos;
    other.eos = a->eos;
    other.pad = a->pad;
    return memcmp(a, &other, offsetof(struct model_config, norm_epsilon)) == 0 && a->norm_epsilon == b->norm_epsilon &&
           a->score_scale == b->score_scale;
}

enum lassim_status eval_reference_open(const struct model *model, const char *directory, struct reference **reference,
                                       struct dense_weights *weights, struct lassim_error *error)
{
    dense_weights_of_model(model, weights);
    if (directory == NULL) return LASSIM_OK;
    enum lassim_status status = reference_open(directory, reference, error);
    if (status != LASSIM_OK) return status;
    if (!same_config(&reference_graph(*reference)->config, &model->graph->config))
        return lassim_fail(error, LASSIM_ERR_FILE, directory, "config.json",
                           "is not the configuration that the model was converted from");
    reference_weights(*reference, weights);
    return LASSIM_OK;
}

enum lassim_status eval_dense_new(const struct model *model, const char *directory, const struct eval_text *text,
                                  const char *near, unsigned threads, struct eval_watch *watch,
                                  struct eval_dense *dense, struct lassim_error *error)
{
    struct reference *reference = NULL;
    struct dense_engine *engine = NULL;
    struct team *team = NULL;
    struct dense_weights weights;
    double start = run_seconds();
    *dense = (struct eval_dense){.width = model->graph->head_width};
    dense->bytes = eval_first_row(model->graph, eval_text_pieces(text), text->count) * dense->width * sizeof(float);
    enum lassim_status status = eval_reference_open(model, directory, &reference, &weights, error);
    if (status == LASSIM_OK && (dense->logits = map_unnamed(near, dense->bytes, error)) == NULL)
        status = LASSIM_ERR_RUN;
    if (status == LASSIM_OK) status = team_new(threads, NULL, 0, &team, error);
    if (status == LASSIM_OK) status = dense_engine_new(model->graph, &weights, team, &engine, error);
    if (status == LASSIM_OK && show(watch, engine))
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted");
    if (status == LASSIM_OK) status = run_text(engine, text, watch, dense, error);
    show(watch, NULL);
    dense_engine_free(engine);
    team_free(team);
    reference_close(reference);
    dense->seconds = run_seconds() - start;
    if (status != LASSIM_OK) eval_dense_free(dense);
    return status;
}

void eval_dense_free(struct eval_dense *dense)
{
    if (dense->logits != NULL) munmap(dense->logits, dense->bytes);
    dense->logits = NULL;
}
