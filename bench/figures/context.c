/* Figures of long contexts and of the model that fills the machine. */
#include "bench/figures/print.h"

void print_context(const json_t *context)
{
    const json_t *row;
    size_t i;
    printf("Time of one token by its position, 125M shape, F16, %d threads, medians of %d tokens; the growth against "
           "the first\n"
           "row beside the spike products with keys and values that were added:\n\n",
           (int)command_number(context, "threads"), (int)command_number(context, "tokens"));
    printf("| position | fused, ms | dense engine, ms | synaptic operations, 10⁶ | spike products, 10⁶ | growth, share "
           "of the time | "
           "ns a product added |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    json_array_foreach(member(context, "rows"), i, row)
    {
        const json_t *cost = member(row, "nanoseconds_per_added_product");
        printf("| %d | ", (int)command_number(row, "positions"));
        print_spread(row, "fused_seconds", 1e-3, "%.1f");
        printf(" | ");
        print_spread(row, "dense_seconds", 1e-3, "%.1f");
        printf(" | %.0f | %.1f | %.0f %% | ", command_number(row, "synaptic_operations_per_token") * 1e-6,
               command_number(row, "products_per_token") * 1e-6, 100 * command_number(row, "growth_share"));
        if (json_is_null(cost))
            printf("– |\n");
        else
            printf("%.2f |\n", json_number_value(cost));
    }
    printf("\n");
}

void print_large(const json_t *large)
{
    const json_t *result = member(large, "result");
    printf(
        "A model of %s shape, %.1f GB in F16, on %.1f GiB of memory (commit %s, `make bench-large`): one token takes ",
        text(result, "name"), command_number(result, "snn_bytes") * 1e-9, command_number(large, "memory_kib") / 0x1p20,
        text(large, "commit"));
    print_spread(result, "seconds_per_token", 1, "%.2f");
    printf("\ns; peak resident %.2f of the file (at most 1.3), %.0f pages swapped while it ran.\n\n",
           command_number(result, "ratio"), command_number(result, "pages_swapped"));
}

void print_peers(const json_t *root)
{
    const json_t *torch = json_object_get(json_object_get(root, "prompt"), "peer"), *w5 = json_object_get(root, "w5");
    printf("Peers, installed by `bench/peers/install.sh`: ");
    if (json_is_object(torch)) {
        printf("PyTorch %s (%s, %d threads; LAS layer ", text(torch, "torch"), text(torch, "blas"),
               (int)command_number(torch, "threads"));
        print_spread(torch, "las_seconds", 1e-3, "%.0f");
        printf(" ms,\nthe same layer without spikes ");
        print_spread(torch, "dense_seconds", 1e-3, "%.1f");
        printf(" ms, ratio ");
        print_spread(torch, "las_over_dense", 1, "%.1f");
        printf(")");
    } else {
        printf("PyTorch not installed");
    }
    json_t *versions = json_object_get(w5, "versions");
    for (void *at = json_object_iter(versions); at != NULL; at = json_object_iter_next(versions, at))
        if (strcmp(json_object_iter_key(at), "lassim") != 0)
            printf(", %s %s", json_object_iter_key(at), json_string_value(json_object_iter_value(at)));
    printf(".\n\n");
}
