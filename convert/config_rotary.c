/* The keys of rotary positions: rope_theta with rope_scaling, or transformers 5's rope_parameters. */
#include <stdlib.h>
#include <string.h>

#include "convert/config_keys.h"
#include "neurons/real.h"

static const struct scaling_name {
    const char *name;
    enum rotary_scaling scaling;
} scalings[] = {
    {"default", ROTARY_PLAIN}, {"linear", ROTARY_LINEAR}, {"dynamic", ROTARY_PLAIN},
    {"llama3", ROTARY_LLAMA3}, {"yarn", ROTARY_YARN},
};

/* How yarn's attention factor is given; 0: not. */
struct yarn_factors {
    double attention, mscale, mscale_all;
};

/* One number of `parameters` in [low, high]; an optional one may also stand there as what *out holds. */
static enum lassim_status read_number(const struct config_reader *reader, const char *key, enum json_need need,
                                      double low, double high, double *out)
{
    double value = *out;
    const double otherwise = value;
    enum lassim_status status = json_get_number(reader->file, reader->object, key, need, &value, reader->error);
    if (status == LASSIM_OK && (need == JSON_REQUIRED || value != otherwise) && !(value >= low && value <= high))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key, "%g, expected %g .. %g", value, low,
                           high);
    if (status == LASSIM_OK) *out = value;
    return status;
}

static enum lassim_status read_scaling(const struct config_reader *reader, struct rotary *rotary)
{
    const char *name = "default";
    const json_t *type = json_object_get(reader->object, "rope_type");
    const char *key = type != NULL && !json_is_null(type) ? "rope_type" : "type";
    enum lassim_status status = json_get_string(reader->file, reader->object, key, JSON_OPTIONAL, &name, reader->error);
    if (status != LASSIM_OK) return status;
    for (size_t i = 0; i < sizeof scalings / sizeof *scalings; i++)
        if (strcmp(scalings[i].name, name) == 0) {
            rotary->scaling = scalings[i].scaling;
            return LASSIM_OK;
        }
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "rope_type",
                       "\"%.80s\" is not supported, expected default, linear, dynamic, llama3 or yarn", name);
}

static enum lassim_status read_llama3(const struct config_reader *reader, struct rotary *rotary)
{
    enum lassim_status status =
        read_number(reader, "low_freq_factor", JSON_REQUIRED, 1e-6, 1e6, &rotary->low_frequency);
    if (status == LASSIM_OK)
        status = read_number(reader, "high_freq_factor", JSON_REQUIRED, 1e-6, 1e6, &rotary->high_frequency);
    if (status != LASSIM_OK || rotary->low_frequency < rotary->high_frequency) return status;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "low_freq_factor",
                       "%g, expected below high_freq_factor %g", rotary->low_frequency, rotary->high_frequency);
}

static enum lassim_status read_yarn(const struct config_reader *reader, struct rotary *rotary,
                                    struct yarn_factors *factors)
{
    int truncate = 1;
    rotary->beta_fast = 32;
    rotary->beta_slow = 1;
    const struct {
        const char *key;
        double *field;
    } numbers[] = {{"beta_fast", &rotary->beta_fast},
                   {"beta_slow", &rotary->beta_slow},
                   {"attention_factor", &factors->attention},
                   {"mscale", &factors->mscale},
                   {"mscale_all_dim", &factors->mscale_all}};
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == LASSIM_OK; i++)
        status = read_number(reader, numbers[i].key, JSON_OPTIONAL, 1e-3, 1e3, numbers[i].field);
    if (status == LASSIM_OK)
        status = json_get_bool(reader->file, reader->object, "truncate", JSON_OPTIONAL, &truncate, reader->error);
    rotary->exact_range = !truncate;
    return status;
}

static double mscale_of(double factor, double mscale)
{
    return factor <= 1 ? 1 : 0.1 * mscale * real_log(factor) + 1;
}

static double attention_factor(const struct rotary *rotary, const struct yarn_factors *factors)
{
    if (factors->attention > 0) return factors->attention;
    if (factors->mscale > 0 && factors->mscale_all > 0)
        return mscale_of(rotary->factor, factors->mscale) / mscale_of(rotary->factor, factors->mscale_all);
    return mscale_of(rotary->factor, 1);
}

/* The head's size as the graph will have it; 0 if the configuration leaves it open. */
static uint32_t head_dim_of(const struct model_config *model)
{
    if (model->head_dim > 0) return model->head_dim;
    return model->hidden % model->heads == 0 ? model->hidden / model->heads : 0;
}

