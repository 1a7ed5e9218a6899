/* Network and spike files: what good ones say, and that bad ones are refused in one line that names the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/if_files.h"
#include "kernel/npy_array.h"
#include "test/helpers/trace_samples.h"

#define HEAD "{\"format\": \"lassim.network.1\", "
#define IN "\"inputs\": [{\"name\": \"in\", \"size\": 2}], "
#define OUT "{\"name\": \"out\", \"size\": 2, \"model\": \"if\", \"threshold\": 1}"
#define NET HEAD IN "\"populations\": [" OUT "], \"projections\": ["

static struct if_network *parsed(const char *text)
{
    struct lassim_error error = {LASSIM_OK, ""};
    struct if_network *network = if_network_new();
    if (if_json_parse("net.json", text, strlen(text), 0, network, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return network;
}

static void a_good_network(void **state)
{
    (void)state;
    struct if_network *network = parsed(
        HEAD "\"timesteps\": 7, " IN "\"populations\": [" OUT ", {\"name\": \"b\", \"size\": 3, \"model\": \"lif\","
             "\"threshold\": 2.5, \"tau\": 20, \"dt\": 0.1, \"reset\": \"subtract\", \"refractory\": 4,"
             "\"initial\": -1}], \"projections\": ["
             "{\"source\": \"in\", \"target\": \"out\", \"delay\": 3, \"weights\": [[1, 0.5], [-2, 0]]},"
             "{\"source\": \"out\", \"target\": \"b\", \"synapses\": [[1, 2, 0.25, 9], [0, 0, 1]]}]}");
    assert_int_equal(network->timesteps, 7);
    assert_int_equal(network->populations, 3);
    assert_int_equal(network->routes, 3);
    assert_int_equal(network->population[0].neuron, LASSIM_NEURON_INPUT);
    const struct if_population *b = &network->population[2];
    assert_true(b->neuron == LASSIM_NEURON_LIF && b->params.threshold == 2.5 && b->initial == -1);
    assert_true(b->params.leak == lif_leak(20, 0.1) && b->params.subtract == 1 && b->params.refractory == 4);
    const struct if_route *dense = &network->route[0];
    assert_true(dense->dense && dense->delay == 3 && dense->step == 0.5);
    assert_int_equal(row_matrix_get(&dense->rows, 1, 0), -4);
    assert_true(!network->route[1].dense && network->route[1].delay == 1 && network->route[1].list.weight[0] == 1);
    assert_int_equal(network->route[2].delay, 9);
    assert_int_equal(if_route_fan_out(&network->route[2], 1), 1);
    assert_int_equal(if_route_fan_out(&network->route[2], 0), 0);
    if_network_free(network);
}

/* The hash is that of the content: dense or as a list, but not of another weight, delay or name. */
static void the_hash_follows_the_content(void **state)
{
    (void)state;
    static const char *const texts[] = {
        NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1, 2], [3, 0]]}]}",
        NET "{\"source\": \"in\", \"target\": \"out\", \"synapses\": [[1,1,0], [0,1,2], [1,0,3], [0,0,1.0]]}]}",
        NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1, 2], [3, 1]]}]}",
        NET "{\"source\": \"in\", \"target\": \"out\", \"synapses\": [[0,1,2], [1,0,3], [0,0,1]]}]}",
        NET "{\"source\": \"in\", \"target\": \"out\", \"delay\": 2, \"weights\": [[1, 2], [3, 0]]}]}",
        NET "{\"source\": \"out\", \"target\": \"out\", \"weights\": [[1, 2], [3, 0]]}]}",
        HEAD "\"inputs\": [{\"name\": \"In\", \"size\": 2}], \"populations\": [" OUT "], \"projections\": ["
             "{\"source\": \"In\", \"target\": \"out\", \"weights\": [[1, 2], [3, 0]]}]}",
    };
    uint64_t hash[7];
    for (size_t i = 0; i < 7; i++) {
        struct if_network *network = parsed(texts[i]);
        hash[i] = if_network_hash(network);
        if_network_free(network);
        for (size_t j = 0; j < i; j++) assert_int_equal(hash[i] == hash[j], i == 1 && j == 0);
    }
}

