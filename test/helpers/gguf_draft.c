#include "test/helpers/gguf_draft.h"

#include <string.h>

static void add_text(struct bytes *bytes, const char *text)
{
    bytes_number(bytes, strlen(text), 8);
    bytes_text(bytes, text);
}

void gguf_draft_key(struct gguf_draft *draft, const char *key, uint32_t type)
{
    add_text(&draft->metadata, key);
    bytes_number(&draft->metadata, type, 4);
    draft->entries++;
}

void gguf_draft_number(struct gguf_draft *draft, const char *key, enum gguf_type type, uint64_t value)
{
    gguf_draft_key(draft, key, type);
    bytes_number(&draft->metadata, value, gguf_type_size(type));
}

void gguf_draft_float(struct gguf_draft *draft, const char *key, float value)
{
    gguf_draft_key(draft, key, GGUF_FLOAT32);
    bytes_add(&draft->metadata, &value, sizeof value);
}

void gguf_draft_text(struct gguf_draft *draft, const char *key, const char *text)
{
    gguf_draft_key(draft, key, GGUF_STRING);
    add_text(&draft->metadata, text);
}

static void add_array(struct gguf_draft *draft, const char *key, enum gguf_type element, size_t count)
{
    gguf_draft_key(draft, key, GGUF_ARRAY);
    bytes_number(&draft->metadata, element, 4);
    bytes_number(&draft->metadata, count, 8);
}

void gguf_draft_strings(struct gguf_draft *draft, const char *key, const char *const *string, size_t count)
{
    add_array(draft, key, GGUF_STRING, count);
    for (size_t i = 0; i < count; i++) add_text(&draft->metadata, string[i]);
}

void gguf_draft_floats(struct gguf_draft *draft, const char *key, const float *value, size_t count)
{
    add_array(draft, key, GGUF_FLOAT32, count);
    bytes_add(&draft->metadata, value, count * sizeof *value);
}

void gguf_draft_int32s(struct gguf_draft *draft, const char *key, const int32_t *value, size_t count)
{
    add_array(draft, key, GGUF_INT32, count);
    bytes_add(&draft->metadata, value, count * sizeof *value);
}

void gguf_draft_info(struct gguf_draft *draft, const char *name, uint32_t rank, const uint64_t *dimension,
                     uint32_t type, uint64_t offset)
{
    add_text(&draft->infos, name);
    bytes_number(&draft->infos, rank, 4);
    for (uint32_t i = 0; i < rank && i < 8; i++) bytes_number(&draft->infos, dimension[i], 8);
    bytes_number(&draft->infos, type, 4);
    bytes_number(&draft->infos, offset, 8);
    draft->tensors++;
}

static void pad(struct bytes *bytes, size_t before, const struct gguf_draft *draft)
{
    size_t alignment = draft->alignment != 0 ? draft->alignment : 32;
    while ((before + bytes->size) % alignment != 0) bytes_number(bytes, 0, 1);
}

void gguf_draft_tensor(struct gguf_draft *draft, const char *name, uint32_t rank, const uint64_t *dimension,
                       uint32_t type, const void *data, size_t bytes)
{
    pad(&draft->data, 0, draft);
    gguf_draft_info(draft, name, rank, dimension, type, draft->data.size);
    bytes_add(&draft->data, data, bytes);
}

struct bytes gguf_draft_finish(struct gguf_draft *draft)
{
    struct bytes file = {0};
    bytes_text(&file, "GGUF");
    bytes_number(&file, draft->version != 0 ? draft->version : 3, 4);
    bytes_number(&file, draft->tensors, 8);
    bytes_number(&file, draft->entries, 8);
    struct bytes *const parts[3] = {&draft->metadata, &draft->infos, &draft->data};
    for (size_t i = 0; i < 3; i++) {
        if (parts[i] == &draft->data) pad(&file, 0, draft);
        bytes_add(&file, parts[i]->data, parts[i]->size);
        bytes_clear(parts[i]);
    }
    *draft = (struct gguf_draft){0};
    return file;
}

void gguf_draft_write(struct gguf_draft *draft, const char *folder, const char *name)
{
    struct bytes file = gguf_draft_finish(draft);
    folder_write(folder, name, file.data, file.size);
    bytes_clear(&file);
}
