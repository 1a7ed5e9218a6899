/* Trace reader and expansion on hostile bytes.  The first byte chooses: even, the rest is read as it is;
 * odd, its checksums are made right first, so that the decoder behind them is reached. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/trace_expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reseal(uint8_t *bytes, size_t size)
{
    if (size < TRACE_HEADER_BYTES) return;
    uint32_t populations = trace_get32(bytes + 36);
    int perturbed = (trace_get32(bytes + 28) & TRACE_PERTURBED) != 0;
    if (populations > TRACE_POPULATIONS_MAX || trace_header_bytes(populations, perturbed) > size) return;
    size_t at = trace_header_bytes(populations, perturbed);
    trace_put64(bytes + at - 8, XXH3_64bits(bytes, at - 8));
    for (uint64_t number = 0; size - at >= TRACE_BLOCK_HEADER_BYTES; number++) {
        uint64_t payload = trace_get64(bytes + at + 16);
        if (payload > size - at - TRACE_BLOCK_HEADER_BYTES) return;
        size_t block = TRACE_BLOCK_HEADER_BYTES + (size_t)payload;
        trace_put64(bytes + at, XXH3_64bits_withSeed(bytes + at + 8, block - 8, number));
        at += block;
    }
}

static void read_rows(const uint8_t *bytes, size_t size)
{
    struct trace_reader *reader;
    struct trace_expand *expand;
    struct trace_row rows[64];
    size_t count = 1;
    if (trace_reader_open_memory("fuzz", bytes, size, &reader, NULL) != LASSIM_OK) return;
    if (trace_expand_open(reader, &expand, NULL) == LASSIM_OK)
        while (count > 0 && trace_expand_rows(expand, rows, 64, &count, NULL) == LASSIM_OK)
            for (size_t i = 1; i < count; i++)
                if (rows[i].time < rows[i - 1].time) abort();
    trace_expand_close(expand);
    trace_reader_close(reader);
}

static void count_records(const uint8_t *bytes, size_t size)
{
    struct trace_reader *reader;
    const struct trace_record *record;
    const struct trace_block *block;
    struct counters counters = {0};
    if (trace_reader_open_memory("fuzz", bytes, size, &reader, NULL) != LASSIM_OK) return;
    while (trace_reader_next(reader, &record, NULL) == LASSIM_OK && record != NULL) {
        trace_record_count(trace_reader_info(reader), record, &counters);
        if (record->count > 3 && trace_reader_next_block(reader, &block, NULL) != LASSIM_OK) break;
    }
    trace_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    uint8_t *bytes = malloc(size);
    if (bytes == NULL) return 0;
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1) reseal(bytes, size - 1);
    read_rows(bytes, size - 1);
    count_records(bytes, size - 1);
    free(bytes);
    return 0;
}
