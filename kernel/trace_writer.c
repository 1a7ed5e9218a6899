#include "kernel/trace_writer.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/outfile.h"

struct trace_writer {
    struct trace_header_info info;
    struct outfile *file;
    struct trace_block_header header; /* of the block being filled */
    struct trace_totals totals;       /* of the blocks written */
    struct lassim_error error;        /* sticky */
    struct trace_key last;            /* of the record before */
    int started;                      /* there is one */
    uint8_t *block;                   /* header, then header.payload bytes; room for every full block */
    uint8_t *payload;                 /* one record's */
};

static void writer_free(struct trace_writer *writer)
{
    trace_info_free(&writer->info);
    free(writer->block);
    free(writer->payload);
    free(writer);
}

static int copy_info(const struct trace_header_info *from, struct trace_header_info *to)
{
    *to = *from;
    to->population = calloc(from->populations, sizeof *to->population);
    if (to->population == NULL) return -1;
    memcpy(to->population, from->population, from->populations * sizeof *to->population);
    return 0;
}

/* Buffers for the largest block and record that any codes can make.  Pages of the block are touched only
 * as far as a block really fills them. */
static struct trace_writer *writer_new(const struct trace_header_info *info)
{
    struct trace_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return NULL;
    size_t largest = 0;
    for (uint32_t p = 0; p < info->populations; p++)
        if (trace_record_max(info, p) > largest) largest = trace_record_max(info, p);
    writer->block = malloc(TRACE_BLOCK_HEADER_BYTES + TRACE_BLOCK_RECORDS * largest);
    writer->payload = malloc(largest);
    if (copy_info(info, &writer->info) == 0 && writer->block != NULL && writer->payload != NULL) return writer;
    writer_free(writer);
    return NULL;
}

static enum lassim_status write_header(struct trace_writer *writer, struct lassim_error *error)
{
    size_t size = trace_header_bytes(writer->info.populations);
    uint8_t *header = calloc(1, size);
    if (header == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the trace header");
    trace_header_encode(&writer->info, header);
    enum lassim_status status = outfile_write(writer->file, header, size, error);
    if (status == LASSIM_OK) status = outfile_flush(writer->file, error);
    free(header);
    return status;
}

enum lassim_status trace_writer_open(const char *path, int no_clobber, const struct trace_header_info *info,
                                     struct trace_writer **result, struct lassim_error *error)
{
    *result = NULL;
    uint32_t bad;
    const char *reason = trace_info_check(info, &bad);
    LASSIM_INVARIANT(reason == NULL, "population %u: %s", bad, reason);
    struct trace_writer *writer = writer_new(info);
    if (writer == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for the trace buffers");
    enum lassim_status status = outfile_open(path, no_clobber, &writer->file, error);
    if (status == LASSIM_OK) status = write_header(writer, error);
    if (status != LASSIM_OK) {
        outfile_abandon(writer->file);
        writer_free(writer);
        return status;
    }
    *result = writer;
    return LASSIM_OK;
}

/* Writes the block as it is, if it has records, and starts the next. */
static enum lassim_status write_block(struct trace_writer *writer)
{
    struct trace_block_header *header = &writer->header;
    if (header->records == 0 || writer->error.status != LASSIM_OK) return writer->error.status;
    header->magic = TRACE_BLOCK_MAGIC;
    trace_block_seal(writer->block, header, writer->totals.blocks);
    size_t size = TRACE_BLOCK_HEADER_BYTES + header->payload;
    if (outfile_write(writer->file, writer->block, size, &writer->error) == LASSIM_OK)
        outfile_flush(writer->file, &writer->error);
    writer->totals.blocks++;
    writer->totals.records += header->records;
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) writer->totals.spikes[kind] += header->spikes[kind];
    *header = (struct trace_block_header){0};
    return writer->error.status;
}

/* Writes the head of a record to out; returns its bytes. */
static size_t put_head(struct trace_writer *writer, const struct trace_key *key, uint32_t span, uint8_t *out)
{
    if (writer->header.records == 0) writer->header.first_window = writer->last.window = key->window;
    size_t used = trace_put_varint(out, key->window - writer->last.window);
    used += trace_put_varint(out + used, key->population);
    used += trace_put_varint(out + used, key->token);
    if (writer->info.population[key->population].heads > 0) used += trace_put_varint(out + used, span);
    return used;
}

enum lassim_status trace_writer_append(struct trace_writer *writer, uint64_t window, uint32_t population,
                                       uint32_t token, uint32_t span, const uint8_t *payload, size_t bytes,
                                       const struct trace_counts *counts)
{
    if (writer->error.status != LASSIM_OK) return writer->error.status;
    LASSIM_INVARIANT(population < writer->info.populations, "population %u", population);
    const struct trace_population *row = &writer->info.population[population];
    const struct trace_key key = {window, population, token};
    LASSIM_INVARIANT(!writer->started || trace_key_before(&writer->info, &writer->last, &key),
                     "window %llu population %u token %u", (unsigned long long)window, population, token);
    LASSIM_INVARIANT(row->heads == 0 || (span >= 1 && span <= row->positions), "population %u span %u", population,
                     span);
    LASSIM_INVARIANT(bytes <= trace_payload_max(&writer->info, population), "population %u", population);
    struct trace_block_header *header = &writer->header;
    uint8_t *out = writer->block + TRACE_BLOCK_HEADER_BYTES + header->payload;
    size_t used = put_head(writer, &key, span, out);
    memcpy(out + used, payload, bytes);
    header->payload += used + bytes;
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) header->spikes[kind] += counts->spikes[kind];
    writer->last = key;
    writer->started = 1;
    return ++header->records == TRACE_BLOCK_RECORDS ? write_block(writer) : LASSIM_OK;
}

