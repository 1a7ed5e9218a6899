/* Question: how does the time of one token grow with the context, and is that growth attention's own work?
 *
 * A sequence for each position and engine, on one thread per core: a prompt brings it near its position, then tokens
 * are decoded one by one up to it, logits of each; all sequences take turns token by token.  A token's synaptic
 * operations do not depend on its position; its spike products with the keys and values do.  So a row also has the
 * spike products a token did, and the time that each product beyond the first row's cost: where that is one
 * number for all rows, the growth is attention's work and nothing else.  One JSON object on stdout.
 *
 * bench_context FILE.snn [--quick]  (quick: up to 512 positions) */
#include <string.h>

#include "bench/engine.h"

static const uint32_t POSITIONS[] = {128, 512, 1024, 2048};
enum { ROWS = sizeof POSITIONS / sizeof *POSITIONS, TOKENS = 21, ENGINES = 2 };

struct row {
    struct engine_side side[ENGINES];
    double seconds[ENGINES][TOKENS]; /* a token; fused, dense */
    struct counters before, after;
};

/* Opens both engines and feeds them up to TOKENS before `position`. */
static void open_row(struct row *row, lassim_model *model, uint32_t position)
{
    row->side[0] = engine_open(model, LASSIM_ENGINE_FUSED, topology_process_pus());
    row->side[1] = engine_open(model, LASSIM_ENGINE_DENSE, topology_process_pus());
    for (int e = 0; e < ENGINES; e++) {
        engine_prompt(&row->side[e], position - TOKENS - 1);
        engine_prompt(&row->side[e], 1);
    }
    row->before = engine_counts(&row->side[0]);
}

static double products(const struct row *row)
{
    return (double)(row->after.spike_product_operations - row->before.spike_product_operations) / TOKENS;
}

int main(int argc, char **argv)
{
    static struct row row[ROWS];
    int quick = argc == 3 && strcmp(argv[2], "--quick") == 0, rows = quick ? 2 : ROWS;
    if (argc != 2 + quick) return fprintf(stderr, "usage: bench_context FILE.snn [--quick]\n"), 2;
    lassim_model *model = engine_model(argv[1]);
    for (int r = 0; r < rows; r++) open_row(&row[r], model, POSITIONS[r]);
    for (int t = 0; t < TOKENS; t++)
        for (int r = 0; r < rows; r++)
            for (int e = 0; e < ENGINES; e++) row[r].seconds[e][t] = engine_prompt(&row[r].side[e], 1);
    for (int r = 0; r < rows; r++) row[r].after = engine_counts(&row[r].side[0]);
    json_t *out = json_array();
    double first = 0, share;
    for (int r = 0; r < rows; r++) {
        json_t *fused = measure_samples_json(row[r].seconds[0], TOKENS);
        double median = row[r].seconds[0][TOKENS / 2], more = products(&row[r]) - products(&row[0]);
        if (r == 0) first = median;
        share = (median - first) / median;
        json_array_append_new(
            out, json_pack("{s:i, s:o, s:o, s:f, s:f, s:f, s:o, s:o}", "positions", (int)POSITIONS[r], "fused_seconds",
                           fused, "dense_seconds", measure_samples_json(row[r].seconds[1], TOKENS),
                           "products_per_token", products(&row[r]), "synaptic_operations_per_token",
                           (double)(row[r].after.synaptic_operations - row[r].before.synaptic_operations) / TOKENS,
                           "growth_share", share, "nanoseconds_per_added_product",
                           more > 0 ? json_real((median - first) * 1e9 / more) : json_null(), "counts",
                           engine_counts_json(&row[r].before, &row[r].after, TOKENS)));
    }
    json_t *root = json_pack("{s:s, s:i, s:i, s:o}", "schema", "lassim-bench-context-1", "tokens", TOKENS, "threads",
                             (int)topology_process_pus(), "rows", out);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    for (int r = 0; r < rows; r++)
        for (int e = 0; e < ENGINES; e++) lassim_session_close(row[r].side[e].session);
    lassim_model_close(model);
    return 0;
}
