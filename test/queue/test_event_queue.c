#include "queue/event_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state;

static uint64_t random_bits(void) /* splitmix64 */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t random_below(uint64_t n)
{
    return random_bits() % n;
}

static void seed_random(void)
{
    const char *given = getenv("LASSIM_TEST_SEED");
    random_state = given != NULL ? strtoull(given, NULL, 0) : 20260729;
    print_message("seed %llu (LASSIM_TEST_SEED)\n", (unsigned long long)random_state);
}

/* The naive model: the order spelled out field by field, a sorted array of pending events. */
static int key_order(const struct event_key *a, const struct event_key *b)
{
    if (a->timestep != b->timestep) return a->timestep < b->timestep ? -1 : 1;
    if (a->phase != b->phase) return a->phase < b->phase ? -1 : 1;
    if (a->level != b->level) return a->level < b->level ? -1 : 1;
    if (a->population != b->population) return a->population < b->population ? -1 : 1;
    if (a->token != b->token) return a->token < b->token ? -1 : 1;
    if (a->block != b->block) return a->block < b->block ? -1 : 1;
    return 0;
}

static int event_order(const void *a, const void *b)
{
    return key_order(&((const struct event *)a)->key, &((const struct event *)b)->key);
}

enum { NAIVE_MOST = 4000 };

/* Descending, so that the least event is the last. */
struct naive {
    struct event event[NAIVE_MOST];
    size_t size;
    struct event_key last;
    int popped;
};

