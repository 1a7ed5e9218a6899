/* Strict JSON (RFC 8259) for checkpoint files, on jansson.  Why jansson: docs/json-library.md.
 *
 * Refused beyond what the grammar refuses: duplicate keys, the escape \u0000, invalid UTF-8 (overlong,
 * surrogates), a byte order mark, a top level that is neither object nor array, anything after the value,
 * nesting deeper than JSON_DEPTH_MAX, more than JSON_VALUES_MAX values, integers outside 64 bits, numbers
 * outside double.  Values are jansson's (json_object_foreach and so on); objects keep the file's order. */
#ifndef LASSIM_CONVERT_JSON_H
#define LASSIM_CONVERT_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

enum { JSON_DEPTH_MAX = 64, JSON_VALUES_MAX = 1 << 22, JSON_FILE_MAX = 1 << 28 };

/* Parses all of text[0 .. size) (no terminator needed, 0 <= size).  LASSIM_ERR_FILE with file, place (may be
 * NULL: nothing) and "line L, column C" otherwise; LASSIM_ERR_RUN without memory.  The caller owns *value:
 * json_decref.  O(size); at most about 100 bytes of memory per value plus the strings. */
enum lassim_status json_parse(const char *file, const char *place, const void *text, size_t size, json_t **value,
                              struct lassim_error *error);
/* Reads a regular file of at most JSON_FILE_MAX bytes into *text (owned by the caller: free; not terminated).
 * LASSIM_ERR_FILE if it cannot be read, LASSIM_ERR_RUN without memory. */
enum lassim_status json_read_text(const char *path, char **text, size_t *size, struct lassim_error *error);
/* Reads and parses a file of at most JSON_FILE_MAX bytes; LASSIM_ERR_FILE if it cannot be read or is no JSON.
 * The caller owns *value. */
enum lassim_status json_read_file(const char *path, json_t **value, struct lassim_error *error);

/* Members of an object.  A key that is absent or null leaves *out as it was if need is JSON_OPTIONAL, and is
 * LASSIM_ERR_FILE if it is JSON_REQUIRED; so is a value of another type or out of range, in one line
 * "FILE: KEY: expected ..., found ...".  file names the text; what comes out is borrowed from object.
 * `object` not being a JSON object is LASSIM_ERR_FILE too.  O(1). */
enum json_need { JSON_OPTIONAL = 0, JSON_REQUIRED = 1 };
/* An integer in [low, high] (1.0 is none). */
enum lassim_status json_get_integer(const char *file, const json_t *object, const char *key, enum json_need need,
                                    int64_t low, int64_t high, int64_t *out, struct lassim_error *error);
/* A finite number, integer or real. */
enum lassim_status json_get_number(const char *file, const json_t *object, const char *key, enum json_need need,
                                   double *out, struct lassim_error *error);
/* true (1) or false (0). */
enum lassim_status json_get_bool(const char *file, const json_t *object, const char *key, enum json_need need, int *out,
                                 struct lassim_error *error);
/* A string; UTF-8 without NUL inside, terminated. */
enum lassim_status json_get_string(const char *file, const json_t *object, const char *key, enum json_need need,
                                   const char **out, struct lassim_error *error);
enum lassim_status json_get_object(const char *file, const json_t *object, const char *key, enum json_need need,
                                   const json_t **out, struct lassim_error *error);
enum lassim_status json_get_array(const char *file, const json_t *object, const char *key, enum json_need need,
                                  const json_t **out, struct lassim_error *error);
/* What an error line calls the type: "object", "array", "string", "integer", "number", "true", "false", "null";
 * "nothing" for NULL. */
const char *json_type_name(const json_t *value);

#endif
