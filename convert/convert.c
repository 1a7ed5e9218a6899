#include "convert/convert.h"

#include <stdlib.h>
#include <string.h>

#include "convert/calibrate.h"
#include "convert/calibration_text.h"
#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"
#include "convert/checkpoint_model.h"
#include "convert/checkpoint_tokenizer.h"
#include "convert/dense_double.h"
#include "convert/matrix_write.h"
#include "convert/model_tensors.h"
#include "convert/parallel.h"
#include "convert/provenance.h"
#include "convert/readout.h"
#include "convert/self_check.h"
#include "convert/tables.h"

#define PRODUCTS_MAX UINT64_C(1000000000000) /* weights times calibration tokens */
enum { TOKENS_MIN = 64 };

/* The prompt that `lassim --model X` runs on unless told otherwise. */
static const char default_prompt[] = "It was a dark and stormy night";

struct conversion {
    struct convert_options options; /* defaults filled in */
    int strict;                     /* 1: the HG error was asked for */
    struct checkpoint *checkpoint;
    struct checkpoint_config config;
    struct model_tensors *tensors;
    struct model model;
    struct tokenizer_blob_out tokenizer;
    struct calibration_text text;
    struct dense_double *dense;
    struct calibration calibration;
    struct model_writer *writer;
    struct quantised_out *quantised; /* [matrices] */
    uint8_t *finite;                 /* [matrices]: 1 once its weights were found finite */
};

const char *convert_weights_name(enum convert_weights weights)
{
    static const char *const names[] = {"keep", "i16", "q8", "q4"};
    return names[weights];
}

/* The type that matrix m is stored in. */
static enum weight_type stored_type(const struct conversion *c, uint32_t m)
{
    const struct graph *graph = c->model.graph;
    static const enum weight_type integer[] = {
        [CONVERT_WEIGHTS_I16] = WEIGHT_I16, [CONVERT_WEIGHTS_Q8] = WEIGHT_I8, [CONVERT_WEIGHTS_Q4] = WEIGHT_I4};
    int keep = c->options.weights == CONVERT_WEIGHTS_KEEP;
    if (keep || graph->population[graph->matrix[m].source].code == CODE_INPUT)
        return c->tensors->matrix[m].weight->type;
    return integer[c->options.weights];
}

size_t convert_tokens(const struct graph *graph, size_t wanted)
{
    uint64_t weights = 1;
    for (uint32_t m = 0; m < graph->matrices; m++)
        weights += (uint64_t)graph->matrix[m].sources * graph->matrix[m].targets;
    uint64_t affordable = PRODUCTS_MAX / weights;
    if (affordable < TOKENS_MIN) affordable = TOKENS_MIN;
    size_t fit = dense_double_capacity(&graph->config, CONVERT_BATCH_BYTES);
    if (affordable > fit) affordable = fit;
    if (affordable < 2) affordable = 2;
    return wanted < affordable ? wanted : affordable;
}

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "convert", "no memory");
}

static enum lassim_status usage(const char *option, const char *expected, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_USAGE, NULL, option, "%s", expected);
}

static enum lassim_status fill_defaults(struct convert_options *options, struct lassim_error *error)
{
    if (options->timesteps == 0) options->timesteps = CONVERT_TIMESTEPS;
    if (options->calibration_tokens == 0) options->calibration_tokens = CONVERT_CALIBRATION_TOKENS;
    if ((unsigned)options->weights > CONVERT_WEIGHTS_Q4) return usage("weights", "expected keep, i16, q8 or q4", error);
    if (options->hg_error == 0) options->hg_error = CONVERT_HG_ERROR;
    if (options->threads == 0) options->threads = parallel_default_threads();
    if (options->threads > PARALLEL_THREADS_MAX) options->threads = PARALLEL_THREADS_MAX;
    if (options->timesteps > SPIKE_STEPS_MAX) return usage("timesteps", "expected 1 .. 16", error);
    if (options->calibration_tokens < 2) return usage("calibration tokens", "expected at least 2", error);
    if (!(options->hg_error > 0 && options->hg_error <= 1))
        return usage("hg error", "expected above 0, at most 1", error);
    return LASSIM_OK;
}

static enum lassim_status read_tokenizer(struct conversion *c, struct lassim_error *error)
{
    enum lassim_status status =
        checkpoint_tokenizer(c->checkpoint, c->options.checkpoint, &c->config, &c->tokenizer, error);
    if (status != LASSIM_OK || c->tokenizer.size == 0) return status;
    c->model.tokenizer = (struct blob){c->tokenizer.data, c->tokenizer.size};
    c->model.prompt = (struct blob){(const uint8_t *)default_prompt, strlen(default_prompt)};
    return LASSIM_OK;
}

