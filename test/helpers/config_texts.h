/* config.json texts of every family, and what the reader makes of them. */
#ifndef LASSIM_TEST_HELPERS_CONFIG_TEXTS_H
#define LASSIM_TEST_HELPERS_CONFIG_TEXTS_H

#include "convert/config_keys.h"

/* The least that each family needs; `keys`, each ended by a comma, go in front of it. */
#define CONFIG_SIZES                                                                          \
    "\"vocab_size\":100,\"hidden_size\":32,\"intermediate_size\":80,\"num_hidden_layers\":2," \
    "\"num_attention_heads\":4,\"max_position_embeddings\":64}"
#define LLAMA(keys) "{\"model_type\":\"llama\"," keys CONFIG_SIZES
#define MISTRAL(keys) "{\"model_type\":\"mistral\",\"num_key_value_heads\":2," keys CONFIG_SIZES
#define QWEN2(keys) "{\"model_type\":\"qwen2\",\"num_key_value_heads\":2," keys CONFIG_SIZES
#define BERT(keys) "{\"model_type\":\"bert\"," keys CONFIG_SIZES
#define GPT2(keys)                                                         \
    "{\"model_type\":\"gpt2\",\"bos_token_id\":7,\"eos_token_id\":7," keys \
    "\"vocab_size\":100,\"n_embd\":32,\"n_layer\":2,\"n_head\":4,\"n_positions\":64}"
#define OPT(keys)                                                                         \
    "{\"model_type\":\"opt\"," keys                                                       \
    "\"vocab_size\":50272,\"hidden_size\":768,\"ffn_dim\":3072,\"num_hidden_layers\":12," \
    "\"num_attention_heads\":12,\"max_position_embeddings\":2048}"

/* The configuration; fails the running cmocka test if it is refused.  The caller owns what is in it
 * (checkpoint_config_clear). */
struct checkpoint_config config_accept(const char *text);
/* Fails the running cmocka test unless it is refused with an error that begins with the file's name and holds `part`. */
void config_refuse(const char *text, const char *part);

/* One key and how it is read. */
struct config_hostile {
    const char *key;
    enum config_kind kind;
};
/* Each key in turn with every value that its kind cannot have (types, ranges): refused, and the key named.  text: a
 * configuration of the family's without those keys. */
void config_refuse_values(const char *text, const struct config_hostile *keys, size_t n);

#endif