static void naive_push(struct naive *naive, const struct event *event)
{
    size_t low = 0, high = naive->size;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (key_order(&naive->event[middle].key, &event->key) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(&naive->event[low + 1], &naive->event[low], (naive->size - low) * sizeof *event);
    naive->event[low] = *event;
    naive->size++;
}

static int naive_holds(const struct naive *naive, const struct event_key *key)
{
    size_t low = 0, high = naive->size;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = key_order(&naive->event[middle].key, key);
        if (order == 0) return 1;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* How keys are drawn: few values each so that every prefix ties often, or whole ranges, or lopsided. */
enum shape { SHAPE_TIES, SHAPE_WIDE, SHAPE_LOPSIDED, SHAPES };

static struct event_key random_content(enum shape shape)
{
    uint64_t a = random_bits(), b = random_bits();
    struct event_key key = {0, (uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint16_t)(b >> 32), (uint8_t)(b >> 48)};
    if (shape == SHAPE_WIDE) return key;
    uint32_t few = shape == SHAPE_TIES ? 3 : 2;
    key.phase %= 2;
    key.level = (uint16_t)(key.level % few);
    key.population %= few;
    key.token %= few;
    key.block %= 1000;
    /* a few far-off values make nearly all keys share their leading bits */
    if (shape == SHAPE_LOPSIDED && a % 50 == 0) key.population = UINT32_MAX - key.population;
    if (shape == SHAPE_LOPSIDED && a % 77 == 0) key.level = UINT16_MAX;
    return key;
}

static uint64_t random_timestep(uint64_t now)
{
    switch (random_below(10)) {
    case 0: return now;
    case 1: return now + random_below(100000);            /* far future */
    case 2: return now > 3 ? now - random_below(3) : now; /* maybe past */
    case 3: return random_below(2000) == 0 ? now + random_bits() % (UINT64_C(1) << 40) : now + 1;
    case 4: return now + 60 + random_below(10); /* around a horizon of 64 */
    default: return now + random_below(64);
    }
}

/* One push on both; what the queue must answer follows from the last popped key. */
static void both_push(struct event_queue *queue, struct naive *naive, enum shape shape)
{
    struct event event = {random_content(shape), (void *)(uintptr_t)random_bits()};
    event.key.timestep = random_timestep(naive->last.timestep);
    if (naive_holds(naive, &event.key)) return; /* keys are unique */
    int past = naive->popped && key_order(&event.key, &naive->last) <= 0;
    assert_int_equal(queue_push(queue, &event), past ? QUEUE_ERR_PAST : QUEUE_OK);
    if (!past) naive_push(naive, &event);
}

static void assert_same_event(const struct event *found, const struct event *expected)
{
    if (key_order(&found->key, &expected->key) != 0 || found->payload != expected->payload)
        fail_msg("timestep %llu: popped out of order", (unsigned long long)expected->key.timestep);
}

static void naive_expect(struct naive *naive, const struct event *found)
{
    assert_true(naive->size > 0);
    assert_same_event(found, &naive->event[--naive->size]);
    naive->last = found->key;
    naive->popped = 1;
}

static void both_pop(struct event_queue *queue, struct naive *naive)
{
    struct event event;
    uint64_t timestep = 0;
    int some = naive->size > 0;
    assert_int_equal(queue_peek_time(queue, &timestep), some);
    if (some) assert_int_equal(timestep, naive->event[naive->size - 1].key.timestep);
    assert_int_equal(queue_pop(queue, &event), some);
    if (some) naive_expect(naive, &event);
}

static void both_pop_phase(struct event_queue *queue, struct naive *naive)
{
    struct event out[40];
    size_t capacity = random_below(3) == 0 ? random_below(4) : 40, expected = 0;
    const struct event *least = naive->size > 0 ? &naive->event[naive->size - 1] : NULL;
    while (expected < capacity && expected < naive->size &&
           naive->event[naive->size - 1 - expected].key.timestep == least->key.timestep &&
           naive->event[naive->size - 1 - expected].key.phase == least->key.phase)
        expected++;
    assert_int_equal(queue_pop_phase(queue, out, capacity), expected);
    for (size_t i = 0; i < expected; i++) naive_expect(naive, &out[i]);
}

static void assert_valid(const struct event_queue *queue)
{
    const char *broken = queue_validate(queue);
    if (broken != NULL) fail_msg("%s", broken);
}

/* A million operations beside the naive model; the pending number wanders between empty and full. */
static void test_a_million_operations(void **state)
{
    (void)state;
    enum { OPERATIONS = 1000000, VALIDATE_EVERY = 97 };
    static struct naive naive;
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct event_queue *queue = queue_new(shape * 1000, 64);
        assert_non_null(queue);
        memset(&naive, 0, sizeof naive);
        uint64_t pushes = 60;
        for (int i = 0; i < OPERATIONS / SHAPES + 1; i++) {
            if (i % 5000 == 0) pushes = 25 + random_below(60);
            if (naive.size < NAIVE_MOST && random_below(100) < pushes)
                both_push(queue, &naive, shape);
            else if (random_below(8) == 0)
                both_pop_phase(queue, &naive);
            else
                both_pop(queue, &naive);
            assert_int_equal(queue_size(queue), naive.size);
            if (i % VALIDATE_EVERY == 0) assert_valid(queue);
        }
        while (naive.size > 0) both_pop(queue, &naive);
        both_pop(queue, &naive);
        queue_free(queue);
    }
}

/* Every operation validated, small. */
static void test_validated_after_every_operation(void **state)
{
    (void)state;
    static struct naive naive;
    struct event_queue *queue = queue_new(0, 64);
    memset(&naive, 0, sizeof naive);
    for (int i = 0; i < 20000; i++) {
        if (naive.size < 200 && random_below(2) == 0)
            both_push(queue, &naive, SHAPE_TIES);
        else
            both_pop(queue, &naive);
        assert_valid(queue);
    }
    queue_free(queue);
}

static void shuffle(struct event *events, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = random_below(i);
        struct event event = events[i - 1];
        events[i - 1] = events[j];
        events[j] = event;
    }
}

/* Order by content: the same events in any order of insertion leave in the order that qsort gives.  Sizes
 * from one record to buckets that are split, all shapes. */
static void check_shuffled(struct event_queue *queue, enum shape shape, size_t n, uint64_t timesteps)
{
    struct event *events = malloc(n * sizeof *events), *sorted = malloc(n * sizeof *sorted), popped;
    assert_true(events != NULL && sorted != NULL);
    for (size_t i = 0; i < n; i++) {
        events[i].key = random_content(shape);
        events[i].key.timestep = random_below(timesteps);
        if (shape != SHAPE_WIDE) events[i].key.block = (uint32_t)i; /* unique */
        events[i].payload = &events[i];
    }
    memcpy(sorted, events, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, event_order);
    for (size_t i = 0; i < n; i++) sorted[i].payload = NULL;
    for (int round = 0; round < 2; round++) {
        shuffle(events, n);
        queue_clear(queue);
        for (size_t i = 0; i < n; i++) {
            events[i].payload = NULL;
            assert_int_equal(queue_push(queue, &events[i]), QUEUE_OK);
        }
        assert_valid(queue);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(queue_pop(queue, &popped), 1);
            assert_same_event(&popped, &sorted[i]);
            if (i == n / 3) assert_valid(queue);
        }
        assert_int_equal(queue_size(queue), 0);
    }
    free(events);
    free(sorted);
}

