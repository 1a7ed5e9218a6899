/* Any bytes as JSON: parsed, or refused with one line; what parses survives writing and reading again. */
#include <stdlib.h>
#include <string.h>

#include "convert/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lassim_error error = {0};
    json_t *value = NULL, *again = NULL;
    enum lassim_status status = json_parse("input", "json", data, size, &value, &error);
    if (status != LASSIM_OK) {
        if (status != LASSIM_ERR_FILE || error.status != status || strchr(error.text, '\n') != NULL) abort();
        return 0;
    }
    int64_t integer;
    const char *text;
    const json_t *part;
    (void)json_get_integer("input", value, "id", JSON_OPTIONAL, 0, 99, &integer, &error);
    (void)json_get_string("input", value, "type", JSON_REQUIRED, &text, &error);
    (void)json_get_object("input", value, "model", JSON_REQUIRED, &part, &error);
    char *written = json_dumps(value, JSON_COMPACT);
    if (written == NULL || json_parse("again", NULL, written, strlen(written), &again, &error) != LASSIM_OK) abort();
    free(written);
    json_decref(value);
    json_decref(again);
    return 0;
}
