/* The engine against an independent model of the same network (test/helpers/naive_model.h): every code of every
 * window, every counter per population and per token, every logit bit for bit, for all T, both codes and the
 * shapes that the OPT family has, with every type of weights in every matrix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/trace_expand.h"
#include "kernel/trace_reader.h"
#include "neurons/oat.h"
#include "test/helpers/naive_check.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 6, SHAPES = 6 };

static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7, 5};

static struct model_config shape_of(int shape)
{
    struct model_config config = tiny_config();
    if (shape == 1) { /* like OPT-350m */
        config.pre_norm = config.final_norm = 0;
        config.embedding = 4;
        config.layers = 2;
    }
    if (shape == 2) { /* no final norm */
        config.final_norm = 0;
        config.layers = 2;
    }
    if (shape == 3) { /* post-LN without projections, untied */
        config.pre_norm = config.final_norm = config.tied = 0;
        config.layers = 3;
    }
    if (shape == 4) { /* pre-LN with projections, no final norm, one head */
        config.final_norm = 0;
        config.embedding = 12;
        config.heads = 1;
    }
    if (shape == 5) { /* four heads, sizes that are no power of two */
        config.hidden = config.embedding = 12;
        config.heads = 4;
        config.ffn = 17;
        config.layers = 2;
    }
    return config;
}

/* What `check` perturbs its runs with, or NULL; options as a user gives them. */
static const struct perturbation *perturbation;
static struct lassim_options perturbed;

static void check(const struct model *model, unsigned steps, uint32_t threads, const struct engine_piece *pieces)
{
    struct lassim_options options = perturbed;
    options.timesteps = steps;
    options.threads = threads;
    options.numa_off = 1;
    options.prompt_chunk = 2;
    naive_check(model, &options, perturbation, ids, NULL, pieces);
}

static const struct engine_piece whole[] = {{TOKENS, LASSIM_READ_LAST}, {0, 0}};
static const struct engine_piece all[] = {{TOKENS, LASSIM_READ_ALL}, {0, 0}};
static const struct engine_piece mixed[] = {
    {2, LASSIM_READ_LAST}, {1, LASSIM_READ_ALL}, {2, LASSIM_READ_NONE}, {1, LASSIM_READ_LAST}, {0, 0}};

static struct model *model_of_shape(int shape, uint64_t seed, int bare, enum spike_code code)
{
    struct model_config config = shape_of(shape);
    struct model *model = tiny_model_mixed(&config, seed, bare, (uint32_t)seed);
    model->code = code;
    return model;
}

/* Thresholds that mean nothing: nearly everything saturates or is silent somewhere. */
static void every_T_raw(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (unsigned steps = 1; steps <= 16; steps++) {
            printf("raw: shape %d, T = %u\n", shape, steps);
            struct model *model = model_of_shape(shape, 100u + steps, steps % 3 == 0, steps % 2);
            check(model, steps, 1, all);
            tiny_model_free(model);
        }
}

/* Calibrated thresholds, as in a converted model. */
static void every_T_calibrated(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (int bare = 0; bare < 2; bare++) {
            struct model *model = model_of_shape(shape, 7u + (unsigned)shape, bare, SPIKE_CODE_RADIX);
            naive_calibrate(model, ids, TOKENS, 1.5);
            for (unsigned steps = 1; steps <= 16; steps++) {
                printf("calibrated: shape %d, bare %d, T = %u\n", shape, bare, steps);
                model->code = SPIKE_CODE_RADIX;
                check(model, steps, 1, whole);
                model->code = SPIKE_CODE_TERNARY;
                check(model, steps, 1, all);
            }
            tiny_model_free(model);
        }
}

/* Prompts in pieces, some tokens' logits not asked for, several workers. */
static void pieces_and_threads(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            printf("pieces: shape %d, seed %llu\n", shape, (unsigned long long)seed);
            struct model *model = model_of_shape(shape, seed, 0, seed % 2);
            naive_calibrate(model, ids, TOKENS, seed % 2 ? 0.6 : 2.0);
            check(model, 16 - (unsigned)seed, 1 + (uint32_t)seed, mixed);
            check(model, 3 + (unsigned)seed, 3, whole);
            tiny_model_free(model);
        }
}

/* Populations with a T of their own, under every T of the run. */
static void own_steps(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (unsigned steps = 1; steps <= 16; steps++) {
            printf("own steps: shape %d, T = %u\n", shape, steps);
            struct model *model = model_of_shape(shape, 300u + steps, steps % 4 == 0, steps % 2);
            if (steps > 4) naive_calibrate(model, ids, TOKENS, 1.2);
            tiny_model_own_steps(model, 31 * steps + (unsigned)shape + 1);
            check(model, steps, 1 + steps % 3, steps % 2 ? all : mixed);
            tiny_model_free(model);
        }
}

/* A residual grid so fine that potentials are clamped at 2^52. */
static void clamped_residuals(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct model *model = model_of_shape(shape, 40u + (unsigned)shape, 0, SPIKE_CODE_RADIX);
        naive_calibrate(model, ids, TOKENS, 1.5);
        for (int32_t grid = -54; grid <= -48; grid += 3) {
            printf("clamped: shape %d, residual grid %d\n", shape, (int)grid);
            model->residual_grid = grid;
            check(model, 8, 2, mixed);
        }
        tiny_model_free(model);
    }
}

