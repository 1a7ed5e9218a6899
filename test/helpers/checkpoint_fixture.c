#include "test/helpers/checkpoint_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- bytes --- */

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->capacity) {
        bytes->capacity = (bytes->size + size) * 2 + 64;
        bytes->data = realloc(bytes->data, bytes->capacity);
        assert_non_null(bytes->data);
    }
    if (size != 0) memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_text(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}

void bytes_number(struct bytes *bytes, uint64_t number, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t byte = i < 8 ? (uint8_t)(number >> (8 * i)) : 0;
        bytes_add(bytes, &byte, 1);
    }
}

void bytes_clear(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

struct bytes bytes_of_file(const char *path)
{
    struct bytes bytes = {0};
    uint8_t buffer[4096];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;) bytes_add(&bytes, buffer, n);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

struct bytes fixture_safetensors(const char *json, size_t data_size)
{
    struct bytes bytes = {0};
    bytes_number(&bytes, strlen(json), 8);
    bytes_text(&bytes, json);
    for (size_t i = 0; i < data_size; i++) bytes_number(&bytes, 0, 1);
    return bytes;
}

/* --- zip --- */

static void zip_local(struct bytes *zip, const struct fixture_entry *entry, const struct fixture_zip_options *options)
{
    uint64_t size = options->descriptors ? 0 : options->zip64 ? UINT32_MAX : entry->size;
    int wide = options->zip64 && !options->descriptors;
    bytes_number(zip, 0x04034b50, 4);
    bytes_number(zip, 45, 2);
    bytes_number(zip, options->descriptors ? 0x0808 : 0x0800, 2);
    bytes_number(zip, 0, 10); /* stored; time, date; CRC 0 */
    bytes_number(zip, size, 4);
    bytes_number(zip, size, 4);
    bytes_number(zip, strlen(entry->name), 2);
    bytes_number(zip, wide ? 20 : 0, 2);
    bytes_text(zip, entry->name);
    if (wide) {
        bytes_number(zip, 1 | 16 << 16, 4);
        bytes_number(zip, entry->size, 8);
        bytes_number(zip, entry->size, 8);
    }
    bytes_add(zip, entry->data, entry->size);
    if (!options->descriptors) return;
    bytes_number(zip, 0x08074b50, 4);
    bytes_number(zip, 0, 4);
    bytes_number(zip, entry->size, options->zip64 ? 8 : 4);
    bytes_number(zip, entry->size, options->zip64 ? 8 : 4);
}

static void zip_central(struct bytes *zip, const struct fixture_entry *entry, uint64_t offset,
                        const struct fixture_zip_options *options)
{
    bytes_number(zip, 0x02014b50, 4);
    bytes_number(zip, 45 | 45 << 16, 4);
    bytes_number(zip, options->descriptors ? 0x0808 : 0x0800, 2);
    bytes_number(zip, 0, 10);
    bytes_number(zip, options->zip64 ? UINT32_MAX : entry->size, 4);
    bytes_number(zip, options->zip64 ? UINT32_MAX : entry->size, 4);
    bytes_number(zip, strlen(entry->name), 2);
    bytes_number(zip, options->zip64 ? 28 : 0, 2);
    bytes_number(zip, 0, 10); /* comment, disk, attributes */
    bytes_number(zip, options->zip64 ? UINT32_MAX : offset, 4);
    bytes_text(zip, entry->name);
    if (!options->zip64) return;
    bytes_number(zip, 1 | 24 << 16, 4);
    bytes_number(zip, entry->size, 8);
    bytes_number(zip, entry->size, 8);
    bytes_number(zip, offset, 8);
}

static void zip_end(struct bytes *zip, size_t entries, uint64_t offset, const struct fixture_zip_options *options)
{
    uint64_t end = zip->size, size = end - offset;
    if (options->zip64) {
        bytes_number(zip, 0x06064b50, 4);
        bytes_number(zip, 44, 8);
        bytes_number(zip, 45 | 45 << 16, 4);
        bytes_number(zip, 0, 8);
        bytes_number(zip, entries, 8);
        bytes_number(zip, entries, 8);
        bytes_number(zip, size, 8);
        bytes_number(zip, offset, 8);
        bytes_number(zip, 0x07064b50, 4);
        bytes_number(zip, 0, 4);
        bytes_number(zip, end, 8);
        bytes_number(zip, 1, 4);
    }
    bytes_number(zip, 0x06054b50, 4);
    bytes_number(zip, 0, 4);
    bytes_number(zip, options->zip64 ? UINT16_MAX : entries, 2);
    bytes_number(zip, options->zip64 ? UINT16_MAX : entries, 2);
    bytes_number(zip, options->zip64 ? UINT32_MAX : size, 4);
    bytes_number(zip, options->zip64 ? UINT32_MAX : offset, 4);
    bytes_number(zip, 0, 2);
}

struct bytes fixture_zip(const struct fixture_entry *entry, size_t entries, const struct fixture_zip_options *options)
{
    static const struct fixture_zip_options plain = {0};
    struct bytes zip = {0};
    uint64_t *offset = calloc(entries + 1, sizeof *offset);
    assert_non_null(offset);
    if (options == NULL) options = &plain;
    for (size_t i = 0; i < entries; i++) {
        offset[i] = zip.size;
        zip_local(&zip, &entry[i], options);
    }
    uint64_t directory = zip.size;
    for (size_t i = 0; i < entries; i++) zip_central(&zip, &entry[i], offset[i], options);
    zip_end(&zip, entries, directory, options);
    free(offset);
    return zip;
}

size_t fixture_find(const struct bytes *bytes, uint32_t signature, unsigned n)
{
    for (size_t at = 0; at + 4 <= bytes->size; at++)
        if (memcmp(bytes->data + at, &signature, 4) == 0 && n-- == 0) return at;
    fail_msg("no record %08x", signature);
    return 0;
}

/* --- pickle --- */

static void pickle_string(struct bytes *pickle, const char *text)
{
    bytes_text(pickle, "X");
    bytes_number(pickle, strlen(text), 4);
    bytes_text(pickle, text);
}

static void pickle_integer(struct bytes *pickle, uint64_t number)
{
    bytes_number(pickle, 0x8a, 1);
    bytes_number(pickle, 8, 1);
    bytes_number(pickle, number, 8);
}

/* shape, or the strides of a contiguous tensor of that shape, as a tuple. */
static void pickle_sizes(struct bytes *pickle, const struct fixture_tensor *tensor, int strides)
{
    bytes_text(pickle, "(");
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t stride = 1;
        for (uint32_t k = i + 1; k < tensor->rank; k++) stride *= tensor->shape[k];
        pickle_integer(pickle, strides ? stride : tensor->shape[i]);
    }
    bytes_text(pickle, "t");
}

