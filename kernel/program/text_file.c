#include "kernel/program/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_FILE_MAX = 1 << 28 };

static enum lassim_status read_stream(FILE *stream, const char *path, char **text, size_t *size,
                                      struct lassim_error *error)
{
    size_t capacity = 1 << 16, used = 0;
    char *buffer = malloc(capacity);
    while (buffer != NULL) {
        used += fread(buffer + used, 1, capacity - used - 1, stream);
        if (used < capacity - 1 || used >= TEXT_FILE_MAX) break;
        char *larger = realloc(buffer, capacity *= 2);
        if (larger == NULL) free(buffer);
        buffer = larger;
    }
    enum lassim_status status = LASSIM_OK;
    if (buffer == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory to read it");
    else if (ferror(stream))
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot be read: %s", strerror(errno));
    else if (used >= TEXT_FILE_MAX)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "is larger than %d bytes", TEXT_FILE_MAX);
    if (status != LASSIM_OK) {
        free(buffer);
        return status;
    }
    buffer[used] = '\0';
    *text = buffer;
    *size = used;
    return LASSIM_OK;
}

enum lassim_status text_file_read(const char *path, char **text, size_t *size, struct lassim_error *error)
{
    int standard = strcmp(path, "-") == 0;
    FILE *stream = standard ? stdin : fopen(path, "rb");
    if (stream == NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot be opened: %s", strerror(errno));
    enum lassim_status status = read_stream(stream, path, text, size, error);
    if (!standard) fclose(stream);
    return status;
}
