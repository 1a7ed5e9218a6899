#include "kernel/program/trace_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/trace_decode.h"

/* The two traces side by side. */
struct pair {
    const struct trace_header_info *info; /* A's; B's population table is the same */
    struct trace_diff *diff;
};

static const char *incomparable(const struct trace_header_info *a, const struct trace_header_info *b)
{
    if (a->timesteps != b->timesteps) return "T differs";
    if (a->code != b->code) return "one has radix, the other ternary code";
    if (a->populations != b->populations) return "the numbers of populations differ";
    for (uint32_t p = 0; p < a->populations; p++)
        if (memcmp(&a->population[p], &b->population[p], sizeof a->population[p]) != 0)
            return "the population tables differ";
    return NULL;
}

/* ---- one neuron ---- */

struct spikes {
    struct spike_steps steps;
    enum trace_kind kind;
    uint32_t gates; /* octave << 16 | sub, 0 without */
};

static struct spikes spikes_of(const struct pair *pair, uint32_t p, const struct trace_active *active)
{
    struct spikes spikes = {{0, 0}, TRACE_NORMAL, UINT32_MAX};
    const struct trace_population *population = &pair->info->population[p];
    if (active == NULL) return spikes;
    spikes.kind = trace_active_steps(pair->info, population, active, &spikes.steps);
    if (population->code == CODE_HG) spikes.gates = (uint32_t)active->octave << 16 | active->sub;
    return spikes;
}

/* Steps at which the two do not have the same spike. */
static uint32_t different_steps(const struct spikes *a, const struct spikes *b)
{
    uint32_t different = (a->steps.fired ^ b->steps.fired) | (a->steps.negative ^ b->steps.negative);
    return a->kind == b->kind ? different : different | a->steps.fired | b->steps.fired;
}

static const char *what(const struct spikes *spikes, unsigned step)
{
    static const char *const text[2][TRACE_KINDS] = {{"+ normal", "+ outlier", "gates", "+ HG code"},
                                                     {"- normal", "- outlier", "gates", "- HG code"}};
    if (!(spikes->steps.fired >> step & 1)) return "nothing";
    return text[spikes->steps.negative >> step & 1][spikes->kind];
}

static void note_first(struct pair *pair, const struct trace_record *record, uint32_t neuron, const struct spikes *a,
                       const struct spikes *b, uint32_t steps)
{
    struct trace_diff *diff = pair->diff;
    int gates = a->gates != b->gates;
    unsigned step = gates ? 0 : (unsigned)__builtin_ctz(steps);
    uint64_t time = record->window * pair->info->timesteps + step;
    if (diff->first_known && diff->first.time <= time) return; /* records come in order within a timestep */
    diff->first_known = 1;
    diff->first = (struct trace_difference){time, record->population, record->token, neuron, NULL, NULL};
    diff->first.a = gates ? a->gates == UINT32_MAX ? "no gates" : "other gates" : what(a, step);
    diff->first.b = gates ? b->gates == UINT32_MAX ? "no gates" : "other gates" : what(b, step);
}

/* a or b may be NULL: not active there. */
static void compare_neuron(struct pair *pair, const struct trace_record *record, const struct trace_active *a,
                           const struct trace_active *b)
{
    struct trace_diff_row *row = &pair->diff->row[record->population];
    const struct spikes in_a = spikes_of(pair, record->population, a), in_b = spikes_of(pair, record->population, b);
    uint32_t different = different_steps(&in_a, &in_b);
    row->spikes_a += (unsigned)__builtin_popcount(in_a.steps.fired);
    row->spikes_b += (unsigned)__builtin_popcount(in_b.steps.fired);
    if (different == 0 && in_a.gates == in_b.gates) return;
    row->spikes_only_a += (unsigned)__builtin_popcount(in_a.steps.fired & different);
    row->spikes_only_b += (unsigned)__builtin_popcount(in_b.steps.fired & different);
    row->neurons_different++;
    note_first(pair, record, a != NULL ? a->neuron : b->neuron, &in_a, &in_b, different);
}

/* ---- one window ---- */