/* A matrix of few targets is kept as a list; nothing shows it. */
static void narrow_matrices(void **state)
{
    (void)state;
    enum { SOURCES = 5000, TARGETS = 3 };
    struct lassim_error error;
    const struct lassim_population in = {.name = "in", .size = SOURCES};
    const struct lassim_population out = {.name = "out", .size = TARGETS, .neuron = LASSIM_NEURON_IF, .threshold = 1};
    struct if_network *network[2];
    double *weights = malloc(SOURCES * TARGETS * sizeof *weights);
    struct lassim_synapse *synapses = malloc(SOURCES * TARGETS * sizeof *synapses);
    assert_true(weights != NULL && synapses != NULL);
    for (uint32_t i = 0; i < SOURCES * TARGETS; i++) {
        weights[i] = (double)(i % 31) - 7;
        synapses[i] = (struct lassim_synapse){i / TARGETS, i % TARGETS, 2, weights[i]};
    }
    for (int n = 0; n < 2; n++) {
        network[n] = if_network_new();
        assert_int_equal(if_network_add(network[n], &in, NULL, &error), LASSIM_OK);
        assert_int_equal(if_network_add(network[n], &out, NULL, &error), LASSIM_OK);
    }
    assert_int_equal(if_network_connect_dense(network[0], 0, 1, 2, weights, &error), LASSIM_OK);
    assert_int_equal(if_network_connect_list(network[1], 0, 1, synapses, SOURCES * TARGETS, &error), LASSIM_OK);
    assert_int_equal(network[0]->route[0].dense, 0);
    assert_int_equal(if_network_hash(network[0]), if_network_hash(network[1]));
    for (uint32_t s = 0; s < SOURCES; s += 777) assert_int_equal(if_route_fan_out(&network[0]->route[0], s), TARGETS);
    for (int n = 0; n < 2; n++) if_network_free(network[n]);
    free(weights);
    free(synapses);
}

