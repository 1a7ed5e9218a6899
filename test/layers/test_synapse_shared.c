/* Workers that share a matrix's windows give the sums of one alone: rows or targets split, float and integer
 * weights, one matrix after the other without waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/team.h"
#include "layers/synapse_shared.h"
#include "neurons/oat.h"

enum { MATRICES = 3, SOURCES = 333, TARGETS = 130, WORKERS = 9 };

static uint64_t random_state = 0x9e3779b97f4a7c15ull;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

struct job {
    struct matrix matrix[MATRICES];
    struct population_params source;
    struct synapse_window window[MATRICES];
    struct synapse_partials partials[MATRICES];
    void *scratch[WORKERS];
};

static void *room(size_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 64, bytes + 64), 0);
    return memset(memory, 0, bytes + 64);
}

static void work(void *context, unsigned worker, unsigned workers)
{
    struct job *job = context;
    for (int m = 0; m < MATRICES; m++)
        synapse_shared_receive(&job->matrix[m], SOURCES, TARGETS, &job->source, &job->window[m], &job->partials[m],
                               worker, workers, job->scratch[worker]);
}

static int all_zero(const int64_t *sum, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sum[i] != 0) return 0;
    return 1;
}

static void compare(enum weight_type type, unsigned workers, unsigned active_per_mille)
{
    static uint32_t codes[SOURCES];
    static int64_t sum[MATRICES][TARGETS], wanted[MATRICES][TARGETS];
    struct job job = {.source = {.j = 4}};
    size_t bytes = (size_t)SOURCES * (TARGETS + 64) * 4;
    uint16_t *weights = room(bytes);
    struct team *team;
    struct lassim_error error;
    for (size_t i = 0; i < bytes / 2; i++) /* F16 of -2 .. 2, or any integers but the smallest */
        weights[i] = (uint16_t)((next_random() & 0x83ff) | (next_random() % 16) << 10);
    memset(sum, 0, sizeof sum);
    memset(wanted, 0, sizeof wanted);
    for (uint32_t k = 0; k < SOURCES; k++)
        codes[k] = next_random() % 1000 < active_per_mille ? (uint32_t)(next_random() & 0x3ffff) : 0;
    for (unsigned w = 0; w < workers; w++) job.scratch[w] = room(synapse_shared_scratch(SOURCES));
    for (int m = 0; m < MATRICES; m++) {
        job.matrix[m] = (struct matrix){.type = type,
                                        .grid = type == WEIGHT_F16 ? -24 : 0,
                                        .bound = UINT64_C(1) << 50,
                                        .weights = weights + 64 * (size_t)m};
        size_t partial = synapse_partials_bytes(TARGETS, workers);
        if (partial > 0) job.partials[m].sum = room(partial);
        const struct synapse_window alone = {codes, wanted[m]};
        job.window[m] = (struct synapse_window){codes, sum[m]};
        synapse_window_receive(&job.matrix[m], SOURCES, TARGETS, &job.source, &alone, 1, 0, TARGETS, NULL,
                               job.scratch[0]);
    }
    assert_int_equal(team_new(workers, NULL, 0, &team, &error), LASSIM_OK);
    team_run(team, work, &job);
    team_free(team);
    assert_memory_equal(sum, wanted, sizeof sum);
    for (int m = 0; m < MATRICES; m++) {
        assert_int_equal(job.partials[m].finished, 0);
        if (job.partials[m].sum != NULL) assert_true(all_zero(job.partials[m].sum, (size_t)TARGETS * workers));
        free(job.partials[m].sum);
    }
    for (unsigned w = 0; w < workers; w++) free(job.scratch[w]);
    free(weights);
}

static void shares_add_up_to_the_whole(void **state)
{
    (void)state;
    const enum weight_type types[] = {WEIGHT_F16, WEIGHT_I16, WEIGHT_I8};
    const unsigned workers[] = {1, 2, 3, 8, 9}, active[] = {0, 60, 150, 700, 1000};
    for (int type = 0; type < 3; type++)
        for (int w = 0; w < 5; w++)
            for (int a = 0; a < 5; a++)
                for (int round = 0; round < 3; round++) compare(types[type], workers[w], active[a]);
}

static void partials_only_where_rows_are_split(void **state)
{
    (void)state;
    assert_int_equal(synapse_partials_bytes(768, 1), 0);
    assert_int_equal(synapse_partials_bytes(768, 2), 2 * 768 * sizeof(int64_t));
    assert_int_equal(synapse_partials_bytes(2 * SYNAPSE_SHARED_TARGETS, 2), 0);
    assert_int_equal(synapse_partials_bytes(768, SYNAPSE_SHARED_WORKERS + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_to_the_whole),
        cmocka_unit_test(partials_only_where_rows_are_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
