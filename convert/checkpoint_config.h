/* config.json of a Hugging Face checkpoint -> the hyperparameters of a graph.
 *
 * Each family's keys are a table in its own file (convert/config_opt.c, _llama.c, _gpt2.c, _bert.c).  Absent keys take
 * the defaults of transformers' config class, except model_type and the sizes, which must be given: no checkpoint is
 * meant by the defaults of a class.  A key whose value changes what is computed in a way that is not supported is refused
 * by name; keys that change nothing (dropout, initialisers, caches) are not looked at. */
#ifndef LASSIM_CONVERT_CHECKPOINT_CONFIG_H
#define LASSIM_CONVERT_CHECKPOINT_CONFIG_H

#include <jansson.h>
#include <stddef.h>

#include "convert/rotary.h"
#include "kernel/error.h"
#include "layers/graph.h"

struct checkpoint_config {
    struct model_config model;
    uint32_t attention_bias; /* 1: q, k and v have a bias */
    uint32_t output_bias;    /* 1: o has one */
    uint32_t ffn_bias;       /* 1: the FFN's matrices have one */
    uint32_t norm_affine;    /* 1: norms have gamma (and beta) */
    struct rotary rotary;    /* meaningful if model.rotary */
    double *rotary_divisor;  /* what rotary.divisor points at, or NULL; owned */
    char *labels;            /* HEAD_CLASSIFY: model.labels names, each ended by a NUL; owned */
    size_t labels_size;      /* bytes of labels */
};

/* Reads directory/config.json.  LASSIM_ERR_FILE names the key, what was found and what was expected.  The caller
 * owns what is in *config: checkpoint_config_clear (nothing on failure). */
enum lassim_status checkpoint_config_read(const char *directory, struct checkpoint_config *config,
                                          struct lassim_error *error);
/* The same from memory; file names the text in errors. */
enum lassim_status checkpoint_config_parse(const char *file, const void *text, size_t size,
                                           struct checkpoint_config *config, struct lassim_error *error);
/* The same from a value that holds such keys, wherever they come from. */
enum lassim_status checkpoint_config_from(const char *file, const json_t *object, struct checkpoint_config *config,
                                          struct lassim_error *error);
void checkpoint_config_clear(struct checkpoint_config *config);

#endif
