#include "kernel/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum lassim_status csv_fail(const struct csv *csv, const char *what, struct lassim_error *error)
{
    char place[40];
    snprintf(place, sizeof place, "line %" PRIu64, csv->number);
    return lassim_fail(error, LASSIM_ERR_FILE, csv->path, place, "%s", what);
}

static enum lassim_status split(struct csv *csv, struct lassim_error *error)
{
    csv->cells = 0;
    for (char *at = csv->line; at != NULL;) {
        if (csv->cells == CSV_CELLS_MAX) return csv_fail(csv, "expected at most 16 columns", error);
        csv->cell[csv->cells++] = at;
        at = strchr(at, ',');
        if (at != NULL) *at++ = '\0';
    }
    return LASSIM_OK;
}

enum lassim_status csv_line(struct csv *csv, int *more, struct lassim_error *error)
{
    while (csv->at < csv->end) {
        const char *feed = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
        const char *stop = feed != NULL ? feed : csv->end;
        size_t length = (size_t)(stop - csv->at);
        const char *start = csv->at;
        csv->number++;
        csv->at = feed != NULL ? feed + 1 : csv->end;
        if (length > 0 && start[length - 1] == '\r') length--;
        if (length == 0) continue;
        if (length > CSV_LINE_MAX) return csv_fail(csv, "expected at most 255 characters", error);
        if (memchr(start, '\0', length) != NULL) return csv_fail(csv, "expected text, found a 0 byte", error);
        memcpy(csv->line, start, length);
        csv->line[length] = '\0';
        *more = 1;
        return split(csv, error);
    }
    *more = 0;
    return LASSIM_OK;
}

int csv_unsigned(const char *text, uint64_t *value)
{
    *value = 0;
    if (*text == '\0') return 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return 0;
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *text - '0', value)) return 0;
    }
    return 1;
}

int csv_unsigned32(const char *text, uint32_t *value)
{
    uint64_t wide;
    if (!csv_unsigned(text, &wide) || wide > UINT32_MAX) return 0;
    *value = (uint32_t)wide;
    return 1;
}
