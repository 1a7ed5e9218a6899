/* A network small enough for paper: every code, every counter and the logits below were worked out by hand
 * from the rules of docs/design.md, step by step in the comments, not taken from the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/session.h"
#include "kernel/trace_reader.h"
#include "neurons/oat.h"
#include "test/helpers/engine_run.h"

/* ---- the network ------------------------------------------------------------------------------
 *
 * D = 2, F = 2, V = 4, one head (d_head = 2), one block, T = 4, 3 positions, position offset 1, epsilon = 1.
 * Pre-LN without final norm.  Residual grid 1/2.  All OAT populations: alpha_nor = 16 lsb.
 *
 *   lsb 1:    all but those below        lsb 1/2: v, norm2.ln, fc        lsb 1/4: ctx, att, norm2.xmu
 *   lsb 1/16: e (alpha_nor = 1)          j = 1: norm1.res, q, e; others 0
 *   channel shifts: norm1.ln (1, 0): channel 0 codes on 2; norm2.ln (0, 1): channel 1 on 1
 *
 * Tables: made-up values on the grid 2^-20.
 *   exp   lo 0, hi 8, no sub-intervals, input grid 1: row 0 is [0, 1): 1; row 8 is [128, 256): 5/4 + 2^-8,
 *         slope -1/16.  9 octave gates, 1 sub-interval gate.
 *   inv   lo 0, hi 2, input grid 1/16: row 0 [1, 2): 1, slope -1/2; row 1 [2, 4): 1/2 + 2^-7, slope -1/16
 *   rstd  lo 4, hi 8, 2 sub-intervals, input grid 1: row 0 [16, 24): 4; row 2 [32, 48): 1/2 + 5/256,
 *         slope -1/16; row 4 [64, 96): 1/4 + 1/256, slope -1/16 */

enum { D = 2, F = 2, V = 4, T = 4, TABLES = 3, ROWS_MAX = 9, FRACTION = 20 };

static const struct model_config paper_config = {.family = FAMILY_OPT,
                                                 .vocabulary = V,
                                                 .hidden = D,
                                                 .embedding = D,
                                                 .ffn = F,
                                                 .layers = 1,
                                                 .heads = 1,
                                                 .positions = 3,
                                                 .position_rows = 4,
                                                 .position_offset = 1,
                                                 .pre_norm = 1,
                                                 .bos = 1,
                                                 .eos = 1,
                                                 .pad = 1,
                                                 .norm_epsilon = 1};

/* Rows = sources. */
static const float zero[V * D] = {0};
static const float tok[V * D] = {9, 9, 16, 5, 9, 9, -4, 8};
static const float pos[4 * D] = {9, 9, 4, -1, -2, -2, 9, 9};
static const float q[D * D] = {1, 0, 0, 2};
static const float k[D * D] = {0, 1, 1, 0};
static const float v[D * D] = {0.5, 0, 1, 0};
static const float o[D * D] = {-8, 1, 1, 1};
static const float fc1[D * F] = {1, -1, 1, 1};
static const float fc2[F * D] = {1, 1, 2, 0};
static const float head[D * V] = {1, 0, -1, 0.5, 0, 1, 1, -2};
static const double q_bias[D] = {-4, 1}, o_bias[D] = {0, 0.25}, fc1_bias[F] = {-1, 0}, fc2_bias[D] = {0, -1};
static const double gamma1[D] = {4, 1}, beta1[D] = {1, -1};
static const int8_t shift1[D] = {1, 0}, shift2[D] = {0, 1};

/* Post-LN: the same, but silent everywhere where a weight or the norm does not say otherwise. */
static const float tok_post[V * D] = {9, 9, 4, 4, 9, 9, 9, 9};
static const double gamma_post[D] = {1, 1}, beta_post[D] = {6, 0};
static const int8_t no_shift[D] = {0, 0};

struct named {
    const char *name;
    const float *weights;
    const double *bias;
};
static const struct named matrices[] = {{"tok", tok, NULL},
                                        {"pos", pos, NULL},
                                        {"layers.0.q", q, q_bias},
                                        {"layers.0.k", k, NULL},
                                        {"layers.0.v", v, NULL},
                                        {"layers.0.o", o, o_bias},
                                        {"layers.0.fc1", fc1, fc1_bias},
                                        {"layers.0.fc2", fc2, fc2_bias},
                                        {"head", head, NULL}};
static const struct named post_matrices[] = {{"tok", tok_post, NULL}, {"head", head, NULL}};

