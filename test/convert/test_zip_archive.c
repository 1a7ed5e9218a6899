/* The zip reader: plain, descriptor and zip64 layouts, every disagreement between directory and entries,
 * truncation and bit flips. */
#include "convert/zip_archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

#define LOCAL UINT32_C(0x04034b50)
#define CENTRAL UINT32_C(0x02014b50)
#define DESCRIPTOR UINT32_C(0x08074b50)
#define END UINT32_C(0x06054b50)
#define END64 UINT32_C(0x06064b50)
#define LOCATOR UINT32_C(0x07064b50)

static const struct fixture_entry good_entries[] = {
    {"a/data.pkl", "pickle", 6}, {"a/data/0", "0123456789", 10}, {"a/empty", "", 0}};
static const struct fixture_zip_options layouts[] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
enum { LAYOUTS = 4, ENTRIES = 3 };

static enum lassim_status read_prefix(const struct bytes *bytes, size_t size, struct zip_archive *archive,
                                      struct lassim_error *error)
{
    *error = (struct lassim_error){0};
    uint8_t *exact = malloc(size + (size == 0)); /* a read past the end is then seen by ASan */
    assert_non_null(exact);
    memcpy(exact, bytes->data, size);
    enum lassim_status status = zip_archive_read("w.bin", exact, size, archive, error);
    for (size_t i = 0; i < archive->entries; i++) {
        const struct zip_entry *entry = &archive->entry[i];
        assert_true(entry->data >= exact && entry->size <= (size_t)(exact + size - entry->data));
        for (size_t k = 0; k < i; k++)
            assert_true(entry->end <= archive->entry[k].begin || archive->entry[k].end <= entry->begin);
    }
    free(exact);
    return status;
}

static void refuse(struct bytes *bytes, const char *part)
{
    struct zip_archive archive;
    struct lassim_error error;
    assert_refused(read_prefix(bytes, bytes->size, &archive, &error), &error, part);
    assert_null(archive.entry);
    bytes_clear(bytes);
}

static struct bytes good(int layout)
{
    return fixture_zip(good_entries, ENTRIES, &layouts[layout]);
}

/* The good archive of that layout with a number written over the n-th record of a signature. */
static struct bytes patched(int layout, uint32_t signature, unsigned n, size_t field, uint64_t number, unsigned width)
{
    struct bytes bytes = good(layout);
    memcpy(bytes.data + fixture_find(&bytes, signature, n) + field, &number, width);
    return bytes;
}

static void refuse_patched(int layout, uint32_t signature, unsigned n, size_t field, uint64_t number, unsigned width,
                           const char *part)
{
    struct bytes bytes = patched(layout, signature, n, field, number, width);
    refuse(&bytes, part);
}

static void test_layouts(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct zip_archive archive;
        struct lassim_error error;
        struct bytes bytes = good(layout);
        assert_int_equal(zip_archive_read("w.bin", bytes.data, bytes.size, &archive, &error), LASSIM_OK);
        assert_int_equal(archive.entries, ENTRIES);
        for (size_t i = 0; i < ENTRIES; i++) {
            const struct zip_entry *entry = zip_archive_find(&archive, good_entries[i].name);
            assert_non_null(entry);
            assert_int_equal(entry->size, good_entries[i].size);
            assert_memory_equal(entry->data, good_entries[i].data, good_entries[i].size);
        }
        assert_null(zip_archive_find(&archive, "a/data"));
        zip_archive_clear(&archive);
        bytes_clear(&bytes);
    }
}

static void test_torch_file(void **state)
{
    (void)state;
    struct zip_archive archive;
    struct lassim_error error;
    struct bytes bytes = bytes_of_file("test/data/variants/postln/pytorch_model.bin");
    assert_int_equal(zip_archive_read("w.bin", bytes.data, bytes.size, &archive, &error), LASSIM_OK);
    assert_int_equal(archive.entries, 54);
    const struct zip_entry *version = zip_archive_find(&archive, "pytorch_model/version");
    assert_non_null(version);
    assert_memory_equal(version->data, "3\n", 2);
    zip_archive_clear(&archive);
    bytes_clear(&bytes);
}

