/* The integrate-and-fire engine against a naive model on random networks, through the public calls and, for the
 * instruction sets, the engine's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/if_engine.h"
#include "kernel/trace_expand.h"
#include "test/helpers/trace_samples.h"

enum { POPULATIONS = 5, INPUTS = 2, PROJECTIONS = 6, STEPS = 75, DELAY_MAX = 40 };

/* A random network in plain arrays. */
struct sample {
    struct lassim_population population[POPULATIONS];
    struct {
        uint32_t source, target, delay, count;
        int dense;
        double *weights;                 /* dense: [sources][targets] */
        struct lassim_synapse *synapses; /* both kinds: every synapse */
    } projection[PROJECTIONS];
    uint8_t *spikes[POPULATIONS]; /* [STEPS][size]: input, then what the naive model fires */
};

static double random_weight(struct sample_random *random, int fine)
{
    double weight = (double)sample_below(random, 41) - 14;
    return fine ? weight * 0x1p-40 + weight * 0.0625 : weight * 0.0625;
}

static void random_population(struct sample *s, uint32_t p, struct sample_random *random)
{
    static const char *const names[POPULATIONS] = {"in-a", "in-b", "x", "y", "z"};
    struct lassim_population *to = &s->population[p];
    *to = (struct lassim_population){.name = names[p], .size = 1 + sample_below(random, p == 2 ? 2300 : 90)};
    if (p < INPUTS) return;
    to->neuron = sample_below(random, 2) ? LASSIM_NEURON_IF : LASSIM_NEURON_LIF;
    to->threshold = 0.5 + 0.25 * sample_below(random, 9);
    to->leak = 0.05 * sample_below(random, 20);
    to->subtract = sample_below(random, 2);
    to->refractory = sample_below(random, 2) * sample_below(random, 5);
    to->initial = sample_below(random, 3) == 0 ? 0.5 * sample_below(random, 8) : 0;
}

static void random_projection(struct sample *s, uint32_t i, struct sample_random *random, uint32_t least_delay)
{
    /* The first ones bring input everywhere, the others connect at random, themselves included. */
    uint32_t source = i < 3 ? i % INPUTS : sample_below(random, POPULATIONS);
    uint32_t target = i < 3 ? INPUTS + i : INPUTS + sample_below(random, POPULATIONS - INPUTS);
    uint32_t sources = s->population[source].size, targets = s->population[target].size;
    int dense = (int)sample_below(random, 2), fine = sample_below(random, 4) == 0;
    uint32_t delay = least_delay + sample_below(random, DELAY_MAX - least_delay);
    uint32_t count = dense ? sources * targets : sample_below(random, 3 * (sources + targets));
    s->projection[i].source = source;
    s->projection[i].target = target;
    s->projection[i].delay = delay;
    s->projection[i].dense = dense;
    s->projection[i].count = count;
    s->projection[i].weights = calloc((size_t)count + 1, sizeof(double));
    s->projection[i].synapses = calloc((size_t)count + 1, sizeof(struct lassim_synapse));
    for (uint32_t k = 0; k < count; k++) {
        struct lassim_synapse *synapse = &s->projection[i].synapses[k];
        *synapse = (struct lassim_synapse){k / targets, k % targets, delay, random_weight(random, fine)};
        s->projection[i].weights[k] = synapse->weight;
        if (dense) continue;
        synapse->source = sample_below(random, sources);
        synapse->target = sample_below(random, targets);
        synapse->delay = least_delay + sample_below(random, DELAY_MAX - least_delay);
    }
}

static void random_sample(struct sample *s, struct sample_random *random)
{
    uint32_t least_delay = sample_below(random, 3) == 0 ? 17 : 1 + sample_below(random, 4);
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        random_population(s, p, random);
        s->spikes[p] = calloc(STEPS, s->population[p].size);
        for (uint32_t i = 0; p < INPUTS && i < STEPS * s->population[p].size; i++)
            s->spikes[p][i] = sample_below(random, 100) < 15;
    }
    for (uint32_t i = 0; i < PROJECTIONS; i++) random_projection(s, i, random, least_delay);
}

