/* The keys of rotary positions: every scaling, both places where they stand, hostile values. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "neurons/real.h"

static void test_rotary(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(LLAMA("\"rope_scaling\":{\"type\":\"linear\",\"factor\":4},"));
    assert_true(c.rotary.scaling == ROTARY_LINEAR && c.rotary.factor == 4 && c.model.score_scale == 0);
    c = config_accept(
        LLAMA("\"rope_scaling\":null,\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":77},"));
    assert_true(c.rotary.scaling == ROTARY_PLAIN && c.rotary.theta == 77);
    c = config_accept(LLAMA("\"rope_scaling\":{\"rope_type\":\"dynamic\",\"factor\":4},"));
    assert_true(c.rotary.scaling == ROTARY_PLAIN);
    c = config_accept(LLAMA("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
                            "\"high_freq_factor\":4,\"original_max_position_embeddings\":16},"));
    assert_true(c.rotary.scaling == ROTARY_LLAMA3 && c.rotary.low_frequency == 1 && c.rotary.high_frequency == 4 &&
                c.rotary.original == 16);
    c = config_accept(LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4},"));
    double scale = 0.1 * real_log(4) + 1;
    assert_true(c.rotary.scaling == ROTARY_YARN && c.rotary.beta_fast == 32 && c.rotary.beta_slow == 1 &&
                c.rotary.original == 64 && !c.rotary.exact_range);
    assert_true(c.model.score_scale == scale * scale / real_sqrt(8));
    c = config_accept(LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"original_max_position_embeddings\":16,"
                            "\"attention_factor\":0.5,\"truncate\":false},"));
    assert_true(c.rotary.factor == 4 && c.model.score_scale == 0.25 / real_sqrt(8) && c.rotary.exact_range);
    c = config_accept(
        LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4,\"mscale\":1,\"mscale_all_dim\":1},"));
    assert_true(c.model.score_scale == 1 / real_sqrt(8));
    config_refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"longrope\"},"), "rope_type: \"longrope\" is not supported");
    config_refuse(LLAMA("\"rope_scaling\":{\"rope_type\":7},"), "rope_type: expected a string");
    config_refuse(LLAMA("\"rope_scaling\":[],"), "rope_scaling");
    config_refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"linear\"},"), "factor");
    config_refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":0.5},"),
                  "factor: 0.5, expected 1 .. 1e+06");
    config_refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
                        "\"high_freq_factor\":4},"),
                  "low_freq_factor: 4, expected below high_freq_factor 4");
    config_refuse(LLAMA("\"partial_rotary_factor\":0.5,"), "partial_rotary_factor");
    config_refuse(LLAMA("\"rope_theta\":-1,"), "rope_theta");
    config_refuse(LLAMA("\"rope_theta\":\"x\","), "rope_theta");
}

static void test_divisors(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(LLAMA("\"lassim_rope_factors\":[1,2,3.5,1e6],"));
    assert_non_null(c.rotary.divisor);
    assert_true(c.rotary.divisor[0] == 1 && c.rotary.divisor[2] == 3.5 && c.rotary.divisor[3] == 1e6);
    checkpoint_config_clear(&c);
    assert_null(c.rotary.divisor);
    config_refuse(LLAMA("\"lassim_rope_factors\":[],"), "lassim_rope_factors: 0 numbers, expected 4");
    config_refuse(LLAMA("\"lassim_rope_factors\":[1,1,1],"), "lassim_rope_factors: 3 numbers, expected 4");
    config_refuse(LLAMA("\"lassim_rope_factors\":[1,1,1,1,1],"), "lassim_rope_factors: 5 numbers, expected 4");
    config_refuse(LLAMA("\"lassim_rope_factors\":{\"0\":1},"), "lassim_rope_factors");
    static const char *const bad[] = {"0", "0.999", "-1", "1000001", "1e300", "\"1\"", "null", "true", "[1]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(text, sizeof text, LLAMA("\"lassim_rope_factors\":[1,1,1,%s],"), bad[i]);
        config_refuse(text, "lassim_rope_factors: element 3");
    }
}

/* Every number of every scaling, wrong in type or range; the object they stand in is named by its key. */
static void test_hostile_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *type, *given, *key;
        const char *bad[6];
    } cases[] = {
        {"linear", "", "factor", {"0", "0.999", "-4", "1000001", "\"4\"", "[4]"}},
        {"linear", "\"factor\":4,", "rope_theta", {"1", "1.009", "0", "-1e4", "1.1e12", "\"1e4\""}},
        {"linear", "\"factor\":4,", "original_max_position_embeddings", {"0", "-1", "0.5", "1048576", "true", "{}"}},
        {"linear", "\"factor\":4,", "partial_rotary_factor", {"0.5", "0", "2", "-1", "\"1\"", "[]"}},
        {"llama3", "\"factor\":4,\"high_freq_factor\":4,", "low_freq_factor", {"0", "-1", "4", "5", "\"1\"", "1e300"}},
        {"llama3",
         "\"factor\":4,\"low_freq_factor\":1,",
         "high_freq_factor",
         {"0", "-4", "1e7", "{}", "true", "\"4\""}},
        {"yarn", "\"factor\":4,", "beta_fast", {"0", "-32", "1001", "1e-4", "[]", "\"32\""}},
        {"yarn", "\"factor\":4,", "beta_slow", {"0", "-1", "1001", "1e-4", "{}", "true"}},
        {"yarn", "\"factor\":4,", "attention_factor", {"-1", "1e-4", "1001", "1e300", "\"1\"", "[]"}},
        {"yarn", "\"factor\":4,\"mscale_all_dim\":1,", "mscale", {"-1", "1e-4", "1001", "1e300", "\"1\"", "[]"}},
        {"yarn", "\"factor\":4,\"mscale\":1,", "mscale_all_dim", {"-1", "1e-4", "1001", "1e300", "true", "{}"}},
        {"yarn", "\"factor\":4,", "truncate", {"0", "1", "\"no\"", "[]", "{}", "0.5"}},
    };
    static const char *const places[] = {"rope_scaling", "rope_parameters"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t b = 0; b < 12; b++) {
            char text[1024];
            snprintf(text, sizeof text, LLAMA("\"%s\":{\"rope_type\":\"%s\",%s\"%s\":%s},"), places[b / 6],
                     cases[i].type, cases[i].given, cases[i].key, cases[i].bad[b % 6]);
            config_refuse(text, b % 6 > 1 || cases[i].key[0] != 'h' ? cases[i].key : "freq_factor");
        }
}

static void test_hostile_values(void **state)
{
    (void)state;
    static const struct config_hostile keys[] = {
        {"rope_theta", CONFIG_NUMBER},
    };
    config_refuse_values(LLAMA(""), keys, sizeof keys / sizeof *keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotary),
        cmocka_unit_test(test_divisors),
        cmocka_unit_test(test_hostile_numbers),
        cmocka_unit_test(test_hostile_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
