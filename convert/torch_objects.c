#include "convert/torch_objects.h"

#include <stdio.h>
#include <string.h>

enum global_kind { GLOBAL_STORAGE = 0, GLOBAL_TENSOR, GLOBAL_PARAMETER, GLOBAL_ORDERED_DICT };

struct torch_global {
    const char *module, *name;
    enum global_kind kind;
    uint32_t bytes; /* GLOBAL_STORAGE: of one element */
    int readable;
    enum weight_type type;
};

static const struct torch_global known[] = {
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_TENSOR, 0, 0, 0},
    {"torch._utils", "_rebuild_parameter", GLOBAL_PARAMETER, 0, 0, 0},
    {"collections", "OrderedDict", GLOBAL_ORDERED_DICT, 0, 0, 0},
    {"torch", "FloatStorage", GLOBAL_STORAGE, 4, 1, WEIGHT_F32},
    {"torch", "HalfStorage", GLOBAL_STORAGE, 2, 1, WEIGHT_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, 2, 1, WEIGHT_BF16},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, 8, 0, 0},
    {"torch", "LongStorage", GLOBAL_STORAGE, 8, 0, 0},
    {"torch", "IntStorage", GLOBAL_STORAGE, 4, 0, 0},
    {"torch", "ShortStorage", GLOBAL_STORAGE, 2, 0, 0},
    {"torch", "CharStorage", GLOBAL_STORAGE, 1, 0, 0},
    {"torch", "ByteStorage", GLOBAL_STORAGE, 1, 0, 0},
    {"torch", "BoolStorage", GLOBAL_STORAGE, 1, 0, 0},
    {"torch", "ComplexFloatStorage", GLOBAL_STORAGE, 8, 0, 0},
    {"torch", "ComplexDoubleStorage", GLOBAL_STORAGE, 16, 0, 0},
};

enum { SHOWN_MAX = 100 /* bytes of a hostile string that an error shows */ };

static enum lassim_status fail(const struct torch_context *context, const char *text)
{
    return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, "pickle", "%s", text);
}

static enum lassim_status no_room(const struct torch_context *context)
{
    return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, "pickle",
                       "its values take more than %d MiB, expected a table of tensors", PICKLE_ARENA_MAX >> 20);
}

static int equals(const struct pickle_value *string, const char *text)
{
    return string->kind == PICKLE_STRING && string->count == strlen(text) &&
           memcmp(string->as.string, text, string->count) == 0;
}

static int shown(const struct pickle_value *string)
{
    return string->count < SHOWN_MAX ? (int)string->count : SHOWN_MAX;
}

enum lassim_status torch_global_find(const struct torch_context *context, const struct pickle_value *module,
                                     const struct pickle_value *name, struct pickle_value *value)
{
    if (module->kind != PICKLE_STRING || name->kind != PICKLE_STRING)
        return fail(context, "a global without a name, expected strings");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (equals(module, known[i].module) && equals(name, known[i].name)) {
            *value = (struct pickle_value){.kind = PICKLE_GLOBAL, .as.global = &known[i]};
            return LASSIM_OK;
        }
    return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, "pickle",
                       "names %.*s.%.*s: only tensors are read", shown(module), module->as.string, shown(name),
                       name->as.string);
}

/* The archive's entry of storage `key`. */
static const struct zip_entry *find_storage(const struct torch_context *context, const struct pickle_value *key)
{
    char name[ZIP_NAME_MAX + 1];
    int length = snprintf(name, sizeof name, "%s/data/%.*s", context->prefix, (int)key->count, key->as.string);
    if (length < 0 || (size_t)length >= sizeof name) return NULL;
    return zip_archive_find(context->archive, name);
}

enum lassim_status torch_storage_load(const struct torch_context *context, const struct pickle_value *id,
                                      struct pickle_value *value)
{
    const struct pickle_value *item = id->as.item;
    if (id->kind != PICKLE_TUPLE || id->count != 5 || !equals(&item[0], "storage") || item[1].kind != PICKLE_GLOBAL ||
        item[1].as.global->kind != GLOBAL_STORAGE || item[2].kind != PICKLE_STRING || item[2].count > ZIP_NAME_MAX ||
        item[4].kind != PICKLE_INTEGER || item[4].as.integer < 0)
        return fail(context, "expected persistent ids ('storage', type, key, location, elements)");
    const struct zip_entry *entry = find_storage(context, &item[2]);
    if (entry == NULL)
        return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, "pickle",
                           "storage %.*s is not in the archive, expected an entry %s/data/%.*s", shown(&item[2]),
                           item[2].as.string, context->prefix, shown(&item[2]), item[2].as.string);
    const struct torch_global *type = item[1].as.global;
    uint64_t elements = (uint64_t)item[4].as.integer, bytes = 0;
    if (__builtin_mul_overflow(elements, (uint64_t)type->bytes, &bytes) || bytes != entry->size)
        return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, entry->name,
                           "%llu bytes, expected %llu elements of %s", (unsigned long long)entry->size,
                           (unsigned long long)elements, type->name);
    struct torch_storage *storage = pickle_arena_take(context->arena, sizeof *storage);
    if (storage == NULL) return no_room(context);
    *storage = (struct torch_storage){type, entry->data, elements};
    *value = (struct pickle_value){.kind = PICKLE_STORAGE, .as.storage = storage};
    return LASSIM_OK;
}

