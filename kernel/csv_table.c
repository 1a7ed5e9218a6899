#include "kernel/csv_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *path;
    struct csv_table *table;
    const char *at, *end;
    char *out;              /* where the next cell's bytes go, in table->text */
    uint64_t line;          /* of at, from 1 */
    size_t cells, capacity; /* of table->cell */
    struct lassim_error *error;
};

static enum lassim_status fail(const struct parser *parser, const char *what)
{
    char place[40];
    snprintf(place, sizeof place, "line %llu", (unsigned long long)parser->line);
    return lassim_fail(parser->error, LASSIM_ERR_FILE, parser->path, place, "%s", what);
}

static enum lassim_status push_cell(struct parser *parser, char *cell)
{
    if (parser->cells == CSV_TABLE_CELLS) return fail(parser, "expected at most 1048576 cells");
    if (parser->cells == parser->capacity) {
        size_t capacity = 2 * parser->capacity + 64;
        char **larger = realloc(parser->table->cell, capacity * sizeof *larger);
        if (larger == NULL) return lassim_fail(parser->error, LASSIM_ERR_RUN, parser->path, NULL, "no memory for it");
        parser->table->cell = larger;
        parser->capacity = capacity;
    }
    parser->table->cell[parser->cells++] = cell;
    return LASSIM_OK;
}

/* A cell in quotes; at stands behind the first. */
static enum lassim_status quoted_cell(struct parser *parser)
{
    for (;; parser->at++) {
        if (parser->at == parser->end) return fail(parser, "expected a closing quote");
        if (*parser->at == '"') {
            if (parser->at + 1 == parser->end || parser->at[1] != '"') break;
            parser->at++;
        }
        parser->line += *parser->at == '\n';
        *parser->out++ = *parser->at;
    }
    parser->at++;
    if (parser->at == parser->end || *parser->at == ',' || *parser->at == '\n') return LASSIM_OK;
    if (*parser->at == '\r' && parser->at + 1 < parser->end && parser->at[1] == '\n') return LASSIM_OK;
    return fail(parser, "expected a comma or the line's end after the closing quote");
}

static enum lassim_status plain_cell(struct parser *parser)
{
    for (; parser->at < parser->end && *parser->at != ',' && *parser->at != '\n'; parser->at++) {
        if (*parser->at == '"') return fail(parser, "expected quotes around the whole cell only");
        if (*parser->at == '\r' && parser->at + 1 < parser->end && parser->at[1] == '\n') break;
        *parser->out++ = *parser->at;
    }
    return LASSIM_OK;
}

/* The cells of one line, *cells of them; its end is passed, *ended = 0 if the text ended before. */
static enum lassim_status line_cells(struct parser *parser, size_t *cells, int *ended)
{
    enum lassim_status status = LASSIM_OK;
    for (*cells = 0, *ended = 0; status == LASSIM_OK;) {
        char *cell = parser->out;
        int quoted = parser->at < parser->end && *parser->at == '"';
        parser->at += quoted;
        status = quoted ? quoted_cell(parser) : plain_cell(parser);
        *parser->out++ = '\0';
        if (status == LASSIM_OK) status = push_cell(parser, cell);
        ++*cells;
        if (status != LASSIM_OK || parser->at == parser->end) return status;
        if (*parser->at++ == ',') continue;
        if (parser->at[-1] == '\r') parser->at++;
        *ended = 1;
        return LASSIM_OK;
    }
    return status;
}

static enum lassim_status parse_line(struct parser *parser)
{
    struct csv_table *table = parser->table;
    size_t cells;
    int ended;
    enum lassim_status status = line_cells(parser, &cells, &ended);
    if (status != LASSIM_OK) return status;
    if (table->columns == 0) {
        if (cells > CSV_TABLE_COLUMNS) return fail(parser, "expected at most 256 columns");
        table->columns = (uint32_t)cells;
    } else if (cells != table->columns) {
        char what[80];
        snprintf(what, sizeof what, "expected %u cells, found %zu", table->columns, cells);
        if (ended || cells > table->columns) return fail(parser, what);
        parser->cells -= cells;
        table->cut = 1;
    }
    parser->line += (uint64_t)ended;
    return LASSIM_OK;
}

enum lassim_status csv_table_parse(const char *path, const char *text, size_t size, struct csv_table *table,
                                   struct lassim_error *error)
{
    *table = (struct csv_table){0};
    struct parser parser = {path, table, text, text + size, NULL, 1, 0, 0, error};
    if (size > CSV_TABLE_BYTES) return fail(&parser, "expected at most 128 MiB");
    if (size > 0 && memchr(text, '\0', size) != NULL) return fail(&parser, "expected text, found a 0 byte in it");
    table->text = malloc(size + 2); /* a cell ends with a 0 in place of its comma or line end */
    if (table->text == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for it");
    parser.out = table->text;
    enum lassim_status status = LASSIM_OK;
    while (status == LASSIM_OK && parser.at < parser.end) {
        size_t empty = *parser.at == '\r' && parser.at + 1 < parser.end ? 1 : 0;
        if (parser.at[empty] == '\n') {
            parser.at += empty + 1;
            parser.line++;
            continue;
        }
        status = parse_line(&parser);
    }
    if (status != LASSIM_OK) return status;
    if (table->columns == 0) return fail(&parser, "expected a header line");
    table->rows = (uint32_t)(parser.cells / table->columns - 1);
    return LASSIM_OK;
}

void csv_table_free(struct csv_table *table)
{
    free(table->cell);
    free(table->text);
    *table = (struct csv_table){0};
}

int csv_number(const char *cell, double *value)
{
    char *end;
    size_t length = strspn(cell, "0123456789+-.eE");
    if (length == 0 || cell[length] != '\0') return 0;
    *value = strtod(cell, &end);
    return *end == '\0' && end != cell && isfinite(*value);
}
