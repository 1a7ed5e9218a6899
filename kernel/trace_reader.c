#include "kernel/trace_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/trace_decode.h"

enum { READ_CHUNK = 1 << 20 };

struct trace_reader {
    FILE *file;
    char *name;
    struct trace_header_info info;
    struct trace_decoder decoder;
    struct trace_block block; /* the current one */
    struct trace_totals totals;
    struct trace_record record;
    struct lassim_error error; /* sticky */
    uint8_t *bytes;            /* of the current block, header included */
    size_t capacity;
    uint64_t whole; /* bytes of whole blocks */
    uint32_t left;  /* records of the current block not decoded yet */
    int ended, complete;
};

static enum lassim_status hand_over(const struct trace_reader *reader, struct lassim_error *error)
{
    if (error != NULL) *error = reader->error;
    return reader->error.status;
}

static enum lassim_status fail_header(struct trace_reader *reader, const char *reason)
{
    return lassim_fail(&reader->error, LASSIM_ERR_FILE, reader->name, "trace header", "%s", reason);
}

static enum lassim_status fail_block(struct trace_reader *reader, const char *reason)
{
    char place[80];
    snprintf(place, sizeof place, "block %llu at byte %llu", (unsigned long long)reader->totals.blocks,
             (unsigned long long)reader->whole);
    return lassim_fail(&reader->error, LASSIM_ERR_FILE, reader->name, place, "%s", reason);
}

static enum lassim_status fail_record(struct trace_reader *reader, const char *reason)
{
    char place[80];
    snprintf(place, sizeof place, "block %llu at byte %llu, record %u", (unsigned long long)reader->totals.blocks - 1,
             (unsigned long long)reader->block.offset, reader->block.records - reader->left);
    return lassim_fail(&reader->error, LASSIM_ERR_FILE, reader->name, place, "%s", reason);
}

/* Reads up to size bytes to bytes[used ..], growing as they arrive: memory follows what is really there.
 * Returns how many came; fewer than size at the end of the file. */
static size_t read_bytes(struct trace_reader *reader, size_t used, uint64_t size)
{
    size_t got = 0;
    while (got < size) {
        size_t chunk = size - got < READ_CHUNK ? (size_t)(size - got) : READ_CHUNK;
        if (used + got + chunk > reader->capacity) {
            size_t capacity = used + got + chunk + reader->capacity / 2;
            uint8_t *bytes = realloc(reader->bytes, capacity);
            if (bytes == NULL) {
                lassim_fail(&reader->error, LASSIM_ERR_RUN, reader->name, NULL, "no memory for a block");
                break;
            }
            reader->bytes = bytes;
            reader->capacity = capacity;
        }
        size_t now = fread(reader->bytes + used + got, 1, chunk, reader->file);
        got += now;
        if (now < chunk) break;
    }
    if (ferror(reader->file))
        lassim_fail(&reader->error, LASSIM_ERR_FILE, reader->name, NULL, "cannot read: %s", strerror(errno));
    return got;
}

static enum lassim_status decode_table(struct trace_reader *reader)
{
    struct trace_header_info *info = &reader->info;
    info->population = calloc(info->populations, sizeof *info->population);
    if (info->population == NULL)
        return lassim_fail(&reader->error, LASSIM_ERR_RUN, reader->name, NULL, "no memory for the header");
    for (uint32_t p = 0; p < info->populations; p++)
        trace_row_decode(reader->bytes + TRACE_HEADER_BYTES + (size_t)p * TRACE_POPULATION_BYTES, &info->population[p]);
    uint32_t bad;
    const char *reason = trace_info_check(info, &bad);
    if (reason == NULL && info->perturbation.on) {
        size_t end = trace_header_bytes(info->populations, 1) - 8;
        reason = trace_perturbation_decode(reader->bytes + end - TRACE_PERTURBATION_BYTES, &info->perturbation);
    }
    if (reason == NULL) return LASSIM_OK;
    char place[48];
    snprintf(place, sizeof place, "trace header, population %u", bad);
    return lassim_fail(&reader->error, LASSIM_ERR_FILE, reader->name, bad == UINT32_MAX ? "trace header" : place, "%s",
                       reason);
}