static void free_sample(struct sample *s)
{
    for (uint32_t p = 0; p < POPULATIONS; p++) free(s->spikes[p]);
    for (uint32_t i = 0; i < PROJECTIONS; i++) {
        free(s->projection[i].weights);
        free(s->projection[i].synapses);
    }
}

/* What arrives at population p in step t: exact here, as weights are small multiples of 2^-44. */
static void naive_input(const struct sample *s, uint32_t p, uint32_t t, double *x)
{
    memset(x, 0, s->population[p].size * sizeof *x);
    for (uint32_t i = 0; i < PROJECTIONS; i++) {
        if (s->projection[i].target != p) continue;
        uint32_t source = s->projection[i].source;
        for (uint32_t k = 0; k < s->projection[i].count; k++) {
            const struct lassim_synapse *synapse = &s->projection[i].synapses[k];
            if (synapse->delay > t) continue;
            if (s->spikes[source][(t - synapse->delay) * s->population[source].size + synapse->source])
                x[synapse->target] += synapse->weight;
        }
    }
}

static void naive_run(struct sample *s)
{
    double *v[POPULATIONS], *x[POPULATIONS];
    uint32_t *ready[POPULATIONS];
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        uint32_t size = s->population[p].size;
        v[p] = malloc(size * sizeof(double));
        x[p] = malloc(size * sizeof(double));
        ready[p] = calloc(size, sizeof(uint32_t));
        for (uint32_t i = 0; i < size; i++) v[p][i] = s->population[p].initial;
    }
    for (uint32_t t = 0; t < STEPS; t++) {
        for (uint32_t p = INPUTS; p < POPULATIONS; p++) naive_input(s, p, t, x[p]);
        for (uint32_t p = INPUTS; p < POPULATIONS; p++) {
            const struct lassim_population *population = &s->population[p];
            for (uint32_t i = 0; i < population->size; i++) {
                if (t < ready[p][i]) continue;
                double leaked = population->neuron == LASSIM_NEURON_IF ? v[p][i] : population->leak * v[p][i];
                v[p][i] = leaked + x[p][i];
                if (v[p][i] < population->threshold) continue;
                s->spikes[p][t * population->size + i] = 1;
                v[p][i] = population->subtract ? v[p][i] - population->threshold : 0;
                ready[p][i] = t + 1 + population->refractory;
            }
        }
    }
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        free(v[p]);
        free(x[p]);
        free(ready[p]);
    }
}

/* How a sample is built and run; none of it may change a spike. */
struct way {
    uint32_t threads, cut; /* timesteps of a run, 0: all at once */
    int as_lists, shuffled, feed_late;
};

static void shuffle(struct lassim_synapse *synapses, uint32_t count, struct sample_random *random)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = sample_below(random, i);
        struct lassim_synapse other = synapses[i - 1];
        synapses[i - 1] = synapses[j];
        synapses[j] = other;
    }
}

static void build(lassim_network *network, const struct sample *s, const struct way *way, struct sample_random *random)
{
    struct lassim_error error = {LASSIM_OK, ""};
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        uint32_t index;
        assert_int_equal(lassim_network_add_population(network, &s->population[p], &index, &error), LASSIM_OK);
        assert_int_equal(index, p);
    }
    for (uint32_t i = 0; i < PROJECTIONS; i++) {
        uint32_t source = s->projection[i].source, target = s->projection[i].target;
        if (s->projection[i].dense && !way->as_lists) {
            assert_int_equal(lassim_network_connect_dense(network, source, target, s->projection[i].delay,
                                                          s->projection[i].weights, &error),
                             LASSIM_OK);
            continue;
        }
        if (way->shuffled && s->projection[i].dense) shuffle(s->projection[i].synapses, s->projection[i].count, random);
        assert_int_equal(lassim_network_connect_list(network, source, target, s->projection[i].synapses,
                                                     s->projection[i].count, &error),
                         LASSIM_OK);
    }
}

