/* ZIP archives of stored entries, as torch.save writes them (PKWARE APPNOTE 6.3.10, zip64 included).
 *
 * The central directory is believed only where the local headers and data descriptors say the same; entries
 * may not overlap each other or the directory; compression, encryption and several disks are refused.  CRCs
 * must agree between the headers but are not computed: torch may write them as zero
 * (torch.serialization.set_crc32_options). */
#ifndef LASSIM_CONVERT_ZIP_ARCHIVE_H
#define LASSIM_CONVERT_ZIP_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

enum { ZIP_ENTRIES_MAX = 1 << 20, ZIP_NAME_MAX = 512 };

struct zip_entry {
    char *name;          /* owned; 1 .. ZIP_NAME_MAX bytes */
    const uint8_t *data; /* [size], in the archive's bytes; may be unaligned */
    uint64_t size;
    uint64_t begin, end; /* offsets of local header and of the end of data and descriptor */
};

struct zip_archive {
    struct zip_entry *entry; /* [entries], sorted by name, names unique */
    size_t entries;
};

/* Reads the directory of the archive in data[0 .. size), which must outlive *archive; file names it in errors.
 * LASSIM_ERR_FILE with the entry and the expectation; *archive is then empty.  The caller frees it with
 * zip_archive_clear.  O(entries log entries). */
enum lassim_status zip_archive_read(const char *file, const uint8_t *data, uint64_t size, struct zip_archive *archive,
                                    struct lassim_error *error);
void zip_archive_clear(struct zip_archive *archive);
/* The entry of that name, or NULL.  O(log entries). */
const struct zip_entry *zip_archive_find(const struct zip_archive *archive, const char *name);

#endif
