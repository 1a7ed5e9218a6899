#include "kernel/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct topology *open_topology(const char *synthetic, const struct topology_backend *backend)
{
    struct topology *topology;
    struct lassim_error error = {0};
    assert_int_equal(topology_new(synthetic, backend, &topology, &error), LASSIM_OK);
    return topology;
}

static void assert_place(const struct topology *topology, unsigned worker, unsigned workers, unsigned node,
                         unsigned core, unsigned pu)
{
    struct topology_place place = topology_place(topology, worker, workers);
    assert_int_equal(place.node, node);
    assert_int_equal(place.core, core);
    assert_int_equal(place.pu, pu);
}

static void test_counts(void **state)
{
    (void)state;
    struct topology *topology = open_topology("node:2 core:4 pu:2", NULL);
    assert_int_equal(topology_nodes(topology), 2);
    assert_int_equal(topology_cores(topology), 8);
    assert_int_equal(topology_pus(topology), 16);
    topology_free(topology);
    topology_free(NULL);
}

static void test_workers_spread_over_nodes(void **state)
{
    (void)state;
    struct topology *topology = open_topology("node:2 core:4 pu:1", NULL);
    assert_place(topology, 0, 1, 0, 0, 0);
    assert_place(topology, 0, 2, 0, 0, 0);
    assert_place(topology, 1, 2, 1, 4, 4);
    assert_place(topology, 1, 4, 0, 2, 2);
    assert_place(topology, 2, 4, 1, 4, 4);
    for (unsigned w = 0; w < 8; w++) assert_place(topology, w, 8, w / 4, w, w);
    topology_free(topology);
}

static void test_workers_share_cores_by_pu(void **state)
{
    (void)state;
    struct topology *topology = open_topology("node:2 core:2 pu:2", NULL);
    for (unsigned w = 0; w < 8; w++) assert_place(topology, w, 8, w / 4, w / 2, w);
    /* more workers than PUs: a core's PUs in turn */
    assert_place(topology, 0, 12, 0, 0, 0);
    assert_place(topology, 1, 12, 0, 0, 1);
    assert_place(topology, 2, 12, 0, 0, 0);
    assert_place(topology, 11, 12, 1, 3, 6);
    topology_free(topology);
}

/* Every worker of any team gets a place that exists; up to the number of cores no core is shared. */
static void test_every_team_size(void **state)
{
    (void)state;
    struct topology *topology = open_topology("node:3 core:3 pu:2", NULL);
    for (unsigned n = 1; n <= 40; n++) {
        unsigned used[9] = {0}, nodes[3] = {0};
        for (unsigned w = 0; w < n; w++) {
            struct topology_place place = topology_place(topology, w, n);
            assert_true(place.core < 9);
            assert_int_equal(place.node, place.core / 3);
            assert_int_equal(place.pu / 2, place.core);
            used[place.core]++;
            nodes[place.node]++;
        }
        for (unsigned core = 0; core < 9; core++) assert_true(used[core] <= (n + 8) / 9);
        for (unsigned node = 0; node < 3; node++) assert_true(nodes[node] >= n / 3 && nodes[node] <= (n + 2) / 3);
    }
    topology_free(topology);
}

struct record {
    unsigned calls, pu, node;
    void *address;
    size_t bytes;
};

static int record_thread(void *context, unsigned pu)
{
    struct record *record = context;
    record->calls++;
    record->pu = pu;
    return 0;
}

static int record_memory(void *context, void *address, size_t bytes, unsigned node)
{
    struct record *record = context;
    *record = (struct record){record->calls + 1, record->pu, node, address, bytes};
    return -1;
}

static void test_backend_is_asked(void **state)
{
    (void)state;
    struct record record = {0};
    struct topology_backend backend = {&record, record_thread, record_memory};
    struct topology *topology = open_topology("node:2 core:4 pu:1", &backend);
    assert_int_equal(topology_bind_thread(topology, 5), 0);
    assert_int_equal(record.pu, 5);
    assert_int_equal(topology_bind_thread(topology, TOPOLOGY_ANY), 0);
    assert_int_equal(record.pu, TOPOLOGY_ANY);
    assert_int_equal(topology_bind_memory(topology, &record, 4096, 1), -1);
    assert_int_equal(record.node, 1);
    assert_int_equal(record.bytes, 4096);
    assert_ptr_equal(record.address, &record);
    assert_int_equal(topology_bind_memory(topology, &record, 4096, TOPOLOGY_ANY), 0);
    assert_int_equal(record.calls, 3);
    topology_free(topology);
}

static void test_this_machine(void **state)
{
    (void)state;
    struct topology *topology = open_topology(NULL, NULL);
    assert_true(topology_nodes(topology) >= 1);
    assert_true(topology_cores(topology) >= topology_nodes(topology));
    assert_int_equal(topology_pus(topology), topology_process_pus());
    assert_int_equal(topology_bind_thread(topology, topology_place(topology, 0, 1).pu), 0);
    /* a bound thread does not make the machine smaller */
    struct topology *again = open_topology(NULL, NULL);
    assert_int_equal(topology_pus(again), topology_pus(topology));
    topology_free(again);
    assert_int_equal(topology_bind_thread(topology, TOPOLOGY_ANY), 0);
    topology_free(topology);
}

static void test_bad_description(void **state)
{
    (void)state;
    struct topology *topology;
    struct lassim_error error = {0};
    assert_int_equal(topology_new("node:two", NULL, &topology, &error), LASSIM_ERR_USAGE);
    assert_null(topology);
    assert_non_null(strstr(error.text, "node:two"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_workers_spread_over_nodes),
        cmocka_unit_test(test_workers_share_cores_by_pu),
        cmocka_unit_test(test_every_team_size),
        cmocka_unit_test(test_backend_is_asked),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_bad_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
