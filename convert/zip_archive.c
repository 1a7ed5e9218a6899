#include "convert/zip_archive.h"

#include <stdlib.h>
#include <string.h>

enum {
    END_SIZE = 22,     /* end of central directory record */
    END64_SIZE = 56,   /* zip64 end of central directory record, version 1 */
    LOCATOR_SIZE = 20, /* zip64 end of central directory locator */
    CENTRAL_SIZE = 46,
    LOCAL_SIZE = 30,
    FLAG_DESCRIPTOR = 1 << 3,
    FLAGS_KNOWN = FLAG_DESCRIPTOR | 1 << 11 | 6, /* descriptor, UTF-8 names, the compressor's two option bits */
    SENTINEL16 = 0xffff
};
#define SENTINEL32 UINT32_C(0xffffffff)
#define SIGNATURE_CENTRAL UINT32_C(0x02014b50)
#define SIGNATURE_LOCAL UINT32_C(0x04034b50)
#define SIGNATURE_DESCRIPTOR UINT32_C(0x08074b50)
#define SIGNATURE_END UINT32_C(0x06054b50)
#define SIGNATURE_END64 UINT32_C(0x06064b50)
#define SIGNATURE_LOCATOR UINT32_C(0x07064b50)

struct reader {
    const char *file;
    const uint8_t *data;
    uint64_t size;
    struct zip_archive *archive;
    struct lassim_error *error;
};

/* The directory as the end records give it. */
struct directory {
    uint64_t offset, size, entries;
};

/* The fields that central directory and local header share. */
struct header {
    uint32_t flags, method, crc;
    uint64_t stored, size, offset; /* bytes in the archive, bytes of the entry, offset of the local header */
};

static uint32_t le16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t le32(const uint8_t *at)
{
    return le16(at) | le16(at + 2) << 16;
}

static uint64_t le64(const uint8_t *at)
{
    return (uint64_t)le32(at) | (uint64_t)le32(at + 4) << 32;
}

static enum lassim_status fail(const struct reader *reader, const char *place, const char *text)
{
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, place, "%s", text);
}

/* --- end records --- */

/* Offset of the end record, whose comment must end the file; 0 if there is none (offset 0 is legal only
 * for an empty archive, which is of no use here). */
static uint64_t find_end(const struct reader *reader)
{
    if (reader->size < END_SIZE) return 0;
    uint64_t lowest = reader->size > END_SIZE + SENTINEL16 ? reader->size - END_SIZE - SENTINEL16 : 0;
    for (uint64_t at = reader->size - END_SIZE; at > lowest; at--)
        if (le32(reader->data + at) == SIGNATURE_END && le16(reader->data + at + 20) == reader->size - END_SIZE - at)
            return at;
    return 0;
}

/* The zip64 end record before the locator at `locator`; what the short record gave must agree. */
static enum lassim_status read_end64(const struct reader *reader, uint64_t locator, struct directory *directory,
                                     uint64_t *end)
{
    uint64_t at = le64(reader->data + locator + 8);
    if (le32(reader->data + locator + 4) != 0 || le32(reader->data + locator + 16) > 1)
        return fail(reader, "zip64 locator", "several disks, expected one file");
    if (at > locator || locator - at < END64_SIZE || le32(reader->data + at) != SIGNATURE_END64 ||
        le64(reader->data + at + 4) != locator - at - 12)
        return fail(reader, "zip64 locator", "expected it to name the zip64 end record just before it");
    const uint8_t *record = reader->data + at;
    if (le32(record + 16) != 0 || le32(record + 20) != 0 || le64(record + 24) != le64(record + 32))
        return fail(reader, "zip64 end record", "several disks, expected one file");
    struct directory wide = {le64(record + 48), le64(record + 40), le64(record + 32)};
    if ((directory->entries != SENTINEL16 && directory->entries != wide.entries) ||
        (directory->size != SENTINEL32 && directory->size != wide.size) ||
        (directory->offset != SENTINEL32 && directory->offset != wide.offset))
        return fail(reader, "zip64 end record", "disagrees with the end record");
    *directory = wide;
    *end = at;
    return LASSIM_OK;
}

/* Where the central directory lies; it must end where the end records begin. */
static enum lassim_status read_directory(const struct reader *reader, struct directory *directory)
{
    uint64_t end = find_end(reader);
    if (end == 0) return fail(reader, NULL, "no end of central directory, expected a complete zip archive");
    const uint8_t *record = reader->data + end;
    if (le16(record + 4) != 0 || le16(record + 6) != 0 || le16(record + 8) != le16(record + 10))
        return fail(reader, "end record", "several disks, expected one file");
    *directory = (struct directory){le32(record + 16), le32(record + 12), le16(record + 10)};
    if (end >= LOCATOR_SIZE && le32(reader->data + end - LOCATOR_SIZE) == SIGNATURE_LOCATOR) {
        enum lassim_status status = read_end64(reader, end - LOCATOR_SIZE, directory, &end);
        if (status != LASSIM_OK) return status;
    }
    if (directory->offset > end || directory->size != end - directory->offset)
        return fail(reader, "end record", "expected the central directory to end where the end record begins");
    if (directory->entries > ZIP_ENTRIES_MAX || directory->entries > directory->size / CENTRAL_SIZE)
        return fail(reader, "end record", "more entries than the central directory can hold");
    return LASSIM_OK;
}

