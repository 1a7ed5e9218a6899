/* What is compared of each head, by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/program/encoder_loss.h"

static void open_loss(enum head_kind head, struct encoder_loss *loss)
{
    struct lassim_error error;
    const struct graph graph = {.config = {.head = (uint32_t)head}, .head_width = 2};
    assert_int_equal(encoder_loss_new(&graph, loss, &error), LASSIM_OK);
}

/* Means (2, 0) and (1, 1): 45 degrees apart, whatever the single rows are. */
static void vectors_are_the_means_of_rows(void **state)
{
    (void)state;
    static const uint32_t ids[] = {1, 0};
    static const float dense[] = {1, 5, 3, -5}, spiking[] = {2, 0, 0, 2};
    struct comparison c = {0};
    struct encoder_loss loss;
    open_loss(HEAD_VALUES, &loss);
    assert_int_equal(encoder_loss_rows(HEAD_VALUES, 7), 7);
    encoder_loss_add(&loss, ids, 2, dense, spiking, &c);
    encoder_loss_add(&loss, ids, 2, dense, dense, &c);
    assert_int_equal(c.tokens, 2);
    assert_true(fabs(1 - c.kl_max - sqrt(0.5)) < 1e-15);
    assert_true(fabs(comparison_kl_mean(&c) - (1 - sqrt(0.5)) / 2) < 1e-15);
    assert_true(c.logit_error_max == 1);
    encoder_loss_free(&loss);
}

/* One row however long the sequence; the dense network's choice is the target. */
static void labels_are_of_the_first_row(void **state)
{
    (void)state;
    static const uint32_t ids[] = {0, 0, 0};
    static const float dense[] = {1, 2}, same[] = {5, 6}, other[] = {6, 5};
    struct comparison c = {0};
    struct encoder_loss loss;
    open_loss(HEAD_CLASSIFY, &loss);
    assert_int_equal(encoder_loss_rows(HEAD_CLASSIFY, 3), 1);
    encoder_loss_add(&loss, ids, 3, dense, same, &c);
    assert_true(c.kl_max < 1e-15 && c.agreed == 1);
    assert_true(fabs(c.nll_reference - log(1 + exp(-1))) < 1e-14);
    encoder_loss_add(&loss, ids, 3, dense, other, &c);
    assert_true(c.tokens == 2 && c.agreed == 1 && c.kl_max > 0.1);
    encoder_loss_free(&loss);
}

/* Every token's distribution, the token itself the target. */
static void masked_tokens_are_their_own_targets(void **state)
{
    (void)state;
    static const uint32_t ids[] = {0, 1};
    static const float dense[] = {1, 2, 1, 2};
    struct comparison c = {0};
    struct encoder_loss loss;
    open_loss(HEAD_MASKED_LM, &loss);
    encoder_loss_add(&loss, ids, 2, dense, dense, &c);
    assert_true(c.tokens == 2 && c.agreed == 2);
    assert_true(fabs(c.nll_reference - (1 + 2 * log(1 + exp(-1)))) < 1e-14);
    encoder_loss_free(&loss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_the_means_of_rows),
        cmocka_unit_test(labels_are_of_the_first_row),
        cmocka_unit_test(masked_tokens_are_their_own_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