static void fill_matrices(struct model *model, const struct named *named, size_t n)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        model->matrix[m] = (struct matrix){.type = WEIGHT_F32, .grid = -2, .weights = zero};
        for (size_t i = 0; i < n; i++) {
            if (strcmp(named[i].name, model->graph->matrix[m].name) != 0) continue;
            model->matrix[m].weights = named[i].weights;
            model->matrix[m].bias = named[i].bias;
        }
    }
}

/* log2 of a population's lsb, and its j. */
static void thresholds(const char *name, int post, int *lsb, uint32_t *j)
{
    static const struct {
        const char *name;
        int lsb;
        uint32_t j;
    } special[] = {{"layers.0.norm1.res", 0, 1}, {"layers.0.q", 0, 1},    {"layers.0.e", -4, 1},
                   {"layers.0.v", -1, 0},        {"layers.0.fc", -1, 0},  {"layers.0.norm2.ln", -1, 0},
                   {"layers.0.ctx", -2, 0},      {"layers.0.att", -2, 0}, {"layers.0.norm2.xmu", -2, 0}};
    *lsb = 0;
    *j = 0;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (strcmp(special[i].name, name) != 0 || (post && strcmp(name, "layers.0.e") != 0)) continue;
        *lsb = special[i].lsb;
        *j = special[i].j;
    }
}

static void fill_populations(struct model *model, int post)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population *population = &model->graph->population[p];
        struct population_params *params = &model->population[p];
        int lsb;
        thresholds(population->name, post, &lsb, &params->j);
        params->scale = 1;
        params->exponent = lsb + T;
        if (population->per_channel)
            params->shift = strstr(population->name, "norm1") ? shift1 : post ? no_shift : shift2;
        params->table = population->kind == POPULATION_EXP ? 0 : population->kind == POPULATION_INVERSE ? 1 : 2;
    }
}

static int64_t rows_of[TABLES][2][ROWS_MAX];

static void set_row(unsigned table, unsigned row, double base, double slope)
{
    rows_of[table][0][row] = (int64_t)(base * (1 << FRACTION));
    rows_of[table][1][row] = (int64_t)(slope * (1 << FRACTION));
}

static void fill_tables(struct hg_table *table)
{
    table[0] =
        (struct hg_table){.function = HG_EXP, .lo = 0, .hi = 8, .negative = 1, .underflow = 1, .silent_beyond = 1};
    table[1] = (struct hg_table){.function = HG_INV, .lo = 0, .hi = 2, .positive = 1, .input_grid = -4};
    table[2] = (struct hg_table){.function = HG_RSQRT, .lo = 4, .hi = 8, .positive = 1, .sub_bits = 1};
    set_row(0, 0, 1, 0);
    set_row(0, 8, 1.25 + 1.0 / 256, -1.0 / 16);
    set_row(1, 0, 1, -0.5);
    set_row(1, 1, 0.5 + 1.0 / 128, -1.0 / 16);
    set_row(2, 0, 4, 0);
    set_row(2, 2, 0.5 + 5.0 / 256, -1.0 / 16);
    set_row(2, 4, 0.25 + 1.0 / 256, -1.0 / 16);
    for (unsigned i = 0; i < TABLES; i++) {
        table[i].output_grid = -FRACTION;
        table[i].error_kind = hg_function_error_kind(table[i].function);
        table[i].base = rows_of[i][0];
        table[i].slope = rows_of[i][1];
        table[i].rows = hg_rows(&table[i]);
        assert_true(table[i].rows <= ROWS_MAX);
        if (hg_table_check(&table[i]) != NULL) fail_msg("%s", hg_table_check(&table[i]));
    }
}

/* Everything that a model points to, so that nothing is allocated but the graph. */
struct paper {
    struct model model;
    struct population_params population[32];
    struct matrix matrix[16];
    struct norm_params norm[2];
    struct hg_table table[TABLES];
    double calibrated_max[32];
};

static void paper_build(struct paper *paper, int post, enum spike_code code)
{
    const char *reason;
    struct model_config config = paper_config;
    memset(paper, 0, sizeof *paper);
    config.pre_norm = !post;
    struct model *model = &paper->model;
    model->graph = graph_build(&config, &reason);
    assert_non_null(model->graph);
    assert_true(model->graph->populations <= 32 && model->graph->matrices <= 16);
    model->timesteps = T;
    model->code = code;
    model->residual_grid = -1;
    model->population = paper->population;
    model->matrix = paper->matrix;
    model->norm = paper->norm;
    model->table = paper->table;
    model->tables = TABLES;
    model->calibrated_max = paper->calibrated_max;
    fill_tables(paper->table);
    fill_populations(model, post);
    if (post)
        fill_matrices(model, post_matrices, sizeof post_matrices / sizeof *post_matrices);
    else
        fill_matrices(model, matrices, sizeof matrices / sizeof *matrices);
    paper->norm[0] = post ? (struct norm_params){gamma_post, beta_post} : (struct norm_params){gamma1, beta1};
}

