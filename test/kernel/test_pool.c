#include "kernel/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096, NODES = 2 };

/* Stands for hwloc: notes what it is asked to bind. */
struct ledger {
    size_t bytes[NODES];
    unsigned calls, misaligned;
    int refuse;
};

static int note_memory(void *context, void *address, size_t bytes, unsigned node)
{
    struct ledger *ledger = context;
    ledger->bytes[node] += bytes;
    ledger->calls++;
    ledger->misaligned += (uintptr_t)address % PAGE != 0 || bytes % PAGE != 0;
    return ledger->refuse ? -1 : 0;
}

static int note_thread(void *context, unsigned pu)
{
    (void)context, (void)pu;
    return 0;
}

static struct topology *two_nodes(struct ledger *ledger)
{
    struct topology_backend backend = {ledger, note_thread, note_memory};
    struct topology *topology;
    struct lassim_error error = {0};
    *ledger = (struct ledger){0};
    assert_int_equal(topology_new("node:2 core:2 pu:1", &backend, &topology, &error), LASSIM_OK);
    return topology;
}

static struct pool *open_pool(struct topology *topology, unsigned node, size_t limit)
{
    struct pool *pool;
    struct lassim_error error = {0};
    assert_int_equal(pool_new(topology, node, limit, &pool, &error), LASSIM_OK);
    assert_int_equal(pool_node(pool), node);
    return pool;
}

/* Memory aligned and zeroed; then dirtied, so that a reuse without zeroing shows. */
static void assert_fresh(uint8_t *memory, size_t size)
{
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % POOL_ALIGNMENT, 0);
    for (size_t i = 0; i < size; i++)
        if (memory[i] != 0) fail_msg("byte %zu of %zu is not zero", i, size);
    memset(memory, 0xa5, size);
}

static void test_aligned_zeroed_and_counted(void **state)
{
    (void)state;
    struct pool *pool = open_pool(NULL, TOPOLOGY_ANY, SIZE_MAX);
    static const size_t sizes[] = {1, 63, 64, 65, 1000, 4096, 100000, 3 << 20, 0, 17};
    size_t total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_fresh(pool_alloc(pool, sizes[i]), sizes[i]);
        total += sizes[i] == 0 ? 64 : (sizes[i] + 63) / 64 * 64;
        assert_int_equal(pool_bytes(pool), total);
        assert_int_equal(pool_needed(pool), total);
        assert_true(pool_mapped(pool) >= total);
    }
    assert_int_equal(pool_unbound(pool), 0);
    pool_free(pool);
    pool_free(NULL);
}

static void test_allocations_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static uint8_t *memory[COUNT];
    struct pool *pool = open_pool(NULL, TOPOLOGY_ANY, SIZE_MAX);
    for (size_t i = 0; i < COUNT; i++) {
        memory[i] = pool_alloc(pool, 37 * i + 1);
        assert_non_null(memory[i]);
        memset(memory[i], (int)(i % 251), 37 * i + 1);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t b = 0; b < 37 * i + 1; b++)
            if (memory[i][b] != i % 251) fail_msg("allocation %zu overwritten", i);
    pool_free(pool);
}

/* Every mapped byte was bound to the pool's own node: the NUMA policy, asserted. */
static void test_bytes_lie_on_their_node(void **state)
{
    (void)state;
    struct ledger ledger;
    struct topology *topology = two_nodes(&ledger);
    struct pool *pools[NODES] = {open_pool(topology, 0, SIZE_MAX), open_pool(topology, 1, SIZE_MAX)};
    for (unsigned i = 0; i < 20; i++) {
        assert_fresh(pool_alloc(pools[0], 10000), 10000);
        assert_fresh(pool_alloc(pools[1], 1 << 20), 1 << 20);
    }
    for (unsigned node = 0; node < NODES; node++) {
        assert_int_equal(ledger.bytes[node], pool_mapped(pools[node]));
        assert_true(ledger.bytes[node] >= pool_bytes(pools[node]));
        assert_int_equal(pool_unbound(pools[node]), 0);
    }
    assert_int_equal(ledger.misaligned, 0);
    assert_true(ledger.bytes[1] > ledger.bytes[0]);
    for (unsigned node = 0; node < NODES; node++) pool_free(pools[node]);
    topology_free(topology);
}

static void test_numa_off_binds_nothing(void **state)
{
    (void)state;
    struct ledger ledger;
    struct topology *topology = two_nodes(&ledger);
    struct pool *pool = open_pool(topology, TOPOLOGY_ANY, SIZE_MAX);
    assert_fresh(pool_alloc(pool, 1 << 20), 1 << 20);
    assert_int_equal(ledger.calls, 0);
    pool_free(pool);
    topology_free(topology);
}

static void test_refused_binding_is_counted(void **state)
{
    (void)state;
    struct ledger ledger;
    struct topology *topology = two_nodes(&ledger);
    ledger.refuse = 1;
    struct pool *pool = open_pool(topology, 1, SIZE_MAX);
    assert_fresh(pool_alloc(pool, 5000), 5000);
    assert_int_equal(pool_unbound(pool), ledger.bytes[1]);
    assert_true(pool_unbound(pool) >= 5000);
    pool_free(pool);
    topology_free(topology);
}

/* Running out says how much would have been enough; that much is. */
static void test_limit(void **state)
{
    (void)state;
    struct pool *pool = open_pool(NULL, TOPOLOGY_ANY, 1000 * 64);
    assert_non_null(pool_alloc(pool, 999 * 64));
    assert_null(pool_alloc(pool, 65));
    assert_int_equal(pool_bytes(pool), 999 * 64);
    assert_non_null(pool_alloc(pool, 64));
    assert_null(pool_alloc(pool, 1));
    size_t enough = pool_needed(pool);
    assert_int_equal(enough, 1003 * 64);
    pool_free(pool);
    pool = open_pool(NULL, TOPOLOGY_ANY, enough);
    assert_non_null(pool_alloc(pool, 999 * 64));
    assert_non_null(pool_alloc(pool, 65));
    assert_non_null(pool_alloc(pool, 64));
    assert_non_null(pool_alloc(pool, 1));
    assert_int_equal(pool_bytes(pool), enough);
    pool_free(pool);
}

