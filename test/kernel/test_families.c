/* Every family on both engines against the naive model (test/helpers/naive_check.h): for all T and both codes, the
 * switches that a config has, several workers and every type of weights.  test_event_engine.c does the same at length
 * for OPT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/naive_check.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 6, LONG = 37 };

static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7, 5}, types[TOKENS] = {0, 0, 1, 1, 0, 1};

/* One name and config a shape; `what` changes the family's tiny config. */
struct shape {
    const char *name;
    uint32_t family;
    void (*change)(struct model_config *config);
};

static void nothing(struct model_config *c)
{
    (void)c;
}

static void three_key_heads(struct model_config *c)
{
    c->heads = 6;
    c->kv_heads = 3;
    c->head_dim = 2;
    c->layers = 2;
    c->tied = 0;
}

/* Query heads as many as key heads, wider together than the hidden size. */
static void wide_heads(struct model_config *c)
{
    c->heads = c->kv_heads = 3;
    c->head_dim = 6;
    c->activation = ACTIVATION_GELU_TANH;
    c->layers = 2;
}

static void one_key_head(struct model_config *c)
{
    c->kv_heads = 1;
    c->activation = ACTIVATION_QUICK_GELU;
    c->score_scale = 0.25;
}

static void by_layer(struct model_config *c)
{
    c->score_by_layer = 1;
    c->layers = 3;
    c->tied = 0;
}

static void erf_gelu(struct model_config *c)
{
    c->activation = ACTIVATION_GELU_ERF;
    c->score_scale = 1;
    c->hidden = c->embedding = 12;
    c->heads = 4;
    c->ffn = 17;
}

static void rectified(struct model_config *c)
{
    c->activation = ACTIVATION_RELU;
}

static void two_layers(struct model_config *c)
{
    c->layers = 2;
}

static void masked_lm(struct model_config *c)
{
    c->head = HEAD_MASKED_LM;
    c->layers = 2;
}

static void classifier(struct model_config *c)
{
    c->head = HEAD_CLASSIFY;
    c->labels = 3;
    c->layers = 2;
}

static void rectified_masked_lm(struct model_config *c)
{
    c->activation = ACTIVATION_RELU;
    c->head = HEAD_CLASSIFY;
    c->labels = 1;
    c->token_types = 3;
    c->ffn = c->hidden; /* fc and the pooler's relay are as wide */
}

static const struct shape decoders[] = {
    {"llama", FAMILY_LLAMA, nothing},
    {"llama, 3 key heads", FAMILY_LLAMA, three_key_heads},
    {"llama, wide heads", FAMILY_LLAMA, wide_heads},
    {"qwen2", FAMILY_QWEN2, two_layers},
    {"qwen2, 1 key head", FAMILY_QWEN2, one_key_head},
    {"gpt2", FAMILY_GPT2, nothing},
    {"gpt2, scores by layer", FAMILY_GPT2, by_layer},
    {"gpt2, erf", FAMILY_GPT2, erf_gelu},
    {"gpt2, ReLU", FAMILY_GPT2, rectified},
};
static const struct shape encoders[] = {
    {"bert", FAMILY_BERT, nothing},
    {"bert, 2 layers", FAMILY_BERT, two_layers},
    {"bert, masked LM", FAMILY_BERT, masked_lm},
    {"bert, classifier", FAMILY_BERT, classifier},
    {"bert, ReLU classifier", FAMILY_BERT, rectified_masked_lm},
};
enum { DECODERS = sizeof decoders / sizeof *decoders, ENCODERS = sizeof encoders / sizeof *encoders };

static const struct shape *shape_of(int i)
{
    return i < DECODERS ? &decoders[i] : &encoders[i - DECODERS];
}

static const struct engine_piece whole[] = {{TOKENS, LASSIM_READ_LAST}, {0, 0}};
static const struct engine_piece all[] = {{TOKENS, LASSIM_READ_ALL}, {0, 0}};
static const struct engine_piece none[] = {{TOKENS, LASSIM_READ_NONE}, {0, 0}};
static const struct engine_piece mixed[] = {
    {2, LASSIM_READ_LAST}, {1, LASSIM_READ_ALL}, {2, LASSIM_READ_NONE}, {1, LASSIM_READ_LAST}, {0, 0}};

static struct model *tiny_shape(const struct shape *shape, uint64_t seed, int bare)
{
    struct model_config config = tiny_config_of(shape->family);
    shape->change(&config);
    return tiny_model_mixed(&config, seed, bare, (uint32_t)seed);
}

