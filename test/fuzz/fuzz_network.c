/* Any bytes as a network and as its input: the first byte says what the others are (J: a network's JSON; C, S: CSV of input
 * spikes, of synapses; N: NPY of input spikes).  Parsed, or refused with one line; what parses and is small runs. */
#include <stdlib.h>
#include <string.h>

#include "kernel/if_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char small[] =
    "{\"format\": \"lassim.network.1\", \"inputs\": [{\"name\": \"in\", \"size\": 9}], \"populations\": "
    "[{\"name\": \"out\", \"size\": 2, \"model\": \"if\", \"threshold\": 1}]}";

static void check(enum lassim_status status, const struct lassim_error *error)
{
    if (status == LASSIM_OK) return;
    if ((status != LASSIM_ERR_FILE && status != LASSIM_ERR_RUN) || error->status != status) abort();
    if (strchr(error->text, '\n') != NULL) abort();
}

/* Runs networks that are small enough, two timesteps into the second window. */
static void run_small(const struct if_network *network)
{
    struct lassim_error error;
    struct if_engine *engine = NULL;
    struct team *team = NULL;
    struct pool *pool = NULL;
    uint64_t neurons = 0, delays = 0;
    for (uint32_t p = 0; p < network->populations; p++) neurons += network->population[p].size;
    for (uint32_t r = 0; r < network->routes; r++) delays += network->route[r].delay;
    if (neurons == 0 || neurons > 4096 || delays > 4096) return;
    if (team_new(1, NULL, 0, &team, &error) == LASSIM_OK &&
        pool_new(NULL, TOPOLOGY_ANY, SIZE_MAX, &pool, &error) == LASSIM_OK) {
        const struct if_setup setup = {network, team, pool, NULL, row_cpu_best()};
        if (if_engine_new(&setup, &engine, &error) == LASSIM_OK) (void)if_engine_run(engine, 18, &error);
    }
    if_engine_free(engine);
    pool_free(pool);
    team_free(team);
}

static void parse_spikes(char kind, const uint8_t *data, size_t size)
{
    struct lassim_error error = {LASSIM_OK, ""};
    struct if_network *network = if_network_new();
    struct if_spike *spikes = NULL;
    uint64_t count;
    if (network == NULL || if_json_parse("small", small, strlen(small), 0, network, &error) != LASSIM_OK) abort();
    enum lassim_status status =
        kind == 'N' ? if_npy_spikes("input", data, size, network, 3, &spikes, &count, &error)
                    : if_csv_spikes("input", (const char *)data, size, network, 3, &spikes, &count, &error);
    check(status, &error);
    for (uint64_t i = 0; status == LASSIM_OK && i < count; i++)
        if (spikes[i].population != 0 || spikes[i].neuron >= 9 || spikes[i].time < 3) abort();
    free(spikes);
    if_network_free(network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lassim_error error = {LASSIM_OK, ""};
    if (size < 1) return 0;
    uint8_t *bytes = malloc(size); /* exactly as long: a read past the end shows */
    if (bytes == NULL) return 0;
    memcpy(bytes, data + 1, --size);
    if (data[0] == 'J') {
        struct if_network *network = if_network_new();
        if (network == NULL) abort();
        enum lassim_status status = if_json_parse("input", (const char *)bytes, size, 0, network, &error);
        check(status, &error);
        if (status == LASSIM_OK) run_small(network);
        if_network_free(network);
    } else if (data[0] == 'S') {
        struct lassim_synapse *synapses = NULL;
        uint64_t count;
        check(if_csv_synapses("input", (const char *)bytes, size, 1, &synapses, &count, &error), &error);
        free(synapses);
    } else {
        parse_spikes((char)data[0], bytes, size);
    }
    free(bytes);
    return 0;
}
