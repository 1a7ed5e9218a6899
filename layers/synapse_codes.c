#include "layers/synapse_codes.h"

#include <string.h>

#include "neurons/oat.h"

/* What of a code is listed, and its shift. */
static int32_t listed(const struct population_params *source, uint32_t neuron, uint32_t code, int32_t covered,
                      unsigned *shift)
{
    int32_t value = oat_value(code & ~OAT_OUTLIER, 0);
    *shift = source->shift != NULL ? (unsigned)source->shift[neuron] : 0;
    if ((code & OAT_OUTLIER) == 0) return value - synapse_code_clamp(value, covered);
    *shift += source->j;
    return value;
}

static uint32_t pieces(int32_t value)
{
    uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
    return magnitude <= SYNAPSE_CODE_MAX ? magnitude != 0 : (magnitude + SYNAPSE_CODE_MAX - 1) / SYNAPSE_CODE_MAX;
}

/* Turns counts per shift into where each shift's entries start (next), every count rounded up to a multiple of
 * `even`, and cuts them into groups. */
static uint32_t make_groups(uint32_t *next, uint32_t even, struct synapse_group *group)
{
    uint32_t used = 0, groups = 0;
    for (unsigned shift = 0; shift < SYNAPSE_SHIFTS; shift++) {
        uint32_t count = (next[shift] + even - 1) / even * even;
        next[shift] = used;
        for (uint32_t done = 0; done < count; done += SYNAPSE_GROUP_MAX)
            group[groups++] = (struct synapse_group){
                used + done, count - done < SYNAPSE_GROUP_MAX ? count - done : SYNAPSE_GROUP_MAX, shift};
        used += count;
    }
    return groups;
}

void synapse_codes_list(const struct population_params *source, const uint32_t *codes, const uint32_t *active,
                        uint32_t n, int32_t covered, struct synapse_code_list *list)
{
    uint32_t next[SYNAPSE_SHIFTS] = {0}, in_run = 0; /* neighbours mostly have one shift: what a run of them counts */
    unsigned shift, run = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t value = listed(source, active[i], codes[active[i]], covered, &shift);
        if (shift != run) {
            next[run] += in_run;
            run = shift;
            in_run = 0;
        }
        in_run += pieces(value);
    }
    next[run] += in_run;
    list->groups = make_groups(next, 1, list->group);
    if (list->groups == 0) return;
    uint32_t place = next[run];
    for (uint32_t i = 0; i < n; i++) {
        int32_t value = listed(source, active[i], codes[active[i]], covered, &shift);
        if (shift != run) {
            next[run] = place;
            run = shift;
            place = next[run];
        }
        while (value != 0) {
            int32_t piece = synapse_code_clamp(value, SYNAPSE_CODE_MAX);
            list->entry[place++] = (struct synapse_entry){active[i], piece};
            value -= piece;
        }
    }
}

uint32_t synapse_codes_sort_rows(const struct population_params *source, const uint32_t *rows, uint32_t n,
                                 uint32_t *sorted, struct synapse_group *group)
{
    uint32_t count[SYNAPSE_SHIFTS] = {0}, next[SYNAPSE_SHIFTS];
    for (uint32_t i = 0; i < n; i++) count[source->shift != NULL ? source->shift[rows[i]] : 0]++;
    memcpy(next, count, sizeof next);
    uint32_t groups = make_groups(next, 2, group);
    for (uint32_t i = 0; i < n; i++) sorted[next[source->shift != NULL ? source->shift[rows[i]] : 0]++] = rows[i];
    for (unsigned shift = 0; shift < SYNAPSE_SHIFTS; shift++)
        if (count[shift] % 2 == 1) sorted[next[shift]] = sorted[next[shift] - 1];
    return groups;
}
