/* Keys of a config.json as rows of a table: what a family's file (convert/config_llama.c, ...) is made of. */
#ifndef LASSIM_CONVERT_CONFIG_KEYS_H
#define LASSIM_CONVERT_CONFIG_KEYS_H

#include <stddef.h>

#include "convert/checkpoint_config.h"
#include "convert/json.h"

enum {
    CONFIG_SIZE_MAX = (1 << 20) - 1, /* as graph_config_check */
    CONFIG_LAYERS_MAX = 1024
};

/* Where keys are read from; file names the text in errors. */
struct config_reader {
    const char *file;
    const json_t *object;
    struct lassim_error *error;
};

enum config_kind {
    CONFIG_INTEGER,    /* in [low, high] into a uint32_t */
    CONFIG_SWITCH,     /* true or false into a uint32_t */
    CONFIG_NUMBER,     /* in [low, high] into a double */
    CONFIG_ACTIVATION, /* a name that transformers gives a function, into a uint32_t (enum activation) */
    CONFIG_MUST,       /* low: the one boolean that is supported; no field */
    CONFIG_TEXT        /* text: the one string that is supported; no field */
};

struct config_key {
    const char *key;
    enum config_kind kind;
    enum json_need need;
    size_t field; /* offset in struct checkpoint_config; optional and absent: the field stays as it is */
    double low, high;
    const char *text;
};

#define CONFIG_FIELD(name) offsetof(struct checkpoint_config, name)

/* Reads every key into *config.  LASSIM_ERR_FILE names the first that is wrong. */
enum lassim_status config_read_keys(const struct config_reader *reader, const struct config_key *key, size_t keys,
                                    struct checkpoint_config *config);

/* bos_token_id, eos_token_id and pad_token_id below model.vocabulary.  Of a list the first counts; null and
 * absent take the default given, -1 (which such a key may also hold) being none: then bos is eos, eos is bos, both 0; pad
 * is eos. */
enum lassim_status config_read_tokens(const struct config_reader *reader, int bos, int eos, int pad,
                                      struct model_config *model);

/* architectures[0], if there is one, must be one of names[0 .. count): *index; absent: *index stays. */
enum lassim_status config_read_architecture(const struct config_reader *reader, const char *const *names, size_t count,
                                            size_t *index);

/* rope_theta, rope_scaling or rope_parameters, and what they need of the other keys (convert/rotary.h). */
enum lassim_status config_read_rotary(const struct config_reader *reader, struct checkpoint_config *config);

/* id2label or num_labels: model.labels and the names. */
enum lassim_status config_read_labels(const struct config_reader *reader, struct checkpoint_config *config);

/* One a model_type: reads the rest of the keys into a zeroed *config with model.family set. */
typedef enum lassim_status config_family(const struct config_reader *reader, struct checkpoint_config *config);
config_family config_opt, config_llama, config_mistral, config_qwen2, config_gpt2, config_bert;

#endif
