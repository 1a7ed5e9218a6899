/* lassim classify: labels and scores of a sequence classifier. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/program/encode.h"
#include "kernel/program/run_loop.h"

enum { LABEL_TEXT = 24 };

static json_t *result_json(const struct encode_job *job, size_t i, double *score)
{
    char text[LABEL_TEXT];
    json_t *object = json_object(), *scores = json_object();
    uint32_t best = sentence_scores(job->result[i], job->info.head_width, score);
    for (uint32_t k = 0; k < job->info.head_width; k++)
        json_object_set_new(scores, sentence_label(&job->sentence, k, text), json_real(score[k]));
    json_object_set_new(object, "label", json_string(sentence_label(&job->sentence, best, text)));
    json_object_set_new(object, "scores", scores);
    json_object_set_new(object, "tokens", json_integer(job->input[i].n));
    return object;
}

static void print_json(const struct encode_job *job, double *score)
{
    json_t *root;
    if (cli_flag(job->cli, OPTION_LINES)) {
        json_t *list = json_array();
        for (size_t i = 0; i < job->inputs; i++) json_array_append_new(list, result_json(job, i, score));
        root = json_object();
        json_object_set_new(root, "results", list);
    } else {
        root = result_json(job, 0, score);
    }
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(root);
}

/* One line a text: the label, then every label's score. */
static void print_lines(const struct encode_job *job, double *score)
{
    char text[LABEL_TEXT];
    for (size_t i = 0; i < job->inputs; i++) {
        uint32_t best = sentence_scores(job->result[i], job->info.head_width, score);
        printf("%s", sentence_label(&job->sentence, best, text));
        for (uint32_t k = 0; k < job->info.head_width; k++)
            printf("  %s %.6f", sentence_label(&job->sentence, k, text), score[k]);
        fputc('\n', stdout);
    }
}

int cmd_classify(const struct cli *cli)
{
    struct encode_job job;
    struct lassim_error error;
    enum lassim_status status = encode_open(cli, LASSIM_HEAD_CLASSIFY, &job, &error);
    if (status == LASSIM_OK) status = encode_run(&job, &error);
    double *score = status == LASSIM_OK ? calloc(job.info.head_width, sizeof *score) : NULL;
    if (status == LASSIM_OK && score == NULL)
        status = lassim_fail(&error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the scores");
    int exit_status = status == LASSIM_OK ? 0 : run_interrupted() ? LASSIM_ERR_RUN : cli_error(&error);
    if (status == LASSIM_OK && cli_flag(cli, OPTION_JSON))
        print_json(&job, score);
    else if (status == LASSIM_OK)
        print_lines(&job, score);
    free(score);
    encode_close(&job);
    return exit_status;
}
