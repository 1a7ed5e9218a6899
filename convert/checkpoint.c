#include "convert/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "convert/checkpoint_index.h"
#include "convert/file_map.h"
#include "convert/gguf_metadata.h"
#include "convert/gguf_names.h"
#include "convert/safetensors.h"
#include "convert/torch_file.h"

struct weight_file {
    char *path;
    const char *name; /* base name, inside path */
    struct file_map map;
};

struct checkpoint {
    const char *directory;    /* during open only; or the path of a GGUF */
    struct weight_file *file; /* [capacity], the first `files` of them open, in name order */
    size_t files;
    struct gguf *gguf; /* of the one file, or NULL */
    struct tensor_list list;
};

typedef enum lassim_status read_function(const char *file, const uint8_t *data, uint64_t size, struct tensor_list *list,
                                         struct lassim_error *error);

/* Where weights are looked for, in this order. */
static const struct weight_format {
    const char *single, *index;
    read_function *read;
} formats[] = {
    {"model.safetensors", "model.safetensors.index.json", safetensors_read},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", torch_file_read},
};

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the checkpoint's list of files");
}

/* directory/name, owned by the caller; NULL without memory. */
static char *join_path(const char *directory, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* 1: there is something of that name in the folder (a broken link counts: opening it says why), 0: there is
 * not, -1: no memory. */
static int exists(const char *directory, const char *name)
{
    struct stat info;
    char *path = join_path(directory, name);
    if (path == NULL) return -1;
    int found = lstat(path, &info) == 0;
    free(path);
    return found;
}

/* Maps one weight file and reads its table. */
static enum lassim_status add_file(struct checkpoint *checkpoint, const char *name, read_function *read,
                                   struct lassim_error *error)
{
    struct weight_file *file = &checkpoint->file[checkpoint->files++];
    file->path = join_path(checkpoint->directory, name);
    if (file->path == NULL) return no_memory(error);
    file->name = strrchr(file->path, '/') + 1;
    enum lassim_status status = file_map_open(file->path, &file->map, error);
    return status == LASSIM_OK ? read(file->path, file->map.data, file->map.size, &checkpoint->list, error) : status;
}

static enum lassim_status reserve_files(struct checkpoint *checkpoint, size_t files, struct lassim_error *error)
{
    checkpoint->file = calloc(files, sizeof *checkpoint->file);
    return checkpoint->file == NULL ? no_memory(error) : LASSIM_OK;
}

static enum lassim_status open_single(struct checkpoint *checkpoint, const struct weight_format *format,
                                      struct lassim_error *error)
{
    enum lassim_status status = reserve_files(checkpoint, 1, error);
    if (status == LASSIM_OK) status = add_file(checkpoint, format->single, format->read, error);
    return status == LASSIM_OK ? tensor_list_sort(&checkpoint->list, error) : status;
}

static enum lassim_status open_shards(struct checkpoint *checkpoint, const struct checkpoint_index *index,
                                      read_function *read, struct lassim_error *error)
{
    enum lassim_status status = reserve_files(checkpoint, index->shards, error);
    for (size_t i = 0; i < index->shards && status == LASSIM_OK; i++)
        status = add_file(checkpoint, index->shard[i], read, error);
    if (status == LASSIM_OK) status = tensor_list_sort(&checkpoint->list, error);
    return status == LASSIM_OK ? checkpoint_index_check(index, &checkpoint->list, error) : status;
}

static enum lassim_status open_indexed(struct checkpoint *checkpoint, const struct weight_format *format,
                                       struct lassim_error *error)
{
    struct checkpoint_index index;
    char *path = join_path(checkpoint->directory, format->index);
    if (path == NULL) return no_memory(error);
    enum lassim_status status = checkpoint_index_open(path, CHECKPOINT_FILES_MAX, &index, error);
    if (status == LASSIM_OK) {
        status = open_shards(checkpoint, &index, format->read, error);
        checkpoint_index_close(&index);
    }
    free(path);
    return status;
}

static int ends_in_gguf(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(".gguf") && strcasecmp(name + length - strlen(".gguf"), ".gguf") == 0;
}

/* One part of several has not the tensors that the model needs. */
static enum lassim_status refuse_part(const struct gguf *gguf, struct lassim_error *error)
{
    int64_t parts = 1;
    enum lassim_status status = gguf_get_integer(gguf, "split.count", GGUF_OPTIONAL, 0, UINT16_MAX, &parts, error);
    if (status != LASSIM_OK || parts <= 1) return status;
    return lassim_fail(error, LASSIM_ERR_FILE, gguf->file, "split.count",
                       "one of the %lld parts of a split GGUF, expected one file (llama-gguf-split --merge joins them)",
                       (long long)parts);
}

/* Takes ownership of path, which may be NULL for want of memory. */
static enum lassim_status open_gguf(struct checkpoint *checkpoint, char *path, struct lassim_error *error)
{
    enum lassim_status status = path == NULL ? no_memory(error) : reserve_files(checkpoint, 1, error);
    if (status != LASSIM_OK) {
        free(path);
        return status;
    }
    struct weight_file *file = &checkpoint->file[checkpoint->files++];
    const char *slash = strrchr(path, '/');
    file->path = path;
    file->name = slash != NULL ? slash + 1 : path;
    status = file_map_open(path, &file->map, error);
    if (status == LASSIM_OK) status = gguf_open(path, file->map.data, file->map.size, &checkpoint->gguf, error);
    if (status == LASSIM_OK) status = refuse_part(checkpoint->gguf, error);
    if (status == LASSIM_OK) status = gguf_list_tensors(checkpoint->gguf, &checkpoint->list, error);
    return status == LASSIM_OK ? tensor_list_sort(&checkpoint->list, error) : status;
}

static int is_gguf_entry(const struct dirent *entry)
{
    return ends_in_gguf(entry->d_name);
}

static enum lassim_status refuse_several(const char *directory, struct dirent **entry, int entries,
                                         struct lassim_error *error)
{
    char names[320] = "";
    for (int i = 0; i < entries; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ", entry[i]->d_name);
    }
    return lassim_fail(error, LASSIM_ERR_FILE, directory, NULL, "%d GGUF files, expected one: name the one to read: %s",
                       entries, names);
}

/* The folder's only .gguf; *found is the number of them. */
static enum lassim_status open_folder_gguf(struct checkpoint *checkpoint, int *found, struct lassim_error *error)
{
    struct dirent **entry = NULL;
    enum lassim_status status = LASSIM_OK;
    *found = scandir(checkpoint->directory, &entry, is_gguf_entry, alphasort);
    if (*found == 1)
        status = open_gguf(checkpoint, join_path(checkpoint->directory, entry[0]->d_name), error);
    else if (*found > 1)
        status = refuse_several(checkpoint->directory, entry, *found, error);
    for (int i = 0; i < *found; i++) free(entry[i]);
    free(entry);
    return status;
}

static enum lassim_status nothing_found(const char *directory, struct lassim_error *error)
{
    struct stat info;
    if (stat(directory, &info) != 0) return lassim_fail(error, LASSIM_ERR_FILE, directory, NULL, "%s", strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return lassim_fail(error, LASSIM_ERR_FILE, directory, NULL,
                           "not a directory, expected a checkpoint folder or a .gguf file");
    return lassim_fail(error, LASSIM_ERR_FILE, directory, NULL,
                       "no weights, expected model.safetensors or pytorch_model.bin, or their .index.json, or a .gguf");
}

static enum lassim_status open_folder(struct checkpoint *checkpoint, struct lassim_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        int single = exists(checkpoint->directory, formats[i].single);
        int index = exists(checkpoint->directory, formats[i].index);
        if (single < 0 || index < 0) return no_memory(error);
        if (single) return open_single(checkpoint, &formats[i], error);
        if (index) return open_indexed(checkpoint, &formats[i], error);
    }
    int found = 0;
    enum lassim_status status = open_folder_gguf(checkpoint, &found, error);
    return found > 0 ? status : nothing_found(checkpoint->directory, error);
}

static int is_gguf_file(const char *path)
{
    struct stat info;
    return ends_in_gguf(path) && stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

enum lassim_status checkpoint_open(const char *path, struct checkpoint **checkpoint, struct lassim_error *error)
{
    *checkpoint = NULL;
    struct checkpoint *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return no_memory(error);
    opened->directory = path;
    enum lassim_status status =
        is_gguf_file(path) ? open_gguf(opened, strdup(path), error) : open_folder(opened, error);
    opened->directory = NULL;
    if (status == LASSIM_OK)
        *checkpoint = opened;
    else
        checkpoint_close(opened);
    return status;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (checkpoint == NULL) return;
    tensor_list_clear(&checkpoint->list);
    gguf_close(checkpoint->gguf);
    for (size_t i = 0; i < checkpoint->files; i++) {
        file_map_close(&checkpoint->file[i].map);
        free(checkpoint->file[i].path);
    }
    free(checkpoint->file);
    free(checkpoint);
}

const struct gguf *checkpoint_gguf(const struct checkpoint *checkpoint)
{
    return checkpoint->gguf;
}

size_t checkpoint_tensors(const struct checkpoint *checkpoint)
{
    return checkpoint->list.count;
}

const struct checkpoint_tensor *checkpoint_tensor_at(const struct checkpoint *checkpoint, size_t index)
{
    LASSIM_INVARIANT(index < checkpoint->list.count, "tensor %zu of %zu", index, checkpoint->list.count);
    return &checkpoint->list.tensor[index];
}

const struct checkpoint_tensor *checkpoint_find(const struct checkpoint *checkpoint, const char *name)
{
    return tensor_list_find(&checkpoint->list, name);
}

size_t checkpoint_files(const struct checkpoint *checkpoint)
{
    return checkpoint->files;
}

static const struct weight_file *file_at(const struct checkpoint *checkpoint, size_t index)
{
    LASSIM_INVARIANT(index < checkpoint->files, "file %zu of %zu", index, checkpoint->files);
    return &checkpoint->file[index];
}

const char *checkpoint_path(const struct checkpoint *checkpoint)
{
    return checkpoint->file[0].path;
}

const char *checkpoint_file_name(const struct checkpoint *checkpoint, size_t index)
{
    return file_at(checkpoint, index)->name;
}

uint64_t checkpoint_file_size(const struct checkpoint *checkpoint, size_t index)
{
    return file_at(checkpoint, index)->map.size;
}

uint64_t checkpoint_file_hash(const struct checkpoint *checkpoint, size_t index)
{
    const struct file_map *map = &file_at(checkpoint, index)->map;
    return XXH3_64bits(map->data, map->size);
}

uint64_t checkpoint_hash(const struct checkpoint *checkpoint)
{
    XXH64_hash_t total = 0;
    XXH3_state_t *state = XXH3_createState();
    LASSIM_INVARIANT(state != NULL, "no memory for a hash state");
    XXH3_64bits_reset(state);
    for (size_t i = 0; i < checkpoint->files; i++) {
        uint64_t hash = checkpoint_file_hash(checkpoint, i);
        XXH3_64bits_update(state, &hash, sizeof hash);
    }
    total = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return total;
}