static void check_neurons(const struct trace_writer *writer, uint32_t population, uint32_t span, uint32_t n)
{
    LASSIM_INVARIANT(population < writer->info.populations, "population %u", population);
    const struct trace_population *row = &writer->info.population[population];
    LASSIM_INVARIANT(row->heads == 0 || span <= row->positions, "population %u span %u", population, span);
    LASSIM_INVARIANT(n == trace_record_neurons(row, span), "population %u: %u neurons", population, n);
}

enum lassim_status trace_writer_record_oat(struct trace_writer *writer, uint64_t window, uint32_t population,
                                           uint32_t token, uint32_t span, const uint32_t *codes, uint32_t n)
{
    check_neurons(writer, population, span, n);
    struct trace_counts counts = {0};
    size_t bytes = trace_encode_oat(&writer->info, population, codes, n, writer->payload, &counts);
    return trace_writer_append(writer, window, population, token, span, writer->payload, bytes, &counts);
}

enum lassim_status trace_writer_record_hg(struct trace_writer *writer, uint64_t window, uint32_t population,
                                          uint32_t token, uint32_t span, const struct hg_code *codes, uint32_t n)
{
    check_neurons(writer, population, span, n);
    struct trace_counts counts = {0};
    size_t bytes = trace_encode_hg(&writer->info, population, codes, n, writer->payload, &counts);
    return trace_writer_append(writer, window, population, token, span, writer->payload, bytes, &counts);
}

enum lassim_status trace_writer_record_input(struct trace_writer *writer, uint64_t window, uint32_t population,
                                             uint32_t token, uint32_t row)
{
    LASSIM_INVARIANT(population < writer->info.populations, "population %u", population);
    const struct trace_population *input = &writer->info.population[population];
    LASSIM_INVARIANT(input->code == CODE_INPUT && row < input->neurons, "population %u row %u", population, row);
    struct trace_counts counts = {0};
    size_t bytes = trace_encode_input(row, writer->payload, &counts);
    return trace_writer_append(writer, window, population, token, 0, writer->payload, bytes, &counts);
}

const struct lassim_error *trace_writer_error(const struct trace_writer *writer)
{
    return &writer->error;
}

static enum lassim_status write_totals(struct trace_writer *writer, uint64_t timesteps)
{
    uint8_t end[TRACE_BLOCK_HEADER_BYTES + TRACE_TOTALS_BYTES];
    struct trace_block_header header = {.magic = TRACE_END_MAGIC, .payload = TRACE_TOTALS_BYTES};
    memcpy(header.spikes, writer->totals.spikes, sizeof header.spikes);
    trace_put64(end + TRACE_BLOCK_HEADER_BYTES, writer->totals.blocks);
    trace_put64(end + TRACE_BLOCK_HEADER_BYTES + 8, writer->totals.records);
    trace_put64(end + TRACE_BLOCK_HEADER_BYTES + 16, timesteps);
    trace_block_seal(end, &header, writer->totals.blocks);
    return outfile_write(writer->file, end, sizeof end, &writer->error);
}

enum lassim_status trace_writer_finish(struct trace_writer *writer, uint64_t timesteps, struct lassim_error *error)
{
    enum lassim_status status = write_block(writer);
    if (status == LASSIM_OK) status = write_totals(writer, timesteps);
    if (status == LASSIM_OK) {
        status = outfile_close_complete(writer->file, error);
    } else {
        if (error != NULL) *error = writer->error;
        outfile_abandon(writer->file);
    }
    writer_free(writer);
    return status;
}

void trace_writer_abandon(struct trace_writer *writer)
{
    if (writer == NULL) return;
    write_block(writer);
    outfile_abandon(writer->file);
    writer_free(writer);
}
