/* Checkpoint -> .snn.
 *
 * The checkpoint is mapped and gone through layer by layer: the original network runs on a calibration text in double,
 * thresholds and grids are decided as soon as a layer's values have been seen, and its weights go straight into the
 * mapped output.  Integer weights (convert/quantise.h) are made before the thresholds that meet them, and the
 * calibrating network runs on them; the self-check compares with the checkpoint's own.  Anonymous memory: at most
 * CONVERT_BATCH_BYTES of activations, tables and biases, the self-check's session.  Nothing depends on the number
 * of threads, the compiler or the time. */
#ifndef LASSIM_CONVERT_CONVERT_H
#define LASSIM_CONVERT_CONVERT_H

#include <stdint.h>

#include "convert/thresholds.h"
#include "kernel/error.h"
#include "kernel/model.h"

#define CONVERT_HG_ERROR 1e-6
#define CONVERT_BATCH_BYTES (UINT64_C(768) << 20)
/* Type of the weights that OAT trains meet; embeddings, which input spikes meet row by row, keep theirs. */
enum convert_weights { CONVERT_WEIGHTS_KEEP, CONVERT_WEIGHTS_I16, CONVERT_WEIGHTS_Q8, CONVERT_WEIGHTS_Q4 };
/* "keep", "i16", "q8", "q4". */
const char *convert_weights_name(enum convert_weights weights);
enum { CONVERT_TIMESTEPS = 16, CONVERT_CALIBRATION_TOKENS = 1024 };

/* Where the conversion stands: `done` of `total` steps of a stage ("calibrating and writing", "self-check").
 * Called on the converting thread, at most a few times a second's worth of work. */
typedef void convert_progress(void *context, const char *stage, uint64_t done, uint64_t total);

struct convert_report {
    struct self_check check;
    uint64_t calibration_tokens;
    uint64_t weights, moved; /* stored, and moved by their grid or scale */
    double moved_max;        /* largest displacement */
};

/* Zero-initialise, then set what differs from the default. */
struct convert_options {
    const char *checkpoint;      /* the folder, or a .gguf */
    const char *output;          /* the .snn */
    const char *calibration;     /* UTF-8 text; NULL: the one that ships */
    uint32_t calibration_tokens; /* at most this many, >= 2; 0: CONVERT_CALIBRATION_TOKENS.  Fewer for models whose
                                    * activations would not fit or that would take long (convert_tokens) */
    uint32_t timesteps;          /* T, 1 .. 16; 0: CONVERT_TIMESTEPS */
    enum spike_code code;
    enum convert_weights weights;
    double hg_error;  /* 0: CONVERT_HG_ERROR, or the least that can be met (convert/tables.h) */
    uint32_t threads; /* 0: one per core */
    int no_clobber;
    enum threshold_rule threshold_rule; /* anything but THRESHOLD_OAT is for comparisons */
    int no_self_check;                  /* 1: leaves the self-check's figures 0 (tests) */
    convert_progress *progress;         /* or NULL */
    void *progress_context;
    struct convert_report *report; /* filled on success, or NULL */
};

/* LASSIM_ERR_FILE for anything wrong with the checkpoint or the calibration text, LASSIM_ERR_USAGE for an option
 * out of range or an HG error that cannot be met, LASSIM_ERR_RUN for memory, disk and no_clobber.  On failure no
 * file appears under the final name. */
enum lassim_status convert_checkpoint(const struct convert_options *options, struct lassim_error *error);

/* Calibration tokens used for a model: at most `wanted`, at most what CONVERT_BATCH_BYTES hold, and at most what
 * a few minutes of double arithmetic can do (10^12 multiplications), but at least 64 where memory allows. */
size_t convert_tokens(const struct graph *graph, size_t wanted);

#endif
