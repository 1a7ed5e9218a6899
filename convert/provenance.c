#include "convert/provenance.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "convert/checkpoint_model.h"

enum { HASH_TEXT = 17 };

static const char *hash_text(uint64_t hash, char text[HASH_TEXT])
{
    snprintf(text, HASH_TEXT, "%016llx", (unsigned long long)hash);
    return text;
}

static json_t *weight_files(const struct checkpoint *checkpoint)
{
    json_t *files = json_array();
    char hash[HASH_TEXT];
    for (size_t i = 0; i < checkpoint_files(checkpoint); i++)
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", checkpoint_file_name(checkpoint, i), "bytes",
                                               (json_int_t)checkpoint_file_size(checkpoint, i), "xxh3",
                                               hash_text(checkpoint_file_hash(checkpoint, i), hash)));
    return files;
}

static json_t *options_object(const struct convert_options *options)
{
    return json_pack("{s:I, s:s, s:s, s:f, s:s}", "timesteps", (json_int_t)options->timesteps, "code",
                     options->code == SPIKE_CODE_TERNARY ? "ternary" : "radix", "weights",
                     convert_weights_name(options->weights), "hg_error", options->hg_error, "thresholds",
                     options->threshold_rule == THRESHOLD_OAT ? "oat" : "one_at_maximum");
}

enum lassim_status provenance_write(const struct convert_options *options, const struct checkpoint *checkpoint,
                                    const struct calibration_text *text, struct model *model,
                                    struct lassim_error *error)
{
    uint64_t hash = 0;
    char config_text[HASH_TEXT], tokenizer_text[HASH_TEXT], calibration_text[HASH_TEXT];
    enum lassim_status status = checkpoint_model_hash(checkpoint, options->checkpoint, &hash, error);
    if (status != LASSIM_OK) return status;
    json_t *object = json_pack(
        "{s:s, s:{s:o, s:s}, s:s, s:o, s:{s:s, s:s, s:I, s:I}}", "tool", "lassim " LASSIM_VERSION, "checkpoint",
        "files", weight_files(checkpoint), "config_xxh3", hash_text(hash, config_text), "tokenizer_xxh3",
        hash_text(XXH3_64bits(model->tokenizer.data, model->tokenizer.size), tokenizer_text), "options",
        options_object(options), "calibration", "text", options->calibration == NULL ? "default" : "file", "xxh3",
        hash_text(text->hash, calibration_text), "tokens", (json_int_t)text->tokens, "context",
        (json_int_t)text->context);
    char *dump = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (dump == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "provenance", "no memory");
    model->provenance = (struct blob){(const uint8_t *)dump, strlen(dump)};
    return LASSIM_OK;
}
