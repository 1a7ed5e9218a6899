#include "kernel/program/report_page.h"

#include <stdlib.h>
#include <string.h>

char *report_page_data(const json_t *json, size_t *size)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    if (text == NULL) return NULL;
    size_t length = strlen(text), marks = 0, used = 0;
    for (size_t i = 0; i < length; i++) marks += strchr("<>&", text[i]) != NULL;
    char *safe = malloc(length + 5 * marks + 1);
    for (size_t i = 0; safe != NULL && i < length; i++) {
        const char *escape = text[i] == '<'   ? "\\u003c"
                             : text[i] == '>' ? "\\u003e"
                             : text[i] == '&' ? "\\u0026"
                                              : NULL;
        if (escape == NULL) {
            safe[used++] = text[i];
            continue;
        }
        memcpy(safe + used, escape, 6);
        used += 6;
    }
    free(text);
    if (safe == NULL) return NULL;
    safe[used] = '\0';
    *size = used;
    return safe;
}

static enum lassim_status write_asset(struct outfile *out, const char *name, size_t length, const char *data,
                                      size_t size, struct lassim_error *error)
{
    unsigned count;
    const struct report_asset *asset = report_assets(&count);
    if (length == 4 && memcmp(name, "DATA", 4) == 0) return outfile_write(out, data, size, error);
    for (unsigned i = 0; i < count; i++)
        if (strlen(asset[i].name) == length && memcmp(asset[i].name, name, length) == 0)
            return outfile_write(out, asset[i].bytes, asset[i].size, error);
    LASSIM_INVARIANT(0, "the template names an unknown part %.*s", (int)length, name);
}

enum lassim_status report_page_write(struct outfile *out, const json_t *json, struct lassim_error *error)
{
    const struct report_asset template = report_template();
    size_t size = 0;
    char *data = report_page_data(json, &size);
    if (data == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the report's data");
    enum lassim_status status = LASSIM_OK;
    for (const char *at = template.bytes, *end = at + template.size; status == LASSIM_OK && at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t length = feed != NULL ? (size_t)(feed - at) : (size_t)(end - at);
        if (length > 4 && memcmp(at, "@@", 2) == 0 && memcmp(at + length - 2, "@@", 2) == 0)
            status = write_asset(out, at + 2, length - 4, data, size, error);
        else
            status = outfile_write(out, at, length, error);
        if (status == LASSIM_OK) status = outfile_write(out, "\n", 1, error);
        at += length + 1;
    }
    free(data);
    return status;
}
