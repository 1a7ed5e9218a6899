#include "kernel/program/neurobench.h"

#include <math.h>
#include <stdlib.h>

#include "kernel/trace_decode.h"

/* What is known of a converted model beforehand. */
struct synapses {
    const struct model *model;
    uint64_t **nonzero; /* [populations] NULL or [neurons] weights that are not 0 in a source's rows */
    uint64_t *all;      /* [populations] weights of its matrices */
    uint64_t visible;   /* encoders: spikes so far that meet every token of the sequence, whose length the end tells */
};

static int is_layer(const struct graph *graph, uint32_t m)
{
    return graph->population[graph->matrix[m].source].code != CODE_INPUT;
}

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for NeuroBench's counts");
}

/* Counts what is not 0 in matrix m into its source's row counts. */
static void count_weights(const struct model *model, uint32_t m, uint64_t *nonzero, struct neurobench *result)
{
    const struct matrix_slot *slot = &model->graph->matrix[m];
    for (uint32_t s = 0; s < slot->sources; s++) {
        uint64_t found = 0;
        for (uint32_t t = 0; t < slot->targets; t++) found += matrix_value(&model->matrix[m], slot->targets, s, t) != 0;
        nonzero[s] += found;
        result->weights += slot->targets;
        result->zeros += slot->targets - found;
    }
}

static enum lassim_status find_synapses(struct synapses *synapses, struct neurobench *result,
                                        struct lassim_error *error)
{
    const struct graph *graph = synapses->model->graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        uint32_t p = graph->matrix[m].source;
        if (!is_layer(graph, m)) continue;
        if (synapses->nonzero[p] == NULL)
            synapses->nonzero[p] = calloc(graph->population[p].neurons, sizeof *synapses->nonzero[p]);
        if (synapses->nonzero[p] == NULL) return no_memory(error);
        count_weights(synapses->model, m, synapses->nonzero[p], result);
        synapses->all[p] += (uint64_t)graph->matrix[m].sources * graph->matrix[m].targets;
    }
    return LASSIM_OK;
}

/* Tied matrices, which share their weights, count once. */
static int is_first_use(const struct model *model, uint32_t m)
{
    for (uint32_t k = 0; k < m; k++)
        if (model->matrix[k].weights == model->matrix[m].weights) return 0;
    return 1;
}

static void measure_model(const struct model *model, struct neurobench *result)
{
    const struct graph *graph = model->graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        const struct matrix *matrix = &model->matrix[m];
        uint64_t vectors = (matrix->bias != NULL) + (uint64_t)(matrix->scale != NULL);
        if (is_first_use(model, m)) {
            result->footprint += weight_bytes(matrix->type, slot->sources, slot->targets);
            result->parameters += (uint64_t)slot->sources * slot->targets;
        }
        result->footprint += sizeof(double) * vectors * slot->targets;
        if (matrix->bias != NULL) result->parameters += slot->targets;
    }
    for (uint32_t n = 0; n < graph->norms; n++) {
        uint64_t vectors = (model->norm[n].gamma != NULL) + (uint64_t)(model->norm[n].beta != NULL);
        result->parameters += vectors * graph->config.hidden;
        result->footprint += sizeof(double) * vectors * graph->config.hidden;
    }
    for (uint32_t t = 0; t < model->tables; t++) result->footprint += 2 * sizeof(int64_t) * model->table[t].rows;
}

/* Products of so many spikes and gates of one record. */
static void count_products(struct synapses *synapses, const struct trace_record *record, uint64_t spikes,
                           struct neurobench *result)
{
    const struct graph *graph = synapses->model->graph;
    const struct population *population = &graph->population[record->population];
    switch (population->product) {
    case PRODUCT_NONE: break;
    case PRODUCT_ONE: result->products += spikes; break;
    case PRODUCT_FIXED: result->products += spikes * population->product_partners; break;
    case PRODUCT_VISIBLE:
        if (graph->config.encoder)
            synapses->visible += spikes;
        else
            result->products += spikes * (record->token + UINT64_C(1));
        break;
    }
}

/* Timesteps of one record: what each call's inputs meet, and whether one of them is graded. */
struct calls {
    uint64_t effective[SPIKE_STEPS_MAX];
    uint32_t graded; /* bit t */
    uint64_t arrived;
};

static void count_calls(const struct synapses *synapses, const struct trace_header_info *info,
                        const struct trace_record *record, struct calls *calls, struct neurobench *result)
{
    const struct trace_population *population = &info->population[record->population];
    const struct perturb_key key = perturb_window(&info->perturbation.rule, 0, record->population, record->token);
    const uint64_t *nonzero = synapses->nonzero[record->population];
    struct neurobench_layer *layer = &result->layer[record->population];
    for (uint32_t i = 0; i < record->count; i++) {
        struct spike_steps spikes;
        enum trace_kind kind = trace_active_steps(info, population, &record->active[i], &spikes);
        uint32_t arrived = spikes.fired & ~perturb_lost(&key, record->active[i].neuron, spikes.fired);
        layer->nonzero += (unsigned)__builtin_popcount(spikes.fired);
        result->membrane_updates += (unsigned)__builtin_popcount(spikes.fired & ~UINT32_C(1));
        calls->arrived += (unsigned)__builtin_popcount(arrived);
        if (kind == TRACE_OUTLIER && population->j > 0) calls->graded |= arrived;
        for (uint32_t left = arrived; nonzero != NULL && left != 0; left &= left - 1)
            calls->effective[__builtin_ctz(left)] += nonzero[record->active[i].neuron];
    }
}

