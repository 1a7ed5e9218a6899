/* Texts through an encoder: what `lassim embed` and `lassim classify` share. */
#ifndef LASSIM_PROGRAM_ENCODE_H
#define LASSIM_PROGRAM_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/program/cli.h"
#include "kernel/program/sentence.h"
#include "kernel/session.h"
#include "kernel/tokenizer.h"

/* One text, or a pair of texts, as the encoder takes it. */
struct encode_input {
    uint32_t *ids, *types; /* [n]; owned */
    uint32_t n;
};

struct encode_job {
    const struct cli *cli;
    lassim_model *handle;
    const struct model *model;
    struct lassim_model_info info;
    struct tokenizer *tokenizer;
    struct sentence sentence;
    struct encode_input *input; /* [inputs] */
    size_t inputs, shortened;   /* shortened: inputs whose end was cut off */
    lassim_session *session;
    double seconds; /* that the texts took */
    size_t at;      /* input being encoded */
    float **result; /* [inputs] of [info.head_width]: a vector, or logits; owned */
    double *sum;    /* [info.head_width] */
};

/* LASSIM_ERR_USAGE, which names the command that the model is for, unless it has that head. */
enum lassim_status encode_check_head(const struct lassim_model_info *info, const char *path, enum lassim_head head,
                                     struct lassim_error *error);
/* Opens --model, which must be an encoder with that head, and tokenises --prompt, --prompt-file (with --lines: every
 * line that is not empty is a text) or --token-ids, with --text-pair as second text.  LASSIM_ERR_USAGE names the command
 * that the model is for.  encode_close, also after a failure. */
enum lassim_status encode_open(const struct cli *cli, enum lassim_head head, struct encode_job *job,
                               struct lassim_error *error);
/* Runs every input, one after the other, on one session with --engine, --timesteps, --threads, --trace and the
 * perturbations; fills job->result, writes --metrics.  Stops and shows progress as every run does. */
enum lassim_status encode_run(struct encode_job *job, struct lassim_error *error);
void encode_close(struct encode_job *job);

#endif
