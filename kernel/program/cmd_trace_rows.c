/* lassim trace dump, trace export: a trace as one row per spike, in event order. */
#include <stdlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/npy.h"
#include "kernel/outfile.h"
#include "kernel/program/cli.h"
#include "kernel/program/cmd_trace.h"
#include "kernel/program/same_file.h"
#include "kernel/program/sonata.h"
#include "kernel/trace_expand.h"

enum { ROWS = 4096, NPY_ROW = 22 };
enum export_format { EXPORT_NPY = 0, EXPORT_CSV = 1, EXPORT_SONATA = 2 }; /* in the order of the option's choices */

#define NPY_ROW_DESCR                                                                                 \
    "[('time', '<u8'), ('population', '<u4'), ('token', '<u4'), ('neuron', '<u4'), ('sign', '|i1'), " \
    "('kind', '|u1')]"

/* Where rows go: one of the three is set. */
struct sink {
    const struct trace_header_info *info;
    struct outfile *text;
    struct npy_writer *npy;
    struct sonata_writer *sonata;
    enum lassim_status (*put)(const struct sink *sink, const struct trace_row *rows, size_t count,
                              struct lassim_error *error);
};

static enum lassim_status put_dump(const struct sink *sink, const struct trace_row *rows, size_t count,
                                   struct lassim_error *error)
{
    static const char *const kinds[TRACE_KINDS] = {"normal", "outlier", "gate", "hg"};
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < count && status == LASSIM_OK; i++)
        status = outfile_printf(sink->text, error, "%llu %s %u %u %c %s\n", (unsigned long long)rows[i].time,
                                sink->info->population[rows[i].population].name, rows[i].token, rows[i].neuron,
                                rows[i].sign < 0 ? '-' : '+', kinds[rows[i].kind]);
    return status;
}

static enum lassim_status put_csv(const struct sink *sink, const struct trace_row *rows, size_t count,
                                  struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < count && status == LASSIM_OK; i++)
        status = outfile_printf(sink->text, error, "%llu,%u,%u,%u,%d,%u\n", (unsigned long long)rows[i].time,
                                rows[i].population, rows[i].token, rows[i].neuron, rows[i].sign, rows[i].kind);
    return status;
}

static enum lassim_status put_npy(const struct sink *sink, const struct trace_row *rows, size_t count,
                                  struct lassim_error *error)
{
    uint8_t bytes[ROWS * NPY_ROW], *out = bytes;
    for (size_t i = 0; i < count; i++, out += NPY_ROW) {
        trace_put64(out, rows[i].time);
        trace_put32(out + 8, rows[i].population);
        trace_put32(out + 12, rows[i].token);
        trace_put32(out + 16, rows[i].neuron);
        out[20] = (uint8_t)rows[i].sign;
        out[21] = rows[i].kind;
    }
    return npy_writer_rows(sink->npy, bytes, count, error);
}

static enum lassim_status put_sonata(const struct sink *sink, const struct trace_row *rows, size_t count,
                                     struct lassim_error *error)
{
    return sonata_writer_rows(sink->sonata, rows, count, error);
}

/* Hands every row that is left in reader to the sink. */
static enum lassim_status pour(struct trace_reader *reader, const struct sink *sink, struct lassim_error *error)
{
    static _Thread_local struct trace_row rows[ROWS];
    struct trace_expand *expand;
    size_t count = 1;
    enum lassim_status status = trace_expand_open(reader, &expand, error);
    while (status == LASSIM_OK && count > 0) {
        status = trace_expand_rows(expand, rows, ROWS, &count, error);
        if (status == LASSIM_OK && count > 0) status = sink->put(sink, rows, count, error);
    }
    trace_expand_close(expand);
    if (status == LASSIM_OK) trace_note_cut_off(reader);
    return status;
}

static enum lassim_status pour_text(struct trace_reader *reader, const char *path, int no_clobber, struct sink *sink,
                                    const char *first_line, struct lassim_error *error)
{
    enum lassim_status status = outfile_open(path, no_clobber, &sink->text, error);
    if (status != LASSIM_OK) return status;
    status = outfile_write(sink->text, first_line, strlen(first_line), error);
    if (status == LASSIM_OK) status = pour(reader, sink, error);
    if (status == LASSIM_OK) return outfile_close_complete(sink->text, error);
    outfile_abandon(sink->text);
    return status;
}