static enum lassim_status read_header(struct trace_reader *reader)
{
    struct trace_header_info *info = &reader->info;
    if (read_bytes(reader, 0, TRACE_HEADER_BYTES) < TRACE_HEADER_BYTES) {
        if (reader->error.status != LASSIM_OK) return reader->error.status;
        return fail_header(reader, "the file ends inside it");
    }
    if (trace_get64(reader->bytes) != TRACE_MAGIC)
        return fail_header(reader, "not a spike trace: magic is not LASSIMTR");
    if (trace_get32(reader->bytes + 8) != TRACE_VERSION)
        return lassim_fail(&reader->error, LASSIM_ERR_FILE, reader->name, "trace header",
                           "version %u, this program reads %d", trace_get32(reader->bytes + 8), TRACE_VERSION);
    info->model_hash = trace_get64(reader->bytes + 16);
    info->timesteps = trace_get32(reader->bytes + 24);
    info->code = trace_get32(reader->bytes + 28) & ~(uint32_t)TRACE_PERTURBED;
    info->perturbation.on = (trace_get32(reader->bytes + 28) & TRACE_PERTURBED) != 0;
    info->vocabulary = trace_get32(reader->bytes + 32);
    info->populations = trace_get32(reader->bytes + 36);
    if (info->populations < 1 || info->populations > TRACE_POPULATIONS_MAX)
        return fail_header(reader, "populations not in 1 .. 65536");
    size_t size = trace_header_bytes(info->populations, info->perturbation.on);
    if (trace_get32(reader->bytes + 12) != size) return fail_header(reader, "length does not fit the population table");
    if (read_bytes(reader, TRACE_HEADER_BYTES, size - TRACE_HEADER_BYTES) < size - TRACE_HEADER_BYTES) {
        if (reader->error.status != LASSIM_OK) return reader->error.status;
        return fail_header(reader, "the file ends inside the population table");
    }
    if (trace_get64(reader->bytes + size - 8) != XXH3_64bits(reader->bytes, size - 8))
        return fail_header(reader, "checksum does not match");
    reader->whole = size;
    return decode_table(reader);
}

static enum lassim_status open_file(FILE *file, const char *name, struct trace_reader **result,
                                    struct lassim_error *error)
{
    struct trace_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) reader->name = strdup(name);
    if (reader == NULL || reader->name == NULL) {
        free(reader);
        if (file != stdin) fclose(file);
        return lassim_fail(error, LASSIM_ERR_RUN, name, NULL, "no memory");
    }
    reader->file = file;
    reader->decoder.info = &reader->info;
    enum lassim_status status = read_header(reader);
    if (status == LASSIM_OK) {
        *result = reader;
        return LASSIM_OK;
    }
    hand_over(reader, error);
    trace_reader_close(reader);
    return status;
}

enum lassim_status trace_reader_open(const char *path, struct trace_reader **reader, struct lassim_error *error)
{
    *reader = NULL;
    if (strcmp(path, "-") == 0) return open_file(stdin, "standard input", reader, error);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot open: %s", strerror(errno));
    return open_file(file, path, reader, error);
}

enum lassim_status trace_reader_open_memory(const char *name, const void *bytes, size_t size,
                                            struct trace_reader **reader, struct lassim_error *error)
{
    *reader = NULL;
    FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)bytes, size, "rb");
    if (file == NULL) return lassim_fail(error, LASSIM_ERR_FILE, name, "trace header", "the file ends inside it");
    return open_file(file, name, reader, error);
}

void trace_reader_close(struct trace_reader *reader)
{
    if (reader == NULL) return;
    if (reader->file != stdin) fclose(reader->file);
    trace_info_free(&reader->info);
    trace_decoder_free(&reader->decoder);
    free(reader->bytes);
    free(reader->name);
    free(reader);
}

const char *trace_reader_name(const struct trace_reader *reader)
{
    return reader->name;
}

const struct trace_header_info *trace_reader_info(const struct trace_reader *reader)
{
    return &reader->info;
}

/* The largest payload that `records` records can have. */
static uint64_t payload_bound(const struct trace_reader *reader, uint32_t records)
{
    size_t largest = 0;
    for (uint32_t p = 0; p < reader->info.populations; p++)
        if (trace_record_max(&reader->info, p) > largest) largest = trace_record_max(&reader->info, p);
    return (uint64_t)records * largest;
}

static const char *check_block_header(const struct trace_reader *reader, const struct trace_block_header *header)
{
    if (header->magic == TRACE_END_MAGIC) {
        if (header->records != 0 || header->first_window != 0) return "final block with records";
        return header->payload == TRACE_TOTALS_BYTES ? NULL : "final block of another length";
    }
    if (header->magic != TRACE_BLOCK_MAGIC) return "no block starts here";
    if (header->records < 1 || header->records > TRACE_BLOCK_RECORDS) return "records not in 1 .. 256";
    if (header->payload > payload_bound(reader, header->records)) return "longer than its records can be";
    if (header->first_window >> TRACE_WINDOW_BITS != 0) return "first window is out of range";
    if (header->first_window < reader->block.first_window) return "blocks are not in order";
    return NULL;
}