static void check(const struct model *model, unsigned steps, uint32_t threads, const struct engine_piece *pieces)
{
    const struct lassim_options options = {.timesteps = steps, .threads = threads, .numa_off = 1, .prompt_chunk = 2};
    int encoder = (int)model->graph->config.encoder;
    naive_check(model, &options, NULL, ids, encoder && steps % 3 ? types : NULL, pieces);
}

/* Thresholds that mean nothing: nearly everything saturates or is silent somewhere. */
static void every_T_raw(void **state)
{
    (void)state;
    for (int i = 0; i < DECODERS + ENCODERS; i++)
        for (unsigned steps = 1; steps <= 16; steps++) {
            printf("raw: %s, T = %u\n", shape_of(i)->name, steps);
            struct model *model = tiny_shape(shape_of(i), 100u + steps, steps % 3 == 0);
            model->code = steps % 2;
            check(model, steps, 1, all);
            tiny_model_free(model);
        }
}

/* Calibrated thresholds, as in a converted model. */
static void every_T_calibrated(void **state)
{
    (void)state;
    for (int i = 0; i < DECODERS + ENCODERS; i++)
        for (int bare = 0; bare < 2; bare++) {
            struct model *model = tiny_shape(shape_of(i), 7u + (unsigned)i, bare);
            naive_calibrate(model, ids, TOKENS, 1.5);
            for (unsigned steps = 1; steps <= 16; steps++) {
                printf("calibrated: %s, bare %d, T = %u\n", shape_of(i)->name, bare, steps);
                model->code = SPIKE_CODE_RADIX;
                check(model, steps, 1, whole);
                model->code = SPIKE_CODE_TERNARY;
                check(model, steps, 2, all);
            }
            tiny_model_free(model);
        }
}

/* Prompts in pieces (an encoder's in one), tokens that are not read, several workers, populations with a T of their own. */
static void pieces_and_threads(void **state)
{
    (void)state;
    for (int i = 0; i < DECODERS + ENCODERS; i++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            printf("pieces: %s, seed %llu\n", shape_of(i)->name, (unsigned long long)seed);
            struct model *model = tiny_shape(shape_of(i), seed, 0);
            model->code = seed % 2;
            naive_calibrate(model, ids, TOKENS, seed % 2 ? 0.6 : 2.0);
            tiny_model_own_steps(model, seed / 2);
            check(model, 16 - (unsigned)seed, 1 + (uint32_t)seed, i < DECODERS ? mixed : none);
            check(model, 3 + (unsigned)seed, 3, whole);
            tiny_model_free(model);
        }
}

/* More tokens than a block of the key cache and than one batch; workers that have keys of their own. */
static void long_sequences(void **state)
{
    (void)state;
    static const struct engine_piece pieces[] = {{LONG, LASSIM_READ_LAST}, {0, 0}};
    uint32_t sequence[LONG];
    for (uint32_t t = 0; t < LONG; t++) sequence[t] = t * 7 % 11;
    for (int i = 0; i < DECODERS + ENCODERS; i++)
        for (uint32_t threads = 1; threads <= 3; threads++) {
            struct model_config config = tiny_config_of(shape_of(i)->family);
            config.positions = LONG + 3;
            config.position_rows = config.rotary ? 0 : config.positions;
            shape_of(i)->change(&config);
            printf("long: %s, %u threads\n", shape_of(i)->name, threads);
            struct model *model = tiny_model_mixed(&config, threads, 0, threads);
            naive_calibrate(model, sequence, LONG, 1.5);
            const struct lassim_options options = {
                .timesteps = 7, .threads = threads, .numa_off = 1, .context = LONG + (threads > 2)};
            naive_check(model, &options, NULL, sequence, NULL, pieces);
            tiny_model_free(model);
        }
}

/* Populations of several blocks; work for the whole team. */
static void several_blocks(void **state)
{
    (void)state;
    for (int i = 0; i < DECODERS + ENCODERS; i += 4) {
        struct model_config config = tiny_config_of(shape_of(i)->family);
        config.ffn = 1500;
        config.positions = 900;
        config.position_rows = config.rotary ? 0 : config.positions;
        config.heads = config.kv_heads = 4;
        config.hidden = config.embedding = 1040;
        config.head_dim = 0;
        printf("blocks: %s\n", shape_of(i)->name);
        struct model *model = tiny_model_mixed(&config, 1, 0, (uint32_t)i);
        check(model, 5, 2, whole);
        tiny_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_T_raw),    cmocka_unit_test(every_T_calibrated), cmocka_unit_test(pieces_and_threads),
        cmocka_unit_test(long_sequences), cmocka_unit_test(several_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