/* The parts of struct model that the graph sizes. */
static enum lassim_status make_model(struct conversion *c, struct lassim_error *error)
{
    struct model *model = &c->model;
    const char *reason = NULL;
    model->graph = graph_build(&c->config.model, &reason);
    if (model->graph == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, c->options.checkpoint, "config.json", "%s", reason);
    model->timesteps = c->options.timesteps;
    model->code = c->options.code;
    model->population = calloc(model->graph->populations, sizeof *model->population);
    model->calibrated_max = calloc(model->graph->populations, sizeof *model->calibrated_max);
    model->matrix = calloc(model->graph->matrices, sizeof *model->matrix);
    model->norm = calloc(model->graph->norms + 1, sizeof *model->norm);
    c->finite = calloc(model->graph->matrices, 1);
    if (model->population == NULL || model->calibrated_max == NULL || model->matrix == NULL || model->norm == NULL ||
        c->finite == NULL)
        return no_memory(error);
    return LASSIM_OK;
}

/* Biases, norm parameters and weight types of the checkpoint; the tensors own what the model points at. */
static enum lassim_status take_parameters(struct conversion *c, struct lassim_error *error)
{
    struct model *model = &c->model;
    enum lassim_status status = model_tensors_open(c->checkpoint, &c->config, model->graph, &c->tensors, error);
    if (status != LASSIM_OK) return status;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        model->matrix[m].type = stored_type(c, m);
        model->matrix[m].bias = c->tensors->matrix[m].bias;
    }
    for (uint32_t n = 0; n < model->graph->norms; n++)
        model->norm[n] = (struct norm_params){c->tensors->norm[n].gamma, c->tensors->norm[n].beta};
    model->rotary = c->tensors->rotary;
    return LASSIM_OK;
}

static enum lassim_status begin_output(struct conversion *c, struct lassim_error *error)
{
    const struct graph *graph = c->model.graph;
    enum weight_type *types = calloc(graph->matrices, sizeof *types);
    if (types == NULL) return no_memory(error);
    for (uint32_t m = 0; m < graph->matrices; m++) types[m] = c->model.matrix[m].type;
    enum lassim_status status =
        model_writer_begin(c->options.output, c->options.no_clobber, graph, types, &c->writer, error);
    free(types);
    return status;
}

/* Places for the matrices of integer types: weights in the output, scales in memory. */
static enum lassim_status place_quantised(struct conversion *c, struct lassim_error *error)
{
    const struct graph *graph = c->model.graph;
    c->quantised = calloc(graph->matrices, sizeof *c->quantised);
    if (c->quantised == NULL) return no_memory(error);
    for (uint32_t m = 0; m < graph->matrices; m++) {
        struct quantised_out *out = &c->quantised[m];
        out->type = c->model.matrix[m].type;
        if (weight_is_float(out->type)) continue;
        out->weights = model_writer_weights(c->writer, m);
        out->scale = calloc(graph->matrix[m].targets, sizeof *out->scale);
        if (out->scale == NULL) return no_memory(error);
    }
    return LASSIM_OK;
}

/* Everything up to the first forward step. */
static enum lassim_status prepare(struct conversion *c, struct lassim_error *error)
{
    const char *directory = c->options.checkpoint;
    enum lassim_status status = checkpoint_open(directory, &c->checkpoint, error);
    if (status == LASSIM_OK) status = checkpoint_model_read(c->checkpoint, directory, &c->config, error);
    if (status == LASSIM_OK) status = read_tokenizer(c, error);
    if (status == LASSIM_OK) status = make_model(c, error);
    if (status == LASSIM_OK) status = take_parameters(c, error);
    if (status != LASSIM_OK) return status;
    size_t tokens = convert_tokens(c->model.graph, c->options.calibration_tokens);
    status =
        calibration_text_read(c->options.calibration, &c->config.model, &c->model.tokenizer, tokens, &c->text, error);
    if (status == LASSIM_OK) status = begin_output(c, error);
    if (status == LASSIM_OK) status = place_quantised(c, error);
    if (status == LASSIM_OK)
        status = dense_double_open(c->tensors, c->text.ids, NULL, c->text.tokens, c->text.context, c->options.threads,
                                   &c->dense, error);
    if (status == LASSIM_OK) dense_double_use_stored(c->dense, c->model.matrix);
    c->calibration = (struct calibration){.tensors = c->tensors,
                                          .model = &c->model,
                                          .rule = c->options.threshold_rule,
                                          .threads = c->options.threads,
                                          .quantised = c->quantised};
    return status;
}

/* Refuses NaN and infinity in every matrix up to `layer`'s: a layer's last population already decides the grids
 * of the next layer's matrices. */
static enum lassim_status require_finite(struct conversion *c, int32_t layer, struct lassim_error *error)
{
    const struct graph *graph = c->model.graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        if (c->finite[m] || graph->matrix[m].layer > layer) continue;
        enum lassim_status status = checkpoint_require_finite(c->tensors->matrix[m].weight, error);
        if (status != LASSIM_OK) return status;
        c->finite[m] = 1;
    }
    return LASSIM_OK;
}

/* Weights of one layer into the output; their pages in the checkpoint are not needed again but for the head. */
static void write_layer(struct conversion *c, int32_t layer)
{
    const struct graph *graph = c->model.graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        if (graph->matrix[m].layer != layer) continue;
        void *out = model_writer_weights(c->writer, m);
        if (weight_is_float(c->model.matrix[m].type))
            matrix_write(c->options.threads, &c->tensors->matrix[m], &graph->matrix[m], &c->model.matrix[m], out);
        c->model.matrix[m].weights = out;
        checkpoint_tensor_release(c->tensors->matrix[m].weight);
    }
}