static void test_methods(void **state)
{
    (void)state;
    refuse_patched(0, CENTRAL, 0, 10, 8, 2, "a/data.pkl: a compressed entry (method 8)");
    refuse_patched(0, CENTRAL, 1, 8, 0x0801, 2, "a/data/0: an encrypted entry");
    refuse_patched(0, CENTRAL, 1, 8, 0x2800, 2, "unknown flags");
    refuse_patched(0, LOCAL, 0, 8, 8, 2, "disagree");
    refuse_patched(0, LOCAL, 0, 6, 0x0808, 2, "disagree");
    refuse_patched(0, LOCAL, 0, 6, 0, 2, "disagree");
}

static void test_lying_sizes(void **state)
{
    (void)state;
    refuse_patched(0, CENTRAL, 1, 20, 9, 4, "two different sizes");
    refuse_patched(0, LOCAL, 1, 18, 9, 4, "disagree");
    refuse_patched(0, LOCAL, 1, 22, 0, 4, "disagree");
    refuse_patched(0, LOCAL, 1, 14, 1, 4, "disagree");
    refuse_patched(1, LOCAL, 1, 18, 9, 4, "disagree");
    refuse_patched(1, DESCRIPTOR, 1, 8, 9, 4, "data descriptor");
    refuse_patched(1, DESCRIPTOR, 1, 4, 9, 4, "data descriptor");
    refuse_patched(1, DESCRIPTOR, 1, 0, 9, 4, "data descriptor");
    for (int layout = 0; layout < 2; layout++) { /* both sizes lie alike */
        struct bytes bytes = patched(layout, CENTRAL, 1, 20, UINT32_MAX - 1, 4);
        size_t central = fixture_find(&bytes, CENTRAL, 1);
        memcpy(bytes.data + central + 24, bytes.data + central + 20, 4);
        refuse(&bytes, "a/data/0: data past the entries' end");
    }
    refuse_patched(2, CENTRAL, 1, 46 + 8 + 4, UINT64_MAX, 8, "two different sizes");
    refuse_patched(2, CENTRAL, 1, 46 + 8 + 2, 8, 2, "extra field");
    refuse_patched(2, CENTRAL, 1, 46 + 8 + 2, 100, 2, "extra field");
    refuse_patched(2, LOCAL, 1, 30 + 8, 7, 2, "extra field in the local header");
}

static void test_offsets(void **state)
{
    (void)state;
    refuse_patched(0, CENTRAL, 1, 42, 0, 4, "local header of the same name");
    refuse_patched(0, CENTRAL, 1, 42, 1, 4, "local header");
    refuse_patched(0, CENTRAL, 1, 42, UINT32_MAX - 1, 4, "past the entries' end");
    refuse_patched(2, CENTRAL, 1, 46 + 8 + 20, UINT64_MAX, 8, "past the entries' end");
    refuse_patched(0, LOCAL, 1, 28, UINT16_MAX, 2, "past the entries' end");
    refuse_patched(0, LOCAL, 1, 30, 'b', 1, "same name");
}

/* Two directory records that name overlapping entries, each consistent in itself. */
static void test_overlap(void **state)
{
    (void)state;
    struct bytes inner = {0};
    bytes_number(&inner, LOCAL, 4);
    bytes_number(&inner, 45, 2);
    bytes_number(&inner, 0x0800, 2);
    bytes_number(&inner, 0, 10);
    bytes_number(&inner, 4, 4);
    bytes_number(&inner, 4, 4);
    bytes_number(&inner, 1, 4);
    bytes_text(&inner, "bBBBB");
    const struct fixture_entry entry[] = {{"a", inner.data, inner.size}, {"b", "BBBB", 4}};
    struct bytes bytes = fixture_zip(entry, 2, NULL);
    uint32_t offset = 30 + 1;
    memcpy(bytes.data + fixture_find(&bytes, CENTRAL, 1) + 42, &offset, 4);
    bytes_clear(&inner);
    refuse(&bytes, "b: overlaps the entry a");
    const struct fixture_entry twice[] = {{"a", "1", 1}, {"a", "2", 1}};
    bytes = fixture_zip(twice, 2, NULL);
    refuse(&bytes, "a: two entries of this name");
    const struct fixture_entry nul[] = {{"ab", "1", 1}};
    bytes = fixture_zip(nul, 1, NULL);
    bytes.data[fixture_find(&bytes, CENTRAL, 0) + 47] = 0;
    refuse(&bytes, "a name of 2 bytes");
}

