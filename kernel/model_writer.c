/* Writing a .snn in place: the output is mapped, weights go straight into it, the small sections follow. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/mapguard.h"
#include "kernel/model_layout.h"
#include "kernel/outfile.h"

struct model_writer {
    struct outfile *out; /* owns the .partial file and its renaming */
    char *partial;
    int fd; /* the same file, readable, for the mapping */
    const struct graph *graph;
    enum weight_type *types;     /* [matrices] */
    struct snn_section *section; /* [sections] where everything goes; checksums come from snn_seal */
    uint32_t sections, entry;    /* entry: next one to place */
    uint8_t *map;
    uint64_t size; /* mapped bytes */
    uint64_t end;  /* where the sections placed so far end */
};

static enum lassim_status fail_writer(const struct model_writer *writer, const char *doing, int number,
                                      struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, writer->partial, NULL, "cannot %s: %s", doing, strerror(number));
}

static void unmap(struct model_writer *writer)
{
    if (writer->map == NULL) return;
    mapguard_remove(writer->map);
    munmap(writer->map, writer->size);
    writer->map = NULL;
}

void model_writer_abort(struct model_writer *writer)
{
    if (writer == NULL) return;
    unmap(writer);
    if (writer->fd >= 0) close(writer->fd);
    outfile_abandon(writer->out);
    free(writer->partial);
    free(writer->types);
    free(writer->section);
    free(writer);
}

/* The file gets `size` bytes of real disk space and all of it is mapped. */
static enum lassim_status grow(struct model_writer *writer, uint64_t size, struct lassim_error *error)
{
    int number;
    do {
        number = posix_fallocate(writer->fd, (off_t)writer->size, (off_t)(size - writer->size));
    } while (number == EINTR);
    if (number != 0) {
        char doing[48];
        snprintf(doing, sizeof doing, "reserve %llu bytes", (unsigned long long)size);
        return fail_writer(writer, doing, number, error);
    }
    unmap(writer);
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd, 0);
    if (map == MAP_FAILED) return fail_writer(writer, "map", errno, error);
    mapguard_add(map, size, writer->partial, MAPGUARD_OUTPUT);
    writer->map = map;
    writer->size = size;
    return LASSIM_OK;
}

/* Places the next section of the order, `size` bytes. */
static void place(struct model_writer *writer, uint64_t size)
{
    struct snn_section *section = &writer->section[writer->entry];
    snn_entry(writer->graph, writer->entry, &section->type, &section->index);
    section->offset = snn_align(writer->end);
    section->size = size;
    writer->end = section->offset + size;
    writer->entry++;
}

/* Everything up to the last weights section. */
static void place_weights(struct model_writer *writer)
{
    const struct graph *graph = writer->graph;
    writer->end = sizeof(struct snn_header) + writer->sections * sizeof(struct snn_section);
    place(writer, sizeof(struct snn_config));
    place(writer, graph->populations * sizeof(struct snn_population));
    place(writer, graph->matrices * sizeof(struct snn_matrix));
    for (uint32_t m = 0; m < graph->matrices; m++) place(writer, snn_weights_size(&graph->matrix[m], writer->types[m]));
}

static enum lassim_status open_output(struct model_writer *writer, const char *path, int no_clobber,
                                      struct lassim_error *error)
{
    enum lassim_status status = outfile_open(path, no_clobber, &writer->out, error);
    if (status != LASSIM_OK) return status;
    if (!outfile_can_patch(writer->out))
        return lassim_fail(error, LASSIM_ERR_USAGE, path, NULL, "a .snn is written in place: expected a regular file");
    if (asprintf(&writer->partial, "%s.partial", path) < 0) {
        writer->partial = NULL;
        return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    }
    writer->fd = open(writer->partial, O_RDWR | O_CLOEXEC);
    return writer->fd >= 0 ? LASSIM_OK : fail_writer(writer, "open", errno, error);
}

