#include "kernel/memory_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096, LINE = 512, CGROUP_LEVELS = 64 };

/* "KEY  NUMBER ..." in a file of such lines: the number, or UINT64_MAX. */
static uint64_t find_number(const char *path, const char *key)
{
    char line[LINE];
    size_t length = strlen(key);
    uint64_t number = UINT64_MAX;
    FILE *file = fopen(path, "r");
    while (number == UINT64_MAX && file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *end = line;
        if (strncmp(line, key, length) != 0) continue;
        uint64_t value = strtoull(line + length, &end, 10);
        if (end != line + length) number = value;
    }
    if (file != NULL) fclose(file);
    return number;
}

/* What one control group leaves: its limit less its anonymous memory; its page cache can be dropped. */
static uint64_t group_leaves(const char *root, const char *group)
{
    char path[PATH];
    if ((size_t)snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/memory.max", root, group) >= sizeof path)
        return UINT64_MAX;
    uint64_t limit = find_number(path, ""); /* "max" is no number */
    if (limit == UINT64_MAX) return UINT64_MAX;
    snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/memory.stat", root, group);
    uint64_t used = find_number(path, "anon ");
    return used == UINT64_MAX || used >= limit ? limit : limit - used;
}

static uint64_t groups_leave(const char *root)
{
    char path[PATH], group[PATH] = "";
    uint64_t least = UINT64_MAX;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(path, sizeof path, file) != NULL)
        if (strncmp(path, "0::/", 4) == 0)
            snprintf(group, sizeof group, "%.*s", (int)strcspn(path + 3, "\n"), path + 3);
    if (file != NULL) fclose(file);
    for (unsigned level = 0; level < CGROUP_LEVELS; level++) {
        uint64_t left = group_leaves(root, group);
        least = left < least ? left : least;
        char *slash = strrchr(group, '/');
        if (slash == NULL) break;
        *slash = '\0';
    }
    return least;
}

uint64_t memory_available(const char *root)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    uint64_t kibibytes = find_number(path, "MemAvailable:");
    uint64_t machine = kibibytes > UINT64_MAX / 1024 ? UINT64_MAX : kibibytes * 1024;
    uint64_t group = groups_leave(root);
    return machine < group ? machine : group;
}

static double mebibytes(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

enum lassim_status memory_plan_check(const struct memory_plan *plan, struct lassim_error *error)
{
    if (plan->state <= plan->available) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "memory",
                       "the run needs %.0f MiB besides the mapped weights, of which the KV cache takes %.0f MiB; only "
                       "%.0f MiB are available",
                       mebibytes(plan->state), mebibytes(plan->cache), mebibytes(plan->available));
}

void memory_plan_print(const struct memory_plan *plan, char *line, size_t size)
{
    int used = snprintf(line, size, "memory: weights %.1f MiB mapped, state %.1f MiB (KV cache %.1f MiB)",
                        mebibytes(plan->weights), mebibytes(plan->state), mebibytes(plan->cache));
    if (used >= 0 && (size_t)used < size && plan->context < plan->positions)
        used += snprintf(line + used, size - (size_t)used, ", room for %u of the model's %u positions (--context)",
                         plan->context, plan->positions);
    if (plan->available == UINT64_MAX || used < 0 || (size_t)used >= size) return;
    int fits = plan->weights <= plan->available && plan->state <= plan->available - plan->weights;
    snprintf(line + used, size - (size_t)used, ", %.0f MiB available%s", mebibytes(plan->available),
             fits ? "" : ": not enough for both, weights will be read from disk again and again");
}
