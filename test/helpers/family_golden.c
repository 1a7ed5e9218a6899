#include "test/helpers/family_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/npy.h"
#include "neurons/real.h"

const char *const golden_families[] = {
    "llama-plain",      "llama-grouped",   "llama-linear",   "llama-dynamic",  "llama-llama3",  "llama-yarn",
    "llama-yarn-given", "llama-theta",     "llama-new-keys", "llama-few-keys", "llama-gelu",    "llama-gelu-tanh",
    "llama-bias",       "llama-head-dim",  "mistral",        "qwen2-tied",     "qwen2-untied",  "gpt2-plain",
    "gpt2-odd",         "gpt2-unscaled",   "gpt2-upcast",    "gpt2-gelu",      "gpt2-quick",    "gpt2-relu",
    "bert-mlm",         "bert-mlm-untied", "bert-classify",  "bert-relu",      "bert-gelu-new", "bert-embed",
};
const size_t golden_family_count = sizeof golden_families / sizeof *golden_families;

const struct golden_refusal golden_refusals[] = {
    {"llama-longrope", "rope_type: \"longrope\" is not supported, expected default, linear, dynamic, llama3 or yarn"},
    {"llama-relu", "hidden_act: \"relu\" is not supported in a gated FFN"},
    {"mistral-sliding", "sliding_window: 4 is not supported, expected null or at least max_position_embeddings 64"},
    {"qwen2-sliding", "use_sliding_window: true is not supported, expected false"},
};
const size_t golden_refusal_count = sizeof golden_refusals / sizeof *golden_refusals;

void golden_path(const char *name, const char *file, char *path, size_t size)
{
    assert_true((size_t)snprintf(path, size, "test/data/families/%s%s%s", name, file[0] != '\0' ? "/" : "", file) <
                size);
}

struct golden_rows golden_read_rows(const char *name, const char *file)
{
    struct golden_rows rows = {0};
    char path[200], line[1000];
    golden_path(name, file, path, sizeof path);
    FILE *stream = fopen(path, "r");
    if (stream == NULL) fail_msg("%s is missing", path);
    while (fgets(line, sizeof line, stream) != NULL) {
        assert_true(rows.rows < GOLDEN_ROWS);
        size_t n = 0;
        for (char *at = line, *end; n < GOLDEN_TOKENS; at = *end == ',' ? end + 1 : end) {
            unsigned long number = strtoul(at, &end, 10);
            if (end == at) break;
            rows.number[rows.rows][n++] = (uint32_t)number;
        }
        assert_true(n > 0);
        rows.length[rows.rows++] = n;
    }
    fclose(stream);
    assert_true(rows.rows > 0);
    return rows;
}

double golden_difference(const char *name, const char *file, const double *values, size_t rows, size_t columns)
{
    struct lassim_error error = {0};
    struct npy_matrix golden;
    char path[200];
    golden_path(name, file, path, sizeof path);
    if (npy_read_f32(path, &golden, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(golden.rows, rows);
    assert_int_equal(golden.columns, columns);
    double sum = 0, squares = 0, worst = 0;
    size_t count = rows * columns;
    for (size_t i = 0; i < count; i++) {
        sum += golden.data[i];
        squares += (double)golden.data[i] * golden.data[i];
        double off = values[i] - golden.data[i];
        if (off < 0) off = -off;
        if (!(off <= worst)) worst = off;
    }
    npy_matrix_free(&golden);
    double mean = sum / (double)count;
    return worst / real_sqrt(squares / (double)count - mean * mean);
}

void golden_mean(const double *hidden, size_t tokens, size_t width, double *vector)
{
    double squares = 0;
    for (size_t i = 0; i < width; i++) {
        vector[i] = 0;
        for (size_t t = 0; t < tokens; t++) vector[i] += hidden[t * width + i];
        squares += vector[i] * vector[i];
    }
    for (size_t i = 0; i < width; i++) vector[i] /= real_sqrt(squares);
}
