#include "kernel/topology.h"

#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

struct topology {
    hwloc_topology_t hwloc;
    struct topology_backend backend;
    unsigned nodes, cores, pus;
    hwloc_obj_t *node;   /* [nodes] NUMA nodes that have cores */
    unsigned *core_node; /* [cores] index into node */
};

static pthread_once_t process_once = PTHREAD_ONCE_INIT;
static cpu_set_t process_set; /* empty if the system does not say */

static void read_process_set(void)
{
    if (sched_getaffinity(0, sizeof process_set, &process_set) != 0) CPU_ZERO(&process_set);
}

unsigned topology_process_pus(void)
{
    pthread_once(&process_once, read_process_set);
    if (CPU_COUNT(&process_set) > 0) return (unsigned)CPU_COUNT(&process_set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

/* Leaves the PUs of the process only; where that cannot be known or done, all. */
static void restrict_to_process(hwloc_topology_t hwloc)
{
    pthread_once(&process_once, read_process_set);
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (set == NULL) return;
    if (CPU_COUNT(&process_set) > 0 &&
        hwloc_cpuset_from_glibc_sched_affinity(hwloc, set, &process_set, sizeof process_set) == 0)
        (void)hwloc_topology_restrict(hwloc, set, HWLOC_RESTRICT_FLAG_REMOVE_CPULESS);
    hwloc_bitmap_free(set);
}

static int hwloc_bind_thread(void *context, unsigned pu)
{
    struct topology *topology = context;
    hwloc_const_cpuset_t set = hwloc_topology_get_topology_cpuset(topology->hwloc);
    if (pu != TOPOLOGY_ANY) set = hwloc_get_obj_by_type(topology->hwloc, HWLOC_OBJ_PU, pu)->cpuset;
    return hwloc_set_cpubind(topology->hwloc, set, HWLOC_CPUBIND_THREAD) == 0 ? 0 : -1;
}

static int hwloc_bind_memory(void *context, void *address, size_t bytes, unsigned node)
{
    struct topology *topology = context;
    int status = hwloc_set_area_membind(topology->hwloc, address, bytes, topology->node[node]->nodeset,
                                        HWLOC_MEMBIND_BIND, HWLOC_MEMBIND_BYNODESET);
    return status == 0 ? 0 : -1;
}

/* The machine's cores; PUs where hwloc knows no cores. */
static hwloc_obj_type_t core_type(const struct topology *topology)
{
    return hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
}

static hwloc_obj_t core_object(const struct topology *topology, unsigned core)
{
    return hwloc_get_obj_by_type(topology->hwloc, core_type(topology), core);
}

/* Lists the nodes that have cores and the node of each core.  0, or -1 if there is no memory. */
static int list_nodes(struct topology *topology)
{
    int numa = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE);
    topology->node = calloc(numa > 0 ? (size_t)numa : 1, sizeof(hwloc_obj_t));
    topology->core_node = calloc(topology->cores, sizeof *topology->core_node);
    if (topology->node == NULL || topology->core_node == NULL || numa <= 0) return -1;
    for (int i = 0; i < numa; i++) {
        hwloc_obj_t object = hwloc_get_obj_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE, (unsigned)i);
        unsigned owned = 0;
        for (unsigned core = 0; core < topology->cores; core++) {
            /* a core's first node is its own; others in its set are memory without cores */
            if (hwloc_bitmap_first(core_object(topology, core)->nodeset) != (int)object->os_index) continue;
            topology->core_node[core] = topology->nodes;
            owned++;
        }
        if (owned > 0) topology->node[topology->nodes++] = object;
    }
    return topology->nodes > 0 ? 0 : -1;
}

static enum lassim_status load(struct topology *topology, const char *synthetic, struct lassim_error *error)
{
    if (hwloc_topology_init(&topology->hwloc) != 0)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "topology", "hwloc cannot start");
    if (synthetic != NULL && hwloc_topology_set_synthetic(topology->hwloc, synthetic) != 0)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "topology",
                           "expected an hwloc description such as \"node:2 core:4 pu:1\", found \"%s\"", synthetic);
    if (hwloc_topology_load(topology->hwloc) != 0)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "topology", "hwloc cannot read the machine");
    if (synthetic == NULL) restrict_to_process(topology->hwloc);
    int cores = hwloc_get_nbobjs_by_type(topology->hwloc, core_type(topology));
    int pus = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_PU);
    topology->cores = cores > 0 ? (unsigned)cores : 0;
    topology->pus = pus > 0 ? (unsigned)pus : 0;
    if (topology->cores == 0 || topology->pus == 0 || list_nodes(topology) != 0)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "topology", "expected a NUMA node with a core");
    return LASSIM_OK;
}

enum lassim_status topology_new(const char *synthetic, const struct topology_backend *backend,
                                struct topology **topology, struct lassim_error *error)
{
    *topology = NULL;
    struct topology *made = calloc(1, sizeof *made);
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "topology", "no memory");
    made->backend = (struct topology_backend){made, hwloc_bind_thread, hwloc_bind_memory};
    if (backend != NULL) made->backend = *backend;
    enum lassim_status status = load(made, synthetic, error);
    if (status != LASSIM_OK)
        topology_free(made);
    else
        *topology = made;
    return status;
}

void topology_free(struct topology *topology)
{
    if (topology == NULL) return;
    if (topology->hwloc != NULL) hwloc_topology_destroy(topology->hwloc);
    free(topology->node);
    free(topology->core_node);
    free(topology);
}

unsigned topology_nodes(const struct topology *topology)
{
    return topology->nodes;
}

unsigned topology_cores(const struct topology *topology)
{
    return topology->cores;
}

unsigned topology_pus(const struct topology *topology)
{
    return topology->pus;
}

struct topology_place topology_place(const struct topology *topology, unsigned worker, unsigned workers)
{
    LASSIM_INVARIANT(worker < workers, "worker %u of %u", worker, workers);
    uint64_t cores = topology->cores;
    unsigned core = (unsigned)(worker * cores / workers);
    unsigned first = (unsigned)((core * (uint64_t)workers + cores - 1) / cores); /* worker on this core */
    hwloc_obj_t object = core_object(topology, core);
    unsigned pus = (unsigned)hwloc_get_nbobjs_inside_cpuset_by_type(topology->hwloc, object->cpuset, HWLOC_OBJ_PU);
    hwloc_obj_t pu =
        hwloc_get_obj_inside_cpuset_by_type(topology->hwloc, object->cpuset, HWLOC_OBJ_PU, (worker - first) % pus);
    return (struct topology_place){topology->core_node[core], core, pu->logical_index};
}

int topology_bind_thread(struct topology *topology, unsigned pu)
{
    LASSIM_INVARIANT(pu == TOPOLOGY_ANY || pu < topology->pus, "PU %u of %u", pu, topology->pus);
    return topology->backend.bind_thread(topology->backend.context, pu);
}

int topology_bind_memory(struct topology *topology, void *address, size_t bytes, unsigned node)
{
    if (node == TOPOLOGY_ANY) return 0;
    LASSIM_INVARIANT(node < topology->nodes, "node %u of %u", node, topology->nodes);
    return topology->backend.bind_memory(topology->backend.context, address, bytes, node);
}