static enum lassim_status pour_npy(struct trace_reader *reader, const char *path, int no_clobber, uint64_t rows,
                                   struct sink *sink, struct lassim_error *error)
{
    enum lassim_status status = npy_writer_open(path, no_clobber, NPY_ROW_DESCR, NPY_ROW, rows, 0, &sink->npy, error);
    if (status != LASSIM_OK) return status;
    status = pour(reader, sink, error);
    if (status == LASSIM_OK) return npy_writer_finish(sink->npy, error);
    npy_writer_abandon(sink->npy);
    return status;
}

static enum lassim_status pour_sonata(struct trace_reader *reader, const struct cli *cli, struct sink *sink,
                                      struct lassim_error *error)
{
    enum lassim_status status =
        sonata_writer_open(cli_text(cli, OPTION_OUTPUT), cli_flag(cli, OPTION_NO_CLOBBER), trace_reader_info(reader),
                           cli_real(cli, OPTION_DT), &sink->sonata, error);
    if (status != LASSIM_OK) return status;
    status = pour(reader, sink, error);
    if (status == LASSIM_OK) return sonata_writer_finish(sink->sonata, error);
    sonata_writer_abandon(sink->sonata);
    return status;
}

/* Rows of the trace in a regular file, from its block headers; NPY_ROWS_UNKNOWN for pipes. */
static enum lassim_status count_rows(const char *path, uint64_t *rows, struct lassim_error *error)
{
    struct stat file;
    struct trace_reader *reader;
    const struct trace_block *block = NULL;
    *rows = NPY_ROWS_UNKNOWN;
    if (strcmp(path, "-") == 0 || stat(path, &file) != 0 || !S_ISREG(file.st_mode)) return LASSIM_OK;
    enum lassim_status status = trace_reader_open(path, &reader, error);
    if (status != LASSIM_OK) return status;
    do status = trace_reader_next_block(reader, &block, error);
    while (status == LASSIM_OK && block != NULL);
    *rows = 0;
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) *rows += trace_reader_totals(reader)->spikes[kind];
    trace_reader_close(reader);
    return status;
}

static enum lassim_status export_rows(const struct cli *cli, struct trace_reader *reader, struct lassim_error *error)
{
    const char *input = cli->operand[0], *output = cli_text(cli, OPTION_OUTPUT);
    int no_clobber = cli_flag(cli, OPTION_NO_CLOBBER);
    struct sink sink = {.info = trace_reader_info(reader)};
    enum lassim_status status = same_file_refuse(input, output, "the trace", error);
    if (status != LASSIM_OK) return status;
    if (cli_integer(cli, OPTION_FORMAT) == EXPORT_CSV) {
        sink.put = put_csv;
        return pour_text(reader, output, no_clobber, &sink, "time,population,token,neuron,sign,kind\n", error);
    }
    if (cli_integer(cli, OPTION_FORMAT) == EXPORT_SONATA) {
        sink.put = put_sonata;
        return pour_sonata(reader, cli, &sink, error);
    }
    uint64_t rows;
    status = count_rows(input, &rows, error);
    sink.put = put_npy;
    return status == LASSIM_OK ? pour_npy(reader, output, no_clobber, rows, &sink, error) : status;
}

int cmd_trace_export(const struct cli *cli)
{
    struct lassim_error error;
    struct trace_reader *reader;
    if (trace_reader_open(cli->operand[0], &reader, &error) != LASSIM_OK) return cli_error(&error);
    enum lassim_status status = export_rows(cli, reader, &error);
    trace_reader_close(reader);
    return status == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}

int cmd_trace_dump(const struct cli *cli)
{
    struct lassim_error error;
    struct trace_reader *reader;
    if (trace_reader_open(cli->operand[0], &reader, &error) != LASSIM_OK) return cli_error(&error);
    struct sink sink = {.info = trace_reader_info(reader), .put = put_dump};
    enum lassim_status status = pour_text(reader, "-", 0, &sink, "# time population token neuron sign kind\n", &error);
    trace_reader_close(reader);
    return status == LASSIM_OK ? LASSIM_OK : cli_error(&error);
}
