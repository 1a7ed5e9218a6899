/* Energy = counts x a named cost table (docs/design.md, Counting).  The tables are data: metrics, the printed table
 * and the documentation name them from here. */
#ifndef LASSIM_KERNEL_ENERGY_H
#define LASSIM_KERNEL_ENERGY_H

#include <stdint.h>

/* X(name, joules of an addition, joules of a multiplication, source) */
#define LASSIM_ENERGY_TABLES(X) \
    X(horowitz45_fp32, 0.9e-12, 3.7e-12, "32-bit floating point at 45 nm, Horowitz, ISSCC 2014")

struct energy_table {
    const char *name;
    double add, multiply; /* joules */
    const char *source;
};

/* What the formula takes. */
struct energy_counts {
    uint64_t membrane_updates, threshold_tests;
    uint64_t hg_products; /* spike-product operations of HG populations */
    uint64_t dense_macs;
};

/* Tables 0 .. energy_tables() - 1. */
unsigned energy_tables(void);
const struct energy_table *energy_table(unsigned index);
/* Joules: add (membrane updates + threshold tests) + multiply (product operations of HG populations). */
double energy_spiking(const struct energy_table *table, const struct energy_counts *counts);
/* Joules: (add + multiply) dense multiply-accumulates. */
double energy_dense(const struct energy_table *table, const struct energy_counts *counts);

#endif
