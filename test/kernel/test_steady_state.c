/* Once a session has run for some tokens nothing is allocated any more, by any thread or library: both engines, with
 * and without a trace, one and several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/session.h"
#include "test/helpers/alloc_count.h"
#include "test/helpers/tiny_model.h"
#include "test/helpers/trace_samples.h"

enum { POSITIONS = 160, WARM = 24, DECODED = 64, PIECE = 12, THREADS = 3 };

struct setting {
    const char *name;
    enum lassim_engine engine;
    int traced;
    uint32_t threads, piece; /* tokens of a feed */
};

static void feed(lassim_session *session, uint32_t first, uint32_t tokens, uint32_t piece)
{
    struct lassim_error error;
    uint32_t ids[PIECE];
    for (uint32_t at = first; at < first + tokens; at += piece) {
        for (uint32_t i = 0; i < piece; i++) ids[i] = (at + i) * 7 % tiny_config().vocabulary;
        if (lassim_session_feed(session, ids, piece, LASSIM_READ_LAST, NULL, NULL, &error) != LASSIM_OK) abort();
    }
}

/* Allocations while DECODED tokens go through, after WARM others. */
static uint64_t allocations(const struct model *model, const struct setting *setting)
{
    struct lassim_options options = {.engine = setting->engine, .threads = setting->threads, .prompt_chunk = 4};
    struct lassim_error error;
    lassim_session *session;
    if (setting->traced) options.trace = sample_path("steady");
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_OK);
    feed(session, 0, WARM, setting->piece);
    uint64_t before = alloc_count();
    feed(session, WARM, DECODED / PIECE * PIECE, setting->piece);
    uint64_t count = alloc_count() - before;
    assert_int_equal(lassim_session_finish(session, &error), LASSIM_OK);
    lassim_session_close(session);
    return count;
}

static void nothing_is_allocated(void **state)
{
    (void)state;
    if (!ALLOC_COUNT_WORKS) {
        printf("not counted: the sanitizer has the allocator\n");
        skip();
    }
    static const enum lassim_engine engines[] = {LASSIM_ENGINE_FUSED, LASSIM_ENGINE_EVENT};
    struct model_config config = tiny_config();
    config.positions = POSITIONS;
    config.position_rows = POSITIONS + config.position_offset;
    struct model *model = tiny_model_new(&config, 3, 0);
    int failed = 0;
    for (unsigned i = 0; i < 2 * 2 * 2 * THREADS; i++) {
        const struct setting setting = {i & 1 ? "event" : "fused", engines[i & 1], (i & 2) != 0, 1 + i / 8,
                                        i & 4 ? PIECE : 1};
        uint64_t count = allocations(model, &setting);
        if (count == 0) continue;
        printf("%s, %u threads, %u tokens a feed, %s: %llu allocations\n", setting.name, setting.threads, setting.piece,
               setting.traced ? "trace" : "no trace", (unsigned long long)count);
        failed = 1;
    }
    tiny_model_free(model);
    assert_false(failed);
}

/* That the count counts: what one malloc, one mmap and a library's own allocation do to it. */
static void the_count_counts(void **state)
{
    (void)state;
    if (!ALLOC_COUNT_WORKS) skip();
    uint64_t before = alloc_count();
    void *volatile memory = malloc(100);
    assert_int_equal(alloc_count() - before, 1);
    free(memory);
    before = alloc_count();
    void *pages = mmap(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(alloc_count() - before, 1);
    assert_ptr_not_equal(pages, MAP_FAILED);
    munmap(pages, 1 << 21);
    before = alloc_count();
    char *volatile copy = strdup("a library's");
    assert_true(alloc_count() > before);
    free(copy);
}

static int make_directory(void **state)
{
    (void)state;
    sample_directory();
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_counts),
        cmocka_unit_test(nothing_is_allocated),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_files);
}