/* --- extra fields --- */

/* Takes the next 64-bit value of a zip64 field where *value is the 32-bit sentinel; 0 if it is missing. */
static int widen(uint64_t *value, const uint8_t **at, size_t *left)
{
    if (*value != SENTINEL32) return 1;
    if (*left < 8) return 0;
    *value = le64(*at);
    *at += 8;
    *left -= 8;
    return 1;
}

/* Replaces 32-bit sentinels in *header by the zip64 extra field's values (id 1: size, stored, offset, each
 * only where the sentinel stands).  0 if the field is malformed or missing where it is needed. */
static int widen_header(struct header *header, const uint8_t *extra, size_t length)
{
    const uint8_t *at = extra;
    size_t left = 0;
    while (length >= 4) {
        size_t field = le16(extra + 2);
        if (field > length - 4) return 0;
        if (le16(extra) == 1) {
            at = extra + 4;
            left = field;
            break;
        }
        extra += 4 + field;
        length -= 4 + field;
    }
    return widen(&header->size, &at, &left) && widen(&header->stored, &at, &left) && widen(&header->offset, &at, &left);
}

/* --- entries --- */

/* The bytes of the data descriptor at offset `at` that repeats header's crc and sizes (4 or 8 bytes each),
 * or -1.  Empty entries may have none. */
static int64_t descriptor_size(const struct reader *reader, const struct header *header, uint64_t at, uint64_t limit)
{
    const uint8_t *record = reader->data + at;
    uint64_t left = limit - at;
    if (left >= 16 && le32(record) == SIGNATURE_DESCRIPTOR && le32(record + 4) == header->crc) {
        if (le32(record + 8) == header->stored && le32(record + 12) == header->size) return 16;
        if (left >= 24 && le64(record + 8) == header->stored && le64(record + 16) == header->size) return 24;
    }
    return header->size == 0 ? 0 : -1;
}

/* A local header must repeat the directory's value; with a data descriptor it may leave it zero. */
static int agrees(uint64_t local, uint64_t central, uint32_t flags)
{
    return local == central || ((flags & FLAG_DESCRIPTOR) != 0 && local == 0);
}

/* Checks the local header against the directory's and finds the data. */
static enum lassim_status read_local(const struct reader *reader, const struct header *central, uint64_t limit,
                                     struct zip_entry *entry)
{
    size_t length = strlen(entry->name);
    if (central->offset > limit || limit - central->offset < LOCAL_SIZE + length)
        return fail(reader, entry->name, "local header past the entries' end");
    const uint8_t *record = reader->data + central->offset;
    size_t extra = le16(record + 28);
    uint64_t left = limit - central->offset - LOCAL_SIZE - length;
    if (le32(record) != SIGNATURE_LOCAL || le16(record + 26) != length ||
        memcmp(record + LOCAL_SIZE, entry->name, length) != 0)
        return fail(reader, entry->name, "expected a local header of the same name where the directory says");
    if (extra > left || central->stored > left - extra) return fail(reader, entry->name, "data past the entries' end");
    struct header local = {le16(record + 6),  le16(record + 8),  le32(record + 14),
                           le32(record + 18), le32(record + 22), central->offset};
    if (!widen_header(&local, record + LOCAL_SIZE + length, extra))
        return fail(reader, entry->name, "malformed extra field in the local header");
    if (local.flags != central->flags || local.method != central->method ||
        !agrees(local.crc, central->crc, local.flags) || !agrees(local.stored, central->stored, local.flags) ||
        !agrees(local.size, central->size, local.flags))
        return fail(reader, entry->name, "local header and central directory disagree");
    entry->begin = central->offset;
    entry->data = record + LOCAL_SIZE + length + extra;
    entry->size = central->size;
    entry->end = (uint64_t)(entry->data - reader->data) + central->stored;
    int64_t descriptor = 0;
    if ((local.flags & FLAG_DESCRIPTOR) != 0) descriptor = descriptor_size(reader, central, entry->end, limit);
    if (descriptor < 0) return fail(reader, entry->name, "data descriptor and central directory disagree");
    entry->end += (uint64_t)descriptor;
    return LASSIM_OK;
}

