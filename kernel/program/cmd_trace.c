/* lassim trace info, trace check, trace stats, trace diff: what a trace holds, whether it is whole, what differs. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "kernel/if_files.h"
#include "kernel/program/cli.h"
#include "kernel/program/cmd_trace.h"
#include "kernel/program/neurobench.h"
#include "kernel/program/trace_diff.h"
#include "kernel/program/trace_stats.h"
#include "kernel/program/trace_summary.h"

void trace_note_cut_off(const struct trace_reader *reader)
{
    const struct trace_totals *totals = trace_reader_totals(reader);
    if (trace_reader_complete(reader)) return;
    struct lassim_error error;
    lassim_fail(&error, LASSIM_OK, trace_reader_name(reader), NULL, "cut off after %llu whole blocks, at byte %llu",
                (unsigned long long)totals->blocks, (unsigned long long)trace_reader_bytes(reader));
    fprintf(stderr, "lassim: note: %s\n", error.text);
}

int cmd_trace_info(const struct cli *cli)
{
    struct lassim_error error;
    struct trace_reader *reader;
    struct trace_summary summary;
    if (trace_reader_open(cli->operand[0], &reader, &error) != LASSIM_OK) return cli_error(&error);
    enum lassim_status status = trace_summarize(reader, &summary, &error);
    if (status == LASSIM_OK) {
        trace_note_cut_off(reader);
        if (cli_flag(cli, OPTION_JSON))
            status = trace_summary_json(reader, &summary, &error);
        else
            trace_summary_print(reader, &summary);
    }
    trace_summary_free(&summary);
    trace_reader_close(reader);
    return status == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}

/* The verdict: a damaged or cut-off trace does not pass. */
static enum lassim_status judge(const struct trace_summary *summary, const char *name, enum lassim_status status,
                                struct lassim_error *error)
{
    if (status == LASSIM_ERR_FILE) error->status = LASSIM_ERR_CHECK;
    if (status != LASSIM_OK) return error->status;
    if (summary->complete) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_CHECK, name, NULL,
                       "cut off after %llu whole blocks, at byte %llu: expected another block or the final one",
                       (unsigned long long)summary->totals.blocks, (unsigned long long)summary->bytes);
}

static void print_verdict(const struct cli *cli, const struct trace_reader *reader, const struct trace_summary *summary,
                          enum lassim_status verdict)
{
    unsigned long long blocks = summary->totals.blocks, records = summary->totals.records;
    unsigned long long spikes = summary->total.spikes, gates = summary->total.spikes_gate;
    if (cli_flag(cli, OPTION_JSON))
        printf("{\"passed\": %s, \"complete\": %s, \"blocks\": %llu, \"records\": %llu, \"spikes\": %llu, "
               "\"spikes_gate\": %llu}\n",
               verdict == LASSIM_OK ? "true" : "false", summary->complete ? "true" : "false", blocks, records, spikes,
               gates);
    else if (verdict == LASSIM_OK)
        printf("%s: complete, %llu blocks, %llu records, %llu spikes, %llu gate spikes\n", trace_reader_name(reader),
               blocks, records, spikes, gates);
}

int cmd_trace_check(const struct cli *cli)
{
    struct lassim_error error;
    struct trace_reader *reader;
    struct trace_summary summary;
    if (trace_reader_open(cli->operand[0], &reader, &error) != LASSIM_OK) return cli_error(&error);
    enum lassim_status status = trace_summarize(reader, &summary, &error);
    enum lassim_status verdict = judge(&summary, trace_reader_name(reader), status, &error);
    if (verdict == LASSIM_OK || verdict == LASSIM_ERR_CHECK) print_verdict(cli, reader, &summary, verdict);
    trace_summary_free(&summary);
    trace_reader_close(reader);
    return verdict == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}

static enum lassim_status print_stats(const struct cli *cli, const struct trace_reader *reader,
                                      const struct trace_stats *stats, const struct neurobench *bench,
                                      struct lassim_error *error)
{
    trace_note_cut_off(reader);
    if (!cli_flag(cli, OPTION_JSON)) {
        trace_stats_print(reader, stats);
        if (bench != NULL) neurobench_print(bench, stdout);
        return LASSIM_OK;
    }
    json_t *root = trace_stats_object(reader, stats);
    if (root == NULL) return lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(reader), NULL, "no memory");
    if (bench != NULL) json_object_set_new(root, "neurobench", neurobench_json(bench, trace_reader_info(reader)));
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(root);
    return LASSIM_OK;
}