/* ---- running it ------------------------------------------------------------------------------- */

/* One population's window on paper.  codes: "neuron:code", o = outlier sub-neuron, g = octave gate.sub-interval. */
struct paper_row {
    const char *name, *codes;
    uint64_t windows, events, positive, negative, normal, outlier, gate, saturations, active, sop, products, updates,
        tests, macs;
};

static struct counters counters_of(const struct paper_row *row)
{
    return (struct counters){.windows = row->windows,
                             .events = row->events,
                             .spikes = row->positive + row->negative,
                             .spikes_positive = row->positive,
                             .spikes_negative = row->negative,
                             .spikes_normal = row->normal,
                             .spikes_outlier = row->outlier,
                             .spikes_gate = row->gate,
                             .saturations = row->saturations,
                             .active_neurons = row->active,
                             .synaptic_operations = row->sop,
                             .spike_product_operations = row->products,
                             .membrane_updates = row->updates,
                             .threshold_tests = row->tests,
                             .dense_macs = row->macs};
}

static void assert_counters(const char *name, const struct counters *got, const struct counters *want)
{
    const char *difference = counters_difference(got, want);
    if (difference == NULL) return;
    counters_print("counted ", got);
    counters_print("on paper", want);
    fail_msg("%s: other %s", name, difference);
}

static void codes_text(const struct trace_record *record, enum code_kind code, char *text)
{
    *text = '\0';
    for (uint32_t i = 0; i < record->count; i++) {
        const struct trace_active *a = &record->active[i];
        text += sprintf(text, i > 0 ? " %u:" : "%u:", a->neuron);
        if (code == CODE_HG) text += sprintf(text, "g%u.%u ", a->octave, a->sub);
        text += sprintf(text, "%s%s%u", a->code & OAT_OUTLIER ? "o" : "", a->code & OAT_NEGATIVE ? "-" : "",
                        a->code & OAT_MAGNITUDE);
    }
}

static const struct paper_row *row_named(const struct paper_row *rows, const char *name)
{
    for (; rows->name != NULL; rows++)
        if (strcmp(rows->name, name) == 0) return rows;
    return NULL;
}

/* Every record of the trace says what the paper says. */
static void assert_codes(const struct engine_run *run, const struct paper_row *const *tokens)
{
    struct trace_reader *reader;
    struct lassim_error error = {0};
    const struct trace_record *record;
    char text[256];
    uint64_t windows = 0;
    assert_int_equal(trace_reader_open(run->trace, &reader, &error), LASSIM_OK);
    for (;;) {
        assert_int_equal(trace_reader_next(reader, &record, &error), LASSIM_OK);
        if (record == NULL) break;
        const struct population *population = &run->model->graph->population[record->population];
        const struct paper_row *row = row_named(tokens[record->token], population->name);
        assert_non_null(row);
        codes_text(record, population->code, text);
        if (strcmp(text, row->codes) != 0)
            fail_msg("%s, token %u: %s, on paper %s", row->name, record->token, text, row->codes);
        assert_int_equal(record->window, record->token + population->level);
        windows++;
    }
    assert_true(trace_reader_complete(reader));
    assert_int_equal(windows, engine_run_totals(run).windows);
    trace_reader_close(reader);
}

/* Per population and per token. */
static void assert_counts(const struct engine_run *run, const struct paper_row *const *tokens)
{
    const struct graph *graph = run->model->graph;
    for (uint32_t p = 0; p < graph->populations; p++) {
        struct counters want = {0};
        for (uint32_t t = 0; t < run->tokens; t++) {
            const struct paper_row *row = row_named(tokens[t], graph->population[p].name);
            assert_non_null(row);
            struct counters counters = counters_of(row);
            counters_add(&want, &counters);
        }
        assert_counters(graph->population[p].name, &run->population[p], &want);
    }
    for (uint32_t t = 0; t < run->tokens; t++) {
        struct counters want = {0};
        for (const struct paper_row *row = tokens[t]; row->name != NULL; row++) {
            struct counters counters = counters_of(row);
            counters_add(&want, &counters);
        }
        assert_counters(t == 0 ? "token 0" : "token 1", &run->token[t], &want);
    }
}

