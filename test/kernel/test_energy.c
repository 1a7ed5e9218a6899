/* Energy models: formulas of docs/energy.md with figures worked out by hand, buffers' costs, break-even, verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/energy.h"

static int close_to(double a, double b)
{
    double difference = a > b ? a - b : b - a;
    return difference <= 1e-12 * (b > 0 ? b : 1);
}

static const struct energy_model *named(const char *name)
{
    for (unsigned i = 0; i < energy_models(); i++)
        if (strcmp(energy_model(i)->name, name) == 0) return energy_model(i);
    fail_msg("no model %s", name);
    return NULL;
}

static const struct energy_work works[2] = {
    {.adds = 700,
     .multiplies = 20,
     .events = 300,
     .macs = 400,
     .spiking_count = 2,
     .dense_count = 1,
     .spiking = {{1000, 4096}, {10, 2000000}},
     .dense = {{50, 32768}}},
    {.adds = 500, .multiplies = 10, .events = 100, .macs = 100, .spiking_count = 1, .spiking = {{8, 20480}}},
};

/* 1200 additions at 0.9 pJ, 30 multiplications at 3.7 pJ: 1080 + 111; 500 multiply-accumulates at 4.6, 1.5, 0.23 pJ. */
static void compute_by_hand(void **state)
{
    (void)state;
    const struct energy_model *model = energy_model(0);
    assert_string_equal(model->name, "horowitz45_fp32");
    assert_int_equal(model->width, ENERGY_FP32);
    assert_true(close_to(1e12 * energy_spiking(model, works, 2), 1191));
    assert_true(close_to(1e12 * energy_dense(model, works, 2, ENERGY_FP32), 2300));
    assert_true(close_to(1e12 * energy_dense(model, works, 2, ENERGY_FP16), 750));
    assert_true(close_to(1e12 * energy_dense(model, works, 2, ENERGY_INT8), 115));
    assert_true(close_to(1e12 * energy_spiking(named("horowitz45_int8"), works, 2), 1200 * 0.03 + 30 * 0.2));
    assert_true(energy_spiking(model, works, 0) == 0);
}

static void events_by_hand(void **state)
{
    static const struct {
        const char *name;
        double pj;
    } chip[] = {{"loihi", 23.6}, {"truenorth", 2.5}, {"truenorth_2014", 26}, {"spinnaker2", 10}};
    (void)state;
    for (size_t i = 0; i < sizeof chip / sizeof chip[0]; i++) {
        assert_true(close_to(1e12 * energy_spiking(named(chip[i].name), works, 2), 400 * chip[i].pj));
        assert_true(close_to(1e12 * energy_dense(named(chip[i].name), works, 2, ENERGY_INT8), 115));
    }
}

static void buffers_cost_by_size(void **state)
{
    (void)state;
    const struct energy_model *sram = named("lemaire45_sram"), *dram = named("lemaire45_dram");
    static const struct {
        uint64_t bytes;
        double sram, dram;
    } at[] = {{0, 0, 0},        {4096, 1.25, 1.25}, {8192, 2.5, 2.5},   {20480, 3.75, 3.75},  {32768, 5, 5},
              {540672, 15, 15}, {1048576, 25, 25},  {1048577, 25, 160}, {1ull << 40, 25, 160}};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        assert_true(close_to(1e12 * energy_byte(sram, at[i].bytes), at[i].sram));
        assert_true(close_to(1e12 * energy_byte(dram, at[i].bytes), at[i].dram));
    }
}

/* Spiking: 1200 + 400 additions (addressing) at 0.1, 30 multiplications at 3.1, 1000 bytes at 1.25, 10 at 25 or 160, 8 at
 * 3.75 pJ.  Dense, 4 bytes an element: 200 bytes of a buffer of 131,072. */