enum lassim_status model_writer_begin(const char *path, int no_clobber, const struct graph *graph,
                                      const enum weight_type *types, struct model_writer **result,
                                      struct lassim_error *error)
{
    *result = NULL;
    struct model_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    writer->fd = -1;
    writer->graph = graph;
    writer->types = calloc(graph->matrices, sizeof *writer->types);
    writer->sections = snn_sections(graph);
    writer->section = calloc(writer->sections, sizeof *writer->section);
    enum lassim_status status = LASSIM_OK;
    if (writer->types == NULL || writer->section == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    if (status == LASSIM_OK) status = open_output(writer, path, no_clobber, error);
    if (status == LASSIM_OK) {
        memcpy(writer->types, types, graph->matrices * sizeof *types);
        place_weights(writer);
        status = grow(writer, writer->end, error);
    }
    if (status != LASSIM_OK) {
        model_writer_abort(writer);
        return status;
    }
    *result = writer;
    return LASSIM_OK;
}

void *model_writer_weights(struct model_writer *writer, uint32_t m)
{
    LASSIM_INVARIANT(m < writer->graph->matrices, "matrix %u", m);
    return writer->map + writer->section[snn_weights_entry(m)].offset;
}

static void write_config(uint8_t *at, const struct model *model)
{
    struct snn_config record;
    snn_config_pack(model, &record);
    memcpy(at, &record, sizeof record);
}

static void write_populations(uint8_t *at, const struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        struct snn_population record;
        const struct population_params *params = &model->population[p];
        enum code_kind code = model->graph->population[p].code;
        snn_population_structure(model->graph, p, &record);
        record.scale = code == CODE_OAT ? params->scale : 1;
        record.exponent = code == CODE_OAT ? params->exponent : 0;
        record.j = code == CODE_OAT ? params->j : 0;
        record.table = code == CODE_HG ? params->table : SNN_NO_TABLE;
        record.calibrated_max = model->calibrated_max[p];
        record.timesteps = params->steps;
        memcpy(at + p * sizeof record, &record, sizeof record);
    }
}

static void write_matrices(uint8_t *at, const struct model *model)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        struct snn_matrix record;
        const struct matrix *matrix = &model->matrix[m];
        snn_matrix_structure(model->graph, m, &record);
        record.has_bias = matrix->bias != NULL;
        record.type = matrix->type;
        record.grid = matrix->grid;
        record.integer_max = matrix->integer_max;
        record.bound = matrix->bound;
        record.moved = matrix->moved;
        record.moved_max = matrix->moved_max;
        record.moved_rms = matrix->moved_rms;
        memcpy(at + m * sizeof record, &record, sizeof record);
    }
}

static uint8_t *put(uint8_t *at, const void *from, uint64_t size)
{
    if (size > 0) memcpy(at, from, size);
    return at + size;
}

static void write_norms(uint8_t *at, const struct model *model)
{
    uint64_t size = model->graph->config.hidden * sizeof(double);
    for (uint32_t n = 0; n < model->graph->norms; n++) {
        struct snn_norm record = {.affine = model->norm[n].gamma != NULL};
        at = put(at, &record, sizeof record);
    }
    for (uint32_t n = 0; n < model->graph->norms; n++) {
        if (model->norm[n].gamma == NULL) continue;
        at = put(at, model->norm[n].gamma, size);
        if (snn_norm_vectors(model->graph) > 1) at = put(at, model->norm[n].beta, size);
    }
}

static void write_biases(uint8_t *at, const struct model *model)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        if (model->matrix[m].bias != NULL)
            at = put(at, model->matrix[m].bias, model->graph->matrix[m].targets * sizeof(double));
}

static void write_scales(uint8_t *at, const struct model *model)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        if (!weight_is_float(model->matrix[m].type))
            at = put(at, model->matrix[m].scale, model->graph->matrix[m].targets * sizeof(double));
}

static void write_shifts(uint8_t *at, const struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population *population = &model->graph->population[p];
        if (!population->per_channel) continue;
        if (model->population[p].shift != NULL)
            at = put(at, model->population[p].shift, population->neurons);
        else
            at += population->neurons; /* zero already */
    }
}

static void write_rotary(uint8_t *at, const struct model *model)
{
    put(at, model->rotary, snn_rotary_size(model->graph));
}

static void write_tables(uint8_t *at, const struct model *model)
{
    for (uint32_t t = 0; t < model->tables; t++) {
        struct snn_table record;
        snn_table_pack(&model->table[t], &record);
        at = put(at, &record, sizeof record);
    }
    for (uint32_t t = 0; t < model->tables; t++) {
        at = put(at, model->table[t].base, model->table[t].rows * sizeof(int64_t));
        at = put(at, model->table[t].slope, model->table[t].rows * sizeof(int64_t));
    }
}