/* Feeds the input spikes of timesteps [from, to), backwards where shuffled. */
static void feed(lassim_network *network, const struct sample *s, uint32_t from, uint32_t to, int backwards)
{
    struct lassim_error error;
    for (uint32_t p = 0; p < INPUTS; p++) {
        uint32_t size = s->population[p].size, n = 0;
        uint64_t *time = malloc((size_t)(to - from) * size * sizeof *time);
        uint32_t *neuron = malloc((size_t)(to - from) * size * sizeof *neuron);
        for (uint32_t k = 0; k < (to - from) * size; k++) {
            uint32_t at = from * size + (backwards ? (to - from) * size - 1 - k : k);
            if (!s->spikes[p][at]) continue;
            time[n] = at / size;
            neuron[n++] = at % size;
        }
        assert_int_equal(lassim_network_feed(network, p, time, neuron, n, &error), LASSIM_OK);
        free(time);
        free(neuron);
    }
}

static void check_trace(const struct sample *s, const char *path)
{
    struct trace_reader *reader;
    struct trace_expand *expand;
    struct trace_row rows[64];
    struct lassim_error error;
    uint64_t found = 0, expected = 0;
    size_t count = 1;
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    assert_int_equal(trace_expand_open(reader, &expand, &error), LASSIM_OK);
    while (count > 0) {
        assert_int_equal(trace_expand_rows(expand, rows, 64, &count, &error), LASSIM_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(rows[i].time < STEPS && rows[i].sign == 1 && rows[i].kind == TRACE_NORMAL);
            assert_true(
                s->spikes[rows[i].population][rows[i].time * s->population[rows[i].population].size + rows[i].neuron]);
        }
        found += count;
    }
    for (uint32_t p = 0; p < POPULATIONS; p++)
        for (uint32_t i = 0; i < STEPS * s->population[p].size; i++) expected += s->spikes[p][i];
    assert_int_equal(found, expected);
    assert_int_equal(trace_reader_complete(reader), 1);
    assert_int_equal(trace_reader_totals(reader)->timesteps, STEPS);
    trace_expand_close(expand);
    trace_reader_close(reader);
}

static void check_counts(const lassim_network *network, const struct sample *s)
{
    struct lassim_network_counts all, one;
    uint64_t spikes = 0, operations = 0;
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        const uint64_t *each = lassim_network_spikes(network, p);
        uint64_t of_population = 0;
        for (uint32_t i = 0; i < s->population[p].size; i++) {
            uint64_t n = 0;
            for (uint32_t t = 0; t < STEPS; t++) n += s->spikes[p][t * s->population[p].size + i];
            assert_int_equal(each[i], n);
            of_population += n;
        }
        lassim_network_counts(network, p, &one);
        assert_int_equal(one.spikes, of_population);
        spikes += of_population;
    }
    for (uint32_t i = 0; i < PROJECTIONS; i++) {
        const uint64_t *each = lassim_network_spikes(network, s->projection[i].source);
        for (uint32_t k = 0; k < s->projection[i].count; k++) operations += each[s->projection[i].synapses[k].source];
    }
    lassim_network_counts(network, UINT32_MAX, &all);
    assert_int_equal(all.spikes, spikes);
    assert_int_equal(all.synaptic_operations, operations);
    assert_int_equal(all.timesteps, STEPS);
}

