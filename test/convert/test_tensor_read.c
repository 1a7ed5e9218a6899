/* Views of tensors and blocks of quantised elements; plain elements are in test_safetensors. */
#include "convert/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "convert/gguf.h"
#include "test/helpers/checkpoint_fixture.h"

enum { ROWS = 12, COLUMNS = 7 };

/* Elements 0, 1, 2, .. of F32 or F16 (exact up to 2048). */
struct numbers {
    float words[ROWS * COLUMNS];
    uint16_t halves[ROWS * COLUMNS];
    struct checkpoint_tensor tensor;
};

static void numbers_of(struct numbers *numbers, enum weight_type type)
{
    static char name[] = "w";
    for (unsigned i = 0; i < ROWS * COLUMNS; i++) {
        int exponent = i == 0 ? 0 : ilogb(i);
        numbers->words[i] = (float)i;
        numbers->halves[i] = (uint16_t)(i == 0 ? 0 : ((unsigned)exponent + 15) << 10 | (i << (10 - exponent) & 1023));
    }
    numbers->tensor = (struct checkpoint_tensor){.name = name,
                                                 .readable = 1,
                                                 .type = type,
                                                 .rank = 2,
                                                 .shape = {ROWS, COLUMNS},
                                                 .elements = ROWS * COLUMNS,
                                                 .data = numbers->halves};
    if (type == WEIGHT_F32) numbers->tensor.data = numbers->words;
}

/* Every range of the tensor in all three forms, against expected[elements]. */
static void check(const struct checkpoint_tensor *tensor, const float *expected)
{
    for (uint64_t first = 0; first <= tensor->elements; first++)
        for (uint64_t count = 0; count <= tensor->elements - first; count++) {
            float narrow[ROWS * COLUMNS];
            double wide[ROWS * COLUMNS];
            uint8_t raw[ROWS * COLUMNS * 4];
            checkpoint_tensor_f32(tensor, first, count, narrow);
            checkpoint_tensor_f64(tensor, first, count, wide);
            checkpoint_tensor_copy(tensor, first, count, raw);
            struct checkpoint_tensor copied = {
                .name = tensor->name, .readable = 1, .type = tensor->type, .elements = count, .data = raw};
            for (uint64_t i = 0; i < count; i++) {
                float value;
                checkpoint_tensor_f32(&copied, i, 1, &value);
                assert_true(narrow[i] == expected[first + i] && wide[i] == narrow[i] && value == narrow[i]);
            }
        }
}

static void test_turned(void **state)
{
    (void)state;
    struct numbers numbers;
    float expected[ROWS * COLUMNS];
    for (enum weight_type type = WEIGHT_F32; type <= WEIGHT_F16; type++) {
        numbers_of(&numbers, type);
        for (int i = 0; i < ROWS * COLUMNS; i++) expected[i] = (float)i;
        check(&numbers.tensor, expected);
        checkpoint_tensor_turn(&numbers.tensor);
        assert_true(numbers.tensor.shape[0] == COLUMNS && numbers.tensor.shape[1] == ROWS);
        for (int c = 0; c < COLUMNS; c++)
            for (int r = 0; r < ROWS; r++) expected[c * ROWS + r] = (float)(r * COLUMNS + c);
        check(&numbers.tensor, expected);
    }
}

/* Two heads of six rows: stored 0 3 1 4 2 5. */
static void test_head_rows(void **state)
{
    (void)state;
    static const int stored[ROWS] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
    struct numbers numbers;
    float expected[ROWS * COLUMNS];
    numbers_of(&numbers, WEIGHT_F16);
    numbers.tensor.view.head_rows = 6;
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) expected[r * COLUMNS + c] = (float)(stored[r] * COLUMNS + c);
    check(&numbers.tensor, expected);
    numbers.tensor.rank = 1; /* a bias: rows of one element */
    numbers.tensor.shape[0] = numbers.tensor.elements = ROWS;
    for (int r = 0; r < ROWS; r++) expected[r] = (float)stored[r];
    check(&numbers.tensor, expected);
}

