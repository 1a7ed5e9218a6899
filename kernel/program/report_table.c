#include "kernel/program/report_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/json.h"
#include "kernel/csv_table.h"
#include "kernel/utf8.h"

struct table {
    json_t *columns, *index, *rows; /* index: name -> number of the column */
    json_int_t cells, left_out;
    int failed;
};

json_t *report_string(const char *text)
{
    char valid[3 * REPORT_CELL_BYTES + sizeof "\xe2\x80\xa6"];
    size_t size = strlen(text), cut = size;
    if (cut > REPORT_CELL_BYTES) cut = utf8_complete((const uint8_t *)text, REPORT_CELL_BYTES);
    size_t used = utf8_replace_invalid((const uint8_t *)text, cut, (uint8_t *)valid);
    memcpy(valid + used, cut < size ? "\xe2\x80\xa6" : "", cut < size ? 4 : 1);
    return json_string(valid);
}

/* What a cell may hold, borrowed; anything nested is null. */
static json_t *scalar(json_t *value)
{
    if (json_is_string(value)) return report_string(json_string_value(value));
    if (json_is_number(value) || json_is_boolean(value)) return json_incref(value);
    return json_null();
}

/* Takes over row unless the table is full. */
static void add_row(struct table *table, json_t *row)
{
    table->cells += (json_int_t)json_array_size(row) + 1;
    if (table->cells <= REPORT_CELLS) {
        table->failed |= json_array_append_new(table->rows, row);
        return;
    }
    table->left_out++;
    json_decref(row);
}

/* Hashes are text, also those without a letter. */
static json_t *csv_cell(const char *column, const char *cell)
{
    double value;
    if (*cell == '\0') return json_null();
    if (strstr(column, "_hash") != NULL || !csv_number(cell, &value)) return report_string(cell);
    if (strspn(cell, "-0123456789") == strlen(cell) && value > -9e15 && value < 9e15)
        return json_integer((json_int_t)value);
    return json_real(value);
}

static enum lassim_status read_csv(const char *path, const char *text, size_t size, struct table *table, int *cut,
                                   struct lassim_error *error)
{
    struct csv_table csv;
    enum lassim_status status = csv_table_parse(path, text, size, &csv, error);
    *cut = csv.cut;
    for (uint32_t c = 0; status == LASSIM_OK && c < csv.columns; c++)
        table->failed |= json_array_append_new(table->columns, report_string(csv.cell[c]));
    for (uint32_t r = 0; status == LASSIM_OK && r < csv.rows; r++) {
        json_t *row = json_array();
        for (uint32_t c = 0; c < csv.columns; c++)
            table->failed |=
                json_array_append_new(row, csv_cell(csv.cell[c], csv.cell[(size_t)(r + 1) * csv.columns + c]));
        add_row(table, row);
    }
    csv_table_free(&csv);
    return status;
}

/* The column's number, made if it is new; CSV_TABLE_COLUMNS at most, -1 beyond. */
static json_int_t column_of(struct table *table, const char *name)
{
    const json_t *known = json_object_get(table->index, name);
    if (known != NULL) return json_integer_value(known);
    json_int_t column = (json_int_t)json_array_size(table->columns);
    if (column == CSV_TABLE_COLUMNS) return -1;
    table->failed |= json_object_set_new(table->index, name, json_integer(column));
    table->failed |= json_array_append_new(table->columns, report_string(name));
    return column;
}

static void add_object(struct table *table, json_t *object)
{
    const char *name;
    json_t *value, *row = json_array();
    json_object_foreach(object, name, value)
    {
        json_int_t column = column_of(table, name);
        if (column < 0) continue;
        while ((json_int_t)json_array_size(row) <= column && !table->failed)
            table->failed |= json_array_append_new(row, json_null());
        table->failed |= json_array_set_new(row, (size_t)column, scalar(value));
    }
    add_row(table, row);
}

static enum lassim_status add_objects(const char *path, json_t *list, struct table *table, struct lassim_error *error)
{
    size_t i;
    json_t *object;
    json_array_foreach(list, i, object)
    {
        if (!json_is_object(object))
            return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "row %zu: expected an object, found %s", i,
                               json_type_name(object));
        add_object(table, object);
    }
    return LASSIM_OK;
}

/* One object a line; a last line without its end that is none is cut off. */
static enum lassim_status read_lines(const char *path, const char *text, size_t size, struct table *table, int *cut,
                                     struct lassim_error *error)
{
    unsigned long long number = 1;
    for (const char *at = text, *end = text + size; at < end; number++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at)), *stop = feed != NULL ? feed : end;
        char place[40];
        json_t *object;
        snprintf(place, sizeof place, "row %llu", number);
        if (strspn(at, " \t\r") < (size_t)(stop - at)) {
            enum lassim_status status = json_parse(path, place, at, (size_t)(stop - at), &object, error);
            *cut = status == LASSIM_ERR_FILE && feed == NULL && number > 1;
            if (*cut) return LASSIM_OK;
            if (status != LASSIM_OK) return status;
            if (json_is_object(object)) add_object(table, object);
            json_decref(object);
        }
        at = feed != NULL ? feed + 1 : end;
    }
    return LASSIM_OK;
}

static enum lassim_status read_json(const char *path, const char *text, size_t size, struct table *table, int *cut,
                                    struct lassim_error *error)
{
    const char *feed = memchr(text, '\n', size);
    json_t *root;
    if (*text == '{' && feed != NULL && json_parse(path, NULL, text, (size_t)(feed - text), &root, NULL) == LASSIM_OK) {
        json_decref(root);
        return read_lines(path, text, size, table, cut, error);
    }
    enum lassim_status status = json_parse(path, NULL, text, size, &root, error);
    if (status != LASSIM_OK) return status;
    json_t *list = json_is_object(root) ? json_object_get(root, "rows") : root;
    if (json_is_object(root) && list == NULL)
        add_object(table, root);
    else if (json_is_array(list))
        status = add_objects(path, list, table, error);
    else
        status = lassim_fail(error, LASSIM_ERR_FILE, path, "rows", "expected an array, found %s", json_type_name(list));
    json_decref(root);
    return status;
}

enum lassim_status report_table_parse(const char *path, const char *text, size_t size, json_t **json,
                                      struct lassim_error *error)
{
    struct table table = {json_array(), json_object(), json_array(), 0, 0, 0};
    int cut = 0, is_json = size > 0 && (*text == '[' || *text == '{');
    enum lassim_status status =
        is_json ? read_json(path, text, size, &table, &cut, error) : read_csv(path, text, size, &table, &cut, error);
    json_t *object = json_object();
    int failed = table.failed | json_object_set_new(object, "columns", table.columns);
    failed |= json_object_set_new(object, "rows", table.rows);
    failed |= json_object_set_new(object, "cut", json_boolean(cut));
    failed |= json_object_set_new(object, "left_out", json_integer(table.left_out));
    json_decref(table.index);
    if (status == LASSIM_OK && failed)
        status = lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for its rows");
    *json = status == LASSIM_OK ? object : NULL;
    if (status != LASSIM_OK) json_decref(object);
    return status;
}
