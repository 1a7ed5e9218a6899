#include "layers/graph.h"

/* Synapses a spike of population p has beside its matrices: a norm's source reaches its own x - mu and the mean; exp and e
 * their own e and ctx; what is turned, two channels; act its relay; a post-LN ln the residual; values are read out. */
static uint32_t own_synapses(const struct graph *graph, uint32_t p)
{
    const struct population *population = &graph->population[p];
    uint32_t n = (population->kind == POPULATION_EXP || population->kind == POPULATION_WEIGHT) +
                 (population->into_residual != 0) + (graph->head_matrix == GRAPH_NONE && graph->head_source == p);
    for (uint32_t i = 0; i < graph->norms; i++) n += graph->norm[i].source == p && graph->norm[i].centered != p ? 2 : 0;
    for (uint32_t other = p + 1; other < graph->populations; other++) {
        if (graph->population[other].partner != p) continue;
        enum population_kind kind = graph->population[other].kind;
        n += kind == POPULATION_QUERY_TURNED || kind == POPULATION_KEY_TURNED ? 2 : kind == POPULATION_RELAY;
    }
    return n;
}

static const char *validate_synapses(const struct graph *graph, uint32_t p)
{
    uint32_t fan_out = own_synapses(graph, p), biases = 0;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        if (slot->source == p) fan_out += slot->targets;
        if (slot->target_population == p && slot->has_bias) biases += slot->targets;
    }
    if (fan_out != graph->population[p].fan_out) return "fan_out is not the sum of its synapses";
    return biases == graph->population[p].bias_elements ? NULL : "bias_elements are not those of its matrices";
}

static const char *validate_population(const struct graph *graph, uint32_t p)
{
    const struct population *population = &graph->population[p], *before = population - (p > 0);
    if (population->neurons == 0) return "no neurons";
    if (population->level >= graph->levels || before->level > population->level) return "out of level order";
    if (before->head_side > population->head_side) return "behind the head's side, but not on it";
    if ((population->code == CODE_INPUT) != (p < graph->inputs)) return "inputs are not the first populations";
    if ((population->code == CODE_HG) != (population->function != HG_FUNCTIONS)) return "HG without a function";
    if (population->product == PRODUCT_FIXED && population->product_partners == 0) return "a product without partners";
    if (population->norm != GRAPH_NONE && population->norm >= graph->norms) return "no such norm";
    if (population->partner != GRAPH_NONE &&
        (population->partner >= p || graph->population[population->partner].level >= population->level))
        return "its partner does not fire before it";
    return validate_synapses(graph, p);
}

static const char *validate_matrix(const struct graph *graph, const struct matrix_slot *slot)
{
    const struct population *source = &graph->population[slot->source];
    if (slot->sources != source->neurons) return "a matrix has not its source's rows";
    if (slot->target == TARGET_HEAD) {
        int is_head = slot == &graph->matrix[graph->head_matrix] && slot->source == graph->head_source;
        return is_head && slot->targets == graph->head_width ? NULL : "a matrix reads out what the head does not";
    }
    if (slot->target_population >= graph->populations) return "a matrix has no target";
    const struct population *target = &graph->population[slot->target_population];
    if (slot->targets != target->neurons) return "a matrix has not its target's columns";
    if (source->level >= target->level) return "a matrix leads to a window that has closed";
    if ((slot->target == TARGET_RESIDUAL) != (target->kind == POPULATION_RESIDUAL))
        return "a residual that is none, or the other way round";
    return NULL;
}

static const char *validate_norm(const struct graph *graph, uint32_t n)
{
    const struct norm_slot *norm = &graph->norm[n];
    const struct population *source = &graph->population[norm->source], *centered = &graph->population[norm->centered];
    const struct population *rstd = &graph->population[norm->rstd], *output = &graph->population[norm->output];
    int has_mean = norm->centered != norm->source;
    if (has_mean != (graph->config.norm_kind == NORM_LAYER)) return "a norm has a mean, or none, against the config";
    if (has_mean && (centered->kind != POPULATION_CENTERED || centered->level != source->level + 1))
        return "xmu does not follow the norm's source";
    if (rstd->kind != POPULATION_RSTD || rstd->level != centered->level + 1) return "rstd does not follow xmu";
    if (output->kind != POPULATION_NORM || output->level != rstd->level + 1 || output->norm != n)
        return "ln does not follow rstd";
    return source->neurons == output->neurons ? NULL : "a norm changes the width";
}

const char *graph_validate(const struct graph *graph, uint32_t *population)
{
    const char *broken = NULL;
    *population = graph->head_source;
    if (graph->head_source >= graph->populations) return "the head reads nothing";
    if (graph->population[graph->head_source].level + 1 != graph->head_level || graph->levels != graph->head_level)
        return "the head's window does not follow what it reads";
    for (uint32_t p = 0; p < graph->populations && broken == NULL; p++) {
        *population = p;
        broken = validate_population(graph, p);
    }
    for (uint32_t m = 0; m < graph->matrices && broken == NULL; m++) {
        *population = graph->matrix[m].source;
        broken = *population < graph->populations ? validate_matrix(graph, &graph->matrix[m]) : "no such source";
    }
    for (uint32_t n = 0; n < graph->norms && broken == NULL; n++) {
        *population = graph->norm[n].output;
        broken = validate_norm(graph, n);
    }
    return broken;
}
