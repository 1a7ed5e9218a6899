#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <cmocka.h>

#include "kernel/program/sweep_row.h"
#include "test/helpers/tiny_model.h"

struct fixture {
    struct model *model;
    struct eval_text text;
    struct sweep_subject subject;
    struct eval_result result;
    struct sweep_point point;
    struct energy_model mine;
    struct energy_list energy;
};

static void set_up(struct fixture *f)
{
    struct model_config config = tiny_config();
    *f = (struct fixture){.model = tiny_model_new(&config, 3, 0)};
    f->text = (struct eval_text){.count = 7, .context = 6, .hash = 0xabc};
    f->mine = *energy_model(0);
    snprintf(f->mine.name, sizeof f->mine.name, "mine");
    f->energy = (struct energy_list){&f->mine, 1};
    f->subject = (struct sweep_subject){"a \"b\",c.snn", f->model, "folder", "text", &f->text, 99.5, 11, &f->energy};
    f->result = (struct eval_result){.timesteps = 480, .neuron_windows = 10, .into_weights_windows = 4, .seconds = 1.5};
    f->result.population = calloc(f->model->graph->populations, sizeof *f->result.population);
    f->result.comparison = (struct comparison){
        .tokens = 7, .agreed = 7, .nll_reference = 14, .nll_other = 14.7, .kl_sum = 0.7, .kl_max = 0.25};
    f->result.total = (struct counters){.spikes = 25, .active_neurons = 5, .synaptic_operations = 1234};
    f->result.into_weights = (struct counters){.spikes = 6, .active_neurons = 1};
    f->point = (struct sweep_point){.oat = 1, .code = -1, .drop = 0.125, .hg = VARIANT_HG_REFIT, .hg_error = 0.01};
}

static void tear_down(struct fixture *f)
{
    free(f->result.population);
    tiny_model_free(f->model);
}

/* Splits a line of CSV in place; returns the number of fields. */
static unsigned split(char *line, char **field, unsigned most)
{
    unsigned count = 0;
    for (char *at = line; count < most; at++) {
        char *out = at;
        field[count++] = out;
        int quoted = *at == '"';
        if (quoted) at++;
        while (*at != '\0' && (quoted || *at != ',')) {
            if (quoted && *at == '"' && *++at != '"')
                quoted = 0;
            else
                *out++ = *at++;
        }
        char end = *at;
        *out = '\0';
        if (end == '\0') return count;
    }
    return count;
}

static void header_and_row_agree_with_json(void **state)
{
    (void)state;
    struct fixture f;
    char *name[128], *field[128];
    set_up(&f);
    char *header = sweep_row_text(SWEEP_HEADER, &f.subject, &f.point, NULL);
    char *csv = sweep_row_text(SWEEP_CSV, &f.subject, &f.point, &f.result);
    char *json = sweep_row_text(SWEEP_JSON, &f.subject, &f.point, &f.result);
    unsigned names = split(header, name, 128), fields = split(csv, field, 128);
    json_t *object = json_loads(json, 0, NULL);
    assert_non_null(object);
    assert_int_equal(names, fields);
    assert_int_equal(names, json_object_size(object));
    for (unsigned i = 0; i < names; i++) {
        const json_t *value = json_object_get(object, name[i]);
        if (value == NULL) fail_msg("JSON has no %s", name[i]);
        if (json_is_string(value)) assert_string_equal(json_string_value(value), field[i]);
        if (json_is_number(value)) assert_true(json_number_value(value) == strtod(field[i], NULL));
        if (json_is_null(value)) assert_string_equal(field[i], "");
    }
    assert_string_equal(json_string_value(json_object_get(object, "model")), "a \"b\",c.snn");
    assert_string_equal(json_string_value(json_object_get(object, "hg")), "0.01");
    assert_true(json_real_value(json_object_get(object, "kl_mean")) == 0.7 / 7);
    assert_true(json_real_value(json_object_get(object, "spikes_per_neuron")) == 2.5);
    assert_true(json_real_value(json_object_get(object, "active_share_into_weights")) == 0.25);
    assert_int_equal(json_integer_value(json_object_get(object, "synaptic_operations")), 1234);
    assert_int_equal(json_integer_value(json_object_get(object, "latency_timesteps")), f.model->graph->head_level * 16);
    assert_true(json_real_value(json_object_get(object, "mine_spiking_joules")) ==
                json_real_value(json_object_get(object, "horowitz45_fp32_spiking_joules")));
    assert_string_equal(name[names - 1], "wall_seconds");
    json_decref(object);
    free(header);
    free(csv);
    free(json);
    tear_down(&f);
}