static void count_record(struct synapses *synapses, const struct trace_header_info *info,
                         const struct trace_record *record, struct neurobench *result)
{
    const struct trace_population *population = &info->population[record->population];
    unsigned steps = trace_steps(info, population);
    struct calls calls = {{0}, 0, 0};
    if (record->token >= result->samples) result->samples = record->token + UINT64_C(1);
    if (population->code == CODE_INPUT) return;
    result->layer[record->population].activations += (uint64_t)record->neurons * steps;
    result->membrane_updates += record->neurons;
    count_calls(synapses, info, record, &calls, result);
    for (unsigned t = 0; t < steps; t++)
        *(calls.graded >> t & 1 ? &result->effective_macs : &result->effective_acs) += calls.effective[t];
    result->dense += synapses->all[record->population] * steps;
    uint64_t gates = population->code == CODE_HG ? record->count : 0; /* one of each pair brings f(l) */
    count_products(synapses, record, calls.arrived + gates, result);
}

static enum lassim_status check_model(const struct trace_reader *reader, const struct model *model,
                                      struct lassim_error *error)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    if (info->model_hash == model->hash && info->populations == model->graph->populations) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_FILE, trace_reader_name(reader), "trace header",
                       "is not of this model: hash %016llx, expected %016llx", (unsigned long long)info->model_hash,
                       (unsigned long long)model->hash);
}

enum lassim_status neurobench_of_model(struct trace_reader *reader, const struct model *model,
                                       struct neurobench *result, struct lassim_error *error)
{
    uint32_t n = model->graph->populations;
    struct synapses synapses = {.model = model};
    const struct trace_record *record;
    *result = (struct neurobench){.sample = "token", .populations = n};
    enum lassim_status status = check_model(reader, model, error);
    if (status != LASSIM_OK) return status;
    result->layer = calloc(n, sizeof *result->layer);
    synapses.nonzero = calloc(n, sizeof(uint64_t *));
    synapses.all = calloc(n, sizeof *synapses.all);
    if (result->layer == NULL || synapses.nonzero == NULL || synapses.all == NULL) status = no_memory(error);
    if (status == LASSIM_OK) status = find_synapses(&synapses, result, error);
    if (status == LASSIM_OK) measure_model(model, result);
    while (status == LASSIM_OK && (status = trace_reader_next(reader, &record, error)) == LASSIM_OK && record != NULL)
        count_record(&synapses, trace_reader_info(reader), record, result);
    result->products += synapses.visible * result->samples;
    for (uint32_t p = 0; synapses.nonzero != NULL && p < n; p++) free(synapses.nonzero[p]);
    free(synapses.nonzero);
    free(synapses.all);
    return status;
}

void neurobench_free(struct neurobench *result)
{
    free(result->layer);
    result->layer = NULL;
}

/* ---- results ---- */

static double per_sample(const struct neurobench *result, uint64_t count)
{
    return result->samples > 0 ? (double)count / (double)result->samples : 0;
}

static double sparsity(uint64_t activations, uint64_t nonzero)
{
    return activations > 0 ? (double)(activations - nonzero) / (double)activations : 0;
}

static double activation_sparsity(const struct neurobench *result)
{
    uint64_t activations = 0, nonzero = 0;
    for (uint32_t p = 0; p < result->populations; p++) {
        activations += result->layer[p].activations;
        nonzero += result->layer[p].nonzero;
    }
    return sparsity(activations, nonzero);
}

static double connection_sparsity(const struct neurobench *result)
{
    return result->weights > 0 ? round(1e4 * ((double)result->zeros / (double)result->weights)) / 1e4 : 0;
}

json_t *neurobench_json(const struct neurobench *result, const struct trace_header_info *info)
{
    json_t *by_layer = json_object();
    for (uint32_t p = 0; p < result->populations; p++)
        if (result->layer[p].activations > 0)
            json_object_set_new(by_layer, info->population[p].name,
                                json_real(sparsity(result->layer[p].activations, result->layer[p].nonzero)));
    return json_pack(
        "{s:I, s:I, s:f, s:f, s:o, s:{s:f, s:f, s:f}, s:f, s:f, s:I, s:s}", "Footprint", (json_int_t)result->footprint,
        "ParameterCount", (json_int_t)result->parameters, "ConnectionSparsity", connection_sparsity(result),
        "ActivationSparsity", activation_sparsity(result), "ActivationSparsityByLayer", by_layer, "SynapticOperations",
        "Effective_MACs", per_sample(result, result->effective_macs), "Effective_ACs",
        per_sample(result, result->effective_acs), "Dense", per_sample(result, result->dense), "MembraneUpdates",
        per_sample(result, result->membrane_updates), "spike_products", per_sample(result, result->products), "samples",
        (json_int_t)result->samples, "sample", result->sample);
}

void neurobench_print(const struct neurobench *result, FILE *out)
{
    fprintf(out, "\nNeuroBench's metrics, per %s (%llu of them)\n", result->sample,
            (unsigned long long)result->samples);
    fprintf(out, "Footprint            %llu bytes\n", (unsigned long long)result->footprint);
    fprintf(out, "ParameterCount       %llu\n", (unsigned long long)result->parameters);
    fprintf(out, "ConnectionSparsity   %.4f\n", connection_sparsity(result));
    fprintf(out, "ActivationSparsity   %.6f\n", activation_sparsity(result));
    fprintf(out, "SynapticOperations   Effective_MACs %.10g, Effective_ACs %.10g, Dense %.10g\n",
            per_sample(result, result->effective_macs), per_sample(result, result->effective_acs),
            per_sample(result, result->dense));
    fprintf(out, "MembraneUpdates      %.10g\n", per_sample(result, result->membrane_updates));
    fprintf(out, "not in its count     %.10g spike products\n", per_sample(result, result->products));
}
