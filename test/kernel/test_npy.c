#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/npy.h"
#include "test/helpers/trace_samples.h"

static void write_matrix(const char *path, uint64_t announced, uint64_t rows, uint64_t columns, const float *data)
{
    struct npy_writer *writer;
    struct lassim_error error;
    assert_int_equal(npy_writer_open_f32(path, 0, announced, columns, &writer, &error), LASSIM_OK);
    for (uint64_t row = 0; row < rows; row++)
        assert_int_equal(npy_writer_rows_f32(writer, data + row * columns, 1, &error), LASSIM_OK);
    assert_int_equal(npy_writer_finish(writer, &error), LASSIM_OK);
}

static void test_header_to_the_byte(void **state)
{
    (void)state;
    const float data[6] = {1, -2, 3.5f, 0, 1e-40f, 6};
    size_t size;
    write_matrix(sample_path("m.npy"), NPY_ROWS_UNKNOWN, 2, 3, data);
    uint8_t *bytes = sample_read_file(sample_path("m.npy"), &size);
    const char *text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    assert_int_equal(size, 128 + sizeof data);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(bytes + 10, text, strlen(text));
    for (size_t i = 10 + strlen(text); i < 127; i++) assert_int_equal(bytes[i], ' ');
    assert_int_equal(bytes[127], '\n');
    assert_memory_equal(bytes + 128, data, sizeof data); /* this machine is little-endian */
    free(bytes);
}

static void test_patched_and_announced_are_the_same_bytes(void **state)
{
    (void)state;
    enum { ROWS = 70, COLUMNS = 2100 };
    static float data[ROWS * COLUMNS];
    struct sample_random random = sample_seed("npy");
    for (size_t i = 0; i < ROWS * COLUMNS; i++) data[i] = (float)sample_below(&random, 1 << 30) - 5e8f;
    write_matrix(sample_path("patched.npy"), NPY_ROWS_UNKNOWN, ROWS, COLUMNS, data);
    write_matrix(sample_path("announced.npy"), ROWS, ROWS, COLUMNS, data);
    size_t size, other;
    uint8_t *a = sample_read_file(sample_path("patched.npy"), &size);
    uint8_t *b = sample_read_file(sample_path("announced.npy"), &other);
    assert_int_equal(size, other);
    assert_memory_equal(a, b, size);
    free(a);
    free(b);
    struct npy_matrix matrix;
    struct lassim_error error;
    assert_int_equal(npy_read_f32(sample_path("patched.npy"), &matrix, &error), LASSIM_OK);
    assert_int_equal(matrix.rows, ROWS);
    assert_int_equal(matrix.columns, COLUMNS);
    assert_memory_equal(matrix.data, data, sizeof data);
    npy_matrix_free(&matrix);
}

static void test_golden_logits_are_readable(void **state)
{
    (void)state;
    struct npy_matrix matrix;
    struct lassim_error error;
    assert_int_equal(npy_read_f32("examples/opt-tiny/golden-a.npy", &matrix, &error), LASSIM_OK);
    assert_true(matrix.rows > 0 && matrix.columns > 1);
    npy_matrix_free(&matrix);
}

static void test_announced_rows_must_come(void **state)
{
    (void)state;
    struct npy_writer *writer;
    struct lassim_error error;
    const float row[2] = {1, 2};
    assert_int_equal(npy_writer_open_f32(sample_path("few.npy"), 0, 3, 2, &writer, &error), LASSIM_OK);
    npy_writer_rows_f32(writer, row, 1, &error);
    assert_int_equal(npy_writer_finish(writer, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "few.npy"));
}

static void test_abandoned_header_tells_the_rows(void **state)
{
    (void)state;
    struct npy_writer *writer;
    struct npy_matrix matrix;
    struct lassim_error error;
    const float row[2] = {1, 2};
    assert_int_equal(npy_writer_open_f32(sample_path("cut.npy"), 0, NPY_ROWS_UNKNOWN, 2, &writer, &error), LASSIM_OK);
    npy_writer_rows_f32(writer, row, 1, &error);
    npy_writer_abandon(writer);
    assert_int_equal(npy_read_f32(sample_path("cut.npy"), &matrix, &error), LASSIM_ERR_FILE);
    assert_int_equal(npy_read_f32(sample_path("cut.npy.partial"), &matrix, &error), LASSIM_OK);
    assert_int_equal(matrix.rows, 1);
    npy_matrix_free(&matrix);
}

static void test_pipes_need_the_rows(void **state)
{
    (void)state;
    struct npy_writer *writer;
    struct lassim_error error;
    assert_int_equal(npy_writer_open_f32("/dev/null", 0, NPY_ROWS_UNKNOWN, 2, &writer, &error), LASSIM_ERR_USAGE);
    assert_null(writer);
    assert_int_equal(npy_writer_open_f32("/dev/null", 0, 0, 2, &writer, &error), LASSIM_OK);
    assert_int_equal(npy_writer_finish(writer, &error), LASSIM_OK);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387905), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        "",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct npy_matrix matrix;
        struct lassim_error error;
        FILE *file = fopen(sample_path("bad.npy"), "wb");
        fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
        fprintf(file, "%-117s\n1234", headers[i]);
        fclose(file);
        assert_int_equal(npy_read_f32(sample_path("bad.npy"), &matrix, &error), LASSIM_ERR_FILE);
        assert_non_null(strstr(error.text, "bad.npy"));
        assert_null(matrix.data);
    }
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
        cmocka_unit_test(test_header_to_the_byte),
        cmocka_unit_test(test_patched_and_announced_are_the_same_bytes),
        cmocka_unit_test(test_golden_logits_are_readable),
        cmocka_unit_test(test_announced_rows_must_come),
        cmocka_unit_test(test_abandoned_header_tells_the_rows),
        cmocka_unit_test(test_pipes_need_the_rows),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_files);
}