static struct engine_run *run_paper(const struct model *model, uint32_t tokens, enum lassim_read read)
{
    static const uint32_t ids[] = {1, 3};
    const struct engine_piece pieces[] = {{tokens, read}, {0, 0}};
    struct lassim_options options = {.threads = 2, .numa_off = 1};
    return engine_run_new(model, options, ids, pieces, 1);
}

/* ---- pre-LN, on paper -------------------------------------------------------------------------
 *
 * Token 0 (id 1, row 1), logits not asked for.  A code's spikes in radix: its set bits, step 0 = 8.
 *   residual   (16, 5) + (4, -1) = (20, 4)
 *   norm1.res  20 > 15: outlier, 20 / 2 = 10 = 1010 on 2; 4 = 0100.  Values (20, 4).
 *   norm1.xmu  2 v_i - sum = +-16, times lsb / 2: +-8 = 1000
 *   norm1.rstd (64 + 64) / 2 + 1 = 65: octave [64, 128), row 4, (65 - 64) / 32 * 16 = 0.5 rounds to 1 = 0001.
 *              Value 1/4 + 1/256 - 1/16 * 1/16 = 1/4.  Octave gate 2.
 *   norm1.ln   +-8 / 4 = +-2; 2 * 4 + 1 = 9 on lsb 2: 4.5 rounds to 5 = 0101 (value 10); -2 - 1 = -3 = -0011
 *   q          10 - 4 = 6 = 0110; -3 * 2 + 1 = -5 = -0101
 *   k          -3 = -0011; 10 = 1010                  v   10 / 2 - 3 = 2 on 1/2: 4 = 0100; 0
 *   exp        one visible key, s - max = 0: row 0, code 0: gates only.  Value 1.
 *   e          1 on 1/16: 16 > 15: outlier 8 = 1000.  Sum 1.
 *   inv        1: row 0, code 0: gates only.  Value 1.  o = 0.
 *   ctx        16 * 4 / 32 = 2 on 1/4: 8 = 1000; 0   att  2 * 1 = 2 on 1/4: 8 = 1000; 0
 *   residual   o: (-16, 2 + 0.25); on the grid 1/2: 2.25 rounds to 2.5.  (20 - 16, 4 + 2.5) = (4, 6.5)
 *   norm2.res  4 = 0100; 6.5 rounds to 7 = 0111       norm2.xmu  (4 - 7) / 2 = -+1.5 on 1/4: -6, 6 = 0110
 *   norm2.rstd (36 + 36) / 16 / 2 + 1 = 3.25 below 16: saturates at row 0, code 0.  Value 4.
 *   norm2.ln   -+1.5 * 4 = (-6, 6): -6 on 1/2: -12 = -1100; 6 on 1: 6 = 0110
 *   fc         -6 + 6 - 1 = -1: silenced by ReLU; 6 + 6 = 12 on 1/2: 24 > 15, j = 0: the outlier sub-neuron
 *              saturates at 15 = 1111 (value 7.5)
 *   residual   fc2: (15, 0 - 1): (19, 5.5).  final.res: not asked, no window; the 2 bias elements count.
 *
 * Counts: SOP = spikes * fan_out (tok, pos 2; norm res 2; norm1.ln 3D = 6; exp, e 1; att, norm2.ln, fc 2;
 * final.res 4); products = (spikes + neurons' sub-interval gates) * partners (xmu, k, ctx 1; rstd D = 2;
 * q visible keys; e, inv d_head = 2); updates = SOP + products + resets (spikes of non-inputs) + biases
 * (q 2, norm2.res 2 of o, fc 2, final.res 2 of fc2); tests = 4 * neurons. */
