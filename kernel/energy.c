#include "kernel/energy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define PJ 1e-12
/* Horowitz, ISSCC 2014, 45 nm: addition + multiplication of 32-bit and 16-bit floats and of 8-bit integers. */
#define HOROWITZ_MACS                                 \
    {                                                 \
        (0.9 + 3.7) * PJ, (0.4 + 1.1) * PJ, 0.23 * PJ \
    }
/* Lemaire et al. 2022: 10, 20 and 100 pJ for 4 bytes of memories of 8 KiB, 32 KiB and 1 MiB. */
#define LEMAIRE_POINTS                     \
    {                                      \
        {8192, 2.5 * PJ}, {32768, 5 * PJ}, \
        {                                  \
            1048576, 25 * PJ               \
        }                                  \
    }

static const struct energy_model built_in[] = {
    {"horowitz45_fp32", "32-bit floating point at 45 nm, Horowitz, ISSCC 2014", ENERGY_COMPUTE, .add = 0.9 * PJ,
     .multiply = 3.7 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_FP32},
    {"horowitz45_fp16", "16-bit floating point at 45 nm, Horowitz, ISSCC 2014", ENERGY_COMPUTE, .add = 0.4 * PJ,
     .multiply = 1.1 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_FP16},
    {"horowitz45_int32", "32-bit integers at 45 nm, as lassim's own sums; dense in INT8; Horowitz, ISSCC 2014",
     ENERGY_COMPUTE, .add = 0.1 * PJ, .multiply = 3.1 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8},
    {"horowitz45_int8", "8-bit integers at 45 nm, Horowitz, ISSCC 2014 (0.03 and 0.2 pJ; SpikingJelly's 0.03 and 0.23)",
     ENERGY_COMPUTE, .add = 0.03 * PJ, .multiply = 0.2 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8},
    {"lemaire45_sram",
     "operations, addressing and on-chip memories of any size, 45 nm, after Lemaire et al., arXiv 2210.13107",
     ENERGY_MEMORY, .add = 0.1 * PJ, .multiply = 3.1 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8, .points = 3,
     .point = LEMAIRE_POINTS},
    {"lemaire45_dram", "the same with DRAM (640 pJ for 4 bytes, Han et al., ISCA 2016) for what is larger than 1 MiB",
     ENERGY_MEMORY, .add = 0.1 * PJ, .multiply = 3.1 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8, .points = 3,
     .point = LEMAIRE_POINTS, .dram_above = 1048576, .dram = 160 * PJ},
    {"loihi", "23.6 pJ per synaptic event, Davies et al., IEEE Micro 2018; dense at 45 nm", ENERGY_EVENT,
     .event = 23.6 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8},
    {"truenorth",
     "2.5 pJ per synaptic event, Akopyan et al., TCAD 2015 (Merolla et al., Science 2014: 26 pJ); dense at 45 nm",
     ENERGY_EVENT, .event = 2.5 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8},
    {"truenorth_2014",
     "26 pJ per synaptic event, Merolla et al., Science 2014, ten times Akopyan's figure; dense at 45 nm", ENERGY_EVENT,
     .event = 26 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8},
    {"spinnaker2", "10 pJ per synaptic event, Hoeppner et al., arXiv 2103.08392 (2021); dense at 45 nm", ENERGY_EVENT,
     .event = 10 * PJ, .mac = HOROWITZ_MACS, .width = ENERGY_INT8},
};

static const struct energy_threshold thresholds[] = {
    {"dampfhoffer2023", ENERGY_SPIKES_PER_SYNAPSE, 0.15, 1.38,
     "Dampfhoffer et al., IEEE TETCI 2023: 0.15 to 1.38 spikes per synapse and inference, by the hardware"},
    {"davidson_furber2021", ENERGY_SPIKES_PER_NEURON, 1.72, 1.72,
     "Davidson & Furber, Frontiers in Neuroscience 2021: fewer than 1.72 spikes per neuron and inference"},
    {"yan2024", ENERGY_SPIKE_RATE, 0.064, 0.064,
     "Yan et al., arXiv 2409.08290: against a quantised network of equal bits, a rate below 6.4 % for T of 5 to 10"},
};

unsigned energy_models(void)
{
    return sizeof built_in / sizeof built_in[0];
}

const struct energy_model *energy_model(unsigned index)
{
    return &built_in[index];
}

unsigned energy_list_models(const struct energy_list *list)
{
    return energy_models() + list->mores;
}

const struct energy_model *energy_list_model(const struct energy_list *list, unsigned index)
{
    return index < energy_models() ? energy_model(index) : &list->more[index - energy_models()];
}