static void test_end_records(void **state)
{
    (void)state;
    refuse_patched(0, END, 0, 8, 2, 2, "several disks");
    refuse_patched(0, END, 0, 4, 1, 2, "several disks");
    refuse_patched(0, END, 0, 16, 1, 4, "end record");
    refuse_patched(0, END, 0, 12, 1, 4, "end record");
    refuse_patched(0, END, 0, 16, UINT32_MAX, 4, "end record");
    refuse_patched(0, END, 0, 20, 1, 2, "no end of central directory");
    refuse_patched(0, END, 0, 8, 4 | 4 << 16, 4, "central directory");
    refuse_patched(0, END, 0, 8, 2 | 2 << 16, 4, "bytes after its last record");
    refuse_patched(0, END, 0, 8, 0xfff0fff0, 4, "more entries");
    refuse_patched(2, END64, 0, 24, UINT64_MAX, 8, "zip64 end record");
    refuse_patched(2, END64, 0, 48, UINT64_MAX - 8, 8, "end record");
    refuse_patched(2, END64, 0, 40, 1, 8, "end record");
    refuse_patched(2, END64, 0, 4, 45, 8, "zip64 locator");
    refuse_patched(2, END64, 0, 16, 1, 4, "several disks");
    refuse_patched(2, LOCATOR, 0, 8, UINT64_MAX, 8, "zip64 locator");
    refuse_patched(2, LOCATOR, 0, 8, 0, 8, "zip64 locator");
    refuse_patched(2, LOCATOR, 0, 16, 2, 4, "several disks");
    refuse_patched(2, END, 0, 12, 1, 4, "disagrees");
    struct bytes bytes = good(2);
    uint64_t many[] = {UINT64_MAX / 2, UINT64_MAX / 2};
    memcpy(bytes.data + fixture_find(&bytes, END64, 0) + 24, many, sizeof many);
    refuse(&bytes, "more entries");
}

static void test_comment(void **state)
{
    (void)state;
    struct zip_archive archive;
    struct lassim_error error;
    struct bytes bytes = patched(0, END, 0, 20, 5, 2);
    bytes_text(&bytes, "hello");
    assert_int_equal(zip_archive_read("w.bin", bytes.data, bytes.size, &archive, &error), LASSIM_OK);
    zip_archive_clear(&archive);
    bytes_clear(&bytes);
}

static void test_truncated(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct bytes bytes = good(layout);
        for (size_t size = 0; size < bytes.size; size++) {
            struct zip_archive archive;
            struct lassim_error error;
            assert_refused(read_prefix(&bytes, size, &archive, &error), &error, "");
        }
        bytes_clear(&bytes);
    }
}

static void test_bit_flips(void **state)
{
    (void)state;
    size_t refused = 0;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct bytes bytes = good(layout);
        for (size_t bit = 0; bit < bytes.size * 8; bit++) {
            struct zip_archive archive;
            struct lassim_error error;
            bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum lassim_status status = read_prefix(&bytes, bytes.size, &archive, &error);
            if (status != LASSIM_OK) assert_refused(status, &error, "");
            refused += status != LASSIM_OK;
            zip_archive_clear(&archive);
            bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        bytes_clear(&bytes);
    }
    assert_true(refused > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),     cmocka_unit_test(test_torch_file), cmocka_unit_test(test_methods),
        cmocka_unit_test(test_lying_sizes), cmocka_unit_test(test_offsets),    cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_end_records), cmocka_unit_test(test_comment),    cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bit_flips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