static void run_way(struct sample *s, const struct way *way, const char *path, struct lassim_network_counts *counts,
                    struct sample_random *random)
{
    lassim_network *network;
    struct lassim_error error = {LASSIM_OK, ""};
    const struct lassim_network_options options = {.threads = way->threads, .numa_off = 1, .trace = path};
    assert_int_equal(lassim_network_new(&network, &error), LASSIM_OK);
    build(network, s, way, random);
    assert_int_equal(lassim_network_start(network, &options, &error), LASSIM_OK);
    if (!way->feed_late) feed(network, s, 0, STEPS, way->shuffled);
    for (uint32_t at = 0; at < STEPS;) {
        uint32_t n = way->cut == 0 || at + way->cut > STEPS ? STEPS - at : way->cut;
        if (way->feed_late) feed(network, s, at, at + n, way->shuffled);
        assert_int_equal(lassim_network_run(network, n, &error), LASSIM_OK);
        at += n;
        assert_int_equal(lassim_network_progress(network), at);
    }
    assert_int_equal(lassim_network_finish(network, &error), LASSIM_OK);
    check_counts(network, s);
    lassim_network_counts(network, UINT32_MAX, counts);
    lassim_network_close(network);
}

static void same_bytes(const char *a, const char *b)
{
    FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
    int c;
    assert_true(x != NULL && y != NULL);
    do {
        c = fgetc(x);
        assert_int_equal(c, fgetc(y));
    } while (c != EOF);
    fclose(x);
    fclose(y);
}

/* Every way of building and running gives the naive model's spikes and one and the same trace, byte by byte. */
static void random_networks_against_the_naive_model(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("if_engine");
    static const struct way ways[] = {{1, 0, 0, 0, 0}, {2, 0, 0, 0, 0},  {3, 1, 0, 1, 0},
                                      {4, 7, 1, 0, 1}, {1, 16, 1, 1, 1}, {1, 0, 1, 1, 0}};
    char *first = strdup(sample_path("if-first.trace"));
    char *other = strdup(sample_path("if-other.trace"));
    for (int round = 0; round < 12; round++) {
        struct sample sample;
        struct lassim_network_counts counts, again;
        random_sample(&sample, &random);
        naive_run(&sample);
        run_way(&sample, &ways[0], first, &counts, &random);
        check_trace(&sample, first);
        for (size_t w = 1; w < sizeof ways / sizeof *ways; w++) {
            run_way(&sample, &ways[w], other, &again, &random);
            same_bytes(first, other);
            if (!ways[w].as_lists) assert_memory_equal(&counts, &again, sizeof counts);
        }
        free_sample(&sample);
    }
    remove(first);
    remove(other);
    free(first);
    free(other);
}

/* An IF population without input is not visited; with reset by subtraction it is until it falls below. */
static void idle_neurons_cost_nothing(void **state)
{
    (void)state;
    lassim_network *network;
    struct lassim_error error;
    struct lassim_network_counts counts;
    const struct lassim_network_options options = {.threads = 1, .numa_off = 1};
    const struct lassim_population in = {.name = "in", .size = 1};
    const struct lassim_population out = {
        .name = "out", .size = 300, .neuron = LASSIM_NEURON_IF, .threshold = 1, .subtract = 1};
    double weights[300] = {0};
    weights[299] = 3.5;
    assert_int_equal(lassim_network_new(&network, &error), LASSIM_OK);
    assert_int_equal(lassim_network_add_population(network, &in, NULL, &error), LASSIM_OK);
    assert_int_equal(lassim_network_add_population(network, &out, NULL, &error), LASSIM_OK);
    assert_int_equal(lassim_network_connect_dense(network, 0, 1, 5, weights, &error), LASSIM_OK);
    assert_int_equal(lassim_network_start(network, &options, &error), LASSIM_OK);
    assert_int_equal(lassim_network_feed(network, 0, (uint64_t[]){20}, (uint32_t[]){0}, 1, &error), LASSIM_OK);
    assert_int_equal(lassim_network_run(network, 100, &error), LASSIM_OK);
    lassim_network_counts(network, 1, &counts);
    assert_int_equal(counts.spikes, 3);                     /* at 25, 26, 27 */
    assert_int_equal(counts.threshold_tests, 300 + 2 * 44); /* all when it arrives, then the last unit twice more */
    lassim_network_counts(network, 0, &counts);
    assert_int_equal(counts.deliveries, 1);
    assert_int_equal(counts.synaptic_operations, 300);
    lassim_network_close(network);
}