const struct energy_model *energy_list_find(const struct energy_list *list, const char *name)
{
    for (unsigned i = 0; i < energy_list_models(list); i++)
        if (strcmp(energy_list_model(list, i)->name, name) == 0) return energy_list_model(list, i);
    return NULL;
}

/* Over text, since a structure has gaps. */
uint64_t energy_model_hash(const struct energy_model *model)
{
    char text[1024];
    int used = snprintf(text, sizeof text, "%s %d %a %a %a %a %a %a %a %a", model->name, (int)model->kind, model->add,
                        model->multiply, model->event, model->mac[ENERGY_FP32], model->mac[ENERGY_FP16],
                        model->mac[ENERGY_INT8], model->dram_above, model->dram);
    uint64_t hash = XXH3_64bits_withSeed(text, (size_t)used, (uint64_t)model->width);
    for (uint32_t i = 0; i < model->points; i++) {
        used = snprintf(text, sizeof text, "%016" PRIx64 " %a %a", hash, model->point[i].bytes, model->point[i].joules);
        hash = XXH3_64bits(text, (size_t)used);
    }
    return hash;
}

uint64_t energy_list_hash(const struct energy_list *list)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < energy_list_models(list); i++) {
        uint64_t own = energy_model_hash(energy_list_model(list, i));
        hash = XXH3_64bits_withSeed(&own, sizeof own, hash);
    }
    return hash;
}

double energy_byte(const struct energy_model *model, uint64_t buffer)
{
    struct energy_point last = {0, 0};
    double bytes = (double)buffer;
    if (model->dram > 0 && bytes > model->dram_above) return model->dram;
    for (uint32_t i = 0; i < model->points; i++) {
        const struct energy_point *point = &model->point[i];
        if (bytes <= point->bytes)
            return last.joules + (point->joules - last.joules) * ((bytes - last.bytes) / (point->bytes - last.bytes));
        last = *point;
    }
    return last.joules;
}

double energy_spiking(const struct energy_model *model, const struct energy_work *work, uint32_t n)
{
    uint64_t adds = 0, multiplies = 0, events = 0;
    for (uint32_t p = 0; p < n; p++) {
        adds += work[p].adds;
        multiplies += work[p].multiplies;
        events += work[p].events;
    }
    if (model->kind == ENERGY_EVENT) return model->event * (double)events;
    if (model->kind == ENERGY_MEMORY) adds += events; /* addressing */
    double joules = model->add * (double)adds + model->multiply * (double)multiplies;
    for (uint32_t p = 0; model->kind == ENERGY_MEMORY && p < n; p++)
        for (uint32_t i = 0; i < work[p].spiking_count; i++)
            joules += (double)work[p].spiking[i].bytes * energy_byte(model, work[p].spiking[i].buffer);
    return joules;
}

double energy_dense(const struct energy_model *model, const struct energy_work *work, uint32_t n,
                    enum energy_width width)
{
    static const uint64_t bytes[ENERGY_WIDTHS] = {4, 2, 1};
    uint64_t macs = 0;
    for (uint32_t p = 0; p < n; p++) macs += work[p].macs;
    double joules = model->mac[width] * (double)macs;
    for (uint32_t p = 0; model->kind == ENERGY_MEMORY && p < n; p++)
        for (uint32_t i = 0; i < work[p].dense_count; i++)
            joules += (double)(work[p].dense[i].bytes * bytes[width]) *
                      energy_byte(model, work[p].dense[i].buffer * bytes[width]);
    return joules;
}

double energy_break_even(double rate, double spiking, double idle, double dense)
{
    if (!(rate > 0) || !(dense > 0) || !(spiking > idle)) return -1;
    return dense <= idle ? 0 : rate * ((dense - idle) / (spiking - idle));
}

const char *energy_width_name(enum energy_width width)
{
    static const char *const names[ENERGY_WIDTHS] = {"fp32", "fp16", "int8"};
    return names[width];
}

const char *energy_kind_name(enum energy_kind kind)
{
    static const char *const names[] = {"compute", "memory", "event"};
    return names[kind];
}

unsigned energy_thresholds(void)
{
    return sizeof thresholds / sizeof thresholds[0];
}

const struct energy_threshold *energy_threshold(unsigned index)
{
    return &thresholds[index];
}

const char *energy_verdict(const struct energy_threshold *threshold, double value)
{
    if (value < threshold->low) return "spiking";
    return value > threshold->high ? "dense" : "depends";
}

const char *energy_quantity_name(enum energy_quantity quantity)
{
    static const char *const names[] = {"spikes_per_synapse", "spikes_per_neuron", "spike_rate"};
    return names[quantity];
}