static void test_shuffled_insertion(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 15, 16, 17, 44, 45, 46, 90, 500, 4096, 4097, 60000};
    struct event_queue *queue = queue_new(100, 100);
    for (enum shape shape = 0; shape < SHAPES; shape++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            check_shuffled(queue, shape, sizes[s], 1);
            check_shuffled(queue, shape, sizes[s], 300);
        }
    queue_free(queue);
}

/* What varies changes from one timestep to the next: nothing learnt from a bucket may order another.  Big
 * buckets, since those are split by what is thought to vary. */
static void test_varying_fields_change(void **state)
{
    (void)state;
    enum { TIMESTEPS = 40, EVENTS = 5000 };
    struct event_queue *queue = queue_new(0, TIMESTEPS);
    static struct event events[TIMESTEPS][EVENTS];
    struct event popped;
    for (uint64_t t = 0; t < TIMESTEPS; t++) {
        /* only the block; token and block; twice any choice */
        uint64_t fields = t % 4 == 0 ? 15 : t % 4 == 1 ? 7 : random_bits();
        for (size_t i = 0; i < EVENTS; i++) {
            struct event_key key = random_content(SHAPE_WIDE);
            if (fields & 1) key.phase = 1;
            if (fields & 2) key.level = 7;
            if (fields & 4) key.population = 9;
            if (fields & 8) key.token = 0;
            if (fields & 16) key.block %= 100000;
            key.timestep = t;
            events[t][i] = (struct event){key, &events[t][i]};
            assert_int_equal(queue_push(queue, &events[t][i]), QUEUE_OK);
        }
        qsort(events[t], EVENTS, sizeof events[t][0], event_order);
    }
    for (uint64_t t = 0; t < TIMESTEPS; t++)
        for (size_t i = 0; i < EVENTS; i++) {
            assert_int_equal(queue_pop(queue, &popped), 1);
            assert_int_equal(key_order(&popped.key, &events[t][i].key), 0);
        }
    queue_free(queue);
}

/* Keys that differ in one bit only, at every place of the key: every shift and mask of the digits. */
static void test_every_bit_counts(void **state)
{
    (void)state;
    struct event_queue *queue = queue_new(0, 64);
    struct event events[121], popped;
    for (int round = 0; round < 20; round++) {
        size_t n = 0;
        events[n++] = (struct event){{7, 0, 0, 0, 0, 0}, NULL};
        for (unsigned b = 0; b < 32; b++) {
            events[n++] = (struct event){{7, UINT32_C(1) << b, 0, 0, 0, 0}, NULL};
            events[n++] = (struct event){{7, 0, UINT32_C(1) << b, 0, 0, 0}, NULL};
            events[n++] = (struct event){{7, 0, 0, UINT32_C(1) << b, 0, 0}, NULL};
            if (b < 16) events[n++] = (struct event){{7, 0, 0, 0, (uint16_t)(1 << b), 0}, NULL};
            if (b < 8) events[n++] = (struct event){{7, 0, 0, 0, 0, (uint8_t)(1 << b)}, NULL};
        }
        shuffle(events, n);
        queue_clear(queue);
        for (size_t i = 0; i < n; i++) assert_int_equal(queue_push(queue, &events[i]), QUEUE_OK);
        qsort(events, n, sizeof events[0], event_order);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(queue_pop(queue, &popped), 1);
            assert_same_event(&popped, &events[i]);
        }
    }
    queue_free(queue);
}