/* What a scaling needs, from its own object; *config has the model's. */
static enum lassim_status read_parameters(const struct config_reader *reader, struct checkpoint_config *config)
{
    struct rotary *rotary = &config->rotary;
    struct yarn_factors factors = {0};
    enum lassim_status status = read_scaling(reader, rotary);
    if (status == LASSIM_OK) status = read_number(reader, "rope_theta", JSON_OPTIONAL, 1.01, 1e12, &rotary->theta);
    if (status != LASSIM_OK || rotary->scaling == ROTARY_PLAIN) return status;
    enum json_need need = rotary->scaling == ROTARY_YARN ? JSON_OPTIONAL : JSON_REQUIRED;
    rotary->factor = config->model.positions / rotary->original; /* yarn without a factor */
    status = read_number(reader, "factor", need, 1, 1e6, &rotary->factor);
    if (status == LASSIM_OK)
        status = read_number(reader, "original_max_position_embeddings", JSON_OPTIONAL, 1, CONFIG_SIZE_MAX,
                             &rotary->original);
    if (status == LASSIM_OK && !json_is_number(json_object_get(reader->object, "factor")))
        rotary->factor = config->model.positions / rotary->original;
    if (status == LASSIM_OK && rotary->scaling == ROTARY_LLAMA3) status = read_llama3(reader, rotary);
    if (status != LASSIM_OK || rotary->scaling != ROTARY_YARN) return status;
    status = read_yarn(reader, rotary, &factors);
    uint32_t head_dim = head_dim_of(&config->model);
    double scale = attention_factor(rotary, &factors);
    if (status == LASSIM_OK && head_dim > 0) config->model.score_scale = scale * scale / real_sqrt(head_dim);
    return status;
}

/* lassim_rope_factors: what a GGUF's configuration has (convert/gguf_config.h). */
static enum lassim_status read_divisors(const struct config_reader *reader, struct checkpoint_config *config)
{
    static const char key[] = "lassim_rope_factors";
    const json_t *array = NULL;
    enum lassim_status status = json_get_array(reader->file, reader->object, key, JSON_OPTIONAL, &array, reader->error);
    if (status != LASSIM_OK || array == NULL) return status;
    size_t n = json_array_size(array);
    if (n == 0 || n != head_dim_of(&config->model) / 2)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key, "%zu numbers, expected %u: half a head",
                           n, head_dim_of(&config->model) / 2);
    config->rotary_divisor = calloc(n, sizeof *config->rotary_divisor);
    if (config->rotary_divisor == NULL)
        return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, key, "no memory");
    for (size_t i = 0; i < n; i++) {
        double divisor = json_number_value(json_array_get(array, i)); /* 0 of anything but a number */
        if (!(divisor >= 1 && divisor <= 1e6))
            return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key, "element %zu, expected 1 .. 1e6", i);
        config->rotary_divisor[i] = divisor;
    }
    config->rotary.divisor = config->rotary_divisor;
    return LASSIM_OK;
}

enum lassim_status config_read_rotary(const struct config_reader *reader, struct checkpoint_config *config)
{
    const json_t *scaling = NULL, *parameters = NULL;
    struct rotary *rotary = &config->rotary;
    double partial = 1;
    rotary->theta = 10000;
    rotary->original = config->model.positions;
    enum lassim_status status = read_number(reader, "rope_theta", JSON_OPTIONAL, 1.01, 1e12, &rotary->theta);
    if (status == LASSIM_OK) status = read_number(reader, "partial_rotary_factor", JSON_OPTIONAL, 1, 1, &partial);
    if (status == LASSIM_OK) status = read_divisors(reader, config);
    if (status == LASSIM_OK)
        status = json_get_object(reader->file, reader->object, "rope_scaling", JSON_OPTIONAL, &scaling, reader->error);
    if (status == LASSIM_OK)
        status =
            json_get_object(reader->file, reader->object, "rope_parameters", JSON_OPTIONAL, &parameters, reader->error);
    if (scaling == NULL) scaling = parameters;
    if (status != LASSIM_OK || scaling == NULL) return status;
    const struct config_reader inner = {reader->file, scaling, reader->error};
    status = read_number(&inner, "partial_rotary_factor", JSON_OPTIONAL, 1, 1, &partial);
    return status == LASSIM_OK ? read_parameters(&inner, config) : status;
}
