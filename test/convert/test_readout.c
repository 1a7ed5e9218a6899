/* What the .snn says of the numbers read out: label names, pooling, or nothing. */
#include "convert/readout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

/* readout_write of the checkpoint in folder. */
static enum lassim_status write_readout(const char *folder, struct model *model, struct lassim_error *error)
{
    struct checkpoint *checkpoint;
    struct checkpoint_config config;
    if (checkpoint_open(folder, &checkpoint, error) != LASSIM_OK) fail_msg("%s", error->text);
    if (checkpoint_config_read(folder, &config, error) != LASSIM_OK) fail_msg("%s", error->text);
    enum lassim_status status = readout_write(checkpoint, folder, &config, model, error);
    checkpoint_config_clear(&config);
    checkpoint_close(checkpoint);
    return status;
}

static void expect(const char *folder, const char *text)
{
    struct model model;
    struct lassim_error error;
    if (write_readout(folder, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(model.readout.size, strlen(text));
    if (model.readout.size > 0) assert_memory_equal(model.readout.data, text, model.readout.size);
    free((void *)model.readout.data);
}

static void as_the_checkpoint_says(void **state)
{
    (void)state;
    expect("test/data/families/bert-classify", "{\"labels\":[\"negative\",\"neutral\",\"positive\"]}");
    expect("test/data/families/bert-embed",
           "{\"sentence\":{\"normalize\":true,\"pooling\":\"mean\",\"max_tokens\":32}}");
    expect("test/data/families/bert-mlm", "");
    expect("test/data/families/gpt2-plain", "");
    expect("examples/opt-tiny", "");
}

static void a_file_that_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "model.safetensors"};
    struct model model;
    struct lassim_error error;
    char *folder = folder_new();
    for (size_t i = 0; i < 2; i++) folder_copy(folder, "test/data/families/bert-embed", files[i]);
    expect(folder, "");
    folder_write(folder, "sentence_bert_config.json", "{}", 2);
    expect(folder, "");
    folder_write(folder, "sentence_bert_config.json", "[]", 2);
    assert_refused(write_readout(folder, &model, &error), &error, "sentence_bert_config.json");
    assert_true(model.readout.data == NULL && model.readout.size == 0);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_checkpoint_says),
        cmocka_unit_test(a_file_that_is_no_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
