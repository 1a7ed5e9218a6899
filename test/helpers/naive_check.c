#include "test/helpers/naive_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/trace_reader.h"
#include "neurons/oat.h"
#include "test/helpers/naive_model.h"

struct expectation {
    struct naive *naive;
    float *logits;
    int asked[NAIVE_CHECK_TOKENS];
    uint64_t start[NAIVE_CHECK_TOKENS]; /* window in which the token starts */
    uint64_t end;                       /* windows simulated */
};

/* Windows from a token's start to the end of the last one that it opens. */
static uint32_t last_window(const struct expectation *e, const struct model *model, uint32_t token)
{
    uint32_t last = 0;
    if (e->asked[token]) return naive_head_level(e->naive);
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct naive_record *record = naive_record_of(e->naive, p, token);
        if (record != NULL && record->level + 1 > last) last = record->level + 1;
    }
    return last;
}

static void expect_piece(const struct engine_piece *piece, const uint32_t *ids, uint32_t token, struct expectation *e,
                         const struct model *model)
{
    uint64_t start = e->end;
    uint32_t width = model->graph->head_width;
    for (uint32_t i = 0; i < piece->tokens; i++, token++) {
        e->asked[token] = piece->read == LASSIM_READ_ALL || (piece->read == LASSIM_READ_LAST && i + 1 == piece->tokens);
        naive_token(e->naive, ids[token], e->asked[token], e->logits + (size_t)token * width);
        e->start[token] = start + i;
        uint64_t end = start + i + last_window(e, model, token);
        if (end > e->end) e->end = end;
    }
}

/* One sequence: all tokens start in window 0. */
static void expect_sequence(const struct engine_piece *piece, const uint32_t *ids, const uint32_t *types,
                            struct expectation *e, const struct model *model)
{
    int read = piece->read != LASSIM_READ_NONE;
    naive_sequence(e->naive, ids, types, piece->tokens, read, e->logits);
    for (uint32_t t = 0; t < piece->tokens; t++) {
        e->asked[t] = read && naive_encoder_asks(e->naive, t);
        uint64_t end = last_window(e, model, t);
        if (end > e->end) e->end = end;
    }
}

static void expect(const struct model *model, unsigned steps, const struct perturbation *perturbation,
                   const uint32_t *ids, const uint32_t *types, const struct engine_piece *pieces, struct expectation *e)
{
    *e = (struct expectation){.naive = naive_new(model, steps)};
    e->logits = calloc((size_t)NAIVE_CHECK_TOKENS * model->graph->head_width, sizeof *e->logits);
    naive_perturb(e->naive, perturbation);
    if (model->graph->config.encoder)
        expect_sequence(pieces, ids, types, e, model);
    else
        for (uint32_t token = 0; pieces->tokens > 0; token += pieces->tokens, pieces++)
            expect_piece(pieces, ids, token, e, model);
}

static void expect_free(struct expectation *e)
{
    naive_free(e->naive);
    free(e->logits);
}

static int spikes(const struct naive_record *record, enum code_kind code, uint32_t i)
{
    return code == CODE_HG ? !record->silent[i] : (record->code[i] & OAT_MAGNITUDE) != 0;
}

/* 1 if the record says what the naive one does. */
static int same_record(const struct trace_record *got, const struct naive_record *want, enum code_kind code)
{
    uint32_t at = 0;
    if (got->neurons != want->neurons && code != CODE_INPUT) return 0;
    for (uint32_t i = 0; i < want->neurons; i++) {
        if (!spikes(want, code, i)) continue;
        if (at == got->count) return 0;
        const struct trace_active *active = &got->active[at++];
        if (active->neuron != want->neuron[i] || active->code != want->code[i]) return 0;
        if (code == CODE_HG && (active->octave != want->octave[i] || active->sub != want->sub[i])) return 0;
    }
    return at == got->count;
}

static void print_record(const struct trace_record *got, const struct naive_record *want)
{
    for (uint32_t i = 0; i < got->count; i++)
        printf(" %u:%x(%u,%u)", got->active[i].neuron, got->active[i].code, got->active[i].octave, got->active[i].sub);
    printf("\nbut expected");
    for (uint32_t i = 0; i < want->neurons; i++)
        printf(" %u:%x(%u,%u)%s", want->neuron[i], want->code[i], want->octave[i], want->sub[i],
               want->silent[i] ? "silent" : "");
    printf("\n");
}

static void assert_records(const struct engine_run *run, const struct expectation *e)
{
    struct trace_reader *reader;
    struct lassim_error error = {0};
    const struct trace_record *record;
    const struct graph *graph = run->model->graph;
    uint32_t records = 0;
    if (trace_reader_open(run->trace, &reader, &error) != LASSIM_OK) fail_msg("%s", error.text);
    for (;;) {
        if (trace_reader_next(reader, &record, &error) != LASSIM_OK) fail_msg("%s", error.text);
        if (record == NULL) break;
        const struct naive_record *want = naive_record_of(e->naive, record->population, record->token);
        const struct population *population = &graph->population[record->population];
        if (want == NULL) fail_msg("%s, token %u opened a window", population->name, record->token);
        assert_int_equal(record->window, e->start[record->token] + want->level);
        if (!same_record(record, want, population->code)) {
            print_record(record, want);
            fail_msg("%s, token %u: other codes", population->name, record->token);
        }
        records++;
    }
    assert_true(trace_reader_complete(reader));
    assert_int_equal(records, naive_records(e->naive));
    trace_reader_close(reader);
}

static void assert_counters(const char *name, const struct counters *got, const struct counters *want)
{
    const char *difference = counters_difference(got, want);
    if (difference == NULL) return;
    counters_print("counted ", got);
    counters_print("expected", want);
    fail_msg("%s: other %s", name, difference);
}

static void assert_run(const struct engine_run *run, const struct expectation *e, unsigned steps)
{
    const struct graph *graph = run->model->graph;
    uint32_t width = graph->head_width;
    assert_records(run, e);
    for (uint32_t p = 0; p < graph->populations; p++)
        assert_counters(graph->population[p].name, &run->population[p], &naive_populations(e->naive)[p]);
    for (uint32_t t = 0; t < run->tokens; t++) {
        assert_counters("a token", &run->token[t], &naive_tokens(e->naive)[t]);
        assert_int_equal(run->read[t], e->asked[t]);
        if (e->asked[t])
            assert_memory_equal(run->logits + (size_t)t * width, e->logits + (size_t)t * width, width * sizeof(float));
    }
    assert_int_equal(run->timesteps, e->end * steps);
}

void naive_check(const struct model *model, const struct lassim_options *options,
                 const struct perturbation *perturbation, const uint32_t *ids, const uint32_t *types,
                 const struct engine_piece *pieces)
{
    struct expectation e;
    expect(model, options->timesteps, perturbation, ids, types, pieces, &e);
    struct engine_run *run = engine_run_typed(model, *options, ids, types, pieces, 1);
    assert_run(run, &e, options->timesteps);
    engine_run_free(run);
    expect_free(&e);
}
