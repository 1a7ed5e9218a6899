#include "kernel/program/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_PIECE = 1 << 16 };

/* Reads file to its end; the place of a failure is the caller's file. */
static enum lassim_status read_stream(FILE *file, const char *path, size_t limit, uint8_t **bytes, size_t *size,
                                      struct lassim_error *error)
{
    size_t room = 0;
    for (;;) {
        if (room - *size < READ_PIECE + 1) {
            room = 2 * room + READ_PIECE + 1;
            uint8_t *grown = realloc(*bytes, room);
            if (grown == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory to read it");
            *bytes = grown;
        }
        errno = 0;
        size_t got = fread(*bytes + *size, 1, READ_PIECE, file);
        *size += got;
        if (*size > limit)
            return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "longer than %zu bytes, the most allowed", limit);
        if (got < READ_PIECE) break;
    }
    if (ferror(file)) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot be read: %s", strerror(errno));
    (*bytes)[*size] = 0;
    return LASSIM_OK;
}

enum lassim_status input_read(const char *path, size_t limit, uint8_t **bytes, size_t *size, struct lassim_error *error)
{
    int standard = strcmp(path, "-") == 0;
    *bytes = NULL;
    *size = 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (file == NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot be opened: %s", strerror(errno));
    enum lassim_status status = read_stream(file, path, limit, bytes, size, error);
    if (!standard) fclose(file);
    if (status == LASSIM_OK) return LASSIM_OK;
    free(*bytes);
    *bytes = NULL;
    return status;
}

/* One id at text; *end is behind it. */
static int parse_id(const char *text, uint32_t vocabulary, uint32_t *id, const char **end)
{
    uint64_t value = 0;
    *end = text;
    while (**end >= '0' && **end <= '9' && value <= UINT32_MAX) value = value * 10 + (uint64_t)(*(*end)++ - '0');
    *id = (uint32_t)value;
    return *end != text && value < vocabulary;
}

enum lassim_status input_token_ids(const char *text, uint32_t vocabulary, uint32_t **ids, size_t *n,
                                   struct lassim_error *error)
{
    size_t commas = 0;
    for (const char *c = text; *c != '\0'; c++) commas += *c == ',';
    *n = 0;
    *ids = malloc((commas + 1) * sizeof **ids);
    if (*ids == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, "--token-ids", NULL, "no memory for %zu ids", commas + 1);
    for (const char *at = text;; at++) {
        if (parse_id(at, vocabulary, &(*ids)[*n], &at) && (*at == ',' || *at == '\0')) {
            ++*n;
            if (*at == '\0') return LASSIM_OK;
            continue;
        }
        free(*ids);
        *ids = NULL;
        return lassim_fail(error, LASSIM_ERR_USAGE, "--token-ids", NULL,
                           "id %zu: expected ids from 0 to %u, separated by commas", *n + 1, vocabulary - 1);
    }
}
