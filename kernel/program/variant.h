/* Variants of a converted model that need no conversion: other thresholds, code and HG tables on the same weights.
 *
 * What a conversion would decide anew from the checkpoint follows from what the .snn holds: the largest value that
 * each population saw in calibration, its thresholds, and (percentile) the coded values of a run on the calibration
 * text.  Weights and their grids stay, so a variant differs from a conversion with that rule by F32 weights' grids only.
 *
 *   oat   rule        thresholds of OAT populations (e keeps its own)
 *   on    model       the model's
 *   on    max         alpha_out = the largest value, alpha_nor = alpha_out 2^-j with the model's j; no channel shifts
 *   on    percentile  alpha_nor = the percentile of |x|, j the smallest with alpha_out >= the largest value
 *   on    channel     the model's, whose channel shifts the converter made
 *   off   model, max  alpha = the largest value, no outlier sub-neuron, no channel shifts
 *   off   percentile  alpha = the percentile of |x|; what is above saturates
 *   off   channel     where the model has channel shifts: alpha = the smallest power of two at or above the channel's
 *                     largest value; elsewhere as max */
#ifndef LASSIM_PROGRAM_VARIANT_H
#define LASSIM_PROGRAM_VARIANT_H

#include "kernel/model.h"

enum variant_rule { VARIANT_MODEL, VARIANT_MAX, VARIANT_PERCENTILE, VARIANT_CHANNEL, VARIANT_RULES };
enum variant_hg { VARIANT_HG_TABLE, VARIANT_HG_EXACT, VARIANT_HG_REFIT };

struct variant_options {
    enum spike_code code;
    int oat;
    enum variant_rule rule;
    const double *percentile; /* [populations] of |x|; VARIANT_PERCENTILE only */
    enum variant_hg hg;       /* EXACT: the function itself, sends no spikes; REFIT: tables of hg_error, same octaves */
    double hg_error;
};

struct variant {
    struct model model;
    const struct model *base;
};

/* Makes *variant, whose model shares everything but thresholds, bounds and tables with `model` and must not outlive it.
 * The caller owns *variant: variant_free, never model_close.  Outlier shifts are as large as the exactness proofs allow.  ERR_USAGE where hg_error
 * cannot be met. */
enum lassim_status variant_make(const struct model *model, const struct variant_options *options,
                                struct variant **variant, struct lassim_error *error);
void variant_free(struct variant *variant); /* NULL allowed */

/* The percentile (0 < percent <= 100) of every OAT population's |x| over the first tokens of the calibration text (NULL:
 * the one that ships), as coded by the model at its own T in a run whose trace goes to a file beside `near` and is
 * removed; out [populations], 0 for others.  threads: of the run. */
enum lassim_status variant_percentiles(const struct model *model, const char *calibration, double percent,
                                       const char *near, unsigned threads, double *out, struct lassim_error *error);

#endif