/* clang-format off */
static const struct paper_row token0[] = {
    /*                                     win ev  +  -  n  o  g sat act sop prod upd tests macs */
    {"tok", "1:1",                           1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  2, 0,  0},
    {"pos", "1:1",                           1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  2, 0,  0},
    {"layers.0.norm1.res", "0:o10 1:4",      1, 3, 3, 0, 1, 2, 0, 0, 2,  6, 0,  9, 8,  0},
    {"layers.0.norm1.xmu", "0:8 1:-8",       1, 1, 1, 1, 2, 0, 0, 0, 2,  0, 2,  4, 8,  0},
    {"layers.0.norm1.rstd", "0:g2.0 1",      1, 2, 1, 0, 0, 0, 2, 0, 1,  0, 4,  5, 4,  0},
    {"layers.0.norm1.ln", "0:5 1:-3",        1, 3, 2, 2, 4, 0, 0, 0, 2, 24, 0, 28, 8, 12},
    {"layers.0.q", "0:6 1:-5",               1, 3, 2, 2, 4, 0, 0, 0, 2,  0, 4, 10, 8,  2},
    {"layers.0.k", "0:-3 1:10",              1, 3, 2, 2, 4, 0, 0, 0, 2,  0, 4,  8, 8,  0},
    {"layers.0.v", "0:4",                    1, 1, 1, 0, 1, 0, 0, 0, 1,  0, 0,  1, 8,  0},
    {"layers.0.exp", "0:g0.0 0",             1, 1, 0, 0, 0, 0, 2, 0, 0,  0, 0,  0, 4,  0},
    {"layers.0.e", "0:o8",                   1, 1, 1, 0, 0, 1, 0, 0, 1,  1, 2,  4, 4,  2},
    {"layers.0.inv", "0:g0.0 0",             1, 1, 0, 0, 0, 0, 2, 0, 0,  0, 2,  2, 4,  0},
    {"layers.0.ctx", "0:8",                  1, 1, 1, 0, 1, 0, 0, 0, 1,  0, 1,  2, 8,  0},
    {"layers.0.att", "0:8",                  1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  3, 8,  4},
    {"layers.0.norm2.res", "0:4 1:7",        1, 3, 4, 0, 4, 0, 0, 0, 2,  8, 0, 14, 8,  0},
    {"layers.0.norm2.xmu", "0:-6 1:6",       1, 2, 2, 2, 4, 0, 0, 0, 2,  0, 4,  8, 8,  0},
    {"layers.0.norm2.rstd", "0:g0.0 0",      1, 1, 0, 0, 0, 0, 2, 1, 0,  0, 2,  2, 4,  0},
    {"layers.0.norm2.ln", "0:-12 1:6",       1, 3, 2, 2, 4, 0, 0, 0, 2,  8, 0, 12, 8,  4},
    {"layers.0.fc", "1:o15",                 1, 4, 4, 0, 0, 4, 0, 1, 1,  8, 0, 14, 8,  4},
    {"final.res", "",                        0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  2, 0,  0},
    {0}};
/* clang-format on */

/* Token 1 (id 3, row 2), logits asked for; q meets an older key.
 *   residual   (-4, 8) + (-2, -2) = (-6, 6)
 *   norm1.res  -6 = -0110; 6 = 0110                   norm1.xmu  -12 / 2 = -+6: -0110, 0110
 *   norm1.rstd (36 + 36) / 2 + 1 = 37: octave [32, 64), row 2, 5 / 16 * 16 = 5 = 0101.  Octave gate 1.
 *              Value 1/2 + 5/256 - 1/16 * 5/16 = 1/2.
 *   norm1.ln   -+3; -3 * 4 + 1 = -11 on 2: -5.5 rounds to -6 = -0110 (value -12); 3 - 1 = 2 = 0010
 *   q          -12 - 4 = -16: outlier -8 = -1000; 2 * 2 + 1 = 5 = 0101
 *   k          2 = 0010; -12 = -1100                  v   -12 / 2 + 2 = -4 on 1/2: -8 = -1000; 0
 *   scores     key 0 (-3, 10): 48 + 50 = 98, the maximum; key 1 (2, -12): -32 - 60 = -92
 *   exp        key 0: 0, gates only, 1.  Key 1: -190 / sqrt(2) = -134.35 rounds to -134: [128, 256), row 8,
 *              6 / 128 * 16 = 0.75 rounds to 1 = 0001.  Value 5/4 + 2^-8 - 1/16 * 1/16 = 5/4.
 *   e          outlier 8; 5/4 on 1/16: 20 > 15: outlier 10 = 1010.  Sum 36 / 16 = 2.25, o = 1.
 *   inv        2.25: row 1, 0.25 / 2 * 16 = 2 = 0010.  Value 1/2 + 2^-7 - 1/16 * 2/16 = 1/2.
 *   ctx        (16 * 4 + 20 * -8) / 32 = -3; times 2^-o: -1.5 on 1/4: -6 = -0110; 0
 *   att        -1.5 * 1/2 * 2^o = -1.5 on 1/4: -6 = -0110; 0
 *   residual   o: (12, -1.5 + 0.25); -1.25 rounds to -1.5.  (6, 4.5)
 *   norm2.res  6 = 0110; 4.5 rounds to 5 = 0101       norm2.xmu  (6 - 5) / 2 = +-0.5 on 1/4: 2, -2 = 0010
 *   norm2.rstd 0.25 + 1 saturates.  Value 4.          norm2.ln   2 on 1/2: 4 = 0100; -2 on 1: -2 = -0010
 *   fc         2 - 2 - 1 = -1; -2 - 2 = -4: the whole population is silent
 *   residual   fc2: (0, -1): (6, 3.5)                 final.res  6 = 0110; 3.5 rounds to 4 = 0100
 *   logits     6 (1, 0, -1, 0.5) + 4 (0, 1, 1, -2) = (6, 4, -2, -5) */
