/* Reads NPY files (numpy.lib.format, versions 1.0 and 2.0) of any shape from memory; hostile bytes. */
#ifndef LASSIM_KERNEL_NPY_ARRAY_H
#define LASSIM_KERNEL_NPY_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

enum { NPY_FIELDS_MAX = 32, NPY_DIMENSIONS_MAX = 4, NPY_FIELD_NAME = 32 };

/* One number of an element: "<u4" and so on. */
struct npy_field {
    char name[NPY_FIELD_NAME]; /* "" in an array that is not structured */
    char kind;                 /* 'u', 'i', 'f' or 'b' (boolean, one byte) */
    uint32_t bytes;            /* 1, 2, 4, 8; floats 4, 8 */
    uint32_t offset;           /* in the element */
};

/* Points into the file's bytes. */
struct npy_array {
    uint32_t fields;
    struct npy_field field[NPY_FIELDS_MAX];
    uint32_t element; /* bytes */
    uint32_t dimensions;
    uint64_t shape[NPY_DIMENSIONS_MAX];
    uint64_t count; /* elements; count * element bytes are there */
    const uint8_t *data;
};

/* Little-endian numbers in C order; anything else, and a length that does not fit the shape, is LASSIM_ERR_FILE. */
enum lassim_status npy_array_parse(const char *path, const uint8_t *bytes, size_t size, struct npy_array *array,
                                   struct lassim_error *error);
/* NULL if there is no field of that name. */
const struct npy_field *npy_array_field(const struct npy_array *array, const char *name);
/* A number as a double, rounded once where it is an integer above 2^53. */
double npy_array_number(const struct npy_array *array, const struct npy_field *field, uint64_t index);
/* An integer field's value; 1, or 0 if it is negative (or the field is no integer). */
int npy_array_unsigned(const struct npy_array *array, const struct npy_field *field, uint64_t index, uint64_t *value);

#endif