static void test_slices(void **state)
{
    (void)state;
    struct numbers numbers;
    float expected[ROWS * COLUMNS];
    numbers_of(&numbers, WEIGHT_F32);
    struct checkpoint_tensor rows = checkpoint_tensor_rows(&numbers.tensor, 3, 5);
    assert_true(rows.rank == 2 && rows.shape[0] == 2 && rows.shape[1] == COLUMNS && rows.elements == 2 * COLUMNS);
    for (int i = 0; i < 2 * COLUMNS; i++) expected[i] = (float)(3 * COLUMNS + i);
    check(&rows, expected);
    struct checkpoint_tensor columns = checkpoint_tensor_columns(&rows, 2, 6);
    assert_true(columns.shape[0] == 2 && columns.shape[1] == 4 && columns.elements == 8);
    for (int i = 0; i < 8; i++) expected[i] = numbers.words[(3 + i / 4) * COLUMNS + 2 + i % 4];
    check(&columns, expected);
    checkpoint_tensor_turn(&numbers.tensor);
    rows = checkpoint_tensor_rows(&numbers.tensor, 1, 3);
    columns = checkpoint_tensor_columns(&rows, 4, 9);
    for (int i = 0; i < 10; i++) expected[i] = numbers.words[(4 + i % 5) * COLUMNS + 1 + i / 5];
    check(&columns, expected);
    columns = checkpoint_tensor_columns(&numbers.tensor, 4, 4);
    assert_true(columns.elements == 0 && checkpoint_first_nonfinite(&columns) == -1);
    checkpoint_tensor_release(&columns);
    numbers_of(&numbers, WEIGHT_F32);
    numbers.tensor.rank = 1;
    numbers.tensor.shape[0] = numbers.tensor.elements = 9;
    rows = checkpoint_tensor_rows(&numbers.tensor, 4, 9);
    check(&rows, numbers.words + 4);
}

static void test_nonfinite(void **state)
{
    (void)state;
    struct numbers numbers;
    numbers_of(&numbers, WEIGHT_F32);
    numbers.words[2 * COLUMNS + 5] = INFINITY;
    assert_int_equal(checkpoint_first_nonfinite(&numbers.tensor), 2 * COLUMNS + 5);
    struct checkpoint_tensor rest = checkpoint_tensor_rows(&numbers.tensor, 3, ROWS);
    assert_int_equal(checkpoint_first_nonfinite(&rest), -1);
    checkpoint_tensor_turn(&numbers.tensor);
    assert_int_equal(checkpoint_first_nonfinite(&numbers.tensor), 5 * ROWS + 2);
}

/* Two rows of a Q4_K file, turned and in the order of rotary pairs. */
static void test_blocks(void **state)
{
    (void)state;
    struct gguf *gguf;
    struct lassim_error error;
    struct bytes file = bytes_of_file("test/data/gguf/Q4_K.gguf"), npy = bytes_of_file("test/data/gguf/Q4_K.npy");
    const float *golden = (const float *)(const void *)(npy.data + 128);
    assert_int_equal(gguf_open("g", file.data, file.size, &gguf, &error), LASSIM_OK);
    struct checkpoint_tensor tensor = {.name = (char *)"w",
                                       .readable = 1,
                                       .type = WEIGHT_F32,
                                       .rank = 2,
                                       .shape = {2, 512},
                                       .elements = 1024,
                                       .data = gguf->tensor[0].data,
                                       .blocks = gguf_format(gguf->tensor[0].type)};
    float out[1024];
    checkpoint_tensor_copy(&tensor, 0, 1024, out);
    assert_memory_equal(out, golden, sizeof out);
    assert_int_equal(checkpoint_first_nonfinite(&tensor), -1);
    checkpoint_tensor_turn(&tensor);
    checkpoint_tensor_f32(&tensor, 0, 1024, out);
    for (int i = 0; i < 1024; i++) assert_memory_equal(&out[i], &golden[i % 2 * 512 + i / 2], sizeof *out);
    file.data[gguf->tensor[0].data - file.data + 1] = 0x7c; /* d of the first block: infinite or NaN */
    assert_int_equal(checkpoint_first_nonfinite(&tensor), 0);
    gguf_close(gguf);
    bytes_clear(&file);
    bytes_clear(&npy);
}

