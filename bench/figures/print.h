/* Prints the README's figures from bench.json: what its parts share. */
#ifndef LASSIM_BENCH_FIGURES_PRINT_H
#define LASSIM_BENCH_FIGURES_PRINT_H

#include <math.h>
#include <string.h>

#include "bench/command.h"

/* object.key; ends the program if there is none. */
static inline const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL) return value;
    fprintf(stderr, "figures: expected \"%s\"\n", key);
    exit(1);
}

/* The string at object.key, "?" if it is none. */
static inline const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(member(object, key));
    return value != NULL ? value : "?";
}

/* "median (min … max)" of object.key, each divided by unit. */
static inline void print_spread(const json_t *object, const char *key, double unit, const char *format)
{
    const json_t *spread = member(object, key);
    if (json_is_null(spread)) {
        printf("–");
        return;
    }
    printf(format, command_number(spread, "median") / unit);
    printf(" (");
    printf(format, command_number(spread, "min") / unit);
    printf(" … ");
    printf(format, command_number(spread, "max") / unit);
    printf(")");
}

/* The median of object.key. */
static inline double median_of(const json_t *row, const char *key)
{
    return command_number(member(row, key), "median");
}

/* The row of rows (an array, may be NULL) whose "name" is name; NULL if there is none. */
static inline const json_t *row_named(const json_t *rows, const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (strcmp(text(row, "name"), name) == 0) return row;
    }
    return NULL;
}

/* Each prints one part of BENCH.json, ends the program if a figure of it is missing. */
void print_queue(const json_t *queue);
void print_synapses(const json_t *synapse);
void print_neurons(const json_t *neurons);
/* The table W1 to W8 of the whole BENCH.json: at least, aim, measured, verdict; a row without figures says so. */
void print_work(const json_t *root);
/* Time of a token by its position. */
void print_context(const json_t *context);
/* The model that fills the machine; root's "large", written by make bench-large. */
void print_large(const json_t *large);
/* Names and versions of the peers that took part. */
void print_peers(const json_t *root);

#endif
