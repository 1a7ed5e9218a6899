/* The GGUF reader on any bytes: a refusal is one line; of an accepted file every text, array and tensor can be read. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "convert/gguf_config.h"
#include "convert/gguf_metadata.h"
#include "convert/gguf_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum lassim_status status, const struct lassim_error *error)
{
    if (status == LASSIM_OK) return;
    if (status != LASSIM_ERR_FILE || error->text[0] == '\0' || strchr(error->text, '\n') != NULL) abort();
}

/* Keeps a compiler from leaving reads out. */
static volatile uint8_t sink;

static void read_text(struct gguf_text text)
{
    for (uint64_t i = 0; i < text.size; i++) sink = (uint8_t)text.data[i];
}

static void read_entry(const struct gguf_entry *entry)
{
    const struct gguf_value *value = &entry->value;
    struct gguf_text text;
    read_text((struct gguf_text){(const char *)value->data, value->size});
    if (value->type != GGUF_ARRAY) return;
    if (value->element == GGUF_STRING) {
        struct gguf_strings strings = gguf_strings_start(value);
        while (gguf_strings_next(&strings, &text)) read_text(text);
    }
    for (uint64_t i = 0; value->element == GGUF_INT32 && i < value->count; i++)
        sink = (uint8_t)gguf_integer_at(value, i);
}

static void read_tensors(const struct gguf *gguf)
{
    struct tensor_list list = {0};
    struct lassim_error error = {0};
    enum lassim_status status = gguf_list_tensors(gguf, &list, &error);
    if (status == LASSIM_OK) status = tensor_list_sort(&list, &error);
    check(status, &error);
    for (size_t i = 0; i < list.count && status == LASSIM_OK; i++) {
        const struct checkpoint_tensor *tensor = &list.tensor[i];
        uint8_t last[4];
        if (!tensor->readable || tensor->elements == 0) continue;
        checkpoint_first_nonfinite(tensor);
        checkpoint_tensor_copy(tensor, tensor->elements - 1, 1, last);
        checkpoint_tensor_copy(tensor, 0, 1, last);
    }
    tensor_list_clear(&list);
}

static void read_config(const struct gguf *gguf)
{
    json_t *json = NULL;
    struct lassim_error error = {0};
    enum lassim_status status = gguf_config(gguf, &json, &error);
    check(status, &error);
    char *text = status == LASSIM_OK ? json_dumps(json, JSON_COMPACT) : NULL;
    if (status == LASSIM_OK && text == NULL) abort();
    free(text);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf *gguf = NULL;
    struct lassim_error error = {0};
    enum lassim_status status = gguf_open("fuzz.gguf", data, size, &gguf, &error);
    check(status, &error);
    if (status != LASSIM_OK) return 0;
    for (size_t i = 0; i < gguf->entries; i++) read_entry(&gguf->entry[i]);
    read_tensors(gguf);
    read_config(gguf);
    gguf_close(gguf);
    return 0;
}
