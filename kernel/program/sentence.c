#include "kernel/program/sentence.h"

#include <stdio.h>
#include <string.h>

#include "neurons/real.h"

static enum lassim_status wrong(const char *path, const char *expected, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_FILE, path, "section readout", "expected %s", expected);
}

static enum lassim_status read_pooling(const char *path, const json_t *object, struct sentence *sentence,
                                       struct lassim_error *error)
{
    const json_t *pooling = json_object_get(object, "pooling"), *normalise = json_object_get(object, "normalize");
    const json_t *most = json_object_get(object, "max_tokens");
    const char *name = pooling == NULL ? "mean" : json_string_value(pooling);
    if (name == NULL || (strcmp(name, "mean") != 0 && strcmp(name, "cls") != 0))
        return wrong(path, "\"pooling\" to be \"mean\" or \"cls\"", error);
    sentence->pooling = strcmp(name, "cls") == 0 ? POOLING_CLS : POOLING_MEAN;
    if (normalise != NULL && !json_is_boolean(normalise))
        return wrong(path, "\"normalize\" to be true or false", error);
    sentence->normalise = json_is_true(normalise);
    json_int_t tokens = most == NULL ? 0 : json_integer_value(most);
    if ((most != NULL && !json_is_integer(most)) || tokens < 0 || tokens >= 1 << 20)
        return wrong(path, "\"max_tokens\" to be 0 .. 2^20 - 1", error);
    sentence->max_tokens = (uint32_t)tokens;
    return LASSIM_OK;
}

static enum lassim_status read_labels(const char *path, json_t *labels, uint32_t n, struct sentence *sentence,
                                      struct lassim_error *error)
{
    if (!json_is_array(labels) || json_array_size(labels) != n)
        return wrong(path, "\"labels\" to be as many names as the head has rows", error);
    for (uint32_t i = 0; i < n; i++)
        if (!json_is_string(json_array_get(labels, i))) return wrong(path, "\"labels\" to be strings", error);
    sentence->labels = json_incref(labels);
    return LASSIM_OK;
}

enum lassim_status sentence_read(const char *path, const struct model *model, struct sentence *sentence,
                                 struct lassim_error *error)
{
    *sentence = (struct sentence){.pooling = POOLING_MEAN};
    if (model->readout.size == 0) return LASSIM_OK;
    json_t *root = json_loadb((const char *)model->readout.data, model->readout.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return wrong(path, "one JSON object", error);
    }
    json_t *object = json_object_get(root, "sentence"), *labels = json_object_get(root, "labels");
    enum lassim_status status = LASSIM_OK;
    if (object != NULL && !json_is_object(object)) status = wrong(path, "\"sentence\" to be an object", error);
    if (object != NULL && status == LASSIM_OK) status = read_pooling(path, object, sentence, error);
    if (labels != NULL && model->graph->config.head == HEAD_CLASSIFY && status == LASSIM_OK)
        status = read_labels(path, labels, model->graph->head_width, sentence, error);
    json_decref(root);
    return status;
}

void sentence_clear(struct sentence *sentence)
{
    json_decref(sentence->labels);
    sentence->labels = NULL;
}

const char *sentence_label(const struct sentence *sentence, uint32_t i, char text[24])
{
    if (sentence->labels != NULL) return json_string_value(json_array_get(sentence->labels, i));
    snprintf(text, 24, "LABEL_%u", (unsigned)i);
    return text;
}

void sentence_add(enum sentence_pooling pooling, uint32_t token, const float *values, uint32_t width, double *sum)
{
    if (pooling == POOLING_CLS && token != 0) return;
    for (uint32_t i = 0; i < width; i++) sum[i] += values[i];
}

void sentence_finish(const struct sentence *sentence, uint32_t tokens, const double *sum, uint32_t width, float *vector)
{
    double count = sentence->pooling == POOLING_CLS ? 1 : tokens, squares = 0;
    for (uint32_t i = 0; i < width; i++) squares += (sum[i] / count) * (sum[i] / count);
    double length = sentence->normalise && squares > 0 ? real_sqrt(squares) : 1;
    for (uint32_t i = 0; i < width; i++) vector[i] = (float)(sum[i] / count / length);
}

uint32_t sentence_scores(const float *logits, uint32_t n, double *score)
{
    uint32_t best = 0;
    double total = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    for (uint32_t i = 0; i < n; i++) total += score[i] = real_exp((double)logits[i] - (double)logits[best]);
    for (uint32_t i = 0; i < n; i++) score[i] /= total;
    return best;
}
