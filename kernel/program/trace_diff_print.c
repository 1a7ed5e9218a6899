/* What `trace diff` prints. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "kernel/program/trace_diff.h"

static void print_row(const char *name, const struct trace_diff_row *row)
{
    printf("%-24s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64
           " %12" PRIu64 "\n",
           name, row->windows_a, row->windows_b, row->windows_different, row->neurons_different, row->spikes_a,
           row->spikes_b, row->spikes_only_a, row->spikes_only_b);
}

static void print_notes(const struct trace_header_info *a, const struct trace_header_info *b)
{
    if (a->model_hash != b->model_hash)
        printf("model hashes   %016" PRIx64 ", %016" PRIx64 "\n", a->model_hash, b->model_hash);
    if (a->perturbation.on || b->perturbation.on)
        printf("perturbed      %s, %s\n", a->perturbation.on ? "yes" : "no", b->perturbation.on ? "yes" : "no");
}

void trace_diff_print(const struct trace_reader *a, const struct trace_reader *b, const struct trace_diff *diff)
{
    const struct trace_header_info *info = trace_reader_info(a);
    printf("A              %s\nB              %s\n", trace_reader_name(a), trace_reader_name(b));
    if (!diff->comparable) {
        printf("different: %s\n", diff->reason);
        return;
    }
    print_notes(info, trace_reader_info(b));
    if (!diff->different) {
        printf("same: %" PRIu64 " windows, %" PRIu64 " spikes\n", diff->total.windows_a, diff->total.spikes_a);
        return;
    }
    if (diff->first_known)
        printf("first difference: timestep %" PRIu64 ", population %s, token %u, neuron %u: A %s, B %s\n",
               diff->first.time, info->population[diff->first.population].name, diff->first.token, diff->first.neuron,
               diff->first.a, diff->first.b);
    else
        printf("different: no spike, but windows without spikes or how the traces end\n");
    printf("timesteps      %" PRIu64 ", %" PRIu64 "\n", diff->timesteps_a, diff->timesteps_b);
    printf("\n%-24s %10s %10s %10s %12s %12s %12s %12s %12s\n", "population", "windows A", "B", "different",
           "neurons diff.", "spikes A", "B", "only A", "only B");
    for (uint32_t p = 0; p < info->populations; p++)
        if (diff->row[p].windows_different > 0) print_row(info->population[p].name, &diff->row[p]);
    print_row("all", &diff->total);
}

static json_t *row_json(const struct trace_diff_row *row)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "windows_a", (json_int_t)row->windows_a, "windows_b",
                     (json_int_t)row->windows_b, "windows_different", (json_int_t)row->windows_different,
                     "neurons_different", (json_int_t)row->neurons_different, "spikes_a", (json_int_t)row->spikes_a,
                     "spikes_b", (json_int_t)row->spikes_b, "spikes_only_a", (json_int_t)row->spikes_only_a,
                     "spikes_only_b", (json_int_t)row->spikes_only_b);
}

static json_t *first_json(const struct trace_header_info *info, const struct trace_diff *diff)
{
    if (!diff->first_known) return json_null();
    return json_pack("{s:I, s:s, s:I, s:I, s:s, s:s}", "time", (json_int_t)diff->first.time, "population",
                     info->population[diff->first.population].name, "token", (json_int_t)diff->first.token, "neuron",
                     (json_int_t)diff->first.neuron, "a", diff->first.a, "b", diff->first.b);
}

static json_t *populations_json(const struct trace_header_info *info, const struct trace_diff *diff)
{
    json_t *list = json_array();
    for (uint32_t p = 0; p < info->populations && diff->comparable; p++) {
        json_t *row = row_json(&diff->row[p]);
        json_object_set_new(row, "name", json_string(info->population[p].name));
        json_array_append_new(list, row);
    }
    return list;
}

enum lassim_status trace_diff_json(const struct trace_reader *a, const struct trace_reader *b,
                                   const struct trace_diff *diff, struct lassim_error *error)
{
    const struct trace_header_info *info = trace_reader_info(a);
    json_t *root = json_object();
    int failed = json_object_set_new(root, "same", json_boolean(!diff->different));
    failed |= json_object_set_new(root, "reason", diff->reason != NULL ? json_string(diff->reason) : json_null());
    failed |=
        json_object_set_new(root, "same_model", json_boolean(info->model_hash == trace_reader_info(b)->model_hash));
    failed |= json_object_set_new(root, "first", first_json(info, diff));
    failed |= json_object_set_new(root, "total", row_json(&diff->total));
    failed |= json_object_set_new(root, "populations", populations_json(info, diff));
    if (!failed) failed = json_dumpf(root, stdout, JSON_INDENT(1)) != 0 && !ferror(stdout);
    json_decref(root);
    putchar('\n');
    return failed ? lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(a), NULL, "no memory for the JSON")
                  : LASSIM_OK;
}