static void pickle_tensor(struct bytes *pickle, const struct fixture_tensor *tensor)
{
    pickle_string(pickle, tensor->name);
    bytes_text(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_string(pickle, "storage");
    bytes_text(pickle, "ctorch\n");
    bytes_text(pickle, tensor->storage);
    bytes_text(pickle, "\n");
    pickle_string(pickle, tensor->key);
    pickle_string(pickle, "cpu");
    pickle_integer(pickle, tensor->numel);
    bytes_text(pickle, "tQ");
    pickle_integer(pickle, tensor->offset);
    pickle_sizes(pickle, tensor, 0);
    pickle_sizes(pickle, tensor, 1);
    bytes_text(pickle, "\x89"
                       "ccollections\nOrderedDict\n)RtR");
}

struct bytes fixture_pickle(const struct fixture_tensor *tensor, size_t tensors)
{
    struct bytes pickle = {0};
    bytes_text(&pickle, "\x80\x02}(");
    for (size_t i = 0; i < tensors; i++) pickle_tensor(&pickle, &tensor[i]);
    bytes_text(&pickle, "u.");
    return pickle;
}

enum { BIN_ENTRIES_MAX = 64, BIN_NAME_SIZE = 128 };

static int key_is_new(const struct fixture_tensor *tensor, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(tensor[i].key, tensor[index].key) == 0) return 0;
    return 1;
}

struct bytes fixture_bin(const struct bytes *pickle, const struct fixture_tensor *tensor, size_t tensors,
                         unsigned width)
{
    static const struct fixture_zip_options as_torch = {.descriptors = 1, .zip64 = 0};
    struct fixture_entry entry[BIN_ENTRIES_MAX] = {{"archive/data.pkl", pickle->data, pickle->size},
                                                   {"archive/byteorder", "little", 6}};
    char name[BIN_ENTRIES_MAX][BIN_NAME_SIZE];
    struct bytes counting = {0};
    size_t entries = 2;
    for (size_t i = 0; i < tensors; i++)
        while (counting.size < tensor[i].numel * width) bytes_number(&counting, counting.size, 1);
    for (size_t i = 0; i < tensors; i++) {
        if (!key_is_new(tensor, i)) continue;
        assert_true(entries < BIN_ENTRIES_MAX);
        snprintf(name[entries], BIN_NAME_SIZE, "archive/data/%s", tensor[i].key);
        entry[entries] = (struct fixture_entry){name[entries], counting.data, tensor[i].numel * width};
        entries++;
    }
    struct bytes zip = fixture_zip(entry, entries, &as_torch);
    bytes_clear(&counting);
    return zip;
}

/* --- folders --- */

char *folder_new(void)
{
    char *folder = strdup("/tmp/lassim-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

void folder_write(const char *folder, const char *name, const void *data, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void folder_copy(const char *folder, const char *from_directory, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", from_directory, name);
    struct bytes bytes = bytes_of_file(path);
    folder_write(folder, name, bytes.data, bytes.size);
    bytes_clear(&bytes);
}

void folder_remove(char *folder)
{
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(remove(path), 0);
    }
    closedir(directory);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

void assert_refused(enum lassim_status status, const struct lassim_error *error, const char *part)
{
    if (status != LASSIM_ERR_FILE || error->status != status)
        fail_msg("status %d, expected 3 with \"%s\"", (int)status, part);
    if (error->text[0] == '\0' || strstr(error->text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error->text, part);
    for (const char *c = error->text; *c != '\0'; c++) assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
}