/* clang-format off */
static const struct paper_row token1[] = {
    /*                                     win ev  +  -  n  o  g sat act sop prod upd tests macs */
    {"tok", "3:1",                           1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  2, 0,  0},
    {"pos", "2:1",                           1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  2, 0,  0},
    {"layers.0.norm1.res", "0:-6 1:6",       1, 2, 2, 2, 4, 0, 0, 0, 2,  8, 0, 12, 8,  0},
    {"layers.0.norm1.xmu", "0:-6 1:6",       1, 2, 2, 2, 4, 0, 0, 0, 2,  0, 4,  8, 8,  0},
    {"layers.0.norm1.rstd", "0:g1.0 5",      1, 3, 2, 0, 0, 0, 2, 0, 1,  0, 6,  8, 4,  0},
    {"layers.0.norm1.ln", "0:-6 1:2",        1, 2, 1, 2, 3, 0, 0, 0, 2, 18, 0, 21, 8, 12},
    {"layers.0.q", "0:o-8 1:5",              1, 3, 2, 1, 2, 1, 0, 0, 2,  0, 6, 11, 8,  4},
    {"layers.0.k", "0:2 1:-12",              1, 3, 1, 2, 3, 0, 0, 0, 2,  0, 3,  6, 8,  0},
    {"layers.0.v", "0:-8",                   1, 1, 0, 1, 1, 0, 0, 0, 1,  0, 0,  1, 8,  0},
    {"layers.0.exp", "0:g0.0 0 1:g8.0 1",    1, 2, 1, 0, 0, 0, 4, 0, 1,  1, 0,  2, 8,  0},
    {"layers.0.e", "0:o8 1:o10",             1, 2, 3, 0, 0, 3, 0, 0, 2,  3, 6, 12, 8,  4},
    {"layers.0.inv", "0:g1.0 2",             1, 2, 1, 0, 0, 0, 2, 0, 1,  0, 4,  5, 4,  0},
    {"layers.0.ctx", "0:-6",                 1, 2, 0, 2, 2, 0, 0, 0, 1,  0, 2,  4, 8,  0},
    {"layers.0.att", "0:-6",                 1, 2, 0, 2, 2, 0, 0, 0, 1,  4, 0,  6, 8,  4},
    {"layers.0.norm2.res", "0:6 1:5",        1, 3, 4, 0, 4, 0, 0, 0, 2,  8, 0, 14, 8,  0},
    {"layers.0.norm2.xmu", "0:2 1:-2",       1, 1, 1, 1, 2, 0, 0, 0, 2,  0, 2,  4, 8,  0},
    {"layers.0.norm2.rstd", "0:g0.0 0",      1, 1, 0, 0, 0, 0, 2, 1, 0,  0, 2,  2, 4,  0},
    {"layers.0.norm2.ln", "0:4 1:-2",        1, 2, 1, 1, 2, 0, 0, 0, 2,  4, 0,  6, 8,  4},
    {"layers.0.fc", "",                      1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  2, 8,  4},
    {"final.res", "0:6 1:4",                 1, 2, 3, 0, 3, 0, 0, 0, 2, 12, 0, 17, 8,  8},
    {0}};
/* clang-format on */

static const struct paper_row *const both_tokens[] = {token0, token1};

static void radix_network_equals_the_paper(void **state)
{
    static const float logits[V] = {6, 4, -2, -5};
    struct paper paper;
    (void)state;
    paper_build(&paper, 0, SPIKE_CODE_RADIX);
    struct engine_run *run = run_paper(&paper.model, 2, LASSIM_READ_LAST);
    assert_codes(run, both_tokens);
    assert_counts(run, both_tokens);
    assert_int_equal(run->read[0], 0);
    assert_int_equal(run->read[1], 1);
    assert_memory_equal(run->logits + V, logits, sizeof logits);
    /* Token 1 starts at window 1; final.res opens 15 windows later (1 + 14), the head closes one after it. */
    assert_int_equal(run->timesteps, (1 + 16) * T);
    engine_run_free(run);
    graph_free(paper.model.graph);
}

/* The same codes in ternary.  At step t a spike leaves iff 3|v| > 16, 8, 4, 2:
 *   1 = +1; 2 = +2; 3 = +4 -1; 4 = +4; 5 = +4 +1; 6 = +8 -2; 7 = +8 -1; 8 = +8; 10 = +8 +2; 12 = +8 +4;
 *   15 = +8 +4 +2 +1 (16 has no step). */