/* One stage of the forward pass: embedding (-1), a layer, or what follows the last (L). */
static enum lassim_status run_stage(struct conversion *c, int32_t layer, struct lassim_error *error)
{
    enum lassim_status status = require_finite(c, layer + 1, error);
    if (status == LASSIM_OK && layer < 0) status = calibrate_inputs(&c->calibration, error);
    if (status != LASSIM_OK) return status;
    status = dense_double_layer(c->dense, layer, calibrate_observe, &c->calibration, error);
    if (status == LASSIM_OK) write_layer(c, layer);
    return status;
}

static enum lassim_status calibrate_and_write(struct conversion *c, struct lassim_error *error)
{
    int32_t layers = (int32_t)c->config.model.layers;
    for (int32_t layer = -1; layer <= layers; layer++) {
        if (c->options.progress != NULL)
            c->options.progress(c->options.progress_context, "calibrating and writing", (uint64_t)layer + 1,
                                (uint64_t)layers + 2);
        enum lassim_status status = run_stage(c, layer, error);
        if (status != LASSIM_OK) return status;
    }
    c->model.residual_grid = calibrate_residual_grid(&c->calibration);
    const struct tables_target target = {c->options.hg_error, c->strict};
    return tables_fit(&c->model, &target, error);
}

/* The calibrating network ran on integer weights: the self-check's first tokens again, on the checkpoint's. */
static enum lassim_status run_original(struct conversion *c, size_t tokens, struct lassim_error *error)
{
    dense_double_close(c->dense);
    c->dense = NULL;
    enum lassim_status status =
        dense_double_open(c->tensors, c->text.ids, NULL, tokens, c->text.context, c->options.threads, &c->dense, error);
    for (int32_t layer = -1; layer <= (int32_t)c->config.model.layers && status == LASSIM_OK; layer++)
        status = dense_double_layer(c->dense, layer, NULL, NULL, error);
    return status;
}

static enum lassim_status finish(struct conversion *c, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    size_t tokens = self_check_tokens(c->model.graph, &c->text);
    if (!c->options.no_self_check && c->options.weights != CONVERT_WEIGHTS_KEEP)
        status = run_original(c, tokens, error);
    if (!c->options.no_self_check && status == LASSIM_OK)
        status = self_check_run(&c->model, c->dense, &c->text, tokens, c->options.threads, c->options.progress,
                                c->options.progress_context, &c->model.check, error);
    if (status == LASSIM_OK) status = readout_write(c->checkpoint, c->options.checkpoint, &c->config, &c->model, error);
    if (status == LASSIM_OK) status = provenance_write(&c->options, c->checkpoint, &c->text, &c->model, error);
    if (status != LASSIM_OK) return status;
    struct model_writer *writer = c->writer;
    c->writer = NULL;
    return model_writer_finish(writer, &c->model, error);
}

static void fill_report(const struct conversion *c, struct convert_report *report)
{
    *report = (struct convert_report){.check = c->model.check, .calibration_tokens = c->text.tokens};
    for (uint32_t m = 0; m < c->model.graph->matrices; m++) {
        const struct matrix_slot *slot = &c->model.graph->matrix[m];
        const struct matrix *matrix = &c->model.matrix[m];
        report->weights += (uint64_t)slot->sources * slot->targets;
        report->moved += matrix->moved;
        if (matrix->moved_max > report->moved_max) report->moved_max = matrix->moved_max;
    }
}

static void release(struct conversion *c)
{
    struct model *model = &c->model;
    model_writer_abort(c->writer);
    dense_double_close(c->dense);
    tables_free(model);
    for (uint32_t p = 0; model->population != NULL && p < model->graph->populations; p++)
        free((void *)model->population[p].shift);
    for (uint32_t m = 0; c->quantised != NULL && m < model->graph->matrices; m++) free(c->quantised[m].scale);
    free(c->quantised);
    free(model->population);
    free(model->calibrated_max);
    free(model->matrix);
    free(model->norm);
    free((void *)model->readout.data);
    free((void *)model->provenance.data);
    free(c->finite);
    free(c->text.ids);
    free(c->tokenizer.data);
    model_tensors_close(c->tensors);
    checkpoint_config_clear(&c->config);
    checkpoint_close(c->checkpoint);
    graph_free(model->graph);
}

enum lassim_status convert_checkpoint(const struct convert_options *options, struct lassim_error *error)
{
    struct conversion *c = calloc(1, sizeof *c);
    if (c == NULL) return no_memory(error);
    c->options = *options;
    c->strict = options->hg_error != 0;
    enum lassim_status status = fill_defaults(&c->options, error);
    if (status == LASSIM_OK) status = prepare(c, error);
    if (status == LASSIM_OK) status = calibrate_and_write(c, error);
    if (status == LASSIM_OK) status = finish(c, error);
    if (status == LASSIM_OK && options->report != NULL) fill_report(c, options->report);
    release(c);
    free(c);
    return status;
}
