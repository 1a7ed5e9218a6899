/* Any bytes as a CSV table. */
#include <stdlib.h>
#include <string.h>

#include "kernel/csv_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv_table table;
    struct lassim_error error;
    size_t bytes = 0;
    double value;
    enum lassim_status status = csv_table_parse("fuzz", (const char *)data, size, &table, &error);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || strchr(error.text, '\n') != NULL)) abort();
    for (size_t i = 0; status == LASSIM_OK && i < ((size_t)table.rows + 1) * table.columns; i++) {
        bytes += strlen(table.cell[i]);
        if (csv_number(table.cell[i], &value) && !(value - value == 0)) abort();
    }
    if (bytes > size) abort();
    csv_table_free(&table);
    return 0;
}