/* a or b may be NULL: no such window there. */
static void compare_window(struct pair *pair, const struct trace_record *a, const struct trace_record *b)
{
    const struct trace_record *record = a != NULL ? a : b;
    struct trace_diff_row *row = &pair->diff->row[record->population];
    uint64_t before = row->neurons_different;
    uint32_t i = 0, k = 0, n = a != NULL ? a->count : 0, m = b != NULL ? b->count : 0;
    row->windows_a += a != NULL;
    row->windows_b += b != NULL;
    while (i < n || k < m) {
        uint32_t in_a = i < n ? a->active[i].neuron : UINT32_MAX, in_b = k < m ? b->active[k].neuron : UINT32_MAX;
        compare_neuron(pair, record, in_a <= in_b ? &a->active[i] : NULL, in_b <= in_a ? &b->active[k] : NULL);
        i += in_a <= in_b;
        k += in_b <= in_a;
    }
    int same = a != NULL && b != NULL && a->neurons == b->neurons && row->neurons_different == before;
    row->windows_different += !same;
}

static void add_row(struct trace_diff_row *to, const struct trace_diff_row *from)
{
    to->windows_a += from->windows_a;
    to->windows_b += from->windows_b;
    to->windows_different += from->windows_different;
    to->neurons_different += from->neurons_different;
    to->spikes_a += from->spikes_a;
    to->spikes_b += from->spikes_b;
    to->spikes_only_a += from->spikes_only_a;
    to->spikes_only_b += from->spikes_only_b;
}

static struct trace_key key_of(const struct trace_record *record)
{
    return (struct trace_key){record->window, record->population, record->token};
}

/* Takes the records of both in order; equal keys meet. */
static enum lassim_status merge(struct pair *pair, struct trace_reader *a, struct trace_reader *b,
                                struct lassim_error *error)
{
    const struct trace_record *in_a, *in_b;
    enum lassim_status status = trace_reader_next(a, &in_a, error);
    if (status == LASSIM_OK) status = trace_reader_next(b, &in_b, error);
    while (status == LASSIM_OK && (in_a != NULL || in_b != NULL)) {
        int a_first = in_b == NULL, b_first = in_a == NULL;
        if (in_a != NULL && in_b != NULL) {
            const struct trace_key key_a = key_of(in_a), key_b = key_of(in_b);
            a_first = trace_key_before(pair->info, &key_a, &key_b);
            b_first = trace_key_before(pair->info, &key_b, &key_a);
        }
        compare_window(pair, b_first ? NULL : in_a, a_first ? NULL : in_b);
        if (!b_first) status = trace_reader_next(a, &in_a, error);
        if (status == LASSIM_OK && !a_first) status = trace_reader_next(b, &in_b, error);
    }
    return status;
}

enum lassim_status trace_diff_run(struct trace_reader *a, struct trace_reader *b, struct trace_diff *diff,
                                  struct lassim_error *error)
{
    struct pair pair = {trace_reader_info(a), diff};
    *diff = (struct trace_diff){.reason = incomparable(trace_reader_info(a), trace_reader_info(b))};
    diff->comparable = diff->reason == NULL;
    diff->different = !diff->comparable;
    if (!diff->comparable) return LASSIM_OK;
    diff->row = calloc(pair.info->populations, sizeof *diff->row);
    if (diff->row == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory to compare traces");
    enum lassim_status status = merge(&pair, a, b, error);
    if (status != LASSIM_OK) return status;
    for (uint32_t p = 0; p < pair.info->populations; p++) add_row(&diff->total, &diff->row[p]);
    diff->complete_a = trace_reader_complete(a);
    diff->complete_b = trace_reader_complete(b);
    diff->timesteps_a = trace_reader_totals(a)->timesteps;
    diff->timesteps_b = trace_reader_totals(b)->timesteps;
    diff->different = diff->total.windows_different > 0 || diff->complete_a != diff->complete_b ||
                      diff->timesteps_a != diff->timesteps_b;
    return LASSIM_OK;
}

void trace_diff_free(struct trace_diff *diff)
{
    free(diff->row);
    diff->row = NULL;
}
