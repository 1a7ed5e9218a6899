#include "kernel/program/sweep_subjects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t sweep_groups(const struct sweep_settings *settings)
{
    return sweep_grid_points(&settings->grid) / sweep_grid_group(&settings->grid);
}

/* The model of other weights, from the checkpoint with the converter's defaults; T as the named model's. */
static enum lassim_status convert(const struct sweep_settings *settings, const char *named,
                                  enum convert_weights weights, const char *path, struct lassim_error *error)
{
    struct lassim_model_info info;
    lassim_model *model;
    enum lassim_status status = lassim_model_open(named, &model, error);
    if (status != LASSIM_OK) return status;
    lassim_model_info(model, &info);
    lassim_model_close(model);
    const struct convert_options options = {.checkpoint = settings->reference,
                                            .output = path,
                                            .calibration = settings->calibration,
                                            .timesteps = info.timesteps,
                                            .weights = weights,
                                            .hg_error = CONVERT_HG_ERROR,
                                            .threads = settings->threads};
    return convert_checkpoint(&options, error);
}

static enum lassim_status open_model(const struct sweep_settings *settings, const struct sweep_point *point,
                                     struct sweep_group *group, struct lassim_error *error)
{
    char path[4096];
    const char *named = settings->model[point->model], *type = convert_weights_name(point->weights);
    if (point->weights == CONVERT_WEIGHTS_KEEP) return lassim_model_open(named, &group->model, error);
    if (snprintf(path, sizeof path, "%s.%s.snn", settings->output, type) >= (int)sizeof path)
        return lassim_fail(error, LASSIM_ERR_RUN, settings->output, NULL, "%s", strerror(ENAMETOOLONG));
    enum lassim_status status = LASSIM_OK;
    if (access(path, F_OK) != 0) status = convert(settings, named, point->weights, path, error);
    return status == LASSIM_OK ? lassim_model_open(path, &group->model, error) : status;
}

enum lassim_status sweep_group_open(const struct sweep_settings *settings, uint32_t index, struct sweep_group *group,
                                    struct lassim_error *error)
{
    const struct sweep_point point = sweep_grid_point(&settings->grid, index * sweep_grid_group(&settings->grid));
    const char *path = settings->model[point.model];
    *group = (struct sweep_group){.model = NULL};
    enum lassim_status status = open_model(settings, &point, group, error);
    if (status != LASSIM_OK) return status;
    const struct model *model = model_of(group->model);
    status = eval_text_read(model, path, settings->text, settings->tokens_max, settings->context, &group->text, error);
    group->subject = (struct sweep_subject){path,
                                            model,
                                            settings->reference,
                                            settings->calibration,
                                            &group->text,
                                            settings->percentile,
                                            settings->seed,
                                            &settings->energy};
    if (status != LASSIM_OK) sweep_group_close(group);
    return status;
}

void sweep_group_close(struct sweep_group *group)
{
    eval_text_free(&group->text);
    lassim_model_close(group->model);
    group->model = NULL;
}
