/* lassim embed: sentence vectors of an encoder. */
#include <stdio.h>

#include "kernel/npy.h"
#include "kernel/program/encode.h"
#include "kernel/program/run_loop.h"

static json_t *vector_json(const struct encode_job *job, size_t i)
{
    json_t *object = json_object(), *vector = json_array();
    for (uint32_t k = 0; k < job->info.head_width; k++) json_array_append_new(vector, json_real(job->result[i][k]));
    json_object_set_new(object, "embedding", vector);
    json_object_set_new(object, "tokens", json_integer(job->input[i].n));
    return object;
}

static void print_json(const struct encode_job *job)
{
    json_t *root;
    if (cli_flag(job->cli, OPTION_LINES)) {
        json_t *list = json_array();
        root = json_object();
        for (size_t i = 0; i < job->inputs; i++) json_array_append_new(list, vector_json(job, i));
        json_object_set_new(root, "embeddings", list);
    } else {
        root = vector_json(job, 0);
    }
    json_object_set_new(root, "pooling", json_string(job->sentence.pooling == POOLING_CLS ? "cls" : "mean"));
    json_object_set_new(root, "normalized", json_boolean(job->sentence.normalise));
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(root);
}

/* One line a text. */
static void print_lines(const struct encode_job *job)
{
    for (size_t i = 0; i < job->inputs; i++)
        for (uint32_t k = 0; k < job->info.head_width; k++)
            printf("%.9g%c", (double)job->result[i][k], k + 1 < job->info.head_width ? ' ' : '\n');
}

static enum lassim_status write_npy(const struct encode_job *job, struct lassim_error *error)
{
    struct npy_writer *writer;
    enum lassim_status status =
        npy_writer_open_f32(cli_text(job->cli, OPTION_VECTORS), cli_flag(job->cli, OPTION_NO_CLOBBER), job->inputs,
                            job->info.head_width, &writer, error);
    for (size_t i = 0; i < job->inputs && status == LASSIM_OK; i++)
        status = npy_writer_rows_f32(writer, job->result[i], 1, error);
    if (status == LASSIM_OK) return npy_writer_finish(writer, error);
    npy_writer_abandon(writer);
    return status;
}

/* What the command line says goes before what the checkpoint said. */
static void choose(struct encode_job *job)
{
    if (cli_given(job->cli, OPTION_POOLING))
        job->sentence.pooling = cli_integer(job->cli, OPTION_POOLING) == 1 ? POOLING_CLS : POOLING_MEAN;
    if (cli_given(job->cli, OPTION_NORMALIZE)) job->sentence.normalise = cli_integer(job->cli, OPTION_NORMALIZE) == 0;
}

int cmd_embed(const struct cli *cli)
{
    struct encode_job job;
    struct lassim_error error;
    enum lassim_status status = encode_open(cli, LASSIM_HEAD_VALUES, &job, &error);
    choose(&job);
    if (status == LASSIM_OK) status = encode_run(&job, &error);
    if (status == LASSIM_OK && cli_given(cli, OPTION_VECTORS)) status = write_npy(&job, &error);
    int exit_status = status == LASSIM_OK ? 0 : run_interrupted() ? LASSIM_ERR_RUN : cli_error(&error);
    if (status == LASSIM_OK && cli_flag(cli, OPTION_JSON))
        print_json(&job);
    else if (status == LASSIM_OK && !cli_given(cli, OPTION_VECTORS))
        print_lines(&job);
    encode_close(&job);
    return exit_status;
}
