#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

enum { VALUES = 10 };

/* By kind: what is no such value, whatever the key. */
static const char *const bad[][VALUES] = {
    [CONFIG_INTEGER] = {"0", "-1", "1048576", "8.5", "1e300", "\"8\"", "[]", "{}", "true", "9223372036854775807"},
    [CONFIG_SWITCH] = {"0", "1", "\"true\"", "[]", "{}", "1.0", "-1", "[true]", "\"\"", "1e300"},
    [CONFIG_NUMBER] = {"0", "-1", "1e300", "-1e-300", "\"1\"", "[]", "{}", "true", "[1e-5]", "\"\""},
    [CONFIG_ACTIVATION] = {"0", "1", "[]", "{}", "true", "\"\"", "\"GELU\"", "\"relu6\"", "[\"gelu\"]", "\"gelu \""},
    [CONFIG_MUST] = {"0", "1", "\"false\"", "[]", "{}", "\"\"", "0.0", "-1", "[false]", "true"},
    [CONFIG_TEXT] = {"0", "1", "[]", "{}", "true", "\"\"", "\"other\"", "-1", "1.5", "\"RELU\""},
};

struct checkpoint_config config_accept(const char *text)
{
    struct checkpoint_config config;
    struct lassim_error error = {0};
    if (checkpoint_config_parse("config.json", text, strlen(text), &config, &error) != LASSIM_OK)
        fail_msg("%s: %s", text, error.text);
    return config;
}

void config_refuse(const char *text, const char *part)
{
    struct checkpoint_config config;
    struct lassim_error error = {0};
    enum lassim_status status = checkpoint_config_parse("config.json", text, strlen(text), &config, &error);
    if (status == LASSIM_OK) fail_msg("accepted: %s", text);
    assert_refused(status, &error, part);
    assert_memory_equal(error.text, "config.json: ", 13);
    assert_null(config.labels);
    assert_null(config.rotary_divisor);
}

void config_refuse_values(const char *text, const struct config_hostile *keys, size_t n)
{
    const char *rest = strchr(text, '{') + 1;
    for (size_t k = 0; k < n; k++)
        for (size_t v = 0; v < VALUES; v++) {
            char made[1024];
            assert_true((size_t)snprintf(made, sizeof made, "{\"%s\":%s,%s", keys[k].key, bad[keys[k].kind][v], rest) <
                        sizeof made);
            config_refuse(made, keys[k].key);
        }
}
