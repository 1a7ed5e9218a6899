/* Every golden family converted: the spiking network at T = 16 against the reference implementation, twice the same
 * bytes, whatever the number of threads; what is refused says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "convert/convert.h"
#include "kernel/session.h"
#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/family_golden.h"

/* Largest error of a logit, in standard deviations: as the OPT variants in test/e2e/golden.sh. */
#define TOLERANCE 1e-3
enum { VALUES_MAX = GOLDEN_ROWS * GOLDEN_TOKENS * 512 };

static char *work; /* folder of this test's files */

static void output_path(const char *name, char *path, size_t size)
{
    assert_true((size_t)snprintf(path, size, "%s/%s.snn", work, name) < size);
}

static void convert_family(const char *name, const char *output, unsigned threads, struct convert_report *report)
{
    struct lassim_error error = {0};
    char folder[128], path[200];
    golden_path(name, "", folder, sizeof folder);
    output_path(output, path, sizeof path);
    const struct convert_options options = {
        .checkpoint = folder, .output = path, .calibration_tokens = 256, .threads = threads, .report = report};
    if (convert_checkpoint(&options, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

struct read_out {
    uint32_t width;
    size_t rows;
    double *values; /* [VALUES_MAX] */
};

static void keep(void *context, uint32_t token, const float *logits)
{
    struct read_out *out = context;
    (void)token;
    assert_true((out->rows + 1) * out->width <= VALUES_MAX);
    for (uint32_t i = 0; i < out->width; i++) out->values[out->rows * out->width + i] = logits[i];
    out->rows++;
}

static void run(lassim_session *session, int encoder, const uint32_t *ids, const uint32_t *types, size_t n,
                struct read_out *out)
{
    struct lassim_error error = {0};
    enum lassim_status status =
        encoder ? lassim_session_encode(session, ids, types, (uint32_t)n, LASSIM_READ_ALL, keep, out, &error)
                : lassim_session_feed(session, ids, (uint32_t)n, LASSIM_READ_ALL, keep, out, &error);
    if (status != LASSIM_OK) fail_msg("%s", error.text);
    lassim_session_reset(session);
}

static void expect_close(const char *name, const char *file, const struct read_out *out, size_t rows)
{
    double off = golden_difference(name, file, out->values, rows, out->width);
    print_message("%s/%s at T = 16: largest error %.3g of the standard deviation\n", name, file, off);
    assert_true(off <= TOLERANCE);
}

static void check_spikes(const char *name)
{
    struct lassim_error error = {0};
    lassim_model *model;
    lassim_session *session;
    char path[200];
    output_path(name, path, sizeof path);
    if (lassim_model_open(path, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct lassim_options options = {.engine = LASSIM_ENGINE_FUSED, .threads = 2};
    if (lassim_session_open(model, &options, &session, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct graph *graph = model_of(model)->graph;
    struct golden_rows ids = golden_read_rows(name, "golden.ids");
    struct read_out out = {graph->head_width, 0, malloc(VALUES_MAX * sizeof(double))};
    enum head_kind head = (enum head_kind)graph->config.head;
    size_t sequences = head == HEAD_CLASSIFY ? ids.rows : 1;
    for (size_t s = 0; s < sequences; s++)
        run(session, (int)graph->config.encoder, ids.number[s], NULL, ids.length[s], &out);
    expect_close(name, head == HEAD_VALUES ? "hidden.npy" : "golden.npy", &out, out.rows);
    if (head == HEAD_CLASSIFY) {
        struct golden_rows types = golden_read_rows(name, "golden.types");
        out.rows = 0;
        for (size_t s = 0; s < sequences; s++) run(session, 1, ids.number[s], types.number[s], ids.length[s], &out);
        expect_close(name, "types.npy", &out, out.rows);
    }
    free(out.values);
    lassim_session_close(session);
    lassim_model_close(model);
}

static void test_goldens(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_family_count; i++) {
        struct convert_report report;
        convert_family(golden_families[i], golden_families[i], 2, &report);
        print_message("%s: self-check KL %.3g, %llu saturations\n", golden_families[i], report.check.kl_mean,
                      (unsigned long long)report.check.saturations);
        assert_true(report.check.tokens > 1 && report.check.kl_mean <= 1e-6 && report.check.saturations == 0);
        check_spikes(golden_families[i]);
    }
}

static void test_same_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"llama-yarn", "mistral", "qwen2-untied", "gpt2-odd", "bert-mlm-untied"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[200];
        convert_family(names[i], "again", 1, NULL);
        output_path(names[i], path, sizeof path);
        struct bytes first = bytes_of_file(path);
        output_path("again", path, sizeof path);
        struct bytes second = bytes_of_file(path);
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);
        bytes_clear(&first);
        bytes_clear(&second);
    }
}

static void test_labels(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    lassim_model *model;
    char path[200];
    output_path("bert-classify", path, sizeof path);
    if (lassim_model_open(path, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct blob *readout = &model_of(model)->readout;
    static const char expected[] = "{\"labels\":[\"negative\",\"neutral\",\"positive\"]}";
    assert_int_equal(readout->size, sizeof expected - 1);
    assert_memory_equal(readout->data, expected, sizeof expected - 1);
    lassim_model_close(model);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_refusal_count; i++) {
        struct lassim_error error = {0};
        char folder[128], path[200];
        golden_path(golden_refusals[i].name, "", folder, sizeof folder);
        output_path("refused", path, sizeof path);
        const struct convert_options options = {.checkpoint = folder, .output = path};
        assert_refused(convert_checkpoint(&options, &error), &error, golden_refusals[i].part);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

static int begin(void **state)
{
    (void)state;
    work = folder_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_remove(work);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goldens), cmocka_unit_test(test_same_bytes),
                                       cmocka_unit_test(test_labels), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, begin, end);
}
