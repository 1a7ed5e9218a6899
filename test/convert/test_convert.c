/* Whole conversions of small checkpoints: what is written, that it repeats, what is refused. */
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
#include "convert/default_calibration.h"
#include "convert/self_check.h"
#include "kernel/model.h"
#include "kernel/tokenizer.h"
#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/opened_checkpoint.h"

enum { TOKENS = 48, PATH_SIZE = 256 };

static char *folder; /* where results go */

static int make_folder(void **state)
{
    (void)state;
    folder = folder_new();
    return folder == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static const char *result_path(const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct convert_options options_of(const char *checkpoint, const char *output)
{
    return (struct convert_options){.checkpoint = checkpoint, .output = output, .calibration_tokens = TOKENS};
}

static struct bytes convert(struct convert_options options)
{
    struct lassim_error error = {0};
    if (convert_checkpoint(&options, &error) != LASSIM_OK) fail_msg("%s", error.text);
    struct bytes bytes = bytes_of_file(options.output);
    return bytes;
}

static void refuse(struct convert_options options, enum lassim_status status, const char *says)
{
    struct lassim_error error = {0};
    assert_int_equal(convert_checkpoint(&options, &error), status);
    if (strstr(error.text, says) == NULL) fail_msg("\"%s\" does not say \"%s\"", error.text, says);
    assert_int_equal(access(options.output, F_OK), -1);
}

static void check_variant(const char *checkpoint)
{
    struct lassim_error error = {0};
    struct model *model;
    struct convert_report report;
    const char *path = result_path("variant.snn");
    struct convert_options options = options_of(checkpoint, path);
    options.report = &report;
    struct bytes bytes = convert(options);
    assert_int_equal(report.calibration_tokens, TOKENS);
    assert_true(report.check.tokens >= TOKENS - 4 && report.check.tokens < TOKENS);
    assert_int_equal(report.check.saturations, 0);
    assert_true(report.check.kl_mean >= 0 && report.check.kl_mean < 1e-7 && report.check.kl_max < 1e-5);
    assert_true(report.check.top1_agreement == 1);
    if (model_open(path, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (model_check_weights(model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_memory_equal(&model->check, &report.check, sizeof report.check);
    assert_int_equal(model->timesteps, 16);
    struct tokenizer *tokenizer;
    assert_int_equal(tokenizer_open(NULL, model->tokenizer.data, model->tokenizer.size, &tokenizer, &error), LASSIM_OK);
    tokenizer_close(tokenizer);
    assert_true(model->prompt.size > 0);
    char *provenance = strndup((const char *)model->provenance.data, model->provenance.size);
    assert_non_null(strstr(provenance, "\"config_xxh3\""));
    assert_null(strchr(provenance, '/'));
    assert_null(strstr(provenance, "variants"));
    free(provenance);
    model_close(model);
    bytes_clear(&bytes);
}

static void test_variants(void **state)
{
    (void)state;
    check_variant("test/data/variants/postln");
    check_variant("test/data/variants/bare");
    check_variant("test/data/variants/nofinal");
}

/* 1 if matrix m meets OAT trains: those take the type asked for, embeddings keep theirs. */
static int is_quantised(const struct graph *graph, uint32_t m)
{
    return graph->population[graph->matrix[m].source].code == CODE_OAT;
}

static void check_stored_types(const struct model *model, const struct model *kept, enum weight_type type)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        const struct matrix *matrix = &model->matrix[m], *own = &kept->matrix[m];
        const struct matrix_slot *slot = &model->graph->matrix[m];
        if (is_quantised(model->graph, m)) {
            assert_int_equal(matrix->type, type);
            assert_non_null(matrix->scale);
            assert_true(matrix->moved > 0 && matrix->moved_max > 0 && matrix->moved_rms <= matrix->moved_max);
        } else {
            assert_int_equal(matrix->type, own->type);
            assert_memory_equal(matrix->weights, own->weights, weight_bytes(own->type, slot->sources, slot->targets));
        }
    }
}

/* Each integer type on each variant: what is stored, that its proof holds, that threads change nothing, and a loss
 * against the checkpoint that grows as bits are taken away. */
static void check_weights(const char *checkpoint)
{
    static const struct {
        enum convert_weights weights;
        enum weight_type type;
        double kl_least, kl_most;
    } cases[] = {
        {CONVERT_WEIGHTS_I16, WEIGHT_I16, 0, 1e-7},
        {CONVERT_WEIGHTS_Q8, WEIGHT_I8, 1e-7, 1e-2},
        {CONVERT_WEIGHTS_Q4, WEIGHT_I4, 1e-5, 1},
    };
    struct lassim_error error = {0};
    struct model *kept, *model;
    char path[PATH_SIZE];
    struct convert_report report;
    struct convert_options options = options_of(checkpoint, result_path("kept.snn"));
    struct bytes bytes = convert(options), again;
    if (model_open(options.output, &kept, &error) != LASSIM_OK) fail_msg("%s", error.text);
    bytes_clear(&bytes);
    snprintf(path, sizeof path, "%s/integers.snn", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options = (struct convert_options){.checkpoint = checkpoint,
                                           .output = path,
                                           .calibration_tokens = TOKENS,
                                           .weights = cases[i].weights,
                                           .threads = 1,
                                           .report = &report};
        bytes = convert(options);
        options.threads = 3;
        again = convert(options);
        assert_int_equal(bytes.size, again.size);
        assert_memory_equal(bytes.data, again.data, bytes.size);
        print_message("%s, %s: mean KL %g\n", checkpoint, convert_weights_name(cases[i].weights), report.check.kl_mean);
        assert_true(report.check.kl_mean >= cases[i].kl_least && report.check.kl_mean < cases[i].kl_most);
        assert_true(report.check.ppl_dense == kept->check.ppl_dense); /* the checkpoint's own, not the integers' */
        assert_int_equal(report.check.tokens, kept->check.tokens);
        if (model_open(path, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
        if (model_check_weights(model, &error) != LASSIM_OK) fail_msg("%s", error.text);
        check_stored_types(model, kept, cases[i].type);
        char *provenance = strndup((const char *)model->provenance.data, model->provenance.size), expected[32];
        snprintf(expected, sizeof expected, "\"weights\":\"%s\"", convert_weights_name(cases[i].weights));
        assert_non_null(strstr(provenance, expected));
        free(provenance);
        model_close(model);
        bytes_clear(&bytes);
        bytes_clear(&again);
    }
    model_close(kept);
}

static void test_weights(void **state)
{
    (void)state;
    check_weights("test/data/variants/postln");
    check_weights("test/data/variants/bare");
    check_weights("test/data/variants/nofinal");
}

/* Any number of threads, any place of the folder, any name of the output: the same bytes. */
static void test_repeats(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "pytorch_model.bin", "vocab.json", "merges.txt",
                                        "tokenizer_config.json"};
    const char *original = "test/data/variants/postln";
    char *copy = folder_new(), elsewhere[PATH_SIZE];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) folder_copy(copy, original, files[i]);
    struct convert_options options = options_of(original, result_path("one.snn"));
    options.threads = 1;
    struct bytes one = convert(options);
    snprintf(elsewhere, sizeof elsewhere, "%s/other.snn", copy);
    options = options_of(copy, elsewhere);
    options.threads = 3;
    struct bytes three = convert(options);
    assert_int_equal(one.size, three.size);
    assert_memory_equal(one.data, three.data, one.size);
    options.code = SPIKE_CODE_TERNARY;
    struct bytes ternary = convert(options);
    assert_true(ternary.size != one.size || memcmp(ternary.data, one.data, one.size) != 0);
    bytes_clear(&one);
    bytes_clear(&three);
    bytes_clear(&ternary);
    folder_remove(copy);
}

static void test_options(void **state)
{
    (void)state;
    const char *path = result_path("refused.snn");
    struct convert_options options = options_of("test/data/variants/bare", path);
    options.timesteps = 17;
    refuse(options, LASSIM_ERR_USAGE, "1 .. 16");
    options.timesteps = 16;
    options.weights = (enum convert_weights)4;
    refuse(options, LASSIM_ERR_USAGE, "keep, i16, q8 or q4");
    options.weights = CONVERT_WEIGHTS_KEEP;
    options.hg_error = 2;
    refuse(options, LASSIM_ERR_USAGE, "hg error");
    options.hg_error = 1e-13;
    refuse(options, LASSIM_ERR_USAGE, "cannot be met");
    options.hg_error = 0;
    options.calibration = "test/data/variants/no such text";
    refuse(options, LASSIM_ERR_FILE, "no such text");
    options.calibration = NULL;
    options.checkpoint = "test/data/no such folder";
    refuse(options, LASSIM_ERR_FILE, "no such folder");
}

static void test_no_clobber(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    folder_write(folder, "kept.snn", "mine", 4);
    struct convert_options options = options_of("test/data/variants/bare", result_path("kept.snn"));
    options.no_clobber = 1;
    assert_int_equal(convert_checkpoint(&options, &error), LASSIM_ERR_RUN);
    struct bytes kept = bytes_of_file(options.output);
    assert_int_equal(kept.size, 4);
    assert_memory_equal(kept.data, "mine", 4);
    bytes_clear(&kept);
}

static char *copy_of_bare(int with_tokenizer)
{
    static const char *const files[] = {"config.json",
                                        "model.safetensors.index.json",
                                        "model-00001-of-00002.safetensors",
                                        "model-00002-of-00002.safetensors",
                                        "vocab.json",
                                        "merges.txt",
                                        "tokenizer_config.json"};
    char *copy = folder_new();
    size_t n = sizeof files / sizeof *files - (with_tokenizer ? 0 : 3);
    for (size_t i = 0; i < n; i++) folder_copy(copy, "test/data/variants/bare", files[i]);
    return copy;
}

/* The last and the first weight of each shard, made NaN or infinite. */
static void test_not_finite(void **state)
{
    (void)state;
    static const char *const shards[] = {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"};
    char *copy = copy_of_bare(1);
    struct convert_options options = options_of(copy, result_path("nan.snn"));
    for (size_t i = 0; i < 4; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", copy, shards[i / 2]);
        struct bytes shard = bytes_of_file(path);
        uint64_t header;
        memcpy(&header, shard.data, sizeof header);
        size_t at = i % 2 ? 8 + (size_t)header : shard.size - 2;
        shard.data[at] = i % 2 ? 0x80 : 0xc0;
        shard.data[at + 1] = i % 2 ? 0xff : 0x7f;
        folder_write(copy, shards[i / 2], shard.data, shard.size);
        refuse(options, LASSIM_ERR_FILE, "weight");
        folder_copy(copy, "test/data/variants/bare", shards[i / 2]);
        bytes_clear(&shard);
    }
    folder_remove(copy);
}

/* Without tokenizer files the model takes token ids only; a calibration text cannot be read then. */
static void test_no_tokenizer(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    struct model *model;
    char *copy = copy_of_bare(0);
    struct convert_options options = options_of(copy, result_path("ids.snn"));
    struct bytes bytes = convert(options);
    if (model_open(options.output, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(model->tokenizer.size, 0);
    assert_int_equal(model->prompt.size, 0);
    assert_true(model->check.kl_mean < 1e-7 && model->check.tokens > 0);
    model_close(model);
    bytes_clear(&bytes);
    unlink(options.output);
    options.calibration = "examples/opt-tiny/heldout.txt";
    refuse(options, LASSIM_ERR_USAGE, "tokenizer");
    folder_remove(copy);
}

static void test_calibration_text(void **state)
{
    (void)state;
    struct convert_report report;
    folder_write(folder, "empty.txt", "", 0);
    folder_write(folder, "short.txt", "ab", 2);
    char text[PATH_SIZE];
    snprintf(text, sizeof text, "%s/empty.txt", folder);
    struct convert_options options = options_of("test/data/variants/bare", result_path("text.snn"));
    options.calibration = text;
    options.report = &report;
    refuse(options, LASSIM_ERR_FILE, "at least one token");
    snprintf(text, sizeof text, "%s/short.txt", folder);
    struct bytes bytes = convert(options);
    assert_in_range(report.calibration_tokens, 2, 3);
    bytes_clear(&bytes);
    struct bytes shipped = bytes_of_file("convert/default_calibration.txt");
    assert_int_equal(shipped.size, lassim_default_calibration_end - lassim_default_calibration_start);
    assert_memory_equal(shipped.data, lassim_default_calibration_start, shipped.size);
    bytes_clear(&shipped);
}

/* Batches shrink with the model: the activations of OPT-66b still fit. */
static void test_batch_sizes(void **state)
{
    (void)state;
    const char *reason;
    const struct model_config large = {.family = FAMILY_OPT,
                                       .vocabulary = 50272,
                                       .hidden = 9216,
                                       .embedding = 9216,
                                       .ffn = 36864,
                                       .layers = 64,
                                       .heads = 72,
                                       .positions = 2048,
                                       .position_rows = 2050,
                                       .position_offset = 2,
                                       .pre_norm = 1,
                                       .final_norm = 1,
                                       .tied = 1,
                                       .bos = 2,
                                       .eos = 2,
                                       .pad = 1,
                                       .norm_epsilon = 1e-5};
    struct graph *graph = graph_build(&large, &reason);
    assert_non_null(graph);
    size_t tokens = convert_tokens(graph, 1024);
    assert_in_range(tokens, 64, 1024);
    assert_true(tokens <= dense_double_capacity(&large, CONVERT_BATCH_BYTES));
    assert_int_equal(self_check_tokens(graph, &(struct calibration_text){.tokens = tokens, .context = tokens}),
                     SELF_CHECK_TOKENS_MIN);
    graph_free(graph);
    struct opened o;
    opened_open("examples/opt-tiny", &o);
    assert_int_equal(convert_tokens(o.graph, 1024), 1024);
    assert_in_range(self_check_tokens(o.graph, &(struct calibration_text){.tokens = 1024, .context = 256}), 64,
                    SELF_CHECK_TOKENS_MAX);
    opened_close(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),     cmocka_unit_test(test_weights),
        cmocka_unit_test(test_repeats),      cmocka_unit_test(test_options),
        cmocka_unit_test(test_no_clobber),   cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_no_tokenizer), cmocka_unit_test(test_calibration_text),
        cmocka_unit_test(test_batch_sizes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
