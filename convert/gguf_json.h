/* What convert/gguf_config.c makes its JSON of: a GGUF's entries and the sizes of its tensors. */
#ifndef LASSIM_CONVERT_GGUF_JSON_H
#define LASSIM_CONVERT_GGUF_JSON_H

#include <jansson.h>

#include "convert/gguf_metadata.h"

enum { GGUF_JSON_KEY = 128, GGUF_ARCHITECTURE_MAX = 40, GGUF_NUMBER_MAX = 1 << 30 };

struct gguf_json {
    const struct gguf *gguf;
    char architecture[GGUF_ARCHITECTURE_MAX + 1]; /* general.architecture, plain ASCII */
    json_t *json;                                 /* the object that grows */
    struct lassim_error *error;
};

enum gguf_number_kind { GGUF_INTEGER /* 0 .. GGUF_NUMBER_MAX */, GGUF_REAL };

/* An entry, "general.x" or without "ARCHITECTURE.", and the key that it has in config.json. */
struct gguf_number {
    const char *gguf, *key;
    enum gguf_number_kind kind;
    enum gguf_need need;
};

enum lassim_status gguf_json_no_memory(const struct gguf_json *builder);
/* Puts value, which it takes and which may be NULL for want of memory, under key of object. */
enum lassim_status gguf_json_put(const struct gguf_json *builder, json_t *object, const char *key, json_t *value);

/* "ARCHITECTURE.name" in key, which is returned; name of at most 80 bytes. */
const char *gguf_json_key(const struct gguf_json *builder, const char *name, char key[GGUF_JSON_KEY]);
/* The entry of that full key under rule->key of object, nothing if it is absent and optional. */
enum lassim_status gguf_json_number(const struct gguf_json *builder, json_t *object, const char *entry,
                                    const struct gguf_number *rule);
/* The same for rules up to one without names; prefixed: entries are the architecture's. */
enum lassim_status gguf_json_numbers(const struct gguf_json *builder, const struct gguf_number *rule, int prefixed);
/* An integer entry of the architecture; *value stays if it is absent. */
enum lassim_status gguf_json_optional(const struct gguf_json *builder, const char *name, int64_t *value);

int gguf_json_has_tensor(const struct gguf_json *builder, const char *name);
/* Rows, in Hugging Face's sense, of a matrix that must be there: 1 .. GGUF_NUMBER_MAX. */
enum lassim_status gguf_json_rows_of(const struct gguf_json *builder, const char *name, int64_t *rows);
/* The same as member key. */
enum lassim_status gguf_json_rows(const struct gguf_json *builder, const char *key, const char *tensor);

#endif