/* A tuple of integers >= 0 into out. */
static int read_sizes(const struct pickle_value *tuple, uint64_t *out)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->count > TENSOR_RANK_MAX) return 0;
    for (uint32_t i = 0; i < tuple->count; i++) {
        if (tuple->as.item[i].kind != PICKLE_INTEGER || tuple->as.item[i].as.integer < 0) return 0;
        out[i] = (uint64_t)tuple->as.item[i].as.integer;
    }
    return 1;
}

/* Row-major without gaps: each stride is the product of the later sizes, where the size is not 1. */
static int is_contiguous(const uint64_t *shape, const uint64_t *stride, uint32_t rank)
{
    uint64_t expected = 1;
    for (uint32_t i = rank; i-- > 0;) {
        if (shape[i] != 1 && stride[i] != expected) return 0;
        expected *= shape[i];
    }
    return 1;
}

/* Shape, strides and offset of a tensor in its storage.  A transposed or sliced view stays unreadable. */
static enum lassim_status place_tensor(const struct torch_context *context, const struct pickle_value *argument,
                                       struct checkpoint_tensor *tensor)
{
    const struct torch_storage *storage = argument[0].as.storage;
    uint64_t offset = (uint64_t)argument[1].as.integer, stride[TENSOR_RANK_MAX];
    if (!read_sizes(&argument[2], tensor->shape) || !read_sizes(&argument[3], stride) ||
        argument[2].count != argument[3].count)
        return fail(context, "a tensor's size and stride, expected two tuples of as many integers >= 0");
    tensor->rank = argument[2].count;
    int counted = tensor_elements(tensor->shape, tensor->rank, &tensor->elements);
    if (counted && tensor->elements != 0 && !is_contiguous(tensor->shape, stride, tensor->rank)) {
        snprintf(tensor->dtype, sizeof tensor->dtype, "strided %s", storage->type->name);
        tensor->readable = 0;
        return LASSIM_OK;
    }
    if (!counted || offset > storage->elements || tensor->elements > storage->elements - offset) {
        char shape[200];
        tensor_shape_text(tensor->shape, tensor->rank, shape, sizeof shape);
        return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, "pickle",
                           "a tensor of shape %s at %llu, expected one inside its storage of %llu elements", shape,
                           (unsigned long long)offset, (unsigned long long)storage->elements);
    }
    tensor->data = storage->data + offset * storage->type->bytes;
    return LASSIM_OK;
}

/* _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks[, metadata]) */
static enum lassim_status rebuild_tensor(const struct torch_context *context, const struct pickle_value *arguments,
                                         struct pickle_value *value)
{
    const struct pickle_value *argument = arguments->as.item;
    if (arguments->count < 6 || arguments->count > 7 || argument[0].kind != PICKLE_STORAGE ||
        argument[1].kind != PICKLE_INTEGER || argument[1].as.integer < 0)
        return fail(context, "expected _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)");
    struct checkpoint_tensor *tensor = pickle_arena_take(context->arena, sizeof *tensor);
    if (tensor == NULL) return no_room(context);
    const struct torch_global *type = argument[0].as.storage->type;
    tensor->file = context->file;
    tensor->readable = type->readable;
    tensor->type = type->type;
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", type->name);
    *value = (struct pickle_value){.kind = PICKLE_TENSOR, .as.tensor = tensor};
    return place_tensor(context, argument, tensor);
}

/* _rebuild_parameter(tensor, requires_grad, backward_hooks) */
static enum lassim_status rebuild_parameter(const struct torch_context *context, const struct pickle_value *arguments,
                                            struct pickle_value *value)
{
    if (arguments->count != 3 || arguments->as.item[0].kind != PICKLE_TENSOR)
        return fail(context, "expected _rebuild_parameter(tensor, requires_grad, hooks)");
    *value = arguments->as.item[0];
    return LASSIM_OK;
}

static enum lassim_status make_dict(const struct torch_context *context, const struct pickle_value *arguments,
                                    struct pickle_value *value)
{
    if (arguments->count != 0) return fail(context, "OrderedDict with arguments, expected it to be filled afterwards");
    struct pickle_dict *dict = pickle_arena_take(context->arena, sizeof *dict);
    if (dict == NULL) return no_room(context);
    *value = (struct pickle_value){.kind = PICKLE_DICT, .as.dict = dict};
    return LASSIM_OK;
}

enum lassim_status torch_call(const struct torch_context *context, const struct pickle_value *callable,
                              const struct pickle_value *arguments, struct pickle_value *value)
{
    if (callable->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE)
        return fail(context, "expected a call of a known global with a tuple");
    switch (callable->as.global->kind) {
    case GLOBAL_TENSOR: return rebuild_tensor(context, arguments, value);
    case GLOBAL_PARAMETER: return rebuild_parameter(context, arguments, value);
    case GLOBAL_ORDERED_DICT: return make_dict(context, arguments, value);
    case GLOBAL_STORAGE: break;
    }
    return lassim_fail(context->error, LASSIM_ERR_FILE, context->file, "pickle",
                       "calls torch.%s, expected a persistent id", callable->as.global->name);
}
