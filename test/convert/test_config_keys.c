/* Tables of keys: sizes of every family in turn absent, of a wrong type, out of range. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_sizes(void **state)
{
    (void)state;
    static const char *const keys[][8] = {
        {"llama", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "max_position_embeddings", NULL},
        {"bert", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "max_position_embeddings", NULL},
        {"gpt2", "vocab_size", "n_embd", "n_layer", "n_head", "n_positions", NULL, NULL},
    };
    static const char *const bad[] = {NULL, "null", "\"8\"", "[]", "{}", "true", "0", "-1", "1048576", "8.5", "1e300"};
    for (size_t f = 0; f < sizeof keys / sizeof *keys; f++)
        for (size_t k = 1; keys[f][k] != NULL; k++)
            for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
                char text[600];
                int at = snprintf(text, sizeof text, "{\"model_type\":\"%s\",\"bos_token_id\":0,\"eos_token_id\":0",
                                  keys[f][0]);
                for (size_t i = 1; keys[f][i] != NULL; i++) {
                    if (i == k && bad[b] == NULL) continue;
                    at +=
                        snprintf(text + at, sizeof text - (size_t)at, ",\"%s\":%s", keys[f][i], i == k ? bad[b] : "8");
                }
                snprintf(text + at, sizeof text - (size_t)at, "}");
                config_refuse(text, keys[f][k]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
