/* Energy models from a file: what it sets, its defaults, and every refusal. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/energy.h"

static enum lassim_status parse(const char *text, struct energy_model **models, uint32_t *count,
                                struct lassim_error *error)
{
    return energy_file_parse("e.json", text, strlen(text), models, count, error);
}

static void two_models(void **state)
{
    (void)state;
    struct energy_model *models;
    struct lassim_error error;
    uint32_t count;
    assert_int_equal(
        parse("{\"format\": \"lassim.energy.1\", \"models\": [{\"name\": \"a_1\", \"source\": \"s\", \"kind\": "
              "\"memory\", "
              "\"add_pj\": 2, \"multiply_pj\": 3, \"int8_mac\": 0.5, \"width\": \"int8\", \"memory\": [[10, 1], [20, "
              "4]], "
              "\"dram_above\": 30, \"dram_pj\": 9}, {\"name\": \"b\", \"source\": \"t\", \"kind\": \"event\", "
              "\"event_pj\": 7}]}",
              &models, &count, &error),
        LASSIM_OK);
    assert_int_equal(count, 2);
    assert_string_equal(models[0].name, "a_1");
    assert_true(models[0].add == 2e-12 && models[0].multiply == 3e-12 && models[0].width == ENERGY_INT8);
    assert_true(models[0].mac[ENERGY_INT8] == 0.5e-12);
    assert_true(models[0].mac[ENERGY_FP32] == energy_model(0)->mac[ENERGY_FP32]);
    assert_true(fabs(energy_byte(&models[0], 15) - 2.5e-12) < 1e-24);
    assert_true(energy_byte(&models[0], 25) == 4e-12);
    assert_true(energy_byte(&models[0], 31) == 9e-12);
    assert_true(models[1].kind == ENERGY_EVENT && models[1].event == 7e-12 && models[1].width == ENERGY_FP32);
    free(models);
}

#define HEAD "{\"format\": \"lassim.energy.1\", \"models\": ["
#define COMPUTE "\"source\": \"s\", \"kind\": \"compute\", \"add_pj\": 1, \"multiply_pj\": 1"
#define MEMORY "{\"name\": \"x\", \"source\": \"s\", \"kind\": \"memory\", \"add_pj\": 1, \"multiply_pj\": 1"

static void refusals(void **state)
{
    static const struct {
        const char *text, *place;
    } bad[] = {
        {"", "line 1"},
        {"{}", "format"},
        {"{\"format\": \"lassim.energy.2\", \"models\": []}", "format"},
        {HEAD "]}", "a list of 1 to 64"},
        {HEAD "3]}", "models[0]: expected an object"},
        {HEAD "{" COMPUTE "}]}", "models[0]: name"},
        {HEAD "{\"name\": \"A\", " COMPUTE "}]}", "models[0]: expected name: lower-case"},
        {HEAD "{\"name\": \"loihi\", " COMPUTE "}]}", "not taken"},
        {HEAD "{\"name\": \"x\", " COMPUTE "}, {\"name\": \"x\", " COMPUTE "}]}", "models[1]"},
        {HEAD "{\"name\": \"x\", " COMPUTE ", \"pj\": 1}]}", "unknown key 'pj'"},
        {HEAD "{\"name\": \"x\", " COMPUTE ", \"event_pj\": 1}]}", "event only"},
        {HEAD "{\"name\": \"x\", " COMPUTE ", \"memory\": [[1, 1]]}]}", "kind memory only"},
        {HEAD "{\"name\": \"x\", " COMPUTE ", \"width\": \"fp8\"}]}", "width"},
        {HEAD "{\"name\": \"x\", " COMPUTE ", \"name\": \"y\"}]}", "duplicate"},
        {HEAD "{\"name\": \"x\", \"source\": \"s\", \"kind\": \"other\"}]}", "kind"},
        {HEAD "{\"name\": \"x\", \"source\": \"s\", \"kind\": \"compute\", \"add_pj\": -1, \"multiply_pj\": 1}]}",
         "add_pj"},
        {HEAD "{\"name\": \"x\", \"source\": \"s\", \"kind\": \"event\"}]}", "event_pj"},
        {HEAD "{\"name\": \"x\", \"source\": \"s\", \"kind\": \"event\", \"event_pj\": 1, \"add_pj\": 1}]}", "alone"},
        {HEAD MEMORY "}]}", "memory: a list"},
        {HEAD MEMORY ", \"memory\": [[2, 1], [2, 1]]}]}", "ascending"},
        {HEAD MEMORY ", \"memory\": [[0, 1]]}]}", "ascending"},
        {HEAD MEMORY ", \"memory\": [[1]]}]}", "pairs"},
        {HEAD MEMORY ", \"memory\": [[1, 1]], \"dram_pj\": 3}]}", "dram_above"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct energy_model *models;
        struct lassim_error error;
        uint32_t count;
        assert_int_equal(parse(bad[i].text, &models, &count, &error), LASSIM_ERR_FILE);
        assert_true(models == NULL && count == 0);
        if (strstr(error.text, bad[i].place) == NULL) fail_msg("%s: no '%s'", error.text, bad[i].place);
    }
    struct energy_model *models;
    struct lassim_error error;
    uint32_t count;
    assert_int_equal(energy_file_read("/nonexistent/e.json", &models, &count, &error), LASSIM_ERR_FILE);
}

/* The example of docs/energy.md. */
static void the_documented_example(void **state)
{
    (void)state;
    char text[4096];
    struct energy_model *models;
    struct lassim_error error;
    uint32_t count;
    FILE *file = fopen("docs/energy.md", "r");
    assert_non_null(file);
    char *all = calloc(1, 1 << 16);
    size_t size = fread(all, 1, (1 << 16) - 1, file);
    fclose(file);
    assert_true(size > 0);
    const char *from = strstr(all, "```json\n") + 8, *to = strstr(from, "```");
    memcpy(text, from, (size_t)(to - from));
    text[to - from] = '\0';
    if (parse(text, &models, &count, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_string_equal(models[0].name, "mychip");
    free(models);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_models),
        cmocka_unit_test(refusals),
        cmocka_unit_test(the_documented_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
