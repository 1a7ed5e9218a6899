/* The engine `dense` against logits of an independent float64 forward pass (golden*.npy), on a checkpoint's own
 * weights and on the converted model's; and against itself fed in other pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "convert/convert.h"
#include "convert/reference_weights.h"
#include "kernel/dense_engine.h"
#include "kernel/npy.h"

enum { IDS_MAX = 256 };

static const struct golden {
    const char *checkpoint, *logits, *ids; /* ids: a text file, or a key of golden.json */
} goldens[] = {
    {"examples/opt-tiny", "examples/opt-tiny/golden-a.npy", "a"},
    {"examples/opt-tiny", "examples/opt-tiny/golden-b.npy", "b"},
    {"test/data/variants/bare", "test/data/variants/bare/golden.npy", "test/data/variants/bare/golden.ids"},
    {"test/data/variants/nofinal", "test/data/variants/nofinal/golden.npy", "test/data/variants/nofinal/golden.ids"},
    {"test/data/variants/postln", "test/data/variants/postln/golden.npy", "test/data/variants/postln/golden.ids"},
};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static uint32_t ids_of_json(const char *key, uint32_t *ids)
{
    json_t *root = json_load_file("examples/opt-tiny/golden.json", 0, NULL);
    json_t *array = json_object_get(json_object_get(root, key), "ids");
    uint32_t n = (uint32_t)json_array_size(array);
    assert_true(n > 0 && n <= IDS_MAX);
    for (uint32_t i = 0; i < n; i++) ids[i] = (uint32_t)json_integer_value(json_array_get(array, i));
    json_decref(root);
    return n;
}

static uint32_t read_ids(const char *name, uint32_t *ids)
{
    uint32_t n = 0;
    if (strlen(name) == 1) return ids_of_json(name, ids);
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    while (n < IDS_MAX && fscanf(file, "%u,", &ids[n]) == 1) n++;
    fclose(file);
    assert_true(n > 0);
    return n;
}

struct outcome {
    uint32_t vocabulary, calls, next;
    float *logits; /* [IDS_MAX][vocabulary] */
};

static void keep(void *context, uint32_t token, const float *logits)
{
    struct outcome *outcome = context;
    assert_true(token >= outcome->next && token < IDS_MAX);
    outcome->next = token + 1;
    outcome->calls++;
    memcpy(outcome->logits + (size_t)token * outcome->vocabulary, logits, outcome->vocabulary * sizeof *logits);
}

static struct outcome outcome_new(uint32_t vocabulary)
{
    return (struct outcome){vocabulary, 0, 0, calloc((size_t)IDS_MAX * vocabulary, sizeof(float))};
}

static void feed(struct dense_engine *engine, const uint32_t *ids, uint32_t n, enum lassim_read read,
                 struct outcome *outcome)
{
    struct lassim_error error = {0};
    const struct engine_feed feed = {ids, NULL, n, read, keep, outcome};
    if (dense_engine_feed(engine, &feed, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

static double deviation(const float *x, size_t n)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean) / (double)n;
    return sqrt(square);
}

/* Largest difference in standard deviations of b. */
static double distance(const float *a, const float *b, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - b[i]) <= largest)) largest = fabs((double)a[i] - b[i]);
    return largest / deviation(b, n);
}

static void assert_golden(const struct golden *golden, struct dense_engine *engine, const char *what)
{
    uint32_t ids[IDS_MAX], n = read_ids(golden->ids, ids);
    struct npy_matrix want;
    struct lassim_error error = {0};
    if (npy_read_f32(golden->logits, &want, &error) != LASSIM_OK) fail_msg("%s", error.text);
    struct outcome outcome = outcome_new((uint32_t)want.columns);
    assert_int_equal(want.rows, n);
    feed(engine, ids, n, LASSIM_READ_ALL, &outcome);
    assert_int_equal(outcome.calls, n);
    double error_of = distance(outcome.logits, want.data, (size_t)want.rows * want.columns);
    printf("%s, %s: %.1e standard deviations\n", golden->logits, what, error_of);
    assert_true(error_of <= 1e-4);
    free(outcome.logits);
    npy_matrix_free(&want);
}

static struct team *one, *three; /* teams of so many threads, for all tests */