/* The final block: totals must agree and nothing may follow. */
static enum lassim_status end_trace(struct trace_reader *reader, const struct trace_block_header *header)
{
    const uint8_t *totals = reader->bytes + TRACE_BLOCK_HEADER_BYTES;
    if (trace_get64(totals) != reader->totals.blocks || trace_get64(totals + 8) != reader->totals.records ||
        memcmp(header->spikes, reader->totals.spikes, sizeof header->spikes) != 0)
        return fail_block(reader, "totals differ from the blocks'");
    if (fgetc(reader->file) != EOF) return fail_block(reader, "bytes after the final block");
    reader->totals.timesteps = trace_get64(totals + 16);
    reader->whole += TRACE_BLOCK_HEADER_BYTES + TRACE_TOTALS_BYTES;
    reader->ended = reader->complete = 1;
    return LASSIM_OK;
}

static void start_block(struct trace_reader *reader, const struct trace_block_header *header)
{
    reader->block = (struct trace_block){.offset = reader->whole,
                                         .first_window = header->first_window,
                                         .bytes = TRACE_BLOCK_HEADER_BYTES + header->payload,
                                         .records = header->records};
    memcpy(reader->block.spikes, header->spikes, sizeof header->spikes);
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) reader->totals.spikes[kind] += header->spikes[kind];
    reader->totals.blocks++;
    reader->totals.records += header->records;
    reader->whole += reader->block.bytes;
    reader->left = header->records;
    struct trace_decoder *decoder = &reader->decoder;
    decoder->in = reader->bytes + TRACE_BLOCK_HEADER_BYTES;
    decoder->end = decoder->in + header->payload;
    memset(decoder->spikes, 0, sizeof decoder->spikes);
}

/* Reads the next block; at the end sets reader->ended. */
static enum lassim_status read_block(struct trace_reader *reader)
{
    struct trace_block_header header;
    reader->left = 0;
    size_t got = read_bytes(reader, 0, TRACE_BLOCK_HEADER_BYTES);
    if (got == TRACE_BLOCK_HEADER_BYTES) {
        trace_block_header_decode(reader->bytes, &header);
        const char *reason = check_block_header(reader, &header);
        if (reason != NULL) return fail_block(reader, reason);
        got += read_bytes(reader, TRACE_BLOCK_HEADER_BYTES, header.payload);
    }
    if (reader->error.status != LASSIM_OK) return reader->error.status;
    if (got < TRACE_BLOCK_HEADER_BYTES || got < TRACE_BLOCK_HEADER_BYTES + header.payload) {
        reader->ended = 1;
        return LASSIM_OK;
    }
    if (!trace_block_intact(reader->bytes, got, reader->totals.blocks))
        return fail_block(reader, "checksum does not match");
    if (header.magic == TRACE_END_MAGIC) return end_trace(reader, &header);
    start_block(reader, &header);
    return LASSIM_OK;
}

enum lassim_status trace_reader_next_block(struct trace_reader *reader, const struct trace_block **block,
                                           struct lassim_error *error)
{
    *block = NULL;
    if (reader->error.status == LASSIM_OK && !reader->ended) read_block(reader);
    if (reader->error.status == LASSIM_OK && !reader->ended) *block = &reader->block;
    return hand_over(reader, error);
}

/* Decodes the next record of the current block; after its last one the block's own figures must agree. */
static enum lassim_status decode_next(struct trace_reader *reader)
{
    struct trace_decoder *decoder = &reader->decoder;
    int first = reader->left == reader->block.records;
    if (first) {
        if (decoder->started && reader->block.first_window < decoder->last.window)
            return fail_record(reader, "records are not in order");
        decoder->started = decoder->started && reader->block.first_window == decoder->last.window;
        decoder->last.window = reader->block.first_window;
    }
    const char *reason = trace_decode_record(decoder, &reader->record);
    if (reason != NULL) return fail_record(reader, reason);
    if (first && reader->record.window != reader->block.first_window)
        return fail_record(reader, "first window differs from the block's");
    reader->totals.timesteps = (reader->record.window + 1) * reader->info.timesteps;
    if (--reader->left > 0) return LASSIM_OK;
    if (decoder->in != decoder->end) return fail_record(reader, "bytes after the last record");
    if (memcmp(decoder->spikes, reader->block.spikes, sizeof decoder->spikes) != 0)
        return fail_record(reader, "spike counts differ from the block's");
    return LASSIM_OK;
}

enum lassim_status trace_reader_next(struct trace_reader *reader, const struct trace_record **record,
                                     struct lassim_error *error)
{
    *record = NULL;
    if (reader->error.status == LASSIM_OK && reader->left == 0 && !reader->ended) read_block(reader);
    if (reader->error.status == LASSIM_OK && reader->left > 0 && decode_next(reader) == LASSIM_OK)
        *record = &reader->record;
    return hand_over(reader, error);
}

int trace_reader_complete(const struct trace_reader *reader)
{
    return reader->complete;
}

const struct trace_totals *trace_reader_totals(const struct trace_reader *reader)
{
    return &reader->totals;
}

uint64_t trace_reader_bytes(const struct trace_reader *reader)
{
    return reader->whole;
}
