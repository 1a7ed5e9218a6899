#include "kernel/model_reader.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum lassim_status snn_refuse(const struct snn_reader *reader, const char *place, const char *reason)
{
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->name, place, "%s", reason);
}

enum lassim_status snn_refuse_in(const struct snn_reader *reader, const char *section, const char *item,
                                 const char *reason)
{
    char place[96];
    snprintf(place, sizeof place, "section %s, %s", section, item);
    return snn_refuse(reader, place, reason);
}

enum lassim_status snn_no_memory(const struct snn_reader *reader)
{
    return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->name, NULL, "no memory");
}

enum lassim_status snn_read_header(struct snn_reader *reader)
{
    const struct snn_header *header = (const void *)reader->bytes;
    if (reader->size < sizeof *header) return snn_refuse(reader, "header", "cut short: expected at least 64 bytes");
    if (memcmp(header->magic, SNN_MAGIC, sizeof header->magic) != 0)
        return snn_refuse(reader, "header", "expected a .snn, the magic bytes differ");
    if (header->version != SNN_VERSION || header->flags != 0)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->name, "header",
                           "expected version %d with feature flags 0, found %u with %#x", SNN_VERSION, header->version,
                           header->flags);
    if (XXH3_64bits(header, offsetof(struct snn_header, header_checksum)) != header->header_checksum)
        return snn_refuse(reader, "header", "checksum does not match");
    if (header->zero != 0 || !snn_all_zero(header->reserved, sizeof header->reserved))
        return snn_refuse(reader, "header", "reserved bytes must be 0");
    if (header->file_size != reader->size)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->name, "header",
                           "expected %llu bytes, the file has %llu", (unsigned long long)header->file_size,
                           (unsigned long long)reader->size);
    uint64_t table_size = (uint64_t)header->sections * sizeof(struct snn_section);
    if (header->sections < SNN_SMALL_SECTIONS || table_size > reader->size - sizeof *header)
        return snn_refuse(reader, "header", "the section table does not fit the file");
    reader->section = (const void *)(reader->bytes + sizeof *header);
    reader->sections = header->sections;
    reader->end = sizeof *header + table_size;
    if (XXH3_64bits(reader->section, table_size) != header->table_checksum)
        return snn_refuse(reader, "section table", "checksum does not match");
    return LASSIM_OK;
}

enum lassim_status snn_take_section(struct snn_reader *reader, uint32_t type, uint32_t index, uint64_t size,
                                    struct snn_span *span)
{
    char place[48];
    snprintf(place, sizeof place, type == SNN_WEIGHTS ? "section %s %u" : "section %s", snn_section_name(type), index);
    if (reader->entry >= reader->sections) return snn_refuse(reader, place, "missing");
    const struct snn_section *section = &reader->section[reader->entry];
    if (section->type != type || section->index != index)
        return snn_refuse(reader, place, "expected at this place of the table");
    uint64_t offset = snn_align(reader->end);
    if (section->offset != offset || offset > reader->size || section->size > reader->size - offset)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->name, place,
                           "expected at offset %llu and inside the file", (unsigned long long)offset);
    if (size != 0 && section->size != size)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->name, place, "expected %llu bytes, found %llu",
                           (unsigned long long)size, (unsigned long long)section->size);
    if (!snn_all_zero(reader->bytes + reader->end, offset - reader->end))
        return snn_refuse(reader, place, "bytes of the gap before it must be 0");
    span->bytes = reader->bytes + offset;
    span->size = section->size;
    if (type != SNN_WEIGHTS && XXH3_64bits(span->bytes, span->size) != section->checksum)
        return snn_refuse(reader, place, "checksum does not match");
    reader->entry++;
    reader->end = offset + section->size;
    return LASSIM_OK;
}
