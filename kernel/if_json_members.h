/* Members of a JSON object of a network file, checked; errors name file and place, "FILE: populations[2]: KEY: ...". */
#ifndef LASSIM_KERNEL_IF_JSON_MEMBERS_H
#define LASSIM_KERNEL_IF_JSON_MEMBERS_H

#include <jansson.h>
#include <stdint.h>

#include "kernel/error.h"

struct members {
    const char *path;
    const json_t *object; /* anything until members_object */
    struct lassim_error *error;
    char place[48];
};

/* format: the object's place. */
struct members members_of(const char *path, const json_t *object, struct lassim_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* LASSIM_ERR_FILE unless it is an object. */
enum lassim_status members_object(const struct members *m);
/* LASSIM_ERR_FILE if there is a key that is not in known[], which ends with NULL. */
enum lassim_status members_known(const struct members *m, const char *const *known);
int members_has(const struct members *m, const char *key);
/* LASSIM_ERR_FILE "FILE: PLACE: KEY: text". */
enum lassim_status members_fail(const struct members *m, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What is absent leaves *to as it was, or is refused if needed. */
enum lassim_status members_string(const struct members *m, const char *key, int needed, const char **to);
enum lassim_status members_number(const struct members *m, const char *key, int needed, double *to);
enum lassim_status members_array(const struct members *m, const char *key, int needed, const json_t **to);
/* An integer 0 .. most. */
enum lassim_status members_integer(const struct members *m, const char *key, int needed, uint64_t most, uint64_t *to);

#endif
