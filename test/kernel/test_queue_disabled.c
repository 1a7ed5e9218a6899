/* Work happens because an event was popped.  This program brings its own event queue, which takes the place of
 * queue/event_queue.c at link time and can forget what is pushed: with the queue disabled nothing runs; without
 * spikes windows close on nothing; and a plain sorted list in its place gives the same run, packet for packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/trace_reader.h"
#include "layers/packet.h"
#include "queue/event_queue.h"
#include "test/helpers/engine_run.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 6, PENDING_MAX = 4096, STEPS = 16 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7, 5};
static const struct engine_piece all[] = {{TOKENS, LASSIM_READ_ALL}, {0, 0}};
static const struct engine_piece last[] = {{TOKENS, LASSIM_READ_LAST}, {0, 0}};

/* ---- the queue -------------------------------------------------------------------------------- */

enum queue_mode {
    KEEP,           /* a queue */
    FORGET_ALL,     /* disabled */
    FORGET_SPIKES,  /* keeps input spikes and closings */
    FORGET_CLOSINGS /* keeps spikes */
};

struct event_queue {
    struct event event[PENDING_MAX];
    size_t pending;
};
static enum queue_mode mode;
static uint64_t pushed, popped_spikes, popped_closings, out_of_step;

/* A spike is popped at its own timestep of its window, a closing between windows. */
static int in_step(const struct event *event)
{
    const struct packet *packet = event->payload;
    return event->key.timestep % STEPS == (event->key.phase == 1 ? packet->step : 0);
}

#define ORDER_BY(field) \
    if (a->field != b->field) return a->field < b->field ? -1 : 1
int event_key_compare(const struct event_key *a, const struct event_key *b)
{
    ORDER_BY(timestep);
    ORDER_BY(phase);
    ORDER_BY(level);
    ORDER_BY(population);
    ORDER_BY(token);
    ORDER_BY(block);
    return 0;
}

struct event_queue *queue_new(size_t capacity, size_t horizon)
{
    (void)capacity;
    (void)horizon;
    pushed = popped_spikes = popped_closings = out_of_step = 0;
    return calloc(1, sizeof(struct event_queue));
}

void queue_free(struct event_queue *queue)
{
    free(queue);
}

enum queue_status queue_reserve(struct event_queue *queue, size_t events)
{
    (void)queue;
    return events <= PENDING_MAX ? QUEUE_OK : QUEUE_ERR_MEMORY;
}

enum queue_status queue_push(struct event_queue *queue, const struct event *event)
{
    int spikes = event->key.phase == 1, input = spikes && event->key.level == 0;
    pushed++;
    if (mode == FORGET_ALL || (mode == FORGET_SPIKES && spikes && !input) || (mode == FORGET_CLOSINGS && !spikes))
        return QUEUE_OK;
    if (queue->pending == PENDING_MAX) return QUEUE_ERR_MEMORY;
    queue->event[queue->pending++] = *event;
    return QUEUE_OK;
}

static size_t least(const struct event_queue *queue)
{
    size_t at = 0;
    for (size_t i = 1; i < queue->pending; i++)
        if (event_key_compare(&queue->event[i].key, &queue->event[at].key) < 0) at = i;
    return at;
}

int queue_peek_time(const struct event_queue *queue, uint64_t *timestep)
{
    if (queue->pending == 0) return 0;
    *timestep = queue->event[least(queue)].key.timestep;
    return 1;
}

int queue_pop(struct event_queue *queue, struct event *event)
{
    if (queue->pending == 0) return 0;
    size_t at = least(queue);
    *event = queue->event[at];
    queue->event[at] = queue->event[--queue->pending];
    out_of_step += !in_step(event);
    if (event->key.phase == 1)
        popped_spikes++;
    else
        popped_closings++;
    return 1;
}

size_t queue_pop_phase(struct event_queue *queue, struct event *out, size_t capacity)
{
    size_t n = 0;
    while (queue->pending > 0 && n < capacity) {
        const struct event_key *next = &queue->event[least(queue)].key;
        if (n > 0 && (next->timestep != out[0].key.timestep || next->phase != out[0].key.phase)) break;
        queue_pop(queue, &out[n++]);
    }
    return n;
}

size_t queue_size(const struct event_queue *queue)
{
    return queue->pending;
}

void queue_clear(struct event_queue *queue)
{
    queue->pending = 0;
}

const char *queue_validate(const struct event_queue *queue)
{
    return queue->pending <= PENDING_MAX ? NULL : "too many";
}

/* ---- tests ------------------------------------------------------------------------------------ */

static struct engine_run *run(const struct model *model, enum queue_mode how, const struct engine_piece *pieces)
{
    struct lassim_options options = {.engine = LASSIM_ENGINE_EVENT, .numa_off = 1, .threads = 1, .timesteps = STEPS};
    mode = how;
    return engine_run_one(model, options, ids, pieces, 1);
}

static uint64_t trace_records(const char *path)
{
    struct trace_reader *reader;
    struct lassim_error error = {0};
    const struct trace_record *record;
    uint64_t records = 0;
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    for (;;) {
        assert_int_equal(trace_reader_next(reader, &record, &error), LASSIM_OK);
        if (record == NULL) break;
        records++;
    }
    assert_true(trace_reader_complete(reader));
    trace_reader_close(reader);
    return records;
}

