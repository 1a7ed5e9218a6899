#include "convert/readout.h"

#include <jansson.h>
#include <string.h>

#include "convert/sentence_config.h"

static json_t *label_names(const struct checkpoint_config *config)
{
    json_t *names = json_array();
    for (const char *name = config->labels; name < config->labels + config->labels_size; name += strlen(name) + 1)
        json_array_append_new(names, json_string(name));
    return names;
}

enum lassim_status readout_write(const struct checkpoint *checkpoint, const char *path,
                                 const struct checkpoint_config *config, struct model *model,
                                 struct lassim_error *error)
{
    json_t *sentence = NULL;
    enum lassim_status status = LASSIM_OK;
    model->readout = (struct blob){NULL, 0};
    if (config->model.head == HEAD_VALUES) status = sentence_config_read(checkpoint, path, &sentence, error);
    if (status != LASSIM_OK || (sentence == NULL && config->labels == NULL)) return status;
    json_t *object = json_object();
    if (config->labels != NULL) json_object_set_new(object, "labels", label_names(config));
    if (sentence != NULL) json_object_set_new(object, "sentence", sentence);
    char *dump = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (dump == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "readout", "no memory");
    model->readout = (struct blob){(const uint8_t *)dump, strlen(dump)};
    return LASSIM_OK;
}
