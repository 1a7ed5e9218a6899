#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <cmocka.h>

#include "test/helpers/trace_samples.h"

/* A trace in memory, with the ends of its header and blocks. */
struct image {
    uint8_t *bytes;
    size_t size, header, blocks;
    size_t end[64]; /* of block i; the last one is the final block's, = size */
};

static struct image make_image(uint32_t windows, int finish)
{
    struct sample_random random = sample_seed("reader");
    struct sample_rows rows;
    struct counters counters[SAMPLE_POPULATIONS];
    const struct trace_header_info info = sample_info(4, SPIKE_CODE_TERNARY);
    sample_trace(&random, sample_path("image"), &info, windows, 1, finish, &rows, counters);
    sample_rows_free(&rows);
    struct image image = {.header = trace_header_bytes(info.populations, 0)};
    image.bytes = sample_read_file(sample_path(finish ? "image" : "image.partial"), &image.size);
    for (size_t at = image.header; at < image.size; image.blocks++) {
        at += TRACE_BLOCK_HEADER_BYTES + trace_get64(image.bytes + at + 16);
        image.end[image.blocks] = at;
    }
    assert_int_equal(image.end[image.blocks - 1], image.size);
    return image;
}

struct outcome {
    enum lassim_status status;
    int complete;
    uint64_t records, blocks, bytes;
    struct lassim_error error;
};

/* Decodes everything. */
static struct outcome read_all(const uint8_t *bytes, size_t size)
{
    struct outcome outcome = {0};
    struct trace_reader *reader;
    const struct trace_record *record = NULL;
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that ASan sees a read past the end */
    memcpy(exact, bytes, size);
    outcome.status = trace_reader_open_memory("image", exact, size, &reader, &outcome.error);
    if (outcome.status == LASSIM_OK) {
        while ((outcome.status = trace_reader_next(reader, &record, &outcome.error)) == LASSIM_OK && record != NULL)
            outcome.records++;
        outcome.complete = trace_reader_complete(reader);
        outcome.blocks = trace_reader_totals(reader)->blocks;
        outcome.bytes = trace_reader_bytes(reader);
        trace_reader_close(reader);
    }
    free(exact);
    return outcome;
}

static void test_truncation_at_every_byte(void **state)
{
    (void)state;
    struct image image = make_image(100, 1);
    assert_true(image.blocks >= 3);
    uint64_t records = 0;
    size_t block = 0;
    for (size_t size = 0; size <= image.size; size++) {
        if (size == image.end[block]) {
            size_t start = block > 0 ? image.end[block - 1] : image.header;
            records += trace_get32(image.bytes + start + 12);
            block++;
        }
        struct outcome outcome = read_all(image.bytes, size);
        if (size < image.header) {
            assert_int_equal(outcome.status, LASSIM_ERR_FILE);
            assert_non_null(strstr(outcome.error.text, "image: trace header"));
            continue;
        }
        assert_int_equal(outcome.status, LASSIM_OK);
        assert_int_equal(outcome.complete, size == image.size);
        assert_int_equal(outcome.records, records);
        assert_int_equal(outcome.bytes, block > 0 ? image.end[block - 1] : image.header);
    }
    free(image.bytes);
}

static void test_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    struct image image = make_image(3, 1);
    struct outcome whole = read_all(image.bytes, image.size);
    assert_int_equal(whole.status, LASSIM_OK);
    assert_true(whole.complete);
    for (size_t bit = 0; bit < 8 * image.size; bit++) {
        image.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct outcome outcome = read_all(image.bytes, image.size);
        assert_true(outcome.status == LASSIM_ERR_FILE || (outcome.status == LASSIM_OK && !outcome.complete));
        if (bit < 8 * image.header) assert_int_equal(outcome.status, LASSIM_ERR_FILE);
        if (outcome.status != LASSIM_OK) assert_null(strchr(outcome.error.text, '\n'));
        image.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(image.bytes);
}

static void test_blocks_dropped_swapped_or_appended(void **state)
{
    (void)state;
    struct image image = make_image(140, 1);
    assert_true(image.blocks >= 4);
    uint8_t *bytes = malloc(2 * image.size);
    memcpy(bytes, image.bytes, image.end[0]);
    memcpy(bytes + image.end[0], image.bytes + image.end[1], image.size - image.end[1]);
    assert_int_equal(read_all(bytes, image.size - (image.end[1] - image.end[0])).status, LASSIM_ERR_FILE);
    memcpy(bytes, image.bytes, image.size);
    bytes[image.size] = 0;
    assert_int_equal(read_all(bytes, image.size + 1).status, LASSIM_ERR_FILE);
    size_t first = image.end[0] - image.header, second = image.end[1] - image.end[0];
    memcpy(bytes + image.header, image.bytes + image.end[0], second);
    memcpy(bytes + image.header + second, image.bytes + image.header, first);
    assert_int_equal(read_all(bytes, image.size).status, LASSIM_ERR_FILE);
    free(bytes);
    free(image.bytes);
}