static int is_zero(const struct counters *counters)
{
    const struct counters zero = {0};
    return counters_difference(counters, &zero) == NULL;
}

/* A fed token is an event like any other: forgotten, it leaves no trace. */
static void disabled_queue_runs_nothing(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 1, 0);
    char path[64];
    snprintf(path, sizeof path, "/tmp/lassim-disabled-%ld.bin", (long)getpid());
    struct lassim_options options = {.engine = LASSIM_ENGINE_EVENT, .numa_off = 1, .threads = 2, .trace = path};
    struct lassim_error error = {0};
    lassim_session *session;
    uint32_t tokens;
    mode = FORGET_ALL;
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_OK);
    assert_int_equal(lassim_session_feed(session, ids, TOKENS, LASSIM_READ_ALL, NULL, NULL, &error), LASSIM_OK);
    assert_true(pushed > 0);
    assert_int_equal(popped_spikes + popped_closings, 0);
    for (uint32_t p = 0; p < model->graph->populations; p++)
        assert_true(is_zero(&session_population_counters(session)[p]));
    session_token_counters(session, &tokens);
    assert_int_equal(tokens, 0);
    assert_int_equal(session_timesteps(session), 0);
    assert_int_equal(lassim_session_finish(session, &error), LASSIM_OK);
    assert_int_equal(trace_records(options.trace), 0);
    unlink(path);
    lassim_session_close(session);
    tiny_model_free(model);
}

static void no_token_runs_nothing(void **state)
{
    static const struct engine_piece none[] = {{0, 0}};
    (void)state;
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 1, 0);
    struct engine_run *idle = run(model, KEEP, none);
    struct counters totals = engine_run_totals(idle);
    assert_true(is_zero(&totals));
    assert_int_equal(pushed, 0);
    assert_int_equal(idle->timesteps, 0);
    assert_int_equal(trace_records(idle->trace), 0);
    engine_run_free(idle);
    tiny_model_free(model);
}

/* Windows close, trains are made, but no spike arrives: nobody's membrane moves: no operation is counted but
 * the input's, and the logits are exactly 0. */
static void without_spikes_nothing_arrives(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 1, 1);
    struct engine_run *mute = run(model, FORGET_SPIKES, all);
    struct counters totals = engine_run_totals(mute);
    assert_int_equal(totals.synaptic_operations, 2 * TOKENS * config.hidden);
    assert_int_equal(totals.spike_product_operations, 0);
    assert_int_equal(totals.membrane_updates, totals.synaptic_operations);
    assert_int_equal(totals.events, 2 * TOKENS);
    assert_int_equal(totals.spikes, 2 * TOKENS);
    for (uint32_t i = 0; i < TOKENS * config.vocabulary; i++) assert_true(mute->logits[i] == 0.0f);
    engine_run_free(mute);
    tiny_model_free(model);
}

/* Spikes arrive, no window closes: the input is all there is. */
static void without_closings_nothing_fires(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 1, 0);
    struct engine_run *open = run(model, FORGET_CLOSINGS, all);
    struct counters totals = engine_run_totals(open);
    assert_int_equal(popped_closings, 0);
    assert_int_equal(popped_spikes, 2 * TOKENS);
    assert_int_equal(totals.windows, 2 * TOKENS);
    assert_int_equal(totals.threshold_tests, 0);
    for (uint32_t t = 0; t < TOKENS; t++) assert_int_equal(open->read[t], 0);
    engine_run_free(open);
    tiny_model_free(model);
}

/* Head-side residuals that only take their input in. */
static uint64_t silent_closings(const struct model *model, uint32_t unasked)
{
    uint64_t n = 0;
    for (uint32_t p = 0; p < model->graph->populations; p++)
        n += model->graph->population[p].head_side && model->graph->population[p].kind == POPULATION_RESIDUAL;
    return n * unasked;
}

/* Another scheduler, the same run: every popped packet is one of totals.events, every popped closing a window. */
static void sorted_list_gives_the_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct model_config config = tiny_config();
        if (seed % 2) config.pre_norm = config.final_norm = 0, config.layers = 2;
        struct model *model = tiny_model_new(&config, seed, 0);
        naive_calibrate(model, ids, TOKENS, 1.5);
        struct engine_run *listed = run(model, KEEP, last);
        struct counters totals = engine_run_totals(listed);
        assert_int_equal(popped_spikes, totals.events);
        assert_int_equal(out_of_step, 0);
        assert_int_equal(popped_closings, totals.windows - 2 * TOKENS + 1 + silent_closings(model, TOKENS - 1));
        assert_int_equal(trace_records(listed->trace), totals.windows);
        struct naive *naive = naive_new(model, STEPS);
        float *logits = calloc(config.vocabulary, sizeof *logits);
        for (uint32_t t = 0; t < TOKENS; t++) naive_token(naive, ids[t], t + 1 == TOKENS, logits);
        assert_memory_equal(listed->logits + (size_t)(TOKENS - 1) * config.vocabulary, logits,
                            config.vocabulary * sizeof *logits);
        free(logits);
        naive_free(naive);
        engine_run_free(listed);
        tiny_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disabled_queue_runs_nothing),    cmocka_unit_test(no_token_runs_nothing),
        cmocka_unit_test(without_spikes_nothing_arrives), cmocka_unit_test(without_closings_nothing_fires),
        cmocka_unit_test(sorted_list_gives_the_same_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
