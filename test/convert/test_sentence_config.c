/* Pooling files beside a checkpoint: what they decide, and those that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "convert/sentence_config.h"

enum { PATH = 256 };
static char folder[PATH];
static struct checkpoint *checkpoint;

static void write_file(const char *name, const char *text)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A folder with the smallest safetensors file that there is. */
static int make_folder(void **state)
{
    (void)state;
    char path[2 * PATH];
    static const unsigned char bytes[] = "\x48\0\0\0\0\0\0\0"
                                         "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
                                         "                  \0\0\0\0";
    struct lassim_error error;
    snprintf(folder, sizeof folder, "/tmp/test_sentence_config.XXXXXX");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof path, "%s/1_Pooling", folder);
    if (mkdir(path, 0700) != 0) return -1;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    FILE *file = fopen(path, "wb");
    if (file == NULL) return -1;
    fwrite(bytes, 1, 8 + 0x48 + 4, file);
    fclose(file);
    if (checkpoint_open(folder, &checkpoint, &error) == LASSIM_OK) return 0;
    fprintf(stderr, "%s\n", error.text);
    return -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "model.safetensors", "1_Pooling", ""};
    checkpoint_close(checkpoint);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[2 * PATH];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (remove(path) != 0) continue;
    }
    return 0;
}

static void files_decide_member_by_member(void **state)
{
    (void)state;
    json_t *sentence;
    struct lassim_error error;
    assert_int_equal(sentence_config_read(checkpoint, folder, &sentence, &error), LASSIM_OK);
    assert_null(sentence);
    write_file("modules.json", "[{\"type\": \"sentence_transformers.models.Normalize\"}]");
    write_file("1_Pooling/config.json", "{\"pooling_mode_cls_token\": true}");
    write_file("sentence_bert_config.json", "{\"max_seq_length\": 12}");
    assert_int_equal(sentence_config_read(checkpoint, folder, &sentence, &error), LASSIM_OK);
    assert_true(json_is_true(json_object_get(sentence, "normalize")));
    assert_string_equal(json_string_value(json_object_get(sentence, "pooling")), "cls");
    assert_int_equal(json_integer_value(json_object_get(sentence, "max_tokens")), 12);
    json_decref(sentence);
    write_file("modules.json", "[]");
    write_file("1_Pooling/config.json", "{\"pooling_mode_mean_tokens\": true}");
    assert_int_equal(sentence_config_read(checkpoint, folder, &sentence, &error), LASSIM_OK);
    assert_true(json_is_false(json_object_get(sentence, "normalize")));
    assert_string_equal(json_string_value(json_object_get(sentence, "pooling")), "mean");
    json_decref(sentence);
}

static void what_is_not_supported_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"pooling_mode_max_tokens\": true}", "{\"pooling_mode_cls_token\": 1}", "{",
                                      "{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": true}"};
    json_t *sentence;
    struct lassim_error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file("1_Pooling/config.json", bad[i]);
        if (sentence_config_read(checkpoint, folder, &sentence, &error) != LASSIM_ERR_FILE)
            fail_msg("accepted: %s", bad[i]);
        assert_null(sentence);
        assert_non_null(strstr(error.text, "1_Pooling/config.json"));
    }
    write_file("1_Pooling/config.json", "{\"pooling_mode_mean_tokens\": true}");
    write_file("sentence_bert_config.json", "{\"max_seq_length\": 0}");
    assert_int_equal(sentence_config_read(checkpoint, folder, &sentence, &error), LASSIM_ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_decide_member_by_member),
        cmocka_unit_test(what_is_not_supported_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
