/* The file of stuck neurons: what it sets, its hash, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/stuck_neurons.h"
#include "layers/perturb.h"
#include "test/helpers/tiny_model.h"

static struct model *model;

static enum lassim_status parse(const char *text, struct stuck_neurons *stuck, struct lassim_error *error)
{
    return stuck_neurons_parse("s.csv", text, strlen(text), model->graph, stuck, error);
}

static uint32_t population(const char *name)
{
    uint32_t p = 0;
    while (strcmp(model->graph->population[p].name, name) != 0) p++;
    return p;
}

static void states_by_name_and_number(void **state)
{
    (void)state;
    struct stuck_neurons stuck, again;
    struct lassim_error error;
    uint32_t q = population("layers.0.q");
    char text[200];
    assert_int_equal(parse("population,neuron,state\nlayers.0.q,3,silent\nlayers.0.fc,9,firing\n", &stuck, &error),
                     LASSIM_OK);
    assert_int_equal(stuck.count, 2);
    assert_int_equal(stuck.state[q][3], STUCK_SILENT);
    assert_int_equal(stuck.state[q][2], STUCK_NOT);
    assert_int_equal(stuck.state[population("layers.0.fc")][9], STUCK_FIRING);
    snprintf(text, sizeof text, "population,neuron,state\r\nlayers.0.fc,9,firing\r\n%u,3,silent", q);
    assert_int_equal(parse(text, &again, &error), LASSIM_OK);
    assert_true(again.hash == stuck.hash); /* the same neurons, whatever the order */
    stuck_neurons_free(&again);
    assert_int_equal(parse("population,neuron,state\nlayers.0.q,3,firing\nlayers.0.fc,9,firing\n", &again, &error),
                     LASSIM_OK);
    assert_true(again.hash != stuck.hash);
    stuck_neurons_free(&again);
    stuck_neurons_free(&stuck);
    assert_int_equal(parse("population,neuron,state\n", &stuck, &error), LASSIM_OK);
    assert_true(stuck.count == 0 && stuck.hash == 0);
    stuck_neurons_free(&stuck);
}

static void refusals(void **state)
{
    static const struct {
        const char *text, *place;
    } bad[] = {
        {"", "line 0: expected the header"},
        {"population,neuron\n", "line 1: expected the header"},
        {"population,neuron,state\nlayers.0.q,3\n", "line 2: expected population, neuron and state"},
        {"population,neuron,state\nnobody,3,silent\n", "line 2: population"},
        {"population,neuron,state\n4000000000,3,silent\n", "line 2: population"},
        {"population,neuron,state\ntok,3,silent\n", "line 2: population"},
        {"population,neuron,state\nlayers.0.q,8,silent\n", "line 2: neuron: expected a number below"},
        {"population,neuron,state\nlayers.0.q,-1,silent\n", "line 2: neuron"},
        {"population,neuron,state\nlayers.0.q,1,dead\n", "line 2: state"},
        {"population,neuron,state\nlayers.0.q,1,silent\n\nlayers.0.q,1,silent\n", "line 4: neuron: stands"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct stuck_neurons stuck;
        struct lassim_error error;
        assert_int_equal(parse(bad[i].text, &stuck, &error), LASSIM_ERR_FILE);
        if (strstr(error.text, bad[i].place) == NULL) fail_msg("%s: no '%s'", error.text, bad[i].place);
        stuck_neurons_free(&stuck);
    }
    struct stuck_neurons stuck;
    struct lassim_error error;
    assert_int_equal(stuck_neurons_read("/nonexistent/s.csv", model->graph, &stuck, &error), LASSIM_ERR_FILE);
    stuck_neurons_free(&stuck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(states_by_name_and_number), cmocka_unit_test(refusals)};
    struct model_config config = tiny_config();
    model = tiny_model_new(&config, 1, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_model_free(model);
    return failed;
}