static void write_check(uint8_t *at, const struct model *model)
{
    const struct self_check *check = &model->check;
    struct snn_check record = {check->tokens,  check->saturations, check->ppl_dense,      check->ppl_spiking,
                               check->kl_mean, check->kl_max,      check->top1_agreement, 0};
    memcpy(at, &record, sizeof record);
}

static void write_tokenizer(uint8_t *at, const struct model *model)
{
    put(at, model->tokenizer.data, model->tokenizer.size);
}

static void write_prompt(uint8_t *at, const struct model *model)
{
    put(at, model->prompt.data, model->prompt.size);
}

static void write_provenance(uint8_t *at, const struct model *model)
{
    put(at, model->provenance.data, model->provenance.size);
}

static uint64_t norms_size(const struct model *model)
{
    uint32_t affine = 0;
    for (uint32_t n = 0; n < model->graph->norms; n++) affine += model->norm[n].gamma != NULL;
    return snn_norms_size(model->graph, affine);
}

static uint64_t biases_size(const struct model *model)
{
    uint64_t elements = 0;
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        elements += model->matrix[m].bias != NULL ? model->graph->matrix[m].targets : 0;
    return elements * sizeof(double);
}

static uint64_t tables_size(const struct model *model)
{
    uint64_t size = model->tables * sizeof(struct snn_table);
    for (uint32_t t = 0; t < model->tables; t++) size += model->table[t].rows * (2 * sizeof(int64_t));
    return size;
}

/* Sections after the weights, in order. */
enum { TAIL_SECTIONS = SNN_SECTION_TYPES - SNN_WEIGHTS - 1 };
typedef void write_section(uint8_t *at, const struct model *model);
static write_section *const tail_writers[TAIL_SECTIONS] = {write_norms,  write_biases,    write_scales, write_shifts,
                                                           write_rotary, write_tables,    write_check,  write_tokenizer,
                                                           write_prompt, write_provenance};

static void place_tail(struct model_writer *writer, const struct model *model)
{
    const uint64_t sizes[TAIL_SECTIONS] = {norms_size(model),
                                           biases_size(model),
                                           snn_scales_size(model->graph, model->matrix),
                                           snn_shifts_size(model->graph),
                                           snn_rotary_size(model->graph),
                                           tables_size(model),
                                           sizeof(struct snn_check),
                                           model->tokenizer.size,
                                           model->prompt.size,
                                           model->provenance.size};
    for (int i = 0; i < TAIL_SECTIONS; i++) place(writer, sizes[i]);
}

static void write_sections(struct model_writer *writer, const struct model *model)
{
    static write_section *const head_writers[] = {write_config, write_populations, write_matrices};
    uint32_t tail = writer->sections - TAIL_SECTIONS;
    for (uint32_t i = 0; i < snn_weights_entry(0); i++) head_writers[i](writer->map + writer->section[i].offset, model);
    for (uint32_t i = tail; i < writer->sections; i++)
        tail_writers[i - tail](writer->map + writer->section[i].offset, model);
}

/* Everything but the weights, which are there already. */
static enum lassim_status write_small(struct model_writer *writer, const struct model *model,
                                      struct lassim_error *error)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        LASSIM_INVARIANT(model->matrix[m].type == writer->types[m], "type of %s", model->graph->matrix[m].name);
    place_tail(writer, model);
    enum lassim_status status = grow(writer, writer->end, error);
    if (status != LASSIM_OK) return status;
    write_sections(writer, model);
    struct snn_header header = {.version = SNN_VERSION, .sections = writer->sections, .file_size = writer->size};
    memcpy(header.magic, SNN_MAGIC, sizeof header.magic);
    memcpy(writer->map, &header, sizeof header);
    memcpy(writer->map + sizeof header, writer->section, writer->sections * sizeof *writer->section);
    snn_seal(writer->map, writer->size);
    return LASSIM_OK;
}

enum lassim_status model_writer_finish(struct model_writer *writer, const struct model *model,
                                       struct lassim_error *error)
{
    struct model *written = NULL;
    enum lassim_status status = write_small(writer, model, error);
    if (status == LASSIM_OK) status = model_read(writer->partial, writer->map, writer->size, &written, error);
    model_close(written);
    if (status == LASSIM_OK && msync(writer->map, writer->size, MS_SYNC) != 0)
        status = fail_writer(writer, "sync", errno, error);
    if (status == LASSIM_OK) {
        struct outfile *out = writer->out;
        writer->out = NULL;
        status = outfile_close_complete(out, error);
    }
    model_writer_abort(writer);
    return status;
}