static void memory_by_hand(void **state)
{
    (void)state;
    const struct energy_model *sram = named("lemaire45_sram"), *dram = named("lemaire45_dram");
    double shared = 160 + 93 + 1250 + 30, word = 5 + 20 * (131072.0 - 32768) / (1048576 - 32768);
    assert_true(close_to(1e12 * energy_spiking(sram, works, 2), shared + 250));
    assert_true(close_to(1e12 * energy_spiking(dram, works, 2), shared + 1600));
    assert_true(close_to(1e12 * energy_dense(sram, works, 2, ENERGY_FP32), 2300 + 200 * word));
    assert_true(close_to(1e12 * energy_dense(sram, works, 2, ENERGY_INT8), 115 + 50 * 5));
}

static void break_even_is_where_both_cost_the_same(void **state)
{
    (void)state;
    assert_true(close_to(energy_break_even(4, 10, 2, 6), 2)); /* idle 2, a spike per neuron 2: 6 at two of them */
    assert_true(close_to(energy_break_even(4, 10, 2, 10), 4));
    assert_true(energy_break_even(4, 10, 2, 1) == 0);
    assert_true(energy_break_even(4, 10, 2, 0) == -1);  /* no dense work */
    assert_true(energy_break_even(0, 2, 2, 6) == -1);   /* no spikes */
    assert_true(energy_break_even(-1, 10, 2, 6) == -1); /* no neurons */
}

static void verdicts(void **state)
{
    (void)state;
    assert_int_equal(energy_thresholds(), 3);
    const struct energy_threshold *range = energy_threshold(0), *rate = energy_threshold(2);
    assert_string_equal(energy_verdict(range, 0.1), "spiking");
    assert_string_equal(energy_verdict(range, 0.5), "depends");
    assert_string_equal(energy_verdict(range, 1.4), "dense");
    assert_string_equal(energy_verdict(rate, 0.0639), "spiking");
    assert_string_equal(energy_verdict(rate, 0.0641), "dense");
    assert_string_equal(energy_quantity_name(rate->quantity), "spike_rate");
}

static void a_list_is_the_built_in_models_and_more(void **state)
{
    (void)state;
    struct energy_model mine[] = {*energy_model(0)};
    const struct energy_list none = {NULL, 0}, list = {mine, 1};
    snprintf(mine[0].name, sizeof mine[0].name, "mine");
    assert_int_equal(energy_list_models(&none), energy_models());
    assert_int_equal(energy_list_models(&list), energy_models() + 1);
    assert_ptr_equal(energy_list_model(&list, energy_models()), mine);
    assert_ptr_equal(energy_list_find(&list, "mine"), mine);
    assert_ptr_equal(energy_list_find(&list, "loihi"), named("loihi"));
    assert_null(energy_list_find(&none, "mine"));
}

/* Whatever a figure follows from changes the hash; the source does not. */
static void hashes_tell_figures_apart(void **state)
{
    (void)state;
    struct energy_model model = *named("lemaire45_dram");
    const struct energy_list none = {NULL, 0}, list = {&model, 1};
    uint64_t hash = energy_model_hash(&model);
    assert_true(energy_list_hash(&none) != energy_list_hash(&list));
    model.source[0] ^= 1;
    assert_true(energy_model_hash(&model) == hash);
    double *const figures[] = {
        &model.add,    &model.multiply, &model.event,      &model.mac[0],         &model.mac[1],
        &model.mac[2], &model.dram,     &model.dram_above, &model.point[1].bytes, &model.point[1].joules};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        double was = *figures[i];
        *figures[i] += 1;
        if (energy_model_hash(&model) == hash) fail_msg("figure %zu is not in the hash", i);
        *figures[i] = was;
    }
    model.points--;
    assert_true(energy_model_hash(&model) != hash);
    model.points++;
    model.name[0] ^= 1;
    assert_true(energy_model_hash(&model) != hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compute_by_hand),
        cmocka_unit_test(events_by_hand),
        cmocka_unit_test(buffers_cost_by_size),
        cmocka_unit_test(memory_by_hand),
        cmocka_unit_test(break_even_is_where_both_cost_the_same),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(a_list_is_the_built_in_models_and_more),
        cmocka_unit_test(hashes_tell_figures_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