struct ternary_row {
    const char *name;
    uint64_t positive[2], negative[2]; /* by token */
};
static const struct ternary_row ternary[] = {
    {"tok", {1, 1}, {0, 0}},
    {"pos", {1, 1}, {0, 0}},
    {"layers.0.norm1.res", {3, 2}, {0, 2}},  /* 10, 4 | -6, 6 */
    {"layers.0.norm1.xmu", {1, 2}, {1, 2}},  /* 8, -8 | -6, 6 */
    {"layers.0.norm1.rstd", {1, 2}, {0, 0}}, /* 1 | 5 */
    {"layers.0.norm1.ln", {3, 2}, {1, 1}},   /* 5, -3 | -6, 2 */
    {"layers.0.q", {1, 2}, {3, 1}},          /* 6, -5 | -8, 5 */
    {"layers.0.k", {3, 1}, {1, 2}},          /* -3, 10 | 2, -12 */
    {"layers.0.v", {1, 0}, {0, 1}},          /* 4 | -8 */
    {"layers.0.exp", {0, 1}, {0, 0}},        /* 0 | 0, 1 */
    {"layers.0.e", {1, 3}, {0, 0}},          /* 8 | 8, 10 */
    {"layers.0.inv", {0, 1}, {0, 0}},        /* 0 | 2 */
    {"layers.0.ctx", {1, 1}, {0, 1}},        /* 8 | -6 */
    {"layers.0.att", {1, 1}, {0, 1}},        /* 8 | -6 */
    {"layers.0.norm2.res", {2, 3}, {1, 1}},  /* 4, 7 | 6, 5 */
    {"layers.0.norm2.xmu", {2, 1}, {2, 1}},  /* -6, 6 | 2, -2 */
    {"layers.0.norm2.rstd", {0, 0}, {0, 0}}, /* 0 | 0 */
    {"layers.0.norm2.ln", {1, 1}, {3, 1}},   /* -12, 6 | 4, -2 */
    {"layers.0.fc", {4, 0}, {0, 0}},         /* 15 | - */
    {"final.res", {0, 2}, {0, 1}},           /* - | 6, 4 */
};

static void ternary_network_equals_the_paper(void **state)
{
    static const float logits[V] = {6, 4, -2, -5};
    struct paper paper;
    uint64_t spikes[2] = {0, 0};
    (void)state;
    paper_build(&paper, 0, SPIKE_CODE_TERNARY);
    struct engine_run *run = run_paper(&paper.model, 2, LASSIM_READ_LAST);
    assert_codes(run, both_tokens);
    assert_int_equal(paper.model.graph->populations, sizeof ternary / sizeof *ternary);
    for (uint32_t p = 0; p < paper.model.graph->populations; p++) {
        const struct ternary_row *row = &ternary[p];
        const struct population *population = &paper.model.graph->population[p];
        assert_string_equal(row->name, population->name);
        uint64_t positive = row->positive[0] + row->positive[1], negative = row->negative[0] + row->negative[1];
        assert_int_equal(run->population[p].spikes_positive, positive);
        assert_int_equal(run->population[p].spikes_negative, negative);
        assert_int_equal(run->population[p].synaptic_operations, (positive + negative) * population->fan_out);
        for (unsigned t = 0; t < 2; t++) spikes[t] += row->positive[t] + row->negative[t];
    }
    for (unsigned t = 0; t < 2; t++) assert_int_equal(run->token[t].spikes, spikes[t]);
    assert_memory_equal(run->logits + V, logits, sizeof logits);
    engine_run_free(run);
    graph_free(paper.model.graph);
}

/* ---- post-LN, on paper ------------------------------------------------------------------------
 *
 * All weights 0 but tok (4, 4) and the head, no bias, lsb 1, j = 0 (e as before); norm1: gamma (1, 1),
 * beta (6, 0), shifts (1, 0).
 *   layers.0.res (4, 4) = 0100 each, straight into q, k, v (fan-out 3D = 6); q, k, v silent
 *   exp, e, inv  as for token 0 above                 ctx, att silent
 *   norm1.res    (4, 4); xmu 0, silent; rstd 0 + 1: saturates, gates only
 *   norm1.ln     0 * 4 + beta = (6, 0): 6 on 2: 3 = 0011; fan-out F + 1: the train is the residual's new value
 *   fc           silent
 *   norm2.res    the residual was emptied: (6, 0), not (10, 4): 6 = 0110
 *   norm2.xmu    6 / 2 = +-3: 0011; rstd (9 + 9) / 2 + 1 = 10: saturates, 4
 *   norm2.ln     +-3 * 4: 12, -12 = 1100, head side (fan-out V = 4)
 *   logits       12 (1, 0, -1, 0.5) - 12 (0, 1, 1, -2) = (12, -12, -24, 30) */
