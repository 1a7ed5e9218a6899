#include "convert/torch_file.h"

#include <stdio.h>
#include <string.h>

#include "convert/torch_pickle.h"
#include "convert/zip_archive.h"

static const char pickle_suffix[] = "/data.pkl";

static enum lassim_status fail(const char *file, const char *text, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_FILE, file, NULL, "%s", text);
}

/* A zip archive starts with a local header; the older format with a pickled magic number. */
static enum lassim_status check_start(const char *file, const uint8_t *data, uint64_t size, struct lassim_error *error)
{
    static const uint8_t zip[] = {'P', 'K', 3, 4};
    static const uint8_t legacy[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    if (size >= sizeof zip && memcmp(data, zip, sizeof zip) == 0) return LASSIM_OK;
    if (size >= 2 + sizeof legacy && data[0] == 0x80 && memcmp(data + 2, legacy, sizeof legacy) == 0)
        return fail(file,
                    "the torch.save format before PyTorch 1.6, expected the zip format: load it and save it again "
                    "with PyTorch 1.6 or later, or as safetensors",
                    error);
    return fail(file, "not a PyTorch file, expected a zip archive as torch.save writes", error);
}

/* The archive's only entry PREFIX/data.pkl; prefix receives PREFIX, [ZIP_NAME_MAX + 1]. */
static enum lassim_status find_pickle(const char *file, const struct zip_archive *archive, char *prefix,
                                      const struct zip_entry **pickle, struct lassim_error *error)
{
    size_t suffix = strlen(pickle_suffix);
    *pickle = NULL;
    for (size_t i = 0; i < archive->entries; i++) {
        const struct zip_entry *entry = &archive->entry[i];
        size_t length = strlen(entry->name);
        if (length <= suffix || strcmp(entry->name + length - suffix, pickle_suffix) != 0) continue;
        if (*pickle != NULL) return fail(file, "two entries named data.pkl, expected one", error);
        *pickle = entry;
        snprintf(prefix, ZIP_NAME_MAX + 1, "%.*s", (int)(length - suffix), entry->name);
    }
    return *pickle != NULL ? LASSIM_OK : fail(file, "no entry PREFIX/data.pkl, expected what torch.save writes", error);
}

static const struct zip_entry *find_beside(const struct zip_archive *archive, const char *prefix, const char *name)
{
    char path[ZIP_NAME_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", prefix, name);
    return zip_archive_find(archive, path);
}

static enum lassim_status read_archive(const char *file, const struct zip_archive *archive, struct tensor_list *list,
                                       struct lassim_error *error)
{
    char prefix[ZIP_NAME_MAX + 1];
    const struct zip_entry *pickle;
    enum lassim_status status = find_pickle(file, archive, prefix, &pickle, error);
    if (status != LASSIM_OK) return status;
    const struct zip_entry *order = find_beside(archive, prefix, "byteorder");
    if (order != NULL && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return lassim_fail(error, LASSIM_ERR_FILE, file, order->name, "expected little");
    if (find_beside(archive, prefix, "constants.pkl") != NULL)
        return fail(file, "a TorchScript archive, expected a state_dict", error);
    return torch_pickle_read(file, pickle->data, pickle->size, archive, prefix, list, error);
}

enum lassim_status torch_file_read(const char *file, const uint8_t *data, uint64_t size, struct tensor_list *list,
                                   struct lassim_error *error)
{
    struct zip_archive archive = {0};
    enum lassim_status status = check_start(file, data, size, error);
    if (status == LASSIM_OK) status = zip_archive_read(file, data, size, &archive, error);
    if (status == LASSIM_OK) status = read_archive(file, &archive, list, error);
    zip_archive_clear(&archive);
    return status;
}