static struct team *team_of(unsigned threads)
{
    struct team *team;
    struct lassim_error error = {0};
    if (team_new(threads, NULL, 0, &team, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return team;
}

static struct dense_engine *engine_new(const struct graph *graph, const struct dense_weights *weights,
                                       struct team *team)
{
    struct dense_engine *engine;
    struct lassim_error error = {0};
    if (dense_engine_new(graph, weights, team, &engine, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return engine;
}

static struct reference *open_reference(const char *checkpoint)
{
    struct reference *reference;
    struct lassim_error error = {0};
    if (reference_open(checkpoint, &reference, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return reference;
}

static void checkpoints_give_the_golden_logits(void **state)
{
    (void)state;
    for (int g = 0; g < GOLDENS; g++) {
        struct dense_weights weights;
        struct reference *reference = open_reference(goldens[g].checkpoint);
        reference_weights(reference, &weights);
        struct dense_engine *engine = engine_new(reference_graph(reference), &weights, one);
        assert_golden(&goldens[g], engine, "checkpoint");
        dense_engine_free(engine);
        reference_close(reference);
    }
}

/* The checkpoint converted into a temporary .snn and opened; path is the caller's, to unlink. */
static struct model *convert(const char *checkpoint, char *path)
{
    struct lassim_error error = {0};
    struct model *model;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const struct convert_options options = {
        .checkpoint = checkpoint, .output = path, .calibration_tokens = 32, .hg_error = 1e-2, .no_self_check = 1};
    if (convert_checkpoint(&options, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (model_open(path, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return model;
}

static void converted_models_give_the_golden_logits(void **state)
{
    (void)state;
    for (int g = 0; g < GOLDENS; g++) {
        char path[] = "/tmp/lassim-dense-XXXXXX";
        struct dense_weights weights;
        struct model *model = convert(goldens[g].checkpoint, path);
        dense_weights_of_model(model, &weights);
        struct dense_engine *engine = engine_new(model->graph, &weights, one);
        assert_golden(&goldens[g], engine, "converted");
        dense_engine_free(engine);
        model_close(model);
        unlink(path);
    }
}

/* Feeds ids in pieces of `piece`; the last token of each is read (or all, or none). */
static void feed_pieces(struct dense_engine *engine, const uint32_t *ids, uint32_t n, uint32_t piece,
                        enum lassim_read read, struct outcome *outcome)
{
    for (uint32_t first = 0; first < n; first += piece)
        feed(engine, ids + first, n - first < piece ? n - first : piece, read, outcome);
}

static void assert_pieces(const struct golden *golden, struct dense_engine *engine, struct dense_engine *other_team)
{
    uint32_t ids[IDS_MAX], n = read_ids(golden->ids, ids), vocabulary = 0;
    struct npy_matrix want;
    struct lassim_error error = {0};
    assert_int_equal(npy_read_f32(golden->logits, &want, &error), LASSIM_OK);
    vocabulary = (uint32_t)want.columns;
    struct outcome whole = outcome_new(vocabulary), other = outcome_new(vocabulary);
    feed(engine, ids, n, LASSIM_READ_ALL, &whole);
    for (uint32_t piece = 1; piece <= n; piece += 4) {
        uint64_t tokens;
        dense_engine_reset(engine);
        other.calls = other.next = 0;
        feed_pieces(engine, ids, n, piece, LASSIM_READ_ALL, &other);
        assert_int_equal(other.calls, n);
        assert_true(distance(other.logits, whole.logits, (size_t)n * vocabulary) <= 2e-5);
        dense_engine_progress(engine, &tokens);
        assert_int_equal(tokens, n);
    }
    dense_engine_reset(other_team);
    other.calls = other.next = 0;
    feed(other_team, ids, n - 1, LASSIM_READ_NONE, &other);
    assert_int_equal(other.calls, 0);
    feed(other_team, ids + n - 1, 1, LASSIM_READ_LAST, &other);
    assert_int_equal(other.calls, 1);
    const size_t last = (size_t)(n - 1) * vocabulary;
    assert_true(distance(other.logits + last, whole.logits + last, vocabulary) <= 2e-5);
    free(whole.logits);
    free(other.logits);
    npy_matrix_free(&want);
}

/* Tokens alone, batches of few and prompts take different kernels; one thread and three the same ones. */
static void pieces_give_the_same_logits(void **state)
{
    (void)state;
    for (int g = 0; g < GOLDENS; g++) {
        if (g == 1) continue; /* the same checkpoint, many more tokens */
        struct dense_weights weights;
        struct reference *reference = open_reference(goldens[g].checkpoint);
        reference_weights(reference, &weights);
        struct dense_engine *engine = engine_new(reference_graph(reference), &weights, one);
        struct dense_engine *other_team = engine_new(reference_graph(reference), &weights, three);
        assert_pieces(&goldens[g], engine, other_team);
        dense_engine_free(engine);
        dense_engine_free(other_team);
        reference_close(reference);
    }
}

/* A mapped model fed four tokens a call: the same bits for one thread, three, and token by token. */
static void decoding_does_not_depend_on_threads_or_batches(void **state)
{
    (void)state;
    char path[] = "/tmp/lassim-dense-XXXXXX";
    uint32_t ids[IDS_MAX], n = read_ids(goldens[0].ids, ids);
    struct dense_weights weights;
    struct model *model = convert(goldens[0].checkpoint, path);
    dense_weights_of_model(model, &weights);
    struct dense_engine *serial = engine_new(model->graph, &weights, one);
    struct dense_engine *parallel = engine_new(model->graph, &weights, three);
    uint32_t vocabulary = model->graph->config.vocabulary;
    struct outcome want = outcome_new(vocabulary), got = outcome_new(vocabulary);
    feed_pieces(serial, ids, n, 1, LASSIM_READ_ALL, &want);
    for (uint32_t piece = 1; piece <= 4; piece++) {
        dense_engine_reset(parallel);
        got.calls = got.next = 0;
        feed_pieces(parallel, ids, n, piece, LASSIM_READ_ALL, &got);
        assert_int_equal(got.calls, n);
        assert_memory_equal(got.logits, want.logits, (size_t)n * vocabulary * sizeof(float));
    }
    free(want.logits);
    free(got.logits);
    dense_engine_free(serial);
    dense_engine_free(parallel);
    model_close(model);
    unlink(path);
}

static void read_last_reads_the_last_of_each_call(void **state)
{
    (void)state;
    const struct golden *golden = &goldens[4];
    uint32_t ids[IDS_MAX], n = read_ids(golden->ids, ids);
    struct dense_weights weights;
    struct reference *reference = open_reference(golden->checkpoint);
    reference_weights(reference, &weights);
    struct dense_engine *engine = engine_new(reference_graph(reference), &weights, one);
    struct outcome outcome = outcome_new(reference_graph(reference)->config.vocabulary);
    feed_pieces(engine, ids, n, 5, LASSIM_READ_LAST, &outcome);
    assert_int_equal(outcome.calls, (n + 4) / 5);
    assert_int_equal(outcome.next, n);
    feed(engine, ids, 0, LASSIM_READ_LAST, &outcome);
    assert_int_equal(outcome.calls, (n + 4) / 5);
    free(outcome.logits);
    dense_engine_free(engine);
    reference_close(reference);
}

static int refuse_rows(void *context, uint32_t m, uint32_t first, uint32_t count, float *out,
                       struct lassim_error *error)
{
    (void)context, (void)m, (void)first, (void)count, (void)out;
    lassim_fail(error, LASSIM_ERR_FILE, "weights", NULL, "gone");
    return -1;
}

/* A weight that cannot be read is the caller's error, not a crash; a stopped engine says so. */
static void failures_are_reported(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    struct dense_weights weights, broken;
    struct dense_engine *engine;
    struct reference *reference = open_reference(goldens[2].checkpoint);
    const uint32_t id = 2;
    const struct engine_feed last = {.ids = &id, .n = 1, .read = LASSIM_READ_LAST};
    reference_weights(reference, &weights);
    broken = weights;
    broken.rows = refuse_rows;
    assert_int_equal(dense_engine_new(reference_graph(reference), &broken, one, &engine, &error), LASSIM_OK);
    assert_int_equal(dense_engine_feed(engine, &last, &error), LASSIM_ERR_FILE);
    dense_engine_free(engine);
    engine = engine_new(reference_graph(reference), &weights, one);
    dense_engine_stop(engine);
    assert_int_equal(dense_engine_feed(engine, &last, &error), LASSIM_ERR_RUN);
    dense_engine_free(engine);
    reference_close(reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_give_the_golden_logits),
        cmocka_unit_test(converted_models_give_the_golden_logits),
        cmocka_unit_test(pieces_give_the_same_logits),
        cmocka_unit_test(decoding_does_not_depend_on_threads_or_batches),
        cmocka_unit_test(read_last_reads_the_last_of_each_call),
        cmocka_unit_test(failures_are_reported),
    };
    one = team_of(1);
    three = team_of(3);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    team_free(one);
    team_free(three);
    return failed;
}