static void wrong_calls(void **state)
{
    (void)state;
    lassim_network *network;
    struct lassim_error error;
    const struct lassim_network_options options = {.threads = 1, .numa_off = 1};
    const struct lassim_population in = {.name = "in", .size = 2};
    const struct lassim_population out = {.name = "out", .size = 2, .neuron = LASSIM_NEURON_IF, .threshold = 1};
    const double weights[] = {1, 1, 1, 1};
    const struct lassim_population bad[] = {
        {.name = "in", .size = 1},
        {.name = NULL, .size = 1},
        {.name = "", .size = 1},
        {.name = "a b", .size = 1},
        {.name = "a,b", .size = 1},
        {.name = "1234567890123456789012345678901234567890", .size = 1},
        {.name = "a", .size = 0},
        {.name = "a", .size = (1 << 24) + 1},
        {.name = "a", .size = 1, .neuron = 3},
        {.name = "a", .size = 1, .neuron = 1, .threshold = 0},
        {.name = "a", .size = 1, .neuron = 1, .threshold = 1.0 / 0.0},
        {.name = "a", .size = 1, .neuron = 2, .threshold = 1, .leak = 1.5},
        {.name = "a", .size = 1, .neuron = 2, .threshold = 1, .leak = -0.5},
        {.name = "a", .size = 1, .neuron = 1, .threshold = 1, .subtract = 2},
        {.name = "a", .size = 1, .neuron = 1, .threshold = 1, .initial = -1.0 / 0.0},
        {.name = "a", .size = 1, .neuron = 1, .threshold = 1, .refractory = (UINT32_C(1) << 31) + 1},
    };
    assert_int_equal(lassim_network_new(&network, &error), LASSIM_OK);
    assert_int_equal(lassim_network_start(network, &options, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_add_population(network, &in, NULL, &error), LASSIM_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(lassim_network_add_population(network, &bad[i], NULL, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_add_population(network, &out, NULL, &error), LASSIM_OK);
    assert_int_equal(lassim_network_connect_dense(network, 0, 0, 1, weights, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_connect_dense(network, 0, 2, 1, weights, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_connect_dense(network, 0, 1, 0, weights, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_connect_dense(network, 0, 1, 65536, weights, &error), LASSIM_ERR_USAGE);
    const struct lassim_synapse wrong[] = {{2, 0, 1, 1}, {0, 2, 1, 1}, {0, 0, 0, 1}, {0, 0, 1, 0.0 / 0.0}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(lassim_network_connect_list(network, 0, 1, &wrong[i], 1, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_connect_dense(network, 0, 1, 1, weights, &error), LASSIM_OK);
    assert_int_equal(lassim_network_run(network, 1, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_start(network, &options, &error), LASSIM_OK);
    assert_int_equal(lassim_network_start(network, &options, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_add_population(network, &bad[2], NULL, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_run(network, 3, &error), LASSIM_OK);
    assert_int_equal(lassim_network_feed(network, 0, (uint64_t[]){2}, (uint32_t[]){0}, 1, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_feed(network, 0, (uint64_t[]){3}, (uint32_t[]){2}, 1, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_feed(network, 1, (uint64_t[]){3}, (uint32_t[]){0}, 1, &error), LASSIM_ERR_USAGE);
    assert_int_equal(lassim_network_feed(network, 0, (uint64_t[]){9, 9}, (uint32_t[]){1, 1}, 2, &error), LASSIM_OK);
    assert_int_equal(lassim_network_run(network, 1, &error), LASSIM_ERR_USAGE);
    lassim_network_stop(network);
    lassim_network_close(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_networks_against_the_naive_model),
        cmocka_unit_test(idle_neurons_cost_nothing),
        cmocka_unit_test(wrong_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
