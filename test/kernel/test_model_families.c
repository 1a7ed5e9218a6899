/* Every family's .snn: written and read back the same, and hostile bytes of what OPT's has not: rotary tables, norms
 * without beta, the config's switches.  test_model.c and test_model_hostile.c do the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/model_layout.h"
#include "test/helpers/tiny_model.h"

static const struct {
    uint32_t family, head;
} shapes[] = {{FAMILY_OPT, HEAD_LM},        {FAMILY_LLAMA, HEAD_LM},    {FAMILY_QWEN2, HEAD_LM},
              {FAMILY_GPT2, HEAD_LM},       {FAMILY_BERT, HEAD_VALUES}, {FAMILY_BERT, HEAD_CLASSIFY},
              {FAMILY_BERT, HEAD_MASKED_LM}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct model *model_of(int shape)
{
    struct model_config config = tiny_config_of(shapes[shape].family);
    config.head = shapes[shape].head;
    if (config.head == HEAD_CLASSIFY) config.labels = 3;
    return tiny_model_mixed(&config, 5u + (unsigned)shape, 0, (uint32_t)shape);
}

static uint64_t section_at(const uint8_t *bytes, uint32_t type, uint64_t *size)
{
    const struct snn_header *header = (const void *)bytes;
    const struct snn_section *section = (const void *)(bytes + sizeof *header);
    *size = 0;
    for (uint32_t e = 0; e < header->sections; e++)
        if (section[e].type == type) {
            *size = section[e].size;
            return section[e].offset;
        }
    fail_msg("no section %u", type);
    return 0;
}

static void written_and_read_back(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        uint64_t size;
        struct lassim_error error;
        struct model *made = model_of(shape), *read;
        uint8_t *bytes = tiny_model_bytes(made, &size);
        if (model_read("made", bytes, size, &read, &error) != LASSIM_OK) fail_msg("%s", error.text);
        assert_memory_equal(&read->graph->config, &made->graph->config, sizeof made->graph->config);
        uint64_t rotary = params_rotary_size(&made->graph->config);
        assert_int_equal(read->rotary != NULL, rotary > 0);
        if (rotary > 0) assert_memory_equal(read->rotary, made->rotary, rotary * sizeof *made->rotary);
        for (uint32_t n = 0; n < made->graph->norms; n++) {
            uint64_t vector = made->graph->config.hidden * sizeof(double);
            assert_memory_equal(read->norm[n].gamma, made->norm[n].gamma, vector);
            assert_int_equal(read->norm[n].beta == NULL, made->graph->config.norm_kind == NORM_RMS);
            if (read->norm[n].beta != NULL) assert_memory_equal(read->norm[n].beta, made->norm[n].beta, vector);
        }
        for (uint32_t m = 0; m < made->graph->matrices; m++)
            assert_int_equal(read->matrix[m].bias != NULL, made->matrix[m].bias != NULL);
        assert_int_equal(model_check_weights(read, &error), LASSIM_OK);
        model_close(read);
        free(bytes);
        tiny_model_free(made);
    }
}

/* Reads a copy with one word changed and every checksum made right; 1 if it is accepted. */
static int read_changed(const uint8_t *good, uint64_t size, uint64_t offset, uint32_t word, struct lassim_error *error)
{
    struct model *model;
    uint8_t *bytes = malloc(size);
    memcpy(bytes, good, size);
    memcpy(bytes + offset, &word, sizeof word);
    snn_seal(bytes, size);
    *error = (struct lassim_error){0};
    int accepted = model_read("changed", bytes, size, &model, error) == LASSIM_OK;
    if (accepted) model_close(model);
    if (!accepted) assert_true(error->text[0] != '\0' && strchr(error->text, '\n') == NULL);
    free(bytes);
    return accepted;
}

/* Whatever a word of the configuration says: one line, or a model that is whole. */
static void every_word_of_the_config(void **state)
{
    (void)state;
    static const uint32_t words[] = {0, 1, 2, 3, 5, 17, 1 << 20, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (int shape = 0; shape < SHAPES; shape++) {
        uint64_t size, length = 0;
        unsigned refused = 0;
        struct lassim_error error;
        struct model *made = model_of(shape);
        uint8_t *bytes = tiny_model_bytes(made, &size);
        uint64_t config = section_at(bytes, SNN_CONFIG, &length);
        for (uint64_t at = 0; at < length; at += 4)
            for (size_t w = 0; w < sizeof words / sizeof *words; w++)
                refused += !read_changed(bytes, size, config + at, words[w], &error);
        print_message("shape %d: %u of %u refused\n", shape, refused, (unsigned)(length / 4 * 10));
        assert_true(refused > length);
        free(bytes);
        tiny_model_free(made);
    }
}

static void rotary_tables(void **state)
{
    (void)state;
    uint64_t size, length = 0;
    struct lassim_error error;
    struct model *made = model_of(1);
    uint8_t *bytes = tiny_model_bytes(made, &size);
    uint64_t rotary = section_at(bytes, SNN_ROTARY, &length);
    assert_int_equal(length, params_rotary_size(&made->graph->config) * sizeof(int32_t));
    for (uint64_t at = 0; at < length; at += 4) {
        assert_false(read_changed(bytes, size, rotary + at, UINT32_C(1) << 31, &error));
        assert_non_null(strstr(error.text, "section rotary"));
        assert_true(read_changed(bytes, size, rotary + at, 0x7fffffff, &error));
        assert_true(read_changed(bytes, size, rotary + at, 0x80000001, &error));
    }
    bytes[rotary] ^= 1; /* not sealed */
    struct model *model;
    assert_int_equal(model_read("flipped", bytes, size, &model, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "checksum"));
    free(bytes);
    tiny_model_free(made);
}

/* A table of another function than the population's. */
static void activations_have_their_own_table(void **state)
{
    (void)state;
    uint64_t size, length = 0;
    struct lassim_error error;
    struct model *made = model_of(1);
    uint8_t *bytes = tiny_model_bytes(made, &size);
    uint32_t gate = graph_find_population(made->graph, "layers.0.gate");
    uint64_t table = section_at(bytes, SNN_POPULATIONS, &length) + gate * sizeof(struct snn_population) +
                     offsetof(struct snn_population, table);
    assert_true(read_changed(bytes, size, table, made->population[gate].table, &error));
    for (uint32_t t = 0; t <= made->tables; t++)
        if (t != made->population[gate].table) assert_false(read_changed(bytes, size, table, t, &error));
    free(bytes);
    tiny_model_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read_back),
        cmocka_unit_test(every_word_of_the_config),
        cmocka_unit_test(rotary_tables),
        cmocka_unit_test(activations_have_their_own_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