static void bad_networks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"", "not valid JSON"},
        {"[]", "network: expected an object"},
        {"{}", "format"},
        {"{\"format\": 3}", "format: expected a string"},
        {"{\"format\": \"lassim.network.2\"}", "format: expected \"lassim.network.1\""},
        {HEAD "\"populations\": []} x", "not valid JSON"},
        {HEAD "\"populations\": [], \"populations\": []}", "not valid JSON"},
        {HEAD "\"inputs\": []}", "populations: expected an array, found nothing"},
        {HEAD "\"populations\": [], \"more\": 1}", "more: expected no such key"},
        {HEAD "\"timesteps\": -1, \"populations\": []}", "timesteps: expected an integer"},
        {HEAD "\"timesteps\": 1.5, \"populations\": []}", "timesteps: expected an integer"},
        {HEAD "\"populations\": [1]}", "populations[0]: expected an object"},
        {HEAD "\"populations\": [" OUT ", " OUT "]}", "populations[1]: population: name: there is a population"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 0, \"model\": \"if\", \"threshold\": 1}]}", "size"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 99999999, \"model\": \"if\", \"threshold\": 1}]}", "size"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"x\", \"threshold\": 1}]}", "model"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"if\"}]}", "threshold"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"if\", \"threshold\": -1}]}", "threshold"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"if\", \"threshold\": 1, \"leak\": 1}]}",
         "leak: expected none"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"lif\", \"threshold\": 1}]}",
         "leak: expected either"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"lif\", \"threshold\": 1, \"leak\": 2}]}",
         "leak: expected 0 to 1"},
        {HEAD "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"lif\", \"threshold\": 1, \"tau\": 0, "
              "\"dt\": 1}]}",
         "tau: expected above 0"},
        {HEAD
         "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"lif\", \"threshold\": 1, \"tau\": 1, \"dt\": "
         "-1}]}",
         "dt: expected 0"},
        {HEAD
         "\"populations\": [{\"name\": \"a\", \"size\": 1, \"model\": \"if\", \"threshold\": 1, \"reset\": \"no\"}]}",
         "reset: expected"},
        {HEAD "\"inputs\": [{\"name\": \"a\", \"size\": 1, \"threshold\": 1}], \"populations\": []}",
         "inputs[0]: threshold: expected no such key"},
        {NET "{\"source\": \"no\", \"target\": \"out\", \"weights\": []}]}", "projections[0]: source"},
        {NET "{\"source\": \"in\", \"target\": \"in\", \"weights\": [[1,1],[1,1]]}]}",
         "expected a target that is no input"},
        {NET "{\"source\": \"in\", \"target\": \"out\"}]}", "expected either weights or synapses"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1,1],[1,1]], \"synapses\": []}]}",
         "expected either weights or synapses"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"delay\": 0, \"weights\": [[1,1],[1,1]]}]}",
         "delay: expected 1"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"delay\": 65536, \"weights\": [[1,1],[1,1]]}]}", "delay"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1,1]]}]}", "expected 2 rows"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1,1],[1]]}]}", "row 1: expected 2 numbers"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1,1],[1,null]]}]}", "row 1, column 1"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": [[1,1],[1,1e300]]}]}", "outside 2^-800"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": \"a.npy\"}]}", "expected no other file"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"weights\": 3}]}", "expected rows of numbers"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"synapses\": [[0, 0]]}]}", "row 0"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"synapses\": [[0, 0, 1], [0, 2, 1]]}]}", "synapse 1"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"synapses\": [[-1, 0, 1]]}]}", "row 0"},
        {NET "{\"source\": \"in\", \"target\": \"out\", \"synapses\": [[0, 0, 1, 0]]}]}", "synapse 0: delay"},
        {NET "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]}", "levels of nesting"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lassim_error error = {LASSIM_OK, ""};
        struct if_network *network = if_network_new();
        size_t size = strlen(cases[i].text);
        assert_int_equal(if_json_parse("net.json", cases[i].text, size, 0, network, &error), LASSIM_ERR_FILE);
        assert_int_equal(error.status, LASSIM_ERR_FILE);
        if (strncmp(error.text, "net.json: ", 10) != 0 || strstr(error.text, cases[i].place) == NULL)
            fail_msg("%s\n  instead of ... %s", error.text, cases[i].place);
        if_network_free(network);
    }
}

