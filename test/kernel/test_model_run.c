/* What the loader accepts can be run: seeded lies in any section, sealed, opened through the public API and fed
 * tokens on the event engine.  A run may fail in order; it may not crash, hang or trip a sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/lassim.h"
#include "kernel/model_layout.h"
#include "test/helpers/tiny_model.h"

enum { ROUNDS = 150 };

static const uint64_t values[] = {
    0,
    1,
    2,
    3,
    9,
    10,
    16,
    30,
    0x7f,
    0xff,
    200,
    0xffffff38, /* -200 */
    0xffffffff,
    0x7fffffff,
    0x3ff0000000000000, /* 1.0 */
    0x4c70000000000000, /* 2^200 */
    0xcc70000000000000, /* -2^200 */
    0x3370000000000000, /* 2^-200 */
    0x3fffffffffffffff,
    0x7fc000007fc00000, /* NaN weights */
};

static uint64_t next_random(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Replaces 1 .. 4 words, and sometimes every weight. */
static void tell_lies(uint8_t *bytes, uint64_t *seed)
{
    const struct snn_header *header = (const void *)bytes;
    const struct snn_section *section = (const void *)(header + 1);
    for (uint64_t lies = 1 + next_random(seed) % 4; lies > 0; lies--) {
        const struct snn_section *target = &section[next_random(seed) % header->sections];
        uint64_t value =
            next_random(seed) % 4 ? values[next_random(seed) % (sizeof values / sizeof *values)] : next_random(seed);
        if (target->size < 8) continue;
        uint64_t at = next_random(seed) % (target->size / 4) * 4;
        memcpy(bytes + target->offset + at, &value, at + 8 <= target->size && next_random(seed) % 2 ? 8 : 4);
    }
    if (next_random(seed) % 3 != 0) return;
    for (uint32_t e = 0; e < header->sections; e++)
        for (uint64_t i = 0; section[e].type == SNN_WEIGHTS && i < section[e].size; i++)
            bytes[section[e].offset + i] = (uint8_t)next_random(seed);
}

static void write_file(const char *path, const uint8_t *bytes, uint64_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void count_logits(void *context, uint32_t token, const float *logits)
{
    (void)token;
    (void)logits;
    ++*(unsigned *)context;
}

/* Returns 1 if the model was opened and its tokens processed. */
static int run_file_on(const char *path, uint32_t timesteps, enum lassim_engine engine)
{
    lassim_model *model;
    lassim_session *session;
    struct lassim_error error = {0};
    if (lassim_model_open(path, &model, &error) != LASSIM_OK) {
        assert_int_equal(error.status, LASSIM_ERR_FILE);
        return 0;
    }
    struct lassim_options options = {.engine = engine, .threads = 1, .numa_off = 1, .timesteps = timesteps};
    const uint32_t ids[] = {2, 0, 1};
    unsigned logits = 0;
    enum lassim_status status = lassim_session_open(model, &options, &session, &error);
    if (status == LASSIM_OK) {
        status = lassim_session_feed(session, ids, 3, LASSIM_READ_ALL, count_logits, &logits, &error);
        lassim_session_close(session);
    }
    if (status == LASSIM_OK)
        assert_int_equal(logits, 3);
    else
        assert_true(error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
    lassim_model_close(model);
    return status == LASSIM_OK;
}

static int run_file(const char *path, uint32_t timesteps)
{
    int fused = run_file_on(path, timesteps, LASSIM_ENGINE_FUSED);
    assert_int_equal(run_file_on(path, timesteps, LASSIM_ENGINE_EVENT), fused);
    return fused;
}

static void accepted_lies_run_without_harm(void **state)
{
    (void)state;
    char path[] = "/tmp/lassim-lies-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (uint32_t shape = 0; shape < 3; shape++) {
        uint64_t size, seed = 20261123 + shape;
        unsigned ran = 0;
        struct model_config config = tiny_config();
        config.pre_norm = shape != 1;
        config.final_norm = shape == 0;
        config.embedding = shape == 1 ? 5 : 8;
        struct model *made = tiny_model_mixed(&config, 2, shape == 2, 2 * shape);
        uint8_t *good = tiny_model_bytes(made, &size), *bytes = malloc(size);
        tiny_model_free(made);
        write_file(path, good, size);
        assert_true(run_file(path, 0));
        for (int round = 0; round < ROUNDS; round++) {
            memcpy(bytes, good, size);
            tell_lies(bytes, &seed);
            snn_seal(bytes, size);
            write_file(path, bytes, size);
            ran += (unsigned)run_file(path, (uint32_t)(next_random(&seed) % 17));
        }
        print_message("seed %u: %u of %d were accepted and ran\n", 20261123 + shape, ran, ROUNDS);
        assert_true(ran > 0 && ran < ROUNDS);
        free(good);
        free(bytes);
    }
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(accepted_lies_run_without_harm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