static void test_abandoned_trace_is_incomplete(void **state)
{
    (void)state;
    struct image image = make_image(30, 0);
    struct outcome outcome = read_all(image.bytes, image.size);
    assert_int_equal(outcome.status, LASSIM_OK);
    assert_false(outcome.complete);
    assert_int_equal(outcome.bytes, image.size);
    assert_int_equal(outcome.blocks, image.blocks);
    free(image.bytes);
}

static void test_block_headers_sum_to_the_totals(void **state)
{
    (void)state;
    struct image image = make_image(140, 1);
    struct trace_reader *reader;
    const struct trace_block *block;
    struct lassim_error error;
    uint64_t spikes[TRACE_KINDS] = {0}, records = 0, blocks = 0;
    assert_int_equal(trace_reader_open_memory("image", image.bytes, image.size, &reader, &error), LASSIM_OK);
    for (;;) {
        assert_int_equal(trace_reader_next_block(reader, &block, &error), LASSIM_OK);
        if (block == NULL) break;
        for (int kind = 0; kind < TRACE_KINDS; kind++) spikes[kind] += block->spikes[kind];
        records += block->records;
        blocks++;
        assert_int_equal(block->offset + block->bytes, image.end[blocks - 1]);
    }
    assert_true(trace_reader_complete(reader));
    const struct trace_totals *totals = trace_reader_totals(reader);
    assert_int_equal(totals->blocks, blocks);
    assert_int_equal(totals->records, records);
    assert_memory_equal(totals->spikes, spikes, sizeof spikes);
    assert_int_equal(records, read_all(image.bytes, image.size).records);
    trace_reader_close(reader);
    free(image.bytes);
}

/* A trace of one population and one block whose payload is given; checksums right. */
static size_t forge(uint8_t *out, const struct trace_population *row, uint32_t records, const uint8_t *payload,
                    size_t bytes, const uint64_t *spikes)
{
    struct trace_population table = *row;
    const struct trace_header_info info = {.timesteps = 4, .populations = 1, .population = &table};
    struct trace_block_header header = {.magic = TRACE_BLOCK_MAGIC, .records = records, .payload = bytes};
    if (spikes != NULL) memcpy(header.spikes, spikes, sizeof header.spikes);
    size_t size = trace_header_bytes(1, 0);
    trace_header_encode(&info, out);
    memcpy(out + size + TRACE_BLOCK_HEADER_BYTES, payload, bytes);
    trace_block_seal(out + size, &header, 0);
    return size + TRACE_BLOCK_HEADER_BYTES + bytes;
}

struct forged {
    const char *what;
    enum sample_population population;
    uint32_t records;
    uint8_t payload[24];
    size_t bytes;
};

static void test_right_checksums_around_lies(void **state)
{
    (void)state;
    static const struct forged cases[] = {
        {"population", SAMPLE_RES, 1, {0, 1, 0, 0}, 4},
        {"first window", SAMPLE_RES, 1, {1, 0, 0, 0}, 4},
        {"window", SAMPLE_RES, 1, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}, 13},
        {"token", SAMPLE_RES, 1, {0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0}, 8},
        {"order", SAMPLE_RES, 2, {0, 0, 1, 0, 0, 0, 1, 0}, 8},
        {"after the last", SAMPLE_RES, 1, {0, 0, 0, 0, 0}, 5},
        {"active", SAMPLE_RES, 1, {0, 0, 0, 71}, 4},
        {"longer than its block", SAMPLE_RES, 1, {0, 0, 0, 70, 0}, 5},
        {"longer than its block", SAMPLE_RES, 1, {0, 0, 0, 1}, 4},
        {"flags", SAMPLE_RES, 1, {0, 0, 0, 1, 8, 0xff, 0xff}, 7},
        {"cut off or out of range", SAMPLE_RES, 1, {0, 0, 0, 1, 0, 0x01, 0x00}, 7}, /* magnitude 0 */
        {"cut off or out of range", SAMPLE_RES, 1, {0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 10},
        {"cut off or out of range", SAMPLE_RES, 1, {0, 0, 0, 1, 4, 0x01, 0x02, 0}, 8}, /* 5 bits at T 4 */
        {"padding", SAMPLE_RES, 1, {0, 0, 0, 1, 0, 0x81, 0x80}, 7},
        {"visible keys", SAMPLE_E, 1, {0, 0, 0, 0, 0}, 5},
        {"visible keys", SAMPLE_E, 1, {0, 0, 0, 10, 0}, 5},
        {"input row", SAMPLE_TOK, 1, {0, 0, 0, 50}, 4},
        {"cut off or out of range", SAMPLE_RSTD, 1, {0, 0, 0, 1, 0x0b, 0}, 6}, /* octave gate 5 of 5 */
        {"spike counts", SAMPLE_TOK, 1, {0, 0, 0, 49}, 4},
        {"records not in", SAMPLE_TOK, 0, {0}, 0},
        {"records not in", SAMPLE_TOK, 257, {0}, 4},
        {"longer than its records", SAMPLE_RSTD, 1, {0}, 64},
    };
    uint8_t bytes[1024], payload[64] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(payload, cases[i].payload, sizeof cases[i].payload);
        size_t size = forge(bytes, &sample_table[cases[i].population], cases[i].records, payload, cases[i].bytes, NULL);
        struct outcome outcome = read_all(bytes, size);
        if (outcome.status != LASSIM_ERR_FILE || strstr(outcome.error.text, cases[i].what) == NULL)
            fail_msg("case %zu: status %d, %s", i, (int)outcome.status, outcome.error.text);
        assert_non_null(strstr(outcome.error.text, "image: block 0 at byte 140"));
    }
    const uint64_t one[TRACE_KINDS] = {1};
    const uint8_t good[] = {0, 0, 0, 49};
    size_t size = forge(bytes, &sample_table[SAMPLE_TOK], 1, good, sizeof good, one);
    assert_int_equal(read_all(bytes, size).status, LASSIM_OK);
}