static void csv_spikes(void **state)
{
    (void)state;
    struct if_network *network =
        parsed(HEAD "\"inputs\": [{\"name\": \"in\", \"size\": 2}, {\"name\": \"also\", \"size\": 9}],"
                    "\"populations\": [" OUT "]}");
    static const struct {
        const char *text;
        uint64_t count;
        struct if_spike last;
        const char *place; /* of the error */
    } cases[] = {
        {"time,neuron\n", 0, {0, 0, 0}, NULL},
        {"time,neuron\n5,1\n4,1", 2, {4, 0, 1}, NULL},
        {"time,neuron,population\r\n7,8,also\r\n\r\n7,1,0\r\n", 2, {7, 0, 1}, NULL},
        {"time,population,token,neuron,sign,kind\n9,1,0,3,1,0\n", 1, {9, 1, 3}, NULL},
        {"", 0, {0, 0, 0}, "expected a header"},
        {"time\n1\n", 0, {0, 0, 0}, "line 1: expected a header"},
        {"time,neuron\n1,0\n1\n", 0, {0, 0, 0}, "line 3: expected as many cells"},
        {"time,neuron\n1,x\n", 0, {0, 0, 0}, "line 2: neuron: expected a number"},
        {"time,neuron\n-1,1\n", 0, {0, 0, 0}, "line 2: time: expected a number"},
        {"time,neuron\n99999999999999999999,1\n", 0, {0, 0, 0}, "line 2: time: expected a number"},
        {"time,neuron\n1099511627776,1\n", 0, {0, 0, 0}, "line 2: time: expected 3 to 2^40"},
        {"time,neuron\n3,1\n2,1\n", 0, {0, 0, 0}, "line 3: time: expected 3"},
        {"time,neuron\n3,1\n\n3,2\n", 0, {0, 0, 0}, "line 4: neuron: expected below 2, found 2"},
        {"time,neuron\n3,1\n4,1\n3,1\n", 0, {0, 0, 0}, "line 4: expected each spike once, line 2 is the same"},
        {"time,neuron,population\n3,1,out\n", 0, {0, 0, 0}, "line 2: population: expected an input"},
        {"time,neuron,population\n3,1,what\n", 0, {0, 0, 0}, "line 2: population: expected one"},
        {"time,neuron,population\n3,1,3\n", 0, {0, 0, 0}, "line 2: population: expected one"},
        {"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,time,neuron\n", 0, {0, 0, 0}, "at most 16 columns"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lassim_error error = {LASSIM_OK, ""};
        struct if_spike *spikes;
        uint64_t count;
        enum lassim_status status =
            if_csv_spikes("s.csv", cases[i].text, strlen(cases[i].text), network, 3, &spikes, &count, &error);
        if (cases[i].place != NULL) {
            assert_int_equal(status, LASSIM_ERR_FILE);
            if (strstr(error.text, cases[i].place) == NULL) fail_msg("%s\n  not %s", error.text, cases[i].place);
            assert_null(spikes);
            continue;
        }
        assert_int_equal(status, LASSIM_OK);
        assert_int_equal(count, cases[i].count);
        if (count > 0) assert_int_equal(if_spike_compare(&spikes[count - 1], &cases[i].last), 0);
        free(spikes);
    }
    if_network_free(network);
}

static void csv_synapses(void **state)
{
    (void)state;
    struct lassim_error error;
    struct lassim_synapse *synapses;
    uint64_t count;
    static const char good[] = "source,target,weight,delay\n1,2,-0.5,7\n0,0,1e3,1\n",
                      plain[] = "source,target,weight\n1,2,3\n";
    assert_int_equal(if_csv_synapses("a", good, strlen(good), 4, &synapses, &count, &error), LASSIM_OK);
    assert_true(count == 2 && synapses[0].delay == 7 && synapses[0].weight == -0.5 && synapses[1].weight == 1000);
    free(synapses);
    assert_int_equal(if_csv_synapses("a", plain, strlen(plain), 4, &synapses, &count, &error), LASSIM_OK);
    assert_true(count == 1 && synapses[0].delay == 4 && synapses[0].source == 1 && synapses[0].target == 2);
    free(synapses);
    static const char *const bad[] = {"",
                                      "source,target\n",
                                      "target,source,weight\n",
                                      "source,target,weight\n1,2\n",
                                      "source,target,weight\n1,2,x\n",
                                      "source,target,weight\n1,2,nan\n",
                                      "source,target,weight\n1,2,1 \n",
                                      "source,target,weight\n,2,1\n",
                                      "source,target,weight\n4294967296,2,1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(if_csv_synapses("a", bad[i], strlen(bad[i]), 4, &synapses, &count, &error), LASSIM_ERR_FILE);
        assert_null(synapses);
    }
}

/* An NPY file of version 1.0 with that header and data in bytes[512]; returns its size. */
static size_t npy(uint8_t *bytes, const char *header, const void *data, size_t size)
{
    size_t length = strlen(header);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (uint8_t)length;
    bytes[9] = (uint8_t)(length >> 8);
    memcpy(bytes + 10, header, length);
    if (size > 0) memcpy(bytes + 10 + length, data, size);
    return 10 + length + size;
}

static void npy_arrays(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct npy_array array;
    struct lassim_error error;
    const uint8_t data[32] = {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x80, 0x3f};
    static const struct {
        const char *header;
        size_t size;
        int good;
    } cases[] = {
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }  \n", 12, 1},
        {"{'descr': \"<u2\", 'fortran_order': False, 'shape': (2, 3), }", 12, 1},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (), }", 1, 1},
        {"{'shape': (1,), 'descr': [('time', '<u8'), ('neuron', '<u4')], 'fortran_order': False}", 12, 1},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", 11, 0},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", 13, 0},
        {"{'descr': '>i4', 'fortran_order': False, 'shape': (3,), }", 12, 0},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': (4,), }", 12, 0},
        {"{'descr': '<O8', 'fortran_order': False, 'shape': (1,), }", 8, 0},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", 2, 0},
        {"{'descr': '<i4', 'fortran_order': True, 'shape': (3,), }", 12, 0},
        {"{'descr': '<i4', 'fortran_order': False, }", 12, 0},
        {"{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", 12, 0},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,), 'x': 1}", 12, 0},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,1,1,1,3), }", 12, 0},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296,4294967296), }", 0, 0},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 0, 0},
        {"{'descr': [('a', '<u4'), ('a', '<u4')], 'fortran_order': False, 'shape': (1,), }", 8, 0},
        {"{'descr': [], 'fortran_order': False, 'shape': (1,), }", 0, 0},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (3", 12, 0},
        {"{'descr': '<i4", 12, 0},
        {"", 12, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = npy(bytes, cases[i].header, data, cases[i].size);
        uint8_t *exact = malloc(size); /* a read past the end would show */
        memcpy(exact, bytes, size);
        enum lassim_status status = npy_array_parse("a.npy", exact, size, &array, &error);
        if ((status == LASSIM_OK) != cases[i].good) fail_msg("case %zu: %s", i, cases[i].header);
        if (i == 0) {
            uint64_t value;
            assert_true(npy_array_number(&array, &array.field[0], 1) == -1);
            assert_int_equal(npy_array_unsigned(&array, &array.field[0], 1, &value), 0);
            assert_int_equal(npy_array_unsigned(&array, &array.field[0], 0, &value), 1);
            assert_int_equal(value, 1);
            array.field[0].kind = 'f';
            assert_true(npy_array_number(&array, &array.field[0], 2) == 1);
        }
        free(exact);
    }
    for (size_t cut = 0; cut < 12; cut++)
        assert_int_equal(npy_array_parse("a.npy", bytes, cut, &array, &error), LASSIM_ERR_FILE);
}

