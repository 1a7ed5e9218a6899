/* Block formats against values that gguf-py computed (test/data/gguf), whole rows and every range of them. */
#include "convert/gguf_blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/gguf.h"
#include "test/helpers/checkpoint_fixture.h"

static const char *const blocked[] = {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"};
enum { KINDS = sizeof blocked / sizeof *blocked };

struct golden {
    struct bytes file, npy;
    struct gguf *gguf;
    const struct gguf_tensor *tensor;
    const struct gguf_format *format;
    const uint8_t *values; /* float32, unaligned */
};

static struct golden golden_open(const char *name)
{
    char path[64];
    struct golden g = {0};
    struct lassim_error error;
    snprintf(path, sizeof path, "test/data/gguf/%s.gguf", name);
    g.file = bytes_of_file(path);
    if (gguf_open(path, g.file.data, g.file.size, &g.gguf, &error) != LASSIM_OK) fail_msg("%s", error.text);
    snprintf(path, sizeof path, "test/data/gguf/%s.npy", name);
    g.npy = bytes_of_file(path);
    g.values = g.npy.data + 10 + g.npy.data[8] + 256 * g.npy.data[9];
    g.tensor = gguf_find_tensor(g.gguf, "weight");
    assert_non_null(g.tensor);
    g.format = gguf_format(g.tensor->type);
    assert_string_equal(g.format->name, name);
    assert_int_equal((size_t)(g.npy.data + g.npy.size - g.values), g.tensor->elements * sizeof(float));
    return g;
}

static void golden_close(struct golden *g)
{
    gguf_close(g->gguf);
    bytes_clear(&g->file);
    bytes_clear(&g->npy);
}

static void test_every_range(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct golden g = golden_open(blocked[k]);
        uint64_t n = g.tensor->elements;
        float *out = malloc(n * sizeof *out);
        assert_non_null(out);
        for (uint64_t first = 0; first < n; first += first % 64 < 3 ? 1 : 13) {
            static const uint64_t counts[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 255, 256, 257, 600, UINT64_MAX};
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                uint64_t count = counts[c] < n - first ? counts[c] : n - first;
                gguf_blocks_widen(g.format, g.tensor->data, first, count, out);
                if (count > 0) assert_memory_equal(out, g.values + first * sizeof *out, count * sizeof *out);
            }
        }
        free(out);
        golden_close(&g);
    }
}

/* Each single element, so that no range helps another. */
static void test_every_element(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct golden g = golden_open(blocked[k]);
        for (uint64_t i = 0; i < g.tensor->elements; i++) {
            float value;
            gguf_blocks_widen(g.format, g.tensor->data, i, 1, &value);
            assert_memory_equal(&value, g.values + i * sizeof value, sizeof value);
        }
        golden_close(&g);
    }
}

static void test_formats(void **state)
{
    (void)state;
    char readable[128] = "";
    for (uint32_t type = 0; type < 64; type++) {
        const struct gguf_format *format = gguf_format(type);
        if (format == NULL) continue;
        assert_in_range(format->elements, 1, 256);
        if (format->widen != NULL) {
            assert_true(format->bytes > 0);
            assert_non_null(strstr(GGUF_READABLE, format->name));
            strcat(readable, format->name);
        }
    }
    assert_string_equal(readable, "Q4_0Q4_1Q5_0Q5_1Q8_0Q4_KQ5_KQ6_K");
    static const uint32_t none[] = {4, 5, 31, 32, 33, 36, 37, 38, 40, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_null(gguf_format(none[i]));
    assert_string_equal(gguf_format(GGUF_TENSOR_BF16)->name, "BF16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_range),
        cmocka_unit_test(test_every_element),
        cmocka_unit_test(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
