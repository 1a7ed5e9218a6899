/* Header and template of a tokenizer's blob, read for kernel/tokenizer.c. */
#ifndef LASSIM_KERNEL_TOKENIZER_BLOB_H
#define LASSIM_KERNEL_TOKENIZER_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/tokenizer_tables.h"

/* What tokenizer_open hands down while it checks a blob. */
struct blob_reader {
    const char *file;
    const uint8_t *data;
    size_t size;
    uint32_t merges, string_bytes, items[2];
    const uint8_t *item_records, *merge_records;
    struct lassim_error *error;
};

/* Four bytes, little-endian. */
static inline uint32_t blob_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Checks header, sizes and settings and fills what they say.  LASSIM_ERR_FILE otherwise. */
enum lassim_status tokenizer_read_header(struct tokenizer *tokenizer, struct blob_reader *reader);
/* After the tokens are checked: the special ids and both templates.  LASSIM_ERR_FILE otherwise. */
enum lassim_status tokenizer_read_template(struct tokenizer *tokenizer, const struct blob_reader *reader);

#endif
