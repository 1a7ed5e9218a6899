#include "convert/gguf_rotary.h"

#include <string.h>

#include "convert/gguf_blocks.h"

enum { HEAD_DIM_MAX = 1 << 16 };

/* An entry that must be absent or 1: scaling that the converter does not do. */
static enum lassim_status only_one(const struct gguf_json *builder, const char *name)
{
    char key[GGUF_JSON_KEY];
    double value = 1;
    enum lassim_status status =
        gguf_get_number(builder->gguf, gguf_json_key(builder, name, key), GGUF_OPTIONAL, &value, builder->error);
    if (status != LASSIM_OK || value == 1) return status;
    return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, key, "%g is not supported, expected 1",
                       value);
}

/* Scaling of the kind named, with all that belongs to it. */
static enum lassim_status put_named_scaling(const struct gguf_json *builder, struct gguf_text kind, json_t *scaling)
{
    static const struct gguf_number rules[] = {
        {"rope.scaling.factor", "factor", GGUF_REAL, GGUF_OPTIONAL},
        {"rope.scaling.original_context_length", "original_max_position_embeddings", GGUF_INTEGER, GGUF_OPTIONAL},
        {"rope.scaling.yarn_beta_fast", "beta_fast", GGUF_REAL, GGUF_OPTIONAL},
        {"rope.scaling.yarn_beta_slow", "beta_slow", GGUF_REAL, GGUF_OPTIONAL},
    };
    static const char *const ones[] = {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor",
                                       "rope.scaling.yarn_ext_factor"};
    json_t *type = json_stringn(kind.data, kind.size);
    if (type == NULL)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, "rope.scaling.type",
                           "expected a name in UTF-8");
    enum lassim_status status = gguf_json_put(builder, scaling, "rope_type", type);
    for (size_t i = 0; i < sizeof ones / sizeof *ones && status == LASSIM_OK; i++) status = only_one(builder, ones[i]);
    for (size_t i = 0; i < sizeof rules / sizeof *rules && status == LASSIM_OK; i++) {
        char key[GGUF_JSON_KEY];
        status = gguf_json_number(builder, scaling, gguf_json_key(builder, rules[i].gguf, key), &rules[i]);
    }
    return status;
}

/* rope_scaling: null, or the kind and its numbers; rope.scale_linear is the linear kind's old entry. */
enum lassim_status gguf_rotary_scaling(const struct gguf_json *builder)
{
    static const struct gguf_number old = {"rope.scale_linear", "factor", GGUF_REAL, GGUF_REQUIRED};
    char key[GGUF_JSON_KEY], old_key[GGUF_JSON_KEY];
    struct gguf_text kind = {"none", 4};
    enum lassim_status status = gguf_get_text(builder->gguf, gguf_json_key(builder, "rope.scaling.type", key),
                                              GGUF_OPTIONAL, &kind, builder->error);
    if (status != LASSIM_OK) return status;
    int is_old = gguf_find_entry(builder->gguf, key) == NULL &&
                 gguf_find_entry(builder->gguf, gguf_json_key(builder, old.gguf, old_key)) != NULL;
    if (gguf_text_equal(kind, "none") && !is_old)
        return gguf_json_put(builder, builder->json, "rope_scaling", json_null());
    json_t *scaling = json_object();
    status = gguf_json_put(builder, builder->json, "rope_scaling", scaling);
    if (status != LASSIM_OK) return status;
    if (!is_old) return put_named_scaling(builder, kind, scaling);
    status = gguf_json_put(builder, scaling, "rope_type", json_string("linear"));
    return status == LASSIM_OK ? gguf_json_number(builder, scaling, old_key, &old) : status;
}

/* lassim_rope_factors from rope_freqs.weight. */
static enum lassim_status put_factors(const struct gguf_json *builder, int64_t head_dim)
{
    static const char name[] = "rope_freqs.weight";
    const struct gguf_tensor *tensor = gguf_find_tensor(builder->gguf, name);
    if (tensor == NULL) return LASSIM_OK;
    if (tensor->type != GGUF_TENSOR_F32 || tensor->elements != (uint64_t)head_dim / 2)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name,
                           "%llu elements of type %s, expected %lld of F32: half a head",
                           (unsigned long long)tensor->elements, gguf_format(tensor->type)->name,
                           (long long)head_dim / 2);
    json_t *factors = json_array();
    for (uint64_t i = 0; i < tensor->elements; i++) {
        float factor;
        memcpy(&factor, tensor->data + i * sizeof factor, sizeof factor);
        if (!(factor >= 1 && factor <= 1e6f)) {
            json_decref(factors);
            return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name,
                               "element %llu is %g, expected factors of 1 to 1e6", (unsigned long long)i,
                               (double)factor);
        }
        if (json_array_append_new(factors, json_real((double)factor)) != 0) {
            json_decref(factors);
            return gguf_json_no_memory(builder);
        }
    }
    return gguf_json_put(builder, builder->json, "lassim_rope_factors", factors);
}

/* head_dim, which must be the size that turns, that of values, and that of the rows of q. */
enum lassim_status gguf_rotary_heads(const struct gguf_json *builder)
{
    static const char *const sizes[] = {"attention.value_length", "rope.dimension_count"};
    char key[GGUF_JSON_KEY];
    int64_t heads = 0, rows = 0, length = 0;
    enum lassim_status status = gguf_get_integer(builder->gguf, gguf_json_key(builder, "attention.head_count", key),
                                                 GGUF_REQUIRED, 1, GGUF_NUMBER_MAX, &heads, builder->error);
    if (status == LASSIM_OK) status = gguf_json_rows_of(builder, "blk.0.attn_q.weight", &rows);
    if (status != LASSIM_OK) return status;
    length = rows / heads;
    status = gguf_json_optional(builder, "attention.key_length", &length);
    if (status != LASSIM_OK) return status;
    if (length > HEAD_DIM_MAX || length * heads != rows)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, "blk.0.attn_q.weight",
                           "%lld rows, expected %lld heads of one size", (long long)rows, (long long)heads);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t size = length;
        status = gguf_json_optional(builder, sizes[i], &size);
        if (status != LASSIM_OK) return status;
        if (size != length)
            return lassim_fail(
                builder->error, LASSIM_ERR_FILE, builder->gguf->file, gguf_json_key(builder, sizes[i], key),
                "%lld is not supported, expected the size of a head, %lld", (long long)size, (long long)length);
    }
    status = gguf_json_put(builder, builder->json, "head_dim", json_integer(length));
    return status == LASSIM_OK ? put_factors(builder, length) : status;
}
