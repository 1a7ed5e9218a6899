/* Writing a .snn in place: the output is mapped, weights go straight into it, the small sections follow. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/mapguard.h"
#include "kernel/model_pack.h"
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

static void place_tail(struct model_writer *writer, const struct model *model)
{
    uint64_t sizes[SNN_TAIL_SECTIONS];
    snn_tail_sizes(model, sizes);
    for (int i = 0; i < SNN_TAIL_SECTIONS; i++) place(writer, sizes[i]);
}

static void write_sections(struct model_writer *writer, const struct model *model)
{
    for (uint32_t i = 0; i < writer->sections; i++)
        if (writer->section[i].type != SNN_WEIGHTS)
            snn_pack_section(model, writer->section[i].type, writer->map + writer->section[i].offset);
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