static void test_absurd_sizes(void **state)
{
    (void)state;
    struct pool *pool = open_pool(NULL, TOPOLOGY_ANY, SIZE_MAX);
    assert_null(pool_alloc(pool, SIZE_MAX));
    assert_null(pool_alloc(pool, SIZE_MAX / 2));
    assert_int_equal(pool_bytes(pool), 0);
    assert_int_equal(pool_needed(pool), SIZE_MAX);
    assert_fresh(pool_alloc(pool, 100), 100);
    pool_free(pool);
}

/* Bytes of address space that the process has. */
static size_t mapped_by_all(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Pools come and go (sessions do) without leaving anything mapped behind. */
static void test_many_pools(void **state)
{
    (void)state;
    enum { COUNT = 200, SIZE = 200000 };
    size_t before = 0;
    for (int i = 0; i < COUNT; i++) {
        struct pool *pool = open_pool(NULL, TOPOLOGY_ANY, SIZE_MAX);
        assert_fresh(pool_alloc(pool, SIZE), SIZE);
        pool_free(pool);
        if (i == COUNT / 2) before = mapped_by_all();
    }
    assert_true(mapped_by_all() < before + (size_t)COUNT / 4 * SIZE);
}

/* Threads side by side: some open, fill and free pools, the others allocate as the rest of the program does. */
enum { POOL_THREADS = 4, HEAP_THREADS = 2, BLOCKS = 24, ROUNDS = 200, HEAP_TURNS = 20 };

struct worker {
    uint32_t random;
    uint8_t mark;
    const char *wrong;
};

struct block {
    uint8_t *memory;
    size_t size;
};

static uint32_t next_random(struct worker *worker)
{
    worker->random = worker->random * 1664525u + 1013904223u;
    return worker->random >> 8;
}

static size_t random_size(struct worker *worker)
{
    return (size_t)1 << next_random(worker) % 21 | next_random(worker) % PAGE;
}

/* Looks at two bytes of each page and at the last. */
static void expect_bytes(struct worker *worker, struct block block, uint8_t value, const char *wrong)
{
    for (size_t i = 0; i < block.size; i += PAGE / 2)
        if (block.memory[i] != value) worker->wrong = wrong;
    if (block.memory[block.size - 1] != value) worker->wrong = wrong;
}

static void *use_pools(void *context)
{
    struct worker *worker = context;
    for (int round = 0; round < ROUNDS && worker->wrong == NULL; round++) {
        struct block block[BLOCKS];
        struct pool *pool;
        struct lassim_error error = {0};
        if (pool_new(NULL, TOPOLOGY_ANY, SIZE_MAX, &pool, &error) != LASSIM_OK) {
            worker->wrong = "no pool";
            return NULL;
        }
        for (int i = 0; i < BLOCKS; i++) {
            size_t size = random_size(worker);
            block[i] = (struct block){pool_alloc(pool, size), size};
            if (block[i].memory == NULL) abort();
            expect_bytes(worker, block[i], 0, "a pool's block is not zero");
            memset(block[i].memory, worker->mark + i, size);
        }
        for (int i = 0; i < BLOCKS; i++)
            expect_bytes(worker, block[i], (uint8_t)(worker->mark + i), "a pool's block was overwritten");
        pool_free(pool);
    }
    return NULL;
}

static void *use_heap(void *context)
{
    struct worker *worker = context;
    struct block block[BLOCKS] = {{NULL, 0}};
    for (int turn = 0; turn < ROUNDS * HEAP_TURNS && worker->wrong == NULL; turn++) {
        unsigned i = next_random(worker) % BLOCKS;
        size_t size = random_size(worker);
        if (block[i].memory != NULL)
            expect_bytes(worker, block[i], (uint8_t)(worker->mark + i), "the heap's block was overwritten");
        free(block[i].memory);
        block[i] = (struct block){malloc(size), size};
        if (block[i].memory == NULL) abort();
        memset(block[i].memory, worker->mark + (int)i, size);
    }
    for (int i = 0; i < BLOCKS; i++) free(block[i].memory);
    return NULL;
}

static void test_pools_side_by_side(void **state)
{
    (void)state;
    pthread_t thread[POOL_THREADS + HEAP_THREADS];
    struct worker worker[POOL_THREADS + HEAP_THREADS];
    for (unsigned i = 0; i < POOL_THREADS + HEAP_THREADS; i++) {
        worker[i] = (struct worker){i * 977 + 1, (uint8_t)(i * 40 + 1), NULL};
        assert_int_equal(pthread_create(&thread[i], NULL, i < POOL_THREADS ? use_pools : use_heap, &worker[i]), 0);
    }
    for (unsigned i = 0; i < POOL_THREADS + HEAP_THREADS; i++) pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < POOL_THREADS + HEAP_THREADS; i++)
        if (worker[i].wrong != NULL) fail_msg("thread %u: %s", i, worker[i].wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_zeroed_and_counted),
        cmocka_unit_test(test_allocations_do_not_overlap),
        cmocka_unit_test(test_bytes_lie_on_their_node),
        cmocka_unit_test(test_numa_off_binds_nothing),
        cmocka_unit_test(test_refused_binding_is_counted),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_many_pools),
        cmocka_unit_test(test_pools_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