static void npy_spikes(void **state)
{
    (void)state;
    struct if_network *network = parsed(HEAD IN "\"populations\": [" OUT "]}");
    uint8_t bytes[512];
    struct if_spike *spikes;
    uint64_t count;
    struct lassim_error error;
    const int32_t pairs[] = {4, 1, 3, 0, 3, 1};
    size_t size = npy(bytes, "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2), }", pairs, sizeof pairs);
    assert_int_equal(if_npy_spikes("a.npy", bytes, size, network, 0, &spikes, &count, &error), LASSIM_OK);
    assert_true(count == 3 && spikes[0].time == 4 && spikes[0].neuron == 1 && spikes[1].time == 3);
    free(spikes);
    static const struct {
        int32_t pairs[4];
        const char *place;
    } bad[] = {{{1, 0, -1, 0}, "row 1: time"},
               {{1, -1, 1, 0}, "row 0: neuron"},
               {{1, 0, 1, 2}, "row 1: neuron: expected below 2, found 2"},
               {{1, 0, 1, 0}, "row 1: expected each spike once, row 0"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size = npy(bytes, "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }", bad[i].pairs, 16);
        assert_int_equal(if_npy_spikes("a.npy", bytes, size, network, 0, &spikes, &count, &error), LASSIM_ERR_FILE);
        if (strstr(error.text, bad[i].place) == NULL) fail_msg("%s", error.text);
    }
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': [('time', '<u4'), ('cell', '<u4')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('time', '<u4'), ('neuron', '<f4')], 'fortran_order': False, 'shape': (1,), }",
    };
    for (size_t i = 0; i < 4; i++) {
        size = npy(bytes, headers[i], pairs, 8);
        assert_int_equal(if_npy_spikes("a.npy", bytes, size, network, 0, &spikes, &count, &error), LASSIM_ERR_FILE);
        assert_non_null(strstr(error.text, "expected integers"));
    }
    if_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_network), cmocka_unit_test(the_hash_follows_the_content),
        cmocka_unit_test(bad_networks),   cmocka_unit_test(csv_spikes),
        cmocka_unit_test(csv_synapses),   cmocka_unit_test(npy_arrays),
        cmocka_unit_test(npy_spikes),     cmocka_unit_test(narrow_matrices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
