/* Typed access to a GGUF's metadata.  Nothing is copied: texts and arrays point into the file.
 *
 * An entry that is absent leaves *out as it was if need is GGUF_OPTIONAL and is LASSIM_ERR_FILE if it is
 * GGUF_REQUIRED; so is a value of another type or out of range, in one line "FILE: KEY: expected ..., found ...".
 * The tokenizer's entries are texts (tokenizer.ggml.model, .pre), string arrays (.tokens, .merges), a float array
 * (.scores), an integer array (.token_type), integers (.bos_token_id, ..) and booleans (.add_bos_token, ..). */
#ifndef LASSIM_CONVERT_GGUF_METADATA_H
#define LASSIM_CONVERT_GGUF_METADATA_H

#include <stdint.h>

#include "convert/gguf.h"

enum gguf_need { GGUF_OPTIONAL = 0, GGUF_REQUIRED = 1 };

/* An integer of any of the eight integer types, in [low, high]. */
enum lassim_status gguf_get_integer(const struct gguf *gguf, const char *key, enum gguf_need need, int64_t low,
                                    int64_t high, int64_t *out, struct lassim_error *error);
/* A finite number: float64 and integers as they are; a float32 as the double nearest to the shortest decimal that
 * names it (1e-5f is 1e-5, as in a config.json). */
enum lassim_status gguf_get_number(const struct gguf *gguf, const char *key, enum gguf_need need, double *out,
                                   struct lassim_error *error);
/* The rule for float32 above. */
double gguf_shortest(float value);
enum lassim_status gguf_get_bool(const struct gguf *gguf, const char *key, enum gguf_need need, int *out,
                                 struct lassim_error *error);
enum lassim_status gguf_get_text(const struct gguf *gguf, const char *key, enum gguf_need need, struct gguf_text *out,
                                 struct lassim_error *error);

/* What an array's elements must be. */
enum gguf_elements { GGUF_STRINGS, GGUF_FLOATS /* float32 */, GGUF_INTEGERS /* any integer type */ };
/* An array of such elements; *out is NULL-initialised by the caller and stays so if absent and optional.  An empty
 * array is of any kind. */
enum lassim_status gguf_get_array(const struct gguf *gguf, const char *key, enum gguf_need need,
                                  enum gguf_elements elements, const struct gguf_value **out,
                                  struct lassim_error *error);
/* Elements of arrays that gguf_get_array gave; index < count (invariant).  O(1).  A uint64 beyond int64 is
 * INT64_MAX. */
float gguf_float_at(const struct gguf_value *array, uint64_t index);
int64_t gguf_integer_at(const struct gguf_value *array, uint64_t index);

/* Walks a string array in order: start it, then `next` until it returns 0.  O(1) each. */
struct gguf_strings {
    const uint8_t *at;
    uint64_t left;
};
struct gguf_strings gguf_strings_start(const struct gguf_value *array);
int gguf_strings_next(struct gguf_strings *strings, struct gguf_text *text);

#endif