/* The engine's use: while phase 0 of a timestep is worked on, its phase 1 and later timesteps are pushed. */
static void test_phases_with_pushes_between(void **state)
{
    (void)state;
    enum { STEPS = 500, CLOSINGS = 10, PACKETS = 30 };
    struct event_queue *queue = queue_new(0, 16);
    struct event out[CLOSINGS * PACKETS];
    assert_int_equal(queue_reserve(queue, sizeof out / sizeof out[0]), QUEUE_OK);
    for (uint32_t c = 0; c < CLOSINGS; c++)
        assert_int_equal(queue_push(queue, &(struct event){{0, c, 0, 0, 0, 0}, NULL}), QUEUE_OK);
    for (uint64_t t = 0; t < STEPS; t++) {
        assert_int_equal(queue_pop_phase(queue, out, sizeof out / sizeof out[0]), CLOSINGS);
        for (uint32_t c = 0; c < CLOSINGS; c++) {
            assert_true(out[c].key.phase == 0 && out[c].key.population == c && out[c].key.timestep == t);
            struct event next = {{t + 1, c, 0, 0, 0, 0}, NULL};
            assert_int_equal(queue_push(queue, &next), QUEUE_OK);
            for (uint32_t p = PACKETS; p-- > 0;) {
                struct event packet = {{t, c, 0, p, 0, 1}, NULL};
                assert_int_equal(queue_push(queue, &packet), QUEUE_OK);
            }
            /* what came before is over */
            assert_int_equal(queue_push(queue, &(struct event){{t, 0, 0, 0, 0, 0}, NULL}), QUEUE_ERR_PAST);
        }
        assert_valid(queue);
        uint64_t now = STEPS;
        assert_true(queue_peek_time(queue, &now) && now == t);
        /* in two bites */
        assert_int_equal(queue_pop_phase(queue, out, PACKETS), PACKETS);
        assert_int_equal(queue_pop_phase(queue, out + PACKETS, CLOSINGS * PACKETS), (CLOSINGS - 1) * PACKETS);
        for (uint32_t i = 0; i < CLOSINGS * PACKETS; i++)
            assert_true(out[i].key.phase == 1 && out[i].key.population == i / PACKETS &&
                        out[i].key.block == i % PACKETS);
    }
    assert_int_equal(queue_size(queue), CLOSINGS);
    queue_free(queue);
}

static void test_past_and_equal_keys(void **state)
{
    (void)state;
    struct event_queue *queue = queue_new(0, 0);
    struct event event = {{10, 5, 5, 5, 5, 1}, NULL}, popped;
    assert_int_equal(queue_push(queue, &event), QUEUE_OK);
    assert_int_equal(queue_push(queue, &event), QUEUE_OK); /* equal keys: both kept */
    assert_int_equal(queue_pop(queue, &popped), 1);
    assert_valid(queue);
    assert_int_equal(queue_push(queue, &event), QUEUE_ERR_PAST);
    event.key.block = 4;
    assert_int_equal(queue_push(queue, &event), QUEUE_ERR_PAST);
    event.key.block = 6;
    assert_int_equal(queue_push(queue, &event), QUEUE_OK);
    event.key.timestep = 9;
    assert_int_equal(queue_push(queue, &event), QUEUE_ERR_PAST);
    assert_int_equal(queue_size(queue), 2);
    assert_true(queue_pop(queue, &popped) && popped.key.block == 5);
    assert_true(queue_pop(queue, &popped) && popped.key.block == 6);
    assert_int_equal(queue_pop(queue, &popped), 0);
    queue_clear(queue);
    assert_int_equal(queue_push(queue, &event), QUEUE_OK); /* the past is forgotten */
    queue_free(queue);
    queue_free(NULL);
}

static void test_last_timesteps(void **state)
{
    (void)state;
    struct event_queue *queue = queue_new(0, 64);
    struct event popped;
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t timestep = UINT64_MAX - i;
        assert_int_equal(queue_push(queue, &(struct event){{timestep, i, 0, 0, 0, 0}, NULL}), QUEUE_OK);
    }
    for (uint32_t i = 200; i-- > 0;) {
        assert_true(queue_pop(queue, &popped) && popped.key.population == i);
        assert_valid(queue);
    }
    assert_int_equal(queue_push(queue, &(struct event){{3, 0, 0, 0, 0, 0}, NULL}), QUEUE_ERR_PAST);
    assert_int_equal(queue_push(queue, &(struct event){{UINT64_MAX, 1, 0, 0, 0, 0}, NULL}), QUEUE_OK);
    assert_true(queue_pop(queue, &popped) && popped.key.population == 1);
    assert_int_equal(queue_pop(queue, &popped), 0);
    queue_free(queue);
}

static void test_key_compare(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct event_key a = random_content((enum shape)(i % SHAPES)), b = random_content((enum shape)(i % SHAPES));
        a.timestep = random_below(2);
        b.timestep = random_below(2);
        assert_int_equal(event_key_compare(&a, &b), key_order(&a, &b));
        assert_int_equal(event_key_compare(&a, &a), 0);
    }
}

static int setup(void **state)
{
    (void)state;
    seed_random();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_million_operations), cmocka_unit_test(test_validated_after_every_operation),
        cmocka_unit_test(test_shuffled_insertion),   cmocka_unit_test(test_varying_fields_change),
        cmocka_unit_test(test_every_bit_counts),     cmocka_unit_test(test_phases_with_pushes_between),
        cmocka_unit_test(test_past_and_equal_keys),  cmocka_unit_test(test_last_timesteps),
        cmocka_unit_test(test_key_compare),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
