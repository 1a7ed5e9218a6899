#include "kernel/energy.h"

static const struct energy_table tables[] = {
#define ENERGY_ROW(name, add, multiply, source) {#name, add, multiply, source},
    LASSIM_ENERGY_TABLES(ENERGY_ROW)
#undef ENERGY_ROW
};

unsigned energy_tables(void)
{
    return sizeof tables / sizeof tables[0];
}

const struct energy_table *energy_table(unsigned index)
{
    return &tables[index];
}

double energy_spiking(const struct energy_table *table, const struct energy_counts *counts)
{
    return table->add * ((double)counts->membrane_updates + (double)counts->threshold_tests) +
           table->multiply * (double)counts->hg_products;
}

double energy_dense(const struct energy_table *table, const struct energy_counts *counts)
{
    return (table->add + table->multiply) * (double)counts->dense_macs;
}