/* Each head has the figures that `verify` has of it; the others are empty. */
static void figures_follow_the_head(void **state)
{
    (void)state;
    static const struct {
        enum head_kind head;
        const char *present[4], *empty[4];
    } heads[] = {
        {HEAD_LM, {"ppl_dense", "dppl_percent", "kl_mean", "top1_agreement"}, {"cosine_mean", "cosine_min"}},
        {HEAD_MASKED_LM, {"kl_mean", "kl_max", "top1_agreement"}, {"ppl_spiking", "cosine_mean"}},
        {HEAD_CLASSIFY, {"kl_mean", "kl_max", "top1_agreement"}, {"dppl_percent", "cosine_min"}},
        {HEAD_VALUES, {"cosine_mean", "cosine_min", "max_logit_error"}, {"kl_mean", "ppl_dense", "top1_agreement"}}};
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct graph graph = *f.model->graph;
        struct model model = *f.model;
        graph.config.head = heads[i].head;
        model.graph = &graph;
        f.subject.model = &model;
        char *text = sweep_row_text(SWEEP_JSON, &f.subject, &f.point, &f.result);
        json_t *row = json_loads(text, 0, NULL);
        for (int k = 0; k < 4 && heads[i].present[k] != NULL; k++)
            if (!json_is_number(json_object_get(row, heads[i].present[k]))) fail_msg("no %s", heads[i].present[k]);
        for (int k = 0; k < 4 && heads[i].empty[k] != NULL; k++)
            if (!json_is_null(json_object_get(row, heads[i].empty[k]))) fail_msg("%s is there", heads[i].empty[k]);
        if (heads[i].head == HEAD_VALUES) {
            assert_true(json_real_value(json_object_get(row, "cosine_mean")) == 1 - 0.7 / 7);
            assert_true(json_real_value(json_object_get(row, "cosine_min")) == 0.75);
        }
        json_decref(row);
        free(text);
    }
    tear_down(&f);
}

/* Every setting is in the key, and the key begins the row. */
static void keys_tell_points_apart(void **state)
{
    (void)state;
    static const struct energy_list none;
    struct fixture f;
    set_up(&f);
    for (enum sweep_format format = SWEEP_CSV; format <= SWEEP_JSON; format++) {
        char *key = sweep_row_key(format, &f.subject, &f.point);
        char *row = sweep_row_text(format, &f.subject, &f.point, &f.result);
        assert_true(sweep_row_has_key(row, key));
        free(row);
        for (int i = 0; i < 10; i++) {
            struct sweep_point other = f.point;
            struct sweep_subject subject = f.subject;
            if (i == 0) other.drop = 0.25;
            if (i == 1) other.noise = 1;
            if (i == 2) other.timesteps = 8;
            if (i == 3) other.oat = 0;
            if (i == 4) other.rule = VARIANT_MAX;
            if (i == 5) other.hg = VARIANT_HG_EXACT;
            if (i == 6) other.code = f.model->code == SPIKE_CODE_RADIX ? SPIKE_CODE_TERNARY : SPIKE_CODE_RADIX;
            if (i == 7) subject.seed = 12;
            if (i == 8) subject.reference = NULL;
            if (i == 9) subject.energy = &none;
            row = sweep_row_text(format, &subject, &other, &f.result);
            if (sweep_row_has_key(row, key)) fail_msg("setting %d is not in the key", i);
            free(row);
        }
        free(key);
    }
    assert_false(sweep_row_has_key("a,12,x", "a,1"));
    assert_false(sweep_row_has_key("a", "a"));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_row_agree_with_json),
        cmocka_unit_test(figures_follow_the_head),
        cmocka_unit_test(keys_tell_points_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
