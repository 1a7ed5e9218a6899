/* The result of `lassim tune`, as prose and as JSON. */
#include <jansson.h>
#include <stdio.h>

#include "kernel/program/cmd_tune.h"

enum head_kind tune_head(const struct tune *tune)
{
    return (enum head_kind)tune->bench.model->graph->config.head;
}

const char *tune_limit_name(const struct tune *tune)
{
    return tune->bench.perplexity ? "max_dppl" : "max_kl";
}

double tune_budget_as_given(const struct tune *tune)
{
    return tune->budget * (tune->bench.perplexity ? 100 : 1);
}

static const char *cost_name(const struct tune *tune)
{
    return tune->bench.cost == NULL ? "sops" : tune->bench.cost->name;
}

static double saved_percent(double before, double after)
{
    return before > 0 ? 100 * (before - after) / before : 0;
}

static void print_side(const char *name, const struct tune *tune, const struct eval_result *result)
{
    const struct comparison *c = &result->comparison;
    enum head_kind head = tune_head(tune);
    char change[24] = "-", agreement[24] = "-";
    if (head == HEAD_LM) snprintf(change, sizeof change, "%+.6f", comparison_dppl_percent(c));
    if (head != HEAD_VALUES) snprintf(agreement, sizeof agreement, "%.3f", 100 * comparison_top1(c));
    printf("%-10s %14.6g %16llu %12.3e %12s %8s %11llu\n", name, tune_bench_weigh(&tune->bench, result).cost,
           (unsigned long long)result->total.synaptic_operations, comparison_kl_mean(c), change, agreement,
           (unsigned long long)result->total.saturations);
}

static double spikes_per_neuron(const struct eval_result *result, uint32_t p, unsigned steps)
{
    uint64_t tests = result->population[p].threshold_tests;
    return tests > 0 ? (double)result->population[p].spikes * steps / (double)tests : 0;
}

void tune_print_prose(const struct tune *tune)
{
    const struct graph *graph = tune->bench.model->graph;
    const struct tune_result *found = &tune->found;
    printf("wrote      %s\n", cli_text(tune->cli, OPTION_OUTPUT));
    printf("budget     %s %g on %zu tokens; cost %s; %u rounds, %u configurations measured\n", tune_limit_name(tune),
           tune_budget_as_given(tune), tune->text.count, cost_name(tune), found->rounds,
           (unsigned)tune->bench.measured);
    printf("%-10s %14s %16s %12s %12s %8s %11s\n", "", "cost", "synaptic ops",
           tune_head(tune) == HEAD_VALUES ? "1 - cosine" : "mean KL", "ppl %", "top-1 %", "saturations");
    print_side("as it was", tune, &tune->before);
    print_side("tuned", tune, &tune->after);
    printf("best uniform T within the budget: %u, cost %.6g; tuned saves %.1f %% of that\n\n", found->uniform_steps,
           found->uniform.cost, saved_percent(found->uniform.cost, found->best.cost));
    printf("%-24s %8s %8s %6s %10s %10s %16s %16s\n", "population", "T", "j", "floor", "spikes", "before",
           "synaptic ops", "before");
    for (unsigned g = 0; g < tune->groups.count; g++) {
        uint32_t p = tune->groups.population[g];
        const struct tune_setting *was = &tune->groups.start[g], *is = &tune->best[g];
        char steps[24], shift[24];
        snprintf(steps, sizeof steps, was->steps != is->steps ? "%u > %u" : "%u", was->steps, is->steps);
        snprintf(shift, sizeof shift, was->j != is->j ? "%u > %u" : "%u", was->j, is->j);
        printf("%-24s %8s %8s %6u %10.3f %10.3f %16llu %16llu\n", graph->population[p].name, steps, shift, is->floor,
               spikes_per_neuron(&tune->after, p, is->steps), spikes_per_neuron(&tune->before, p, was->steps),
               (unsigned long long)tune->after.population[p].synaptic_operations,
               (unsigned long long)tune->before.population[p].synaptic_operations);
    }
}

static json_t *side_json(const struct tune *tune, const struct eval_result *result)
{
    const struct comparison *c = &result->comparison;
    enum head_kind head = tune_head(tune);
    json_t *side =
        json_pack("{s:f, s:I, s:f, s:I}", "cost", tune_bench_weigh(&tune->bench, result).cost, "synaptic_operations",
                  (json_int_t)result->total.synaptic_operations, head == HEAD_VALUES ? "cosine_loss_mean" : "kl_mean",
                  comparison_kl_mean(c), "saturations", (json_int_t)result->total.saturations);
    if (head == HEAD_LM) json_object_set_new(side, "dppl_percent", json_real(comparison_dppl_percent(c)));
    if (head != HEAD_VALUES) json_object_set_new(side, "top1_agreement", json_real(comparison_top1(c)));
    return side;
}

static json_t *populations_json(const struct tune *tune)
{
    json_t *array = json_array();
    for (unsigned g = 0; g < tune->groups.count; g++) {
        uint32_t p = tune->groups.population[g];
        const struct tune_setting *was = &tune->groups.start[g], *is = &tune->best[g];
        const struct population *population = &tune->bench.model->graph->population[p];
        json_array_append_new(
            array, json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:I, s:I}", "name", population->name,
                             "layer", (int)population->layer, "timesteps", (int)is->steps, "timesteps_before",
                             (int)was->steps, "j", (int)is->j, "j_before", (int)was->j, "shift_floor", (int)is->floor,
                             "spikes_per_neuron", spikes_per_neuron(&tune->after, p, is->steps),
                             "spikes_per_neuron_before", spikes_per_neuron(&tune->before, p, was->steps),
                             "synaptic_operations", (json_int_t)tune->after.population[p].synaptic_operations,
                             "synaptic_operations_before", (json_int_t)tune->before.population[p].synaptic_operations));
    }
    return array;
}

void tune_print_json(const struct tune *tune)
{
    const struct tune_result *found = &tune->found;
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:f, s:i, s:i, s:o, s:o, s:{s:i, s:f, s:f}, s:f, s:o}", "schema", "lassim.tune.1",
        "reference", cli_given(tune->cli, OPTION_REFERENCE) ? "checkpoint" : "model", "tokens",
        (json_int_t)tune->text.count, "cost", cost_name(tune), "limit", tune_limit_name(tune), "budget",
        tune_budget_as_given(tune), "rounds", (int)found->rounds, "measured", (int)tune->bench.measured, "before",
        side_json(tune, &tune->before), "tuned", side_json(tune, &tune->after), "uniform", "timesteps",
        (int)found->uniform_steps, "loss", found->uniform.loss, "cost", found->uniform.cost, "saved_percent",
        saved_percent(found->uniform.cost, found->best.cost), "populations", populations_json(tune));
    json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(object);
}
