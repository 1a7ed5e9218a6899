/* NeuroBench's metrics of a network of integrate-and-fire neurons, by hand: the weights of NeuroBench's own
 * documentation, whose inputs 2 and 3 make 4 effective operations of 9, and a list with delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/if_files.h"
#include "kernel/program/neurobench.h"

static const char network_text[] =
    "{\"format\": \"lassim.network.1\", \"inputs\": [{\"name\": \"in\", \"size\": 3}], \"populations\": ["
    "{\"name\": \"mid\", \"size\": 3, \"model\": \"if\", \"threshold\": 2, \"reset\": \"zero\"}, "
    "{\"name\": \"out\", \"size\": 2, \"model\": \"if\", \"threshold\": 100}], \"projections\": ["
    "{\"source\": \"in\", \"target\": \"mid\", \"weights\": [[1.3, 0, -1.1], [0, 1.2, 2.7], [-3.2, -5.1, 0]]}, "
    "{\"source\": \"mid\", \"target\": \"out\", \"synapses\": [[2, 0, 1, 2], [2, 1, 0, 2]]}]}";

static void run_network(const char *path, const char *trace, uint64_t timesteps)
{
    lassim_network *network;
    struct lassim_error error;
    const struct lassim_network_options options = {.threads = 1, .numa_off = 1, .trace = trace};
    static const uint64_t time[] = {0, 0, 3};
    static const uint32_t neuron[] = {1, 2, 0};
    assert_int_equal(lassim_network_open(path, &network, &error), LASSIM_OK);
    assert_int_equal(lassim_network_start(network, &options, &error), LASSIM_OK);
    assert_int_equal(lassim_network_feed(network, 0, time, neuron, 3, &error), LASSIM_OK);
    assert_int_equal(lassim_network_run(network, timesteps, &error), LASSIM_OK);
    assert_int_equal(lassim_network_finish(network, &error), LASSIM_OK);
    lassim_network_close(network);
}

/* t = 1: -3.2, -3.9, 2.7: neuron 2 spikes and is 0 again; t = 4 (if simulated): 1.3 and -1.1 arrive at 0 and 2.  The
 * spike of t = 1 arrives at t = 3 at out, through the one synapse that is not 0. */
static void by_hand(void **state)
{
    static const struct {
        uint64_t timesteps, acs, updates;
    } want[] = {
        {2, 4, 5 + 2},                 /* the spike of mid would arrive at 3 */
        {4, 4 + 1, 5 + 2 + 1},         /* it does: out 0 changes */
        {5, 4 + 1 + 2, 5 + 2 + 1 + 2}, /* input 0's spike meets two weights */
    };
    (void)state;
    char path[] = "/tmp/neurobench-net-XXXXXX", trace[] = "/tmp/neurobench-trace-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(network_text, file);
    fclose(file);
    close(mkstemp(trace));
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct if_network *network = if_network_new();
        struct neurobench bench;
        struct trace_reader *reader;
        struct lassim_error error;
        run_network(path, trace, want[i].timesteps);
        assert_int_equal(if_json_read(path, network, &error), LASSIM_OK);
        assert_int_equal(trace_reader_open(trace, &reader, &error), LASSIM_OK);
        if (neurobench_of_network(reader, network, &bench, &error) != LASSIM_OK) fail_msg("%s", error.text);
        assert_int_equal(bench.effective_acs, want[i].acs);
        assert_int_equal(bench.effective_macs, 0);
        assert_int_equal(bench.dense, want[i].timesteps * (9 + 6));
        assert_int_equal(bench.membrane_updates, want[i].updates);
        assert_int_equal(bench.weights, 15);
        assert_int_equal(bench.zeros, 3 + 5);
        assert_int_equal(bench.layer[0].activations, 0);
        assert_int_equal(bench.layer[1].activations, 3 * want[i].timesteps);
        assert_int_equal(bench.layer[1].nonzero, 1);
        neurobench_free(&bench);
        trace_reader_close(reader);
        if_network_free(network);
    }
    remove(path);
    remove(trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
