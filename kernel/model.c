/* Opening and closing a .snn: the mapping. */
#include "kernel/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "kernel/mapguard.h"
#include "kernel/model_layout.h"

static enum lassim_status map_file(const char *path, const uint8_t **bytes, uint64_t *size, struct lassim_error *error)
{
    struct stat status;
    void *at = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        int number = errno;
        if (fd >= 0) close(fd);
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot open: %s", strerror(number));
    }
    int regular = S_ISREG(status.st_mode);
    if (regular && status.st_size > 0) at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    int number = errno;
    close(fd);
    if (!regular) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "expected a .snn, this is no regular file");
    if (status.st_size == 0) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "expected a .snn, this is empty");
    if (at == MAP_FAILED) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "cannot map: %s", strerror(number));
    *bytes = at;
    *size = (uint64_t)status.st_size;
    return LASSIM_OK;
}

enum lassim_status model_open(const char *path, struct model **model, struct lassim_error *error)
{
    const uint8_t *bytes = NULL;
    uint64_t size = 0;
    *model = NULL;
    enum lassim_status status = map_file(path, &bytes, &size, error);
    if (status != LASSIM_OK) return status;
    mapguard_add(bytes, size, path, MAPGUARD_INPUT);
    status = model_read(path, bytes, size, model, error);
    if (status != LASSIM_OK) {
        mapguard_remove(bytes);
        munmap((void *)bytes, size);
        return status;
    }
    (*model)->file->mapped = 1;
    return LASSIM_OK;
}

void model_close(struct model *model)
{
    if (model == NULL) return;
    struct model_file *file = model->file;
    if (file->mapped) {
        mapguard_remove(file->bytes);
        munmap((void *)file->bytes, file->size);
    }
    free(file->name);
    free(file);
    free(model->population);
    free(model->calibrated_max);
    free(model->matrix);
    free(model->norm);
    free(model->table);
    graph_free(model->graph);
    free(model);
}

static enum lassim_status check_weights_section(const struct model *model, uint32_t m, const char *place,
                                                struct lassim_error *error)
{
    const struct model_file *file = model->file;
    const struct snn_section *section = &snn_section_table(model)[snn_weights_entry(m)];
    if (XXH3_64bits(file->bytes + section->offset, section->size) == section->checksum) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_FILE, file->name, place, "checksum does not match");
}

enum lassim_status model_check_weights(const struct model *model, struct lassim_error *error)
{
    const char *name = model->file != NULL ? model->file->name : NULL;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        char place[64];
        struct matrix_proof proof;
        const struct matrix *matrix = &model->matrix[m];
        const struct matrix_slot *slot = &model->graph->matrix[m];
        snprintf(place, sizeof place, "weights of %s", slot->name);
        if (model->file != NULL) {
            enum lassim_status status = check_weights_section(model, m, place, error);
            if (status != LASSIM_OK) return status;
        }
        const char *reason = snn_check_integers(slot, matrix, &proof.source, &proof.target);
        if (reason == NULL)
            reason = params_prove_matrix(model->graph, m, matrix, &model->population[slot->source], &proof);
        if (reason != NULL)
            return lassim_fail(error, LASSIM_ERR_FILE, name, place, "row %u, column %u: %s", proof.source, proof.target,
                               reason);
        if (proof.integer_max != matrix->integer_max || proof.bound > matrix->bound)
            return lassim_fail(
                error, LASSIM_ERR_FILE, name, place,
                "integer_max %llu and bound %llu expected from the weights, the record says %llu and %llu",
                (unsigned long long)proof.integer_max, (unsigned long long)proof.bound,
                (unsigned long long)matrix->integer_max, (unsigned long long)matrix->bound);
    }
    return LASSIM_OK;
}