/* Only whole pages inside the tensor are given back: what a process wrote to its private copy there is lost. */
static void test_release(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    struct checkpoint_tensor tensor = {.name = (char *)"w",
                                       .readable = 1,
                                       .type = WEIGHT_F16,
                                       .rank = 2,
                                       .shape = {2, page / 2},
                                       .elements = page,
                                       .data = pages + page};
    memset(pages, 1, 4 * page);
    checkpoint_tensor_release(&tensor);
    assert_true(pages[page - 1] == 1 && pages[page] == 0 && pages[3 * page - 1] == 0 && pages[3 * page] == 1);
    memset(pages, 1, 4 * page);
    tensor = checkpoint_tensor_rows(&tensor, 1, 2);
    checkpoint_tensor_release(&tensor);
    assert_true(pages[page] == 1 && pages[2 * page - 1] == 1 && pages[2 * page] == 0 && pages[3 * page - 1] == 0 &&
                pages[3 * page] == 1);
    memset(pages, 1, 4 * page);
    tensor = checkpoint_tensor_columns(&tensor, 0, page / 2 - 1);
    checkpoint_tensor_release(&tensor);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pages[i * page], 1);
    munmap(pages, 4 * page);
}

/* Every finite half, widened to F32, comes back as the same bits; one value more precise keeps the tensor F32. */
static void test_narrow(void **state)
{
    (void)state;
    static uint16_t halves[65536], out[65536];
    static float words[65536];
    for (enum weight_type type = WEIGHT_F16; type <= WEIGHT_BF16; type++) {
        uint64_t n = 0;
        for (uint32_t i = 0; i < 65536; i++)
            if ((i & 0x7fffu) < (type == WEIGHT_F16 ? 0x7c00 : 0x7f80)) halves[n++] = (uint16_t)i;
        struct checkpoint_tensor tensor = {.name = (char *)"w", .readable = 1, .type = type, .rank = 1};
        tensor.shape[0] = tensor.elements = n;
        tensor.data = halves;
        checkpoint_tensor_f32(&tensor, 0, n, words);
        tensor.type = WEIGHT_F32;
        tensor.data = words;
        checkpoint_tensor_narrow(&tensor, type);
        assert_int_equal(tensor.type, type);
        checkpoint_tensor_copy(&tensor, 0, n, out);
        assert_memory_equal(out, halves, n * sizeof *out);
        struct checkpoint_tensor part = checkpoint_tensor_rows(&tensor, 5, 700);
        checkpoint_tensor_copy(&part, 1, 300, out);
        assert_memory_equal(out, halves + 6, 300 * sizeof *out);
        float last = words[n - 1];
        const float other[] = {0x1.0002p0f, 1e-30f, 70000, -65520, 0x1p-25f, INFINITY, NAN};
        for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
            words[n - 1] = other[i];
            tensor.type = WEIGHT_F32;
            tensor.widened = 0;
            checkpoint_tensor_narrow(&tensor, type);
            int exact = type == WEIGHT_BF16 && other[i] == 0x1p-25f;
            assert_int_equal(tensor.type, exact ? type : WEIGHT_F32);
            assert_int_equal(tensor.widened, exact);
        }
        words[n - 1] = last;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turned),    cmocka_unit_test(test_head_rows), cmocka_unit_test(test_slices),
        cmocka_unit_test(test_nonfinite), cmocka_unit_test(test_blocks),    cmocka_unit_test(test_release),
        cmocka_unit_test(test_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
