/* Hyperparameters from config.json or a GGUF, whichever the checkpoint has. */
#include "convert/checkpoint_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "test/helpers/gguf_draft.h"

static struct checkpoint *open_good(const char *path)
{
    struct checkpoint *checkpoint = NULL;
    struct lassim_error error;
    if (checkpoint_open(path, &checkpoint, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return checkpoint;
}

static void test_folder(void **state)
{
    (void)state;
    static const char path[] = "examples/opt-tiny";
    struct checkpoint *checkpoint = open_good(path);
    struct checkpoint_config config;
    struct lassim_error error;
    uint64_t hash = 0;
    assert_int_equal(checkpoint_model_read(checkpoint, path, &config, &error), LASSIM_OK);
    assert_int_equal(config.model.family, FAMILY_OPT);
    assert_int_equal(checkpoint_model_hash(checkpoint, path, &hash, &error), LASSIM_OK);
    struct bytes text = bytes_of_file("examples/opt-tiny/config.json");
    assert_true(hash == XXH3_64bits(text.data, text.size));
    bytes_clear(&text);
    assert_refused(checkpoint_model_read(checkpoint, "README.md", &config, &error), &error, "README.md/config.json");
    assert_refused(checkpoint_model_hash(checkpoint, "README.md", &hash, &error), &error, "README.md/config.json");
    checkpoint_close(checkpoint);
}

/* A GGUF of another family: refused by name with the file's, and config.json beside it is not looked at. */
static void test_gguf(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct gguf_draft draft = {0};
    struct checkpoint_config config;
    struct lassim_error error;
    uint64_t hash = 0, other = 0;
    gguf_draft_text(&draft, "general.architecture", "unheard-of");
    gguf_draft_write(&draft, folder, "m.gguf");
    folder_copy(folder, "examples/opt-tiny", "config.json");
    struct checkpoint *checkpoint = open_good(folder);
    assert_refused(checkpoint_model_read(checkpoint, folder, &config, &error), &error, "unheard-of");
    assert_non_null(strstr(error.text, "m.gguf: "));
    assert_int_equal(checkpoint_model_hash(checkpoint, folder, &hash, &error), LASSIM_OK);
    checkpoint_close(checkpoint);
    gguf_draft_text(&draft, "general.architecture", "unheard-og");
    gguf_draft_write(&draft, folder, "m.gguf");
    checkpoint = open_good(folder);
    assert_int_equal(checkpoint_model_hash(checkpoint, folder, &other, &error), LASSIM_OK);
    assert_true(hash != 0 && other != 0 && hash != other);
    checkpoint_close(checkpoint);
    gguf_draft_text(&draft, "general.architecture", "llama");
    gguf_draft_write(&draft, folder, "m.gguf");
    checkpoint = open_good(folder);
    assert_refused(checkpoint_model_read(checkpoint, folder, &config, &error), &error,
                   "token_embd.weight: tensor missing");
    checkpoint_close(checkpoint);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folder), cmocka_unit_test(test_gguf)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
