#include "kernel/program/sweep_grid.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/program/options.h"
#include "layers/perturb.h"

/* What an axis takes: choices, numbers from low to high, or both. */
static const struct axis_kind {
    const char *choices; /* "a|b", NULL: none */
    double low, high;    /* low > high: no numbers */
    int integer;
    const char *expected;
} kinds[SWEEP_AXES] = {
    [SWEEP_WEIGHTS] = {"keep|i16|q8|q4", 1, 0, 0, "expected a list of keep, i16, q8, q4"},
    [SWEEP_HG] = {"table|exact", 1e-9, 1, 0, "expected a list of table, exact and errors from 1e-9 to 1"},
    [SWEEP_THRESHOLD] = {"model|max|percentile|channel", 1, 0, 0, "expected a list of model, max, percentile, channel"},
    [SWEEP_OAT] = {"on|off", 1, 0, 0, "expected a list of on, off"},
    [SWEEP_CODE] = {"radix|ternary", 1, 0, 0, "expected a list of radix, ternary"},
    [SWEEP_NOISE] = {NULL, 0, PERTURB_NOISE_MAX, 0, "expected a list of numbers from 0 to 16"},
    [SWEEP_DROP] = {NULL, 0, 1, 0, "expected a list of numbers from 0 to 1"},
    [SWEEP_TIMESTEPS] = {NULL, 1, 16, 1, "expected a list of integers from 1 to 16, or ranges like 1-16"},
};

static int add(struct sweep_axis *axis, struct sweep_value value)
{
    for (unsigned i = 0; i < axis->count; i++)
        if (axis->value[i].choice == value.choice && axis->value[i].number == value.number) return -1;
    if (axis->count == SWEEP_VALUES_MAX) return -1;
    axis->value[axis->count++] = value;
    return 0;
}

/* A number of the axis's range at *text; moves it behind.  Returns 0, or -1. */
static int take_number(const struct axis_kind *kind, const char **text, double *number)
{
    char *end;
    errno = 0;
    *number = strtod(*text, &end);
    if (errno != 0 || end == *text || !(*number >= kind->low && *number <= kind->high)) return -1;
    if (kind->integer && *number != floor(*number)) return -1;
    *text = end;
    return 0;
}

static int add_numbers(const struct axis_kind *kind, struct sweep_axis *axis, const char *word)
{
    double low, high;
    if (take_number(kind, &word, &low) != 0) return -1;
    high = low;
    if (kind->integer && *word == '-' && word++ != NULL && take_number(kind, &word, &high) != 0) return -1;
    if (*word != '\0' || high < low) return -1;
    for (; low <= high; low++)
        if (add(axis, (struct sweep_value){low, -1}) != 0) return -1;
    return 0;
}

static int add_word(const struct axis_kind *kind, struct sweep_axis *axis, const char *word)
{
    int choice = kind->choices != NULL ? choice_index(kind->choices, word) : -1;
    if (choice >= 0) return add(axis, (struct sweep_value){0, choice});
    return add_numbers(kind, axis, word);
}

const char *sweep_grid_parse(struct sweep_grid *grid, enum sweep_axis_id id, const char *text)
{
    struct sweep_axis *axis = &grid->axis[id];
    char word[64];
    axis->count = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof word) return kinds[id].expected;
        memcpy(word, text, length);
        word[length] = '\0';
        if (add_word(&kinds[id], axis, word) != 0) return kinds[id].expected;
        if (text[length] == '\0') return NULL;
        text += length + 1;
    }
}

static unsigned values_of(const struct sweep_grid *grid, enum sweep_axis_id id)
{
    return grid->axis[id].count > 0 ? grid->axis[id].count : 1;
}

uint32_t sweep_grid_group(const struct sweep_grid *grid)
{
    uint64_t points = 1;
    for (int id = SWEEP_WEIGHTS + 1; id < SWEEP_AXES && points <= UINT32_MAX; id++)
        points *= values_of(grid, (enum sweep_axis_id)id);
    return points <= UINT32_MAX ? (uint32_t)points : 0;
}

uint32_t sweep_grid_points(const struct sweep_grid *grid)
{
    uint64_t points = (uint64_t)sweep_grid_group(grid) * values_of(grid, SWEEP_WEIGHTS);
    if (points <= UINT32_MAX) points *= grid->models;
    return points <= UINT32_MAX ? (uint32_t)points : 0;
}

struct sweep_point sweep_grid_point(const struct sweep_grid *grid, uint32_t index)
{
    struct sweep_value at[SWEEP_AXES];
    for (int id = SWEEP_AXES - 1; id >= 0; id--) {
        unsigned values = values_of(grid, (enum sweep_axis_id)id);
        at[id] = grid->axis[id].count > 0 ? grid->axis[id].value[index % values] : (struct sweep_value){0, -1};
        index /= values;
    }
    LASSIM_INVARIANT(index < grid->models, "point of model %u", index);
    struct sweep_point point = {
        .model = index,
        .weights = at[SWEEP_WEIGHTS].choice > 0 ? (enum convert_weights)at[SWEEP_WEIGHTS].choice : CONVERT_WEIGHTS_KEEP,
        .rule = at[SWEEP_THRESHOLD].choice > 0 ? (enum variant_rule)at[SWEEP_THRESHOLD].choice : VARIANT_MODEL,
        .oat = at[SWEEP_OAT].choice != 1,
        .code = at[SWEEP_CODE].choice,
        .timesteps = (uint32_t)at[SWEEP_TIMESTEPS].number,
        .noise = at[SWEEP_NOISE].number,
        .drop = at[SWEEP_DROP].number};
    if (at[SWEEP_HG].choice == 1) point.hg = VARIANT_HG_EXACT;
    if (at[SWEEP_HG].choice < 0 && at[SWEEP_HG].number > 0) {
        point.hg = VARIANT_HG_REFIT;
        point.hg_error = at[SWEEP_HG].number;
    }
    return point;
}
