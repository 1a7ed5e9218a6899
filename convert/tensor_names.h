/* Which tensor of a checkpoint is which matrix or norm of the graph: one table a family, each in its own file
 * (convert/names_opt.c, names_llama.c, names_gpt2.c, names_bert.c). */
#ifndef LASSIM_CONVERT_TENSOR_NAMES_H
#define LASSIM_CONVERT_TENSOR_NAMES_H

#include <stddef.h>

#include "convert/checkpoint.h"

/* How a matrix lies in its tensor. */
enum tensor_storage {
    STORED_BY_TARGET = 0, /* [targets, sources]: linear layers */
    STORED_BY_SOURCE,     /* [sources, targets], and is walked so: embeddings */
    STORED_TURNED         /* [sources, targets of all parts]: GPT-2's Conv1D */
};

/* Whether it has a bias: never, always, or as a switch of struct checkpoint_config says. */
enum tensor_bias { BIAS_NEVER = 0, BIAS_ALWAYS, BIAS_ATTENTION, BIAS_OUTPUT, BIAS_FFN };

struct matrix_name {
    const char *role; /* the last part of the graph's name: "q", "fc1"; "head", or "labels" where it classifies */
    const char *name; /* the tensor's without prefix and ".weight"; %d: the layer */
    enum tensor_storage storage;
    enum tensor_bias bias;
    unsigned part, parts; /* the part-th of `parts` matrices side by side in one tensor; 0, 0: all of it */
    /* Whole names without prefix: the first counts where the head is tied, the second where it is not, the other one if
     * that is missing; NULL: name + ".bias". */
    const char *bias_name[2];
};

struct norm_name {
    const char *role; /* "norm1", "norm2", "final", "embed", "transform" */
    const char *name; /* without prefix, ".weight" and ".bias"; %d: the layer */
};

struct family_names {
    struct checkpoint_names names;
    const struct matrix_name *matrix; /* [matrices]; names has where "tok" and "head" lie */
    size_t matrices;
    const struct norm_name *norm;
    size_t norms;
    const char *const *gamma; /* last parts of norms' names, tried in order; NULL at the end */
    const char *const *beta;  /* LayerNorm only */
};

extern const struct family_names names_opt, names_llama, names_gpt2, names_bert;

#endif
