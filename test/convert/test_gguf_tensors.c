/* The table of tensors: what gguf-py writes, and every rule of the table broken once. */
#include "convert/gguf_tensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/gguf_draft.h"

static const uint8_t zeros[4096];

static struct gguf *open_draft(struct gguf_draft *draft, struct bytes *file)
{
    struct gguf *gguf = NULL;
    struct lassim_error error;
    *file = gguf_draft_finish(draft);
    if (gguf_open("t.gguf", file->data, file->size, &gguf, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return gguf;
}

static void refuse(struct gguf_draft *draft, const char *part)
{
    struct gguf *gguf;
    struct lassim_error error = {0};
    struct bytes file = gguf_draft_finish(draft);
    assert_refused(gguf_open("t.gguf", file.data, file.size, &gguf, &error), &error, part);
    assert_null(gguf);
    bytes_clear(&file);
}

static void one(const char *name, uint32_t rank, uint64_t first, uint64_t second, uint32_t type, uint64_t offset,
                size_t data, const char *part)
{
    const uint64_t dimension[8] = {first, second, 1, 1, 1, 1, 1, 1};
    struct gguf_draft draft = {0};
    gguf_draft_info(&draft, name, rank, dimension, type, offset);
    bytes_add(&draft.data, zeros, data);
    if (part != NULL) {
        refuse(&draft, part);
        return;
    }
    struct bytes file;
    gguf_close(open_draft(&draft, &file));
    bytes_clear(&file);
}

static void test_good(void **state)
{
    (void)state;
    static const uint64_t shape[] = {256, 3, 2};
    struct bytes file;
    struct gguf_draft draft = {.alignment = 64};
    gguf_draft_number(&draft, "general.alignment", GGUF_UINT32, 64);
    gguf_draft_tensor(&draft, "z", 1, shape, 0, zeros, 1024);
    gguf_draft_tensor(&draft, "a", 3, shape, 12, zeros, 864);
    gguf_draft_tensor(&draft, "m", 0, shape, 1, zeros, 2);
    struct gguf *gguf = open_draft(&draft, &file);
    const struct gguf_tensor *a = gguf_find_tensor(gguf, "a"), *m = gguf_find_tensor(gguf, "m");
    assert_true(gguf->tensors == 3 && a == &gguf->tensor[0] && m == &gguf->tensor[1]);
    assert_true(a->rank == 3 && a->elements == 1536 && a->bytes == 864 && a->type == 12);
    assert_memory_equal(a->dimension, shape, sizeof shape);
    assert_true(m->rank == 0 && m->elements == 1 && m->bytes == 2);
    assert_true(m->data - a->data == 896 && m->data + 2 == file.data + file.size);
    assert_int_equal((a->data - file.data) % 64, 0);
    assert_null(gguf_find_tensor(gguf, "b"));
    gguf_close(gguf);
    bytes_clear(&file);
}

static void test_infos(void **state)
{
    (void)state;
    char longest[GGUF_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    longest[GGUF_NAME_MAX + 1] = '\0';
    one(longest, 1, 1, 1, 0, 0, 4, "a tensor name of 65 bytes");
    one(longest + 1, 1, 1, 1, 0, 0, 4, NULL);
    one("", 1, 1, 1, 0, 0, 4, "a tensor name of 0 bytes");
    one("t", 4, 1, 1, 0, 0, 4, NULL);
    one("t", 5, 1, 1, 0, 0, 4, "t: 5 dimensions, expected at most 4");
    one("t", UINT32_MAX, 1, 1, 0, 0, 4, "4294967295 dimensions");
    one("t", 2, UINT64_C(1) << 32, UINT64_C(1) << 32, 0, 0, 4, "more than 2^64 elements");
    one("t", 1, UINT64_C(1) << 62, 1, 0, 0, 4, "more than 2^64 bytes");
    one("t", 1, UINT64_C(1) << 61, 1, 0, 0, 4, "within the 4 bytes of data");
    one("t", 2, UINT64_MAX, 0, 0, 0, 4, NULL);
    one("t", 1, 2, 1, 0, 0, 8, NULL);
    one("t", 1, 2, 1, 0, 0, 7, "t: 8 bytes at offset 0, expected them within the 7 bytes");
    one("t\x1b[2J", 1, 2, 1, 0, 0, 7, "t\\x1b[2J: 8 bytes");
}

static void test_types(void **state)
{
    (void)state;
    static const uint32_t none[] = {4, 5, 31, 40, 255, UINT32_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        one("t", 1, 32, 1, none[i], 0, 128, "expected one of ggml's");
    one("t", 1, 31, 1, 8, 0, 128, "t: rows of 31 elements of type Q8_0, expected a multiple of 32");
    one("t", 2, 1, 256, 12, 0, 4096, "rows of 1 elements of type Q4_K, expected a multiple of 256");
    one("t", 0, 1, 1, 8, 0, 128, "rows of 1 elements of type Q8_0");
    one("t", 2, 32, 2, 8, 0, 67, "68 bytes at offset 0");
    one("t", 2, 32, 2, 8, 0, 68, NULL);
    one("t", 2, 256, 2, 14, 0, 419, "420 bytes at offset 0");
    one("t", 2, 256, 2, 10, 0, 0, NULL); /* Q2_K: its size is not known here */
}

static void test_places(void **state)
{
    (void)state;
    static const uint64_t shape[] = {16};
    one("t", 1, 1, 1, 0, 4, 8, "offset 4, expected a multiple of the alignment 32");
    one("t", 1, 1, 1, 0, 64, 68, NULL); /* a hole is allowed */
    one("t", 1, 1, 1, 0, 64, 60, "at offset 64");
    one("t", 1, 1, 1, 0, 64, 67, "4 bytes at offset 64, expected them within the 67");
    one("t", 1, 1, 1, 0, UINT64_MAX - 31, 60, "at offset 18446744073709551584");
    struct gguf_draft draft = {0};
    gguf_draft_info(&draft, "a", 1, shape, 0, 32);
    gguf_draft_info(&draft, "b", 1, shape, 0, 0);
    bytes_add(&draft.data, zeros, 96);
    refuse(&draft, "t.gguf: a: data starts inside that of b");
    gguf_draft_info(&draft, "a", 1, shape, 0, 0);
    gguf_draft_info(&draft, "b", 1, shape, 0, 0);
    bytes_add(&draft.data, zeros, 96);
    refuse(&draft, "expected tensors apart");
    gguf_draft_info(&draft, "same", 1, shape, 0, 0);
    gguf_draft_info(&draft, "same", 1, shape, 0, 64);
    bytes_add(&draft.data, zeros, 128);
    refuse(&draft, "same: tensor defined twice");
}

static void test_alignment(void **state)
{
    (void)state;
    static const uint64_t bad[] = {0, 1, 4, 7, 24, 48, 65537, 131072};
    struct gguf_draft draft = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gguf_draft_number(&draft, "general.alignment", GGUF_UINT32, bad[i]);
        refuse(&draft, "t.gguf: general.alignment: ");
    }
    gguf_draft_text(&draft, "general.alignment", "32");
    refuse(&draft, "general.alignment: expected an integer");
    struct bytes file;
    static const uint64_t shape[] = {1};
    draft.alignment = 8;
    gguf_draft_number(&draft, "general.alignment", GGUF_UINT64, 8);
    gguf_draft_info(&draft, "t", 1, shape, 0, 8);
    bytes_add(&draft.data, "01234567ABCD", 12);
    struct gguf *gguf = open_draft(&draft, &file);
    assert_memory_equal(gguf->tensor[0].data, "ABCD", 4);
    gguf_close(gguf);
    bytes_clear(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_infos),     cmocka_unit_test(test_types),
        cmocka_unit_test(test_places), cmocka_unit_test(test_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