static void forged_header(uint8_t *out, size_t at, uint32_t value)
{
    const struct trace_header_info info = sample_info(4, SPIKE_CODE_RADIX);
    size_t size = trace_header_bytes(info.populations, 0);
    trace_header_encode(&info, out);
    trace_put32(out + at, value);
    trace_put64(out + size - 8, XXH3_64bits(out, size - 8));
}

static void test_lying_headers(void **state)
{
    (void)state;
    enum { ROW = TRACE_HEADER_BYTES + SAMPLE_RSTD * TRACE_POPULATION_BYTES, WORD = ROW + TRACE_NAME };
    static const struct {
        size_t at;
        uint32_t value;
        const char *what;
    } cases[] = {
        {0, 0, "magic"},
        {8, 1, "version 1"},
        {12, 40, "length"},
        {24, 0, "T is not"},
        {24, 17, "T is not"},
        {28, 2, "code is neither"},
        {36, 0, "populations not"},
        {36, 65537, "populations not"},
        {ROW, 0, "name"},
        {WORD + 4, 3, "code is"},
        {WORD + 16, 0, "neurons"},
        {WORD + 16, 0xffffffff, "neurons"},
        {WORD + 24, 0, "block"},
        {WORD + 28, 0, "octave"},
        {WORD + 28, 65536, "octave"},
        {WORD + 32, 17, "sub-interval"},
        {WORD + 36, 1, "outlier"},
        {WORD + 40, 1, "heads"},
        {WORD + 4, 1, "gates without"},
        {WORD + 48, 4, "timesteps of its own"},
        {TRACE_HEADER_BYTES + TRACE_NAME + 48, 1, "without a code"},
    };
    uint8_t bytes[2048];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forged_header(bytes, cases[i].at, cases[i].value);
        struct outcome outcome = read_all(bytes, trace_header_bytes(SAMPLE_POPULATIONS, 0));
        if (outcome.status != LASSIM_ERR_FILE || strstr(outcome.error.text, cases[i].what) == NULL)
            fail_msg("case %zu: status %d, %s", i, (int)outcome.status, outcome.error.text);
    }
    forged_header(bytes, 24, 5);
    assert_int_equal(read_all(bytes, trace_header_bytes(SAMPLE_POPULATIONS, 0)).status, LASSIM_OK);
}

static void test_missing_file_and_directory(void **state)
{
    (void)state;
    struct trace_reader *reader;
    struct lassim_error error;
    assert_int_equal(trace_reader_open(sample_path("missing"), &reader, &error), LASSIM_ERR_FILE);
    assert_null(reader);
    assert_int_equal(trace_reader_open(sample_directory(), &reader, &error), LASSIM_ERR_FILE);
    assert_null(reader);
}

static int make_directory(void **state)
{
    (void)state;
    sample_directory();
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation_at_every_byte),
        cmocka_unit_test(test_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_blocks_dropped_swapped_or_appended),
        cmocka_unit_test(test_abandoned_trace_is_incomplete),
        cmocka_unit_test(test_block_headers_sum_to_the_totals),
        cmocka_unit_test(test_right_checksums_around_lies),
        cmocka_unit_test(test_lying_headers),
        cmocka_unit_test(test_missing_file_and_directory),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_files);
}
