/* Which membranes layers share: none where tokens follow each other window by window, those of a kind and size where
 * all tokens are at one level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layers/network_builder.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/tiny_model.h"

static struct hand hand;
static struct model *model;

static void open_config(const struct model_config *config)
{
    model = tiny_model_new(config, 1, 0);
    hand_new(&hand, model, 8, 2);
}

static void close_config(void)
{
    hand_free(&hand);
    tiny_model_free(model);
}

static const struct unit_state *unit_of(const char *name, uint32_t token)
{
    return &hand.network->unit[(size_t)hand_population(&hand, name) * hand.network->copies + token];
}

static void a_decoders_layers_share_nothing(void **state)
{
    (void)state;
    struct model_config config = tiny_config_of(FAMILY_LLAMA);
    config.layers = 2;
    open_config(&config);
    assert_int_equal(hand.network->copies, 2);
    assert_int_equal(hand.network->train_copies, 1);
    assert_ptr_not_equal(unit_of("layers.0.qr", 0)->sum, unit_of("layers.1.qr", 0)->sum);
    assert_ptr_not_equal(unit_of("layers.0.qr", 0)->sum, unit_of("layers.0.qr", 1)->sum);
    assert_ptr_not_equal(unit_of("layers.0.fc", 0)->product, unit_of("layers.1.fc", 0)->product);
    assert_ptr_not_equal(hand.network->attention[0].key_sums, hand.network->attention[2].key_sums);
    assert_ptr_equal(hand.network->attention[0].key_sums, hand.network->attention[1].key_sums);
    assert_null(unit_of("layers.0.q", 0)->sum);
    close_config();
}

static void an_encoders_layers_share_by_token(void **state)
{
    (void)state;
    struct model_config config = tiny_config_of(FAMILY_BERT);
    config.layers = 2;
    open_config(&config);
    assert_int_equal(hand.network->copies, config.positions);
    assert_int_equal(hand.network->train_copies, config.positions);
    assert_ptr_equal(unit_of("layers.0.fc", 3)->sum, unit_of("layers.1.fc", 3)->sum);
    assert_ptr_not_equal(unit_of("layers.0.fc", 3)->sum, unit_of("layers.0.fc", 4)->sum);
    assert_ptr_equal(hand.network->attention[0].key_sums, hand.network->attention[config.positions].key_sums);
    assert_ptr_equal(network_sum(hand.network, graph_find_matrix(model->graph, "layers.0.q"), 2),
                     network_sum(hand.network, graph_find_matrix(model->graph, "layers.1.q"), 2));
    assert_non_null(unit_of("layers.1.norm2.ln", 0)->sum); /* read out */
    assert_null(unit_of("layers.0.norm2.ln", 0)->sum);
    close_config();
}

/* The pooler's relay is as wide as the hidden size, the FFN's as the FFN. */
static void only_equal_sizes_are_shared(void **state)
{
    (void)state;
    for (int equal = 0; equal < 2; equal++) {
        struct model_config config = tiny_config_of(FAMILY_BERT);
        config.head = HEAD_CLASSIFY;
        config.labels = 2;
        if (equal) config.ffn = config.hidden;
        open_config(&config);
        uint32_t fc = hand_population(&hand, "layers.0.fc"), pooler = hand_population(&hand, "pooler");
        assert_int_equal(network_first_population(hand.network, pooler), equal ? fc : pooler);
        assert_int_equal(network_train(hand.network, fc, 1)->codes == network_train(hand.network, pooler, 1)->codes,
                         equal);
        close_config();
    }
}

static void keys_are_cached_in_whole_blocks(void **state)
{
    (void)state;
    struct model_config config = tiny_config_of(FAMILY_LLAMA); /* 6 positions, 2 key heads of 4 */
    open_config(&config);
    assert_int_equal(network_cached_keys(hand.network), KEY_BLOCK * 8);
    assert_int_equal(network_cached_values(hand.network), 6 * 8);
    struct network_model view = hand.view;
    assert_int_equal(network_cache_bytes(&view), (KEY_BLOCK * 8 + 6 * 8) * sizeof(int32_t));
    view.context = 2;
    assert_int_equal(network_cache_bytes(&view), (KEY_BLOCK * 8 + 2 * 8) * sizeof(int32_t));
    close_config();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decoders_layers_share_nothing),
        cmocka_unit_test(an_encoders_layers_share_by_token),
        cmocka_unit_test(only_equal_sizes_are_shared),
        cmocka_unit_test(keys_are_cached_in_whole_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
