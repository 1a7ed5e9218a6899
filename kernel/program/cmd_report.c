/* lassim report: metrics, a sweep and a trace as one self-contained page. */
#include <stdlib.h>
#include <string.h>

#include "convert/json.h"
#include "kernel/model.h"
#include "kernel/program/cli.h"
#include "kernel/program/cmd_trace.h"
#include "kernel/program/report_metrics.h"
#include "kernel/program/report_page.h"
#include "kernel/program/report_table.h"
#include "kernel/program/report_trace.h"
#include "kernel/program/same_file.h"
#include "kernel/program/text_file.h"
#include "kernel/tokenizer.h"

#define REPORT_SCHEMA "lassim.report.1"

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the report");
}

/* Takes over value. */
static enum lassim_status put(json_t *page, const char *key, json_t *value, struct lassim_error *error)
{
    return json_object_set_new(page, key, value) == 0 ? LASSIM_OK : no_memory(error);
}

static enum lassim_status add_metrics(const char *path, json_t *page, struct lassim_error *error)
{
    json_t *root = NULL, *metrics = NULL;
    enum lassim_status status = json_read_file(path, &root, error);
    if (status == LASSIM_OK) status = report_metrics_copy(path, root, &metrics, error);
    if (status == LASSIM_OK) status = put(page, "metrics", metrics, error);
    json_decref(root);
    return status;
}

static enum lassim_status add_sweep(const char *path, json_t *page, struct lassim_error *error)
{
    char *text = NULL;
    size_t size;
    json_t *rows = NULL;
    enum lassim_status status = text_file_read(path, &text, &size, error);
    if (status == LASSIM_OK) status = report_table_parse(path, text, size, &rows, error);
    if (status == LASSIM_OK) status = put(page, "sweep", rows, error);
    free(text);
    return status;
}

/* The texts of the trace's tokens, which have a column each; "" for what is unknown. */
static json_t *token_texts(const struct report_trace *trace, const struct tokenizer *tokenizer)
{
    json_t *texts = json_array();
    int failed = texts == NULL;
    for (uint32_t token = 0; token < trace->token.columns; token++) {
        char text[REPORT_CELL_BYTES + 2] = "";
        size_t size = 0;
        const uint8_t *bytes = tokenizer_token_bytes(tokenizer, trace->ids[token], &size);
        if (size > REPORT_CELL_BYTES + 1) size = REPORT_CELL_BYTES + 1;
        for (size_t i = 0; i < size; i++) text[i] = bytes[i] != 0 ? (char)bytes[i] : ' ';
        failed |= json_array_append_new(texts, report_string(text));
    }
    if (!failed) return texts;
    json_decref(texts);
    return NULL;
}

static enum lassim_status add_texts(const char *path, const struct report_trace *trace, json_t *object,
                                    struct lassim_error *error)
{
    struct model *model;
    struct tokenizer *tokenizer = NULL;
    enum lassim_status status = model_open(path, &model, error);
    if (status != LASSIM_OK) return status;
    if (model->hash != trace->info->model_hash)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL,
                             "expected the model of %s, hash %016llx, found %016llx", trace_reader_name(trace->reader),
                             (unsigned long long)trace->info->model_hash, (unsigned long long)model->hash);
    else if (model->tokenizer.size > 0 && trace->token.bin == 1)
        status = tokenizer_open(path, model->tokenizer.data, model->tokenizer.size, &tokenizer, error);
    if (status == LASSIM_OK && tokenizer != NULL)
        status = put(object, "token_texts", token_texts(trace, tokenizer), error);
    tokenizer_close(tokenizer);
    model_close(model);
    return status;
}

static enum lassim_status add_trace(const struct cli *cli, const char *path, json_t *page, struct lassim_error *error)
{
    struct report_trace trace;
    struct trace_reader *reader;
    enum lassim_status status = trace_reader_open(path, &reader, error);
    if (status != LASSIM_OK) return status;
    status = report_trace_read(&trace, reader, error);
    json_t *object = status == LASSIM_OK ? report_trace_json(&trace) : NULL;
    if (status == LASSIM_OK && object == NULL) status = no_memory(error);
    if (status == LASSIM_OK && cli_given(cli, OPTION_REPORT_MODEL))
        status = add_texts(cli_text(cli, OPTION_REPORT_MODEL), &trace, object, error);
    if (status == LASSIM_OK) {
        trace_note_cut_off(reader);
        status = put(page, "trace", json_incref(object), error);
    }
    json_decref(object);
    report_trace_free(&trace);
    trace_reader_close(reader);
    return status;
}

static const enum option_id inputs[] = {OPTION_REPORT_METRICS, OPTION_REPORT_SWEEP, OPTION_REPORT_TRACE};
enum { INPUTS = sizeof inputs / sizeof inputs[0] };

static enum lassim_status collect(const struct cli *cli, json_t *page, struct lassim_error *error)
{
    json_t *names = json_object();
    enum lassim_status status = put(page, "schema", json_string(REPORT_SCHEMA), error);
    if (status == LASSIM_OK) status = put(page, "version", json_string(LASSIM_VERSION), error);
    for (int i = 0; status == LASSIM_OK && i < INPUTS; i++) {
        const char *path = cli_text(cli, inputs[i]);
        if (path == NULL) continue;
        status = same_file_refuse(path, cli_text(cli, OPTION_OUTPUT), "a file", error);
        if (status == LASSIM_OK) status = put(names, option_table[inputs[i]].name, report_string(path), error);
        if (status != LASSIM_OK) break;
        status = inputs[i] == OPTION_REPORT_METRICS ? add_metrics(path, page, error)
                 : inputs[i] == OPTION_REPORT_SWEEP ? add_sweep(path, page, error)
                                                    : add_trace(cli, path, page, error);
    }
    if (status == LASSIM_OK) return put(page, "inputs", names, error);
    json_decref(names);
    return status;
}

static enum lassim_status write_page(const struct cli *cli, const json_t *page, struct lassim_error *error)
{
    struct outfile *out;
    enum lassim_status status =
        outfile_open(cli_text(cli, OPTION_OUTPUT), cli_flag(cli, OPTION_NO_CLOBBER), &out, error);
    if (status != LASSIM_OK) return status;
    status = report_page_write(out, page, error);
    if (status == LASSIM_OK) return outfile_close_complete(out, error);
    outfile_abandon(out);
    return status;
}

int cmd_report(const struct cli *cli)
{
    struct lassim_error error;
    int given = 0;
    for (int i = 0; i < INPUTS; i++) given |= cli_given(cli, inputs[i]);
    if (!given) return cli_usage(OPTION_OUTPUT, "expected --metrics, --sweep or --trace to draw");
    if (cli_given(cli, OPTION_REPORT_MODEL) && !cli_given(cli, OPTION_REPORT_TRACE))
        return cli_usage(OPTION_REPORT_MODEL, "expected --trace, whose tokens it names");
    json_t *page = json_object();
    enum lassim_status status = page != NULL ? collect(cli, page, &error) : no_memory(&error);
    if (status == LASSIM_OK) status = write_page(cli, page, &error);
    json_decref(page);
    return status == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}