/* clang-format off */
static const struct paper_row post[] = {
    /*                                     win ev  +  -  n  o  g sat act sop prod upd tests macs */
    {"tok", "1:1",                           1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  2, 0,  0},
    {"pos", "1:1",                           1, 1, 1, 0, 1, 0, 0, 0, 1,  2, 0,  2, 0,  0},
    {"layers.0.res", "0:4 1:4",              1, 1, 2, 0, 2, 0, 0, 0, 2, 12, 0, 14, 8, 12},
    {"layers.0.q", "",                       1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  2},
    {"layers.0.k", "",                       1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  0},
    {"layers.0.v", "",                       1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  0},
    {"layers.0.exp", "0:g0.0 0",             1, 1, 0, 0, 0, 0, 2, 0, 0,  0, 0,  0, 4,  0},
    {"layers.0.e", "0:o8",                   1, 1, 1, 0, 0, 1, 0, 0, 1,  1, 2,  4, 4,  2},
    {"layers.0.inv", "0:g0.0 0",             1, 1, 0, 0, 0, 0, 2, 0, 0,  0, 2,  2, 4,  0},
    {"layers.0.ctx", "",                     1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  0},
    {"layers.0.att", "",                     1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  4},
    {"layers.0.norm1.res", "0:4 1:4",        1, 1, 2, 0, 2, 0, 0, 0, 2,  4, 0,  6, 8,  0},
    {"layers.0.norm1.xmu", "",               1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  0},
    {"layers.0.norm1.rstd", "0:g0.0 0",      1, 1, 0, 0, 0, 0, 2, 1, 0,  0, 2,  2, 4,  0},
    {"layers.0.norm1.ln", "0:3",             1, 2, 2, 0, 2, 0, 0, 0, 1,  6, 0,  8, 8,  4},
    {"layers.0.fc", "",                      1, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 8,  4},
    {"layers.0.norm2.res", "0:6",            1, 2, 2, 0, 2, 0, 0, 0, 1,  4, 0,  6, 8,  0},
    {"layers.0.norm2.xmu", "0:3 1:-3",       1, 2, 2, 2, 4, 0, 0, 0, 2,  0, 4,  8, 8,  0},
    {"layers.0.norm2.rstd", "0:g0.0 0",      1, 1, 0, 0, 0, 0, 2, 1, 0,  0, 2,  2, 4,  0},
    {"layers.0.norm2.ln", "0:12 1:-12",      1, 2, 2, 2, 4, 0, 0, 0, 2, 16, 0, 20, 8,  8},
    {0}};
/* clang-format on */

static void post_norm_network_equals_the_paper(void **state)
{
    static const float logits[V] = {12, -12, -24, 30};
    const struct paper_row *const tokens[] = {post};
    struct paper paper;
    (void)state;
    paper_build(&paper, 1, SPIKE_CODE_RADIX);
    struct engine_run *run = run_paper(&paper.model, 1, LASSIM_READ_LAST);
    assert_codes(run, tokens);
    assert_counts(run, tokens);
    assert_memory_equal(run->logits, logits, sizeof logits);
    assert_int_equal(run->timesteps, 16 * T);
    engine_run_free(run);
    graph_free(paper.model.graph);
}

/* Not asked: the last norm, here the head side, counts nothing; all before it counts the same. */
static void head_side_counts_nothing_unasked(void **state)
{
    struct paper paper;
    (void)state;
    paper_build(&paper, 1, SPIKE_CODE_RADIX);
    struct engine_run *run = run_paper(&paper.model, 1, LASSIM_READ_NONE);
    for (uint32_t p = 0; p < paper.model.graph->populations; p++) {
        const char *name = paper.model.graph->population[p].name;
        struct counters want = counters_of(row_named(post, name));
        if (strstr(name, "norm2") != NULL) want = (struct counters){0};
        assert_counters(name, &run->population[p], &want);
    }
    assert_int_equal(run->read[0], 0);
    engine_run_free(run);
    graph_free(paper.model.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(radix_network_equals_the_paper),
        cmocka_unit_test(ternary_network_equals_the_paper),
        cmocka_unit_test(post_norm_network_equals_the_paper),
        cmocka_unit_test(head_side_counts_nothing_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