/* Grids so fine that integers need more than 32 bits. */
static void wide_weights(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct model *model = model_of_shape(shape, 60u + (unsigned)shape, 0, SPIKE_CODE_TERNARY);
        for (uint32_t m = 0; m < model->graph->matrices; m++) {
            if (!weight_is_float(model->matrix[m].type)) continue;
            model->matrix[m].grid -= 27;
            model->matrix[m].integer_max <<= 27;
            model->matrix[m].bound <<= 27;
        }
        printf("wide: shape %d\n", shape);
        check(model, 16, 2, all);
        tiny_model_free(model);
    }
}

/* Populations of several blocks: ffn and vocabulary, or the keys of four heads; work for the whole team. */
static void several_blocks(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct model_config config = tiny_config();
        if (threads % 2) {
            config.vocabulary = 1500;
            config.ffn = 3000;
        } else {
            config.heads = 4;
            config.positions = 900;
            config.position_rows = 902;
            config.hidden = config.embedding = 1040;
        }
        printf("blocks: %u threads\n", threads);
        struct model *model = tiny_model_mixed(&config, threads, 0, threads);
        check(model, 5, threads, whole);
        tiny_model_free(model);
    }
}

/* The trace's own counts, which follow from its header and records, are the engine's. */
static void assert_trace_counts(const struct model *model, uint32_t threads)
{
    struct lassim_options options = perturbed;
    struct trace_reader *reader;
    const struct trace_record *record;
    options.threads = threads;
    options.numa_off = 1;
    struct engine_run *run = engine_run_new(model, options, ids, all, 1);
    struct counters *counted = calloc(model->graph->populations, sizeof *counted);
    assert_int_equal(trace_reader_open(run->trace, &reader, NULL), LASSIM_OK);
    const struct trace_header_info *info = trace_reader_info(reader);
    assert_int_equal(info->perturbation.on, 1);
    assert_true(info->perturbation.rule.seed == perturbation->seed);
    while (trace_reader_next(reader, &record, NULL) == LASSIM_OK && record != NULL)
        trace_record_count(info, record, &counted[record->population]);
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        assert_int_equal(counted[p].spikes, run->population[p].spikes);
        assert_int_equal(counted[p].spikes_lost, run->population[p].spikes_lost);
        assert_int_equal(counted[p].synaptic_operations, run->population[p].synaptic_operations);
    }
    trace_reader_close(reader);
    free(counted);
    engine_run_free(run);
}

/* Every fifth neuron of every second population is stuck, silent and firing in turn. */
static uint8_t **stuck_some(const struct graph *graph, FILE *file)
{
    uint8_t **stuck = calloc(graph->populations, sizeof *stuck);
    fprintf(file, "population,neuron,state\n");
    for (uint32_t p = 2; p < graph->populations; p += 2) {
        stuck[p] = calloc(graph->population[p].neurons, 1);
        for (uint32_t n = p % 5; n < graph->population[p].neurons; n += 5) {
            stuck[p][n] = n % 2 ? STUCK_SILENT : STUCK_FIRING;
            fprintf(file, "%s,%u,%s\n", graph->population[p].name, n, n % 2 ? "silent" : "firing");
        }
    }
    return stuck;
}

static void check_perturbed(const struct model *model, struct perturbation *rule, unsigned steps, uint32_t threads)
{
    perturbation = rule;
    perturbed.drop_spikes = rule->drop;
    perturbed.threshold_noise = rule->noise;
    perturbed.seed = rule->seed;
    check(model, steps, threads, steps % 2 ? all : mixed);
    if (steps == 16) assert_trace_counts(model, threads);
    perturbation = NULL;
    perturbed = (struct lassim_options){0};
}

/* Lost spikes, noisy thresholds and stuck neurons, one at a time and together. */
static void perturbations(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (uint64_t seed = 0; seed < 6; seed++) {
            printf("perturbed: shape %d, seed %llu\n", shape, (unsigned long long)seed);
            struct model *model = model_of_shape(shape, seed, 0, seed % 2);
            char path[] = "/tmp/lassim-stuck-XXXXXX";
            FILE *file = fdopen(mkstemp(path), "w");
            uint8_t **stuck = stuck_some(model->graph, file);
            fclose(file);
            naive_calibrate(model, ids, TOKENS, 1.5);
            if (seed % 3 == 1) tiny_model_own_steps(model, seed + 1);
            struct perturbation rule = {.seed = seed << 30 | seed};
            if (seed != 2 && seed != 3) rule.drop = seed == 5 ? 1 : 0.05 * (double)(seed + 1);
            if (seed >= 2) rule.noise = 0.3 * (double)(seed - 1);
            if (seed >= 3) {
                rule.stuck = (const uint8_t *const *)stuck;
                perturbed.stuck_neurons = path;
            }
            check_perturbed(model, &rule, 16 - 3 * (unsigned)(seed / 2), 1 + (uint32_t)seed % 3);
            for (uint32_t p = 0; p < model->graph->populations; p++) free(stuck[p]);
            free(stuck);
            remove(path);
            tiny_model_free(model);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_T_raw),    cmocka_unit_test(every_T_calibrated), cmocka_unit_test(pieces_and_threads),
        cmocka_unit_test(own_steps),      cmocka_unit_test(clamped_residuals),  cmocka_unit_test(wide_weights),
        cmocka_unit_test(several_blocks), cmocka_unit_test(perturbations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