static enum lassim_status check_method(const struct reader *reader, const char *name, const struct header *header)
{
    if ((header->flags & 1) != 0) return fail(reader, name, "an encrypted entry, expected a plain one");
    if ((header->flags & ~(uint32_t)FLAGS_KNOWN) != 0) return fail(reader, name, "unknown flags");
    if (header->method != 0)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                           "a compressed entry (method %u), expected stored ones as torch.save writes", header->method);
    if (header->stored != header->size) return fail(reader, name, "a stored entry with two different sizes");
    return LASSIM_OK;
}

static enum lassim_status copy_name(const struct reader *reader, const uint8_t *bytes, size_t length, char **name)
{
    if (length == 0 || length > ZIP_NAME_MAX || memchr(bytes, 0, length) != NULL)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "central directory",
                           "a name of %zu bytes, expected 1 to %d without NUL", length, ZIP_NAME_MAX);
    *name = strndup((const char *)bytes, length);
    if (*name == NULL) return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, NULL, "no memory for a name");
    return LASSIM_OK;
}

/* One record of the central directory, at record[0 .. left); *used receives its length. */
static enum lassim_status read_central(const struct reader *reader, const uint8_t *record, uint64_t left,
                                       uint64_t limit, struct zip_entry *entry, uint64_t *used)
{
    if (left < CENTRAL_SIZE || le32(record) != SIGNATURE_CENTRAL)
        return fail(reader, "central directory", "expected another record");
    size_t length = le16(record + 28), extra = le16(record + 30), comment = le16(record + 32);
    *used = CENTRAL_SIZE + length + extra + comment;
    if (*used > left) return fail(reader, "central directory", "a record past the directory's end");
    enum lassim_status status = copy_name(reader, record + CENTRAL_SIZE, length, &entry->name);
    if (status != LASSIM_OK) return status;
    struct header header = {le16(record + 8),  le16(record + 10), le32(record + 16),
                            le32(record + 20), le32(record + 24), le32(record + 42)};
    if (!widen_header(&header, record + CENTRAL_SIZE + length, extra))
        return fail(reader, entry->name, "malformed extra field in the central directory");
    status = check_method(reader, entry->name, &header);
    return status == LASSIM_OK ? read_local(reader, &header, limit, entry) : status;
}

/* --- the whole --- */

static int compare_begins(const void *a, const void *b)
{
    const struct zip_entry *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct zip_entry *)a)->name, ((const struct zip_entry *)b)->name);
}

/* No two entries share a byte or a name; leaves them sorted by name. */
static enum lassim_status check_entries(const struct reader *reader)
{
    struct zip_entry *entry = reader->archive->entry;
    size_t entries = reader->archive->entries;
    qsort(entry, entries, sizeof *entry, compare_begins);
    for (size_t i = 1; i < entries; i++)
        if (entry[i].begin < entry[i - 1].end)
            return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, entry[i].name,
                               "overlaps the entry %s, expected separate bytes", entry[i - 1].name);
    qsort(entry, entries, sizeof *entry, compare_names);
    for (size_t i = 1; i < entries; i++)
        if (strcmp(entry[i].name, entry[i - 1].name) == 0)
            return fail(reader, entry[i].name, "two entries of this name, expected one");
    return LASSIM_OK;
}

static enum lassim_status read_entries(const struct reader *reader, const struct directory *directory)
{
    struct zip_archive *archive = reader->archive;
    archive->entry = calloc(directory->entries + 1, sizeof *archive->entry);
    if (archive->entry == NULL)
        return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, NULL, "no memory for its directory");
    uint64_t at = directory->offset, end = directory->offset + directory->size, used = 0;
    while (archive->entries < directory->entries) {
        struct zip_entry *entry = &archive->entry[archive->entries++];
        enum lassim_status status = read_central(reader, reader->data + at, end - at, directory->offset, entry, &used);
        if (status != LASSIM_OK) return status;
        at += used;
    }
    if (at != end) return fail(reader, "central directory", "bytes after its last record");
    return check_entries(reader);
}

enum lassim_status zip_archive_read(const char *file, const uint8_t *data, uint64_t size, struct zip_archive *archive,
                                    struct lassim_error *error)
{
    struct reader reader = {file, data, size, archive, error};
    struct directory directory = {0};
    *archive = (struct zip_archive){0};
    enum lassim_status status = read_directory(&reader, &directory);
    if (status == LASSIM_OK) status = read_entries(&reader, &directory);
    if (status != LASSIM_OK) zip_archive_clear(archive);
    return status;
}

void zip_archive_clear(struct zip_archive *archive)
{
    for (size_t i = 0; i < archive->entries; i++) free(archive->entry[i].name);
    free(archive->entry);
    *archive = (struct zip_archive){0};
}

const struct zip_entry *zip_archive_find(const struct zip_archive *archive, const char *name)
{
    struct zip_entry key = {.name = (char *)name};
    if (archive->entries == 0) return NULL;
    return bsearch(&key, archive->entry, archive->entries, sizeof key, compare_names);
}
