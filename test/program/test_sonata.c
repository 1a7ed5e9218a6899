/* SONATA export, read back by libhdf5: arrays, types and attributes of the SONATA guide, for traces of every kind of
 * population; the same bytes twice. */
#include <hdf5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/sonata.h"
#include "test/helpers/trace_samples.h"

static void export_rows(const char *path, const struct trace_header_info *info, const struct sample_rows *rows,
                        double ms, size_t piece)
{
    struct sonata_writer *writer;
    struct lassim_error error;
    if (sonata_writer_open(path, 0, info, ms, &writer, &error) != LASSIM_OK) fail_msg("%s", error.text);
    for (size_t i = 0; i < rows->count; i += piece)
        assert_int_equal(
            sonata_writer_rows(writer, rows->row + i, rows->count - i < piece ? rows->count - i : piece, &error),
            LASSIM_OK);
    if (sonata_writer_finish(writer, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

/* A whole array of one population; *count of them. */
static void *read_array(hid_t file, const char *population, const char *name, hid_t stored, hid_t memory, size_t size,
                        hsize_t *count)
{
    char path[128];
    snprintf(path, sizeof path, "/spikes/%s/%s", population, name);
    hid_t array = H5Dopen2(file, path, H5P_DEFAULT);
    assert_true(array >= 0);
    hid_t type = H5Dget_type(array), space = H5Dget_space(array);
    assert_true(H5Tequal(type, stored) > 0);
    assert_int_equal(H5Sget_simple_extent_ndims(space), 1);
    H5Sget_simple_extent_dims(space, count, NULL);
    void *values = calloc(*count + 1, size);
    assert_true(H5Dread(array, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(array);
    return values;
}

static void assert_population(hid_t file, const struct sample_rows *rows, uint32_t p, double ms)
{
    const char *name = sample_table[p].name;
    hsize_t n, nodes, signs, kinds, k = 0;
    double *times = read_array(file, name, "timestamps", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 8, &n);
    uint64_t *node = read_array(file, name, "node_ids", H5T_STD_U64LE, H5T_NATIVE_UINT64, 8, &nodes);
    int8_t *sign = read_array(file, name, "signs", H5T_STD_I8LE, H5T_NATIVE_INT8, 1, &signs);
    uint8_t *kind = read_array(file, name, "kinds", H5T_STD_U8LE, H5T_NATIVE_UINT8, 1, &kinds);
    assert_true(n == nodes && n == signs && n == kinds);
    for (size_t i = 0; i < rows->count; i++) {
        const struct trace_row *row = &rows->row[i];
        if (row->population != p || row->kind == TRACE_GATE) continue;
        assert_true(k < n && times[k] == (double)row->time * ms && node[k] == row->neuron);
        assert_true(sign[k] == row->sign && kind[k] == row->kind);
        k++;
    }
    assert_true(k == n);
    free(times);
    free(node);
    free(sign);
    free(kind);
}

static void assert_attributes(hid_t file)
{
    uint32_t magic = 0, version[2] = {9, 9};
    char units[8] = "", member[16] = "";
    uint8_t value = 9;
    hid_t attribute = H5Aopen(file, "magic", H5P_DEFAULT);
    assert_true(H5Aread(attribute, H5T_NATIVE_UINT32, &magic) >= 0);
    H5Aclose(attribute);
    attribute = H5Aopen(file, "version", H5P_DEFAULT);
    assert_true(H5Aread(attribute, H5T_NATIVE_UINT32, version) >= 0);
    H5Aclose(attribute);
    assert_int_equal(magic, 0x0A7A);
    assert_true(version[0] == 0 && version[1] == 1);
    attribute = H5Aopen_by_name(file, "/spikes/res/timestamps", "units", H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Aget_type(attribute);
    assert_int_equal(H5Tget_class(type), H5T_STRING);
    assert_true(H5Tget_size(type) == 2 && H5Aread(attribute, type, units) >= 0);
    assert_string_equal(units, "ms");
    H5Tclose(type);
    H5Aclose(attribute);
    attribute = H5Aopen_by_name(file, "/spikes/res", "sorting", H5P_DEFAULT, H5P_DEFAULT);
    type = H5Aget_type(attribute);
    assert_int_equal(H5Tget_class(type), H5T_ENUM);
    assert_true(H5Aread(attribute, type, &value) >= 0);
    assert_true(H5Tenum_nameof(type, &value, member, sizeof member) >= 0);
    assert_string_equal(member, "by_time");
    H5Tclose(type);
    H5Aclose(attribute);
}

static void reads_back(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("reads_back");
    for (int round = 0; round < 3; round++) {
        struct trace_header_info info = sample_info(5 + (uint32_t)round, (uint32_t)round % 2);
        struct counters counters[SAMPLE_POPULATIONS];
        struct sample_rows rows;
        double ms = round == 0 ? 1 : 0.125;
        sample_trace(&random, sample_path("t.bin"), &info, 4u + 8u * (uint32_t)round, round == 0, 1, &rows, counters);
        export_rows(sample_path("t.h5"), &info, &rows, ms, 100);
        hid_t file = H5Fopen(sample_path("t.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
        assert_true(file >= 0);
        for (uint32_t p = 0; p < SAMPLE_POPULATIONS; p++) assert_population(file, &rows, p, ms);
        assert_attributes(file);
        H5Fclose(file);
        size_t one, two;
        uint8_t *first = sample_read_file(sample_path("t.h5"), &one);
        export_rows(sample_path("u.h5"), &info, &rows, ms, 37);
        uint8_t *second = sample_read_file(sample_path("u.h5"), &two);
        assert_int_equal(one, two);
        assert_memory_equal(first, second, one);
        free(first);
        free(second);
        sample_rows_free(&rows);
    }
}

static void refusals(void **state)
{
    (void)state;
    struct trace_population slash = {.name = "a/b", .code = CODE_OAT, .neurons = 1, .block_neurons = 1};
    struct trace_header_info info = {.timesteps = 4, .populations = 1, .population = &slash};
    struct sonata_writer *writer;
    struct lassim_error error;
    assert_int_equal(sonata_writer_open(sample_path("s.h5"), 0, &info, 1, &writer, &error), LASSIM_ERR_FILE);
    assert_null(writer);
    assert_non_null(strstr(error.text, "a/b"));
    info = sample_info(4, SPIKE_CODE_RADIX);
    assert_int_equal(sonata_writer_open("/dev/null", 0, &info, 1, &writer, &error), LASSIM_ERR_USAGE);
    assert_int_equal(sonata_writer_open("/nonexistent/s.h5", 0, &info, 1, &writer, &error), LASSIM_ERR_RUN);
    assert_null(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_back), cmocka_unit_test(refusals)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sample_directory_remove();
    return failed;
}
