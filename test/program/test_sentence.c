/* Sentence vectors and label scores worked out on paper; what a hostile readout says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/sentence.h"

static void mean_and_first_token(void **state)
{
    (void)state;
    const float values[3][2] = {{1, 2}, {3, -4}, {5, 8}};
    const struct sentence mean = {.pooling = POOLING_MEAN}, cls = {.pooling = POOLING_CLS};
    double sum[2] = {0}, first[2] = {0};
    float vector[2];
    for (uint32_t t = 0; t < 3; t++) {
        sentence_add(POOLING_MEAN, t, values[t], 2, sum);
        sentence_add(POOLING_CLS, t, values[t], 2, first);
    }
    sentence_finish(&mean, 3, sum, 2, vector);
    assert_true(vector[0] == 3 && vector[1] == 2);
    sentence_finish(&cls, 3, first, 2, vector);
    assert_true(vector[0] == 1 && vector[1] == 2);
}

static void length_becomes_one(void **state)
{
    (void)state;
    const struct sentence unit = {.pooling = POOLING_MEAN, .normalise = 1};
    const double sum[2] = {6, -8}, nothing[2] = {0, 0};
    float vector[2];
    sentence_finish(&unit, 2, sum, 2, vector);
    assert_true(vector[0] == 0.6f && vector[1] == -0.8f);
    sentence_finish(&unit, 2, nothing, 2, vector);
    assert_true(vector[0] == 0 && vector[1] == 0);
}

static void scores_are_a_softmax(void **state)
{
    (void)state;
    const float tie[] = {1, 3, 3}, far[] = {-1000, 1000}, one[] = {-7};
    double score[3];
    assert_int_equal(sentence_scores(tie, 3, score), 1);
    assert_true(score[1] == score[2] && score[0] < score[1]);
    assert_true(score[0] / score[1] > 0.1353352 && score[0] / score[1] < 0.1353353); /* e^-2 */
    assert_int_equal(sentence_scores(far, 2, score), 1);
    assert_true(score[0] == 0 && score[1] == 1);
    assert_int_equal(sentence_scores(one, 1, score), 0);
    assert_true(score[0] == 1);
}

/* sentence_read on a readout, with a classifying head of two labels. */
static enum lassim_status read_text(const char *text, struct sentence *sentence, struct lassim_error *error)
{
    struct graph graph = {.config = {.head = HEAD_CLASSIFY}, .head_width = 2};
    struct model model = {.graph = &graph, .readout = {(const uint8_t *)text, strlen(text)}};
    return sentence_read("m.snn", &model, sentence, error);
}

static void readout_decides(void **state)
{
    (void)state;
    struct sentence sentence;
    struct lassim_error error;
    char text[24];
    static const char *const silent[] = {"", "{}"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_text(silent[i], &sentence, &error), LASSIM_OK);
        assert_true(sentence.pooling == POOLING_MEAN && !sentence.normalise && sentence.max_tokens == 0);
        assert_string_equal(sentence_label(&sentence, 1, text), "LABEL_1");
        sentence_clear(&sentence);
    }
    assert_int_equal(read_text("{\"sentence\":{\"pooling\":\"cls\",\"normalize\":true,\"max_tokens\":9},"
                               "\"labels\":[\"no\",\"yes\"]}",
                               &sentence, &error),
                     LASSIM_OK);
    assert_true(sentence.pooling == POOLING_CLS && sentence.normalise && sentence.max_tokens == 9);
    assert_string_equal(sentence_label(&sentence, 1, text), "yes");
    sentence_clear(&sentence);
}

static void hostile_readout_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{",
        "{\"labels\":[\"a\",\"b\"],\"labels\":[\"b\",\"a\"]}",
        "{\"sentence\":[]}",
        "{\"sentence\":{\"pooling\":\"max\"}}",
        "{\"sentence\":{\"pooling\":7}}",
        "{\"sentence\":{\"normalize\":1}}",
        "{\"sentence\":{\"max_tokens\":-1}}",
        "{\"sentence\":{\"max_tokens\":1048576}}",
        "{\"sentence\":{\"max_tokens\":\"9\"}}",
        "{\"labels\":[\"one\"]}",
        "{\"labels\":[\"one\",2]}",
        "{\"labels\":\"one\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sentence sentence;
        struct lassim_error error;
        if (read_text(bad[i], &sentence, &error) != LASSIM_ERR_FILE) fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(error.text, "m.snn: section readout: expected"));
        sentence_clear(&sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_first_token),       cmocka_unit_test(length_becomes_one),
        cmocka_unit_test(scores_are_a_softmax),       cmocka_unit_test(readout_decides),
        cmocka_unit_test(hostile_readout_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