static enum lassim_status bench_model(const struct cli *cli, struct trace_reader *reader, struct neurobench *bench,
                                      struct lassim_error *error)
{
    struct model *model;
    enum lassim_status status = model_open(cli_text(cli, OPTION_STATS_MODEL), &model, error);
    if (status != LASSIM_OK) return status;
    status = neurobench_of_model(reader, model, bench, error);
    model_close(model);
    return status;
}

static enum lassim_status bench_network(const struct cli *cli, struct trace_reader *reader, struct neurobench *bench,
                                        struct lassim_error *error)
{
    struct if_network *network = if_network_new();
    if (network == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the network");
    enum lassim_status status = if_json_read(cli_text(cli, OPTION_STATS_NETWORK), network, error);
    if (status == LASSIM_OK) status = neurobench_of_network(reader, network, bench, error);
    if_network_free(network);
    return status;
}

/* Reads the trace once more, against the model or network that it is of. */
static enum lassim_status run_bench(const struct cli *cli, struct neurobench *bench, struct lassim_error *error)
{
    struct trace_reader *reader;
    enum lassim_status status = trace_reader_open(cli->operand[0], &reader, error);
    if (status != LASSIM_OK) return status;
    status = cli_given(cli, OPTION_STATS_MODEL) ? bench_model(cli, reader, bench, error)
                                                : bench_network(cli, reader, bench, error);
    trace_reader_close(reader);
    return status;
}

int cmd_trace_stats(const struct cli *cli)
{
    struct lassim_error error;
    struct trace_reader *reader;
    struct trace_stats stats;
    struct neurobench bench = {0};
    int both = cli_given(cli, OPTION_STATS_MODEL) + cli_given(cli, OPTION_STATS_NETWORK);
    if (both == 2) return cli_usage(OPTION_STATS_MODEL, "expected one of --model and --network, found both");
    if (both == 1 && strcmp(cli->operand[0], "-") == 0)
        return cli_usage(OPTION_STATS_MODEL, "a trace from standard input cannot be read twice");
    if (trace_reader_open(cli->operand[0], &reader, &error) != LASSIM_OK) return cli_error(&error);
    enum lassim_status status = trace_stats_run(reader, &stats, &error);
    if (status == LASSIM_OK && both == 1) status = run_bench(cli, &bench, &error);
    if (status == LASSIM_OK) status = print_stats(cli, reader, &stats, both ? &bench : NULL, &error);
    neurobench_free(&bench);
    trace_stats_free(&stats);
    trace_reader_close(reader);
    return status == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}

/* Like diff and cmp a difference is no error: no line on stderr, exit 4. */
static int compare(const struct cli *cli, struct trace_reader *a, struct trace_reader *b, struct lassim_error *error)
{
    struct trace_diff diff = {0};
    enum lassim_status status = trace_diff_run(a, b, &diff, error);
    int different = diff.different;
    if (status == LASSIM_OK) {
        trace_note_cut_off(a);
        trace_note_cut_off(b);
        if (cli_flag(cli, OPTION_JSON))
            status = trace_diff_json(a, b, &diff, error);
        else
            trace_diff_print(a, b, &diff);
    }
    trace_diff_free(&diff);
    if (status != LASSIM_OK) return cli_error(error);
    return different ? LASSIM_ERR_CHECK : LASSIM_OK;
}

int cmd_trace_diff(const struct cli *cli)
{
    struct lassim_error error;
    struct trace_reader *a, *b = NULL;
    if (strcmp(cli->operand[0], "-") == 0 && strcmp(cli->operand[1], "-") == 0) {
        lassim_fail(&error, LASSIM_ERR_USAGE, "trace diff", NULL, "only one of A and B can be standard input");
        return cli_error(&error);
    }
    if (trace_reader_open(cli->operand[0], &a, &error) != LASSIM_OK) return cli_error(&error);
    int exit_status =
        trace_reader_open(cli->operand[1], &b, &error) == LASSIM_OK ? compare(cli, a, b, &error) : cli_error(&error);
    trace_reader_close(a);
    trace_reader_close(b);
    return exit_status;
}
