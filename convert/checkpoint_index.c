#include "convert/checkpoint_index.h"

#include <stdlib.h>
#include <string.h>

#include "convert/json.h"

enum { SHARD_NAME_MAX = 255 };

static int is_plain_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= SHARD_NAME_MAX && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One shard name per tensor, checked. */
static enum lassim_status collect_names(struct checkpoint_index *index, struct lassim_error *error)
{
    const char *tensor;
    json_t *value;
    json_object_foreach((json_t *)index->map, tensor, value)
    {
        enum lassim_status status = tensor_name_check(index->file, tensor, strlen(tensor), error);
        if (status != LASSIM_OK) return status;
        const char *name = json_string_value(value);
        if (name == NULL || !is_plain_name(name))
            return lassim_fail(error, LASSIM_ERR_FILE, index->file, tensor,
                               "names the shard %.100s, expected the name of a file beside the index",
                               name == NULL ? json_type_name(value) : name);
        index->shard[index->shards++] = name;
    }
    return LASSIM_OK;
}

static void remove_repeats(struct checkpoint_index *index)
{
    size_t kept = 0;
    qsort(index->shard, index->shards, sizeof *index->shard, compare_names);
    for (size_t i = 0; i < index->shards; i++)
        if (kept == 0 || strcmp(index->shard[kept - 1], index->shard[i]) != 0) index->shard[kept++] = index->shard[i];
    index->shards = kept;
}

static enum lassim_status read_map(struct checkpoint_index *index, size_t shards_max, struct lassim_error *error)
{
    enum lassim_status status =
        json_get_object(index->file, index->document, "weight_map", JSON_REQUIRED, &index->map, error);
    if (status != LASSIM_OK) return status;
    size_t tensors = json_object_size(index->map);
    if (tensors == 0 || tensors > TENSOR_LIST_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, index->file, "weight_map", "%zu tensors, expected 1 to %d", tensors,
                           TENSOR_LIST_MAX);
    index->shard = calloc(tensors, sizeof *index->shard);
    if (index->shard == NULL) return lassim_fail(error, LASSIM_ERR_RUN, index->file, NULL, "no memory for its shards");
    status = collect_names(index, error);
    if (status != LASSIM_OK) return status;
    remove_repeats(index);
    if (index->shards > shards_max)
        return lassim_fail(error, LASSIM_ERR_FILE, index->file, "weight_map", "%zu shards, expected at most %zu",
                           index->shards, shards_max);
    return LASSIM_OK;
}

enum lassim_status checkpoint_index_open(const char *path, size_t shards_max, struct checkpoint_index *index,
                                         struct lassim_error *error)
{
    *index = (struct checkpoint_index){.file = path};
    enum lassim_status status = json_read_file(path, &index->document, error);
    if (status == LASSIM_OK) status = read_map(index, shards_max, error);
    if (status != LASSIM_OK) checkpoint_index_close(index);
    return status;
}

enum lassim_status checkpoint_index_check(const struct checkpoint_index *index, const struct tensor_list *tensors,
                                          struct lassim_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)index->map, name, value)
    {
        const struct checkpoint_tensor *tensor = tensor_list_find(tensors, name);
        const char *slash = tensor == NULL ? NULL : strrchr(tensor->file, '/');
        if (tensor == NULL || strcmp(slash == NULL ? tensor->file : slash + 1, json_string_value(value)) != 0)
            return lassim_fail(error, LASSIM_ERR_FILE, index->file, name, "expected in the shard %.100s, %s%s",
                               json_string_value(value), tensor == NULL ? "which has no such tensor" : "found in ",
                               tensor == NULL ? "" : tensor->file);
    }
    return LASSIM_OK;
}

void checkpoint_index_close(struct checkpoint_index *index)
{
    free(index->shard);
    json_decref(index->document);
    *index = (struct checkpoint_index){0};
}
