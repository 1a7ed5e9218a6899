/* config.json of BERT: what transformers' class leaves out, what every key does, hostile values. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_bert(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(BERT(""));
    assert_true(c.model.encoder && c.model.token_types == 2 && c.model.norm_epsilon == 1e-12 && !c.model.pre_norm);
    assert_true(c.model.head == HEAD_VALUES && c.model.activation == ACTIVATION_GELU_ERF && c.model.pad == 0);
    assert_int_equal(config_accept(BERT("\"architectures\":[\"BertForPreTraining\"],")).model.head, HEAD_MASKED_LM);
    c = config_accept(BERT("\"architectures\":[\"BertForMaskedLM\"],\"tie_word_embeddings\":false,"));
    assert_true(c.model.head == HEAD_MASKED_LM && !c.model.tied);
    config_refuse(BERT("\"architectures\":[\"BertForMaskedLM\"],\"hidden_act\":\"relu\","), "hidden_act");
    config_refuse(BERT("\"architectures\":[\"BertForTokenClassification\"],"), "architectures");
    config_refuse(BERT("\"architectures\":[3],"), "architectures");
    config_refuse(BERT("\"architectures\":\"BertModel\","), "architectures");
    config_refuse(BERT("\"position_embedding_type\":\"relative_key\","), "position_embedding_type: \"relative_key\"");
    config_refuse(BERT("\"is_decoder\":true,"), "is_decoder");
    config_refuse(BERT("\"type_vocab_size\":0,"), "type_vocab_size");
}

static void test_hostile_values(void **state)
{
    (void)state;
    static const struct config_hostile keys[] = {
        {"type_vocab_size", CONFIG_INTEGER},      {"layer_norm_eps", CONFIG_NUMBER},
        {"hidden_act", CONFIG_ACTIVATION},        {"tie_word_embeddings", CONFIG_SWITCH},
        {"position_embedding_type", CONFIG_TEXT}, {"is_decoder", CONFIG_MUST},
        {"add_cross_attention", CONFIG_MUST},
    };
    config_refuse_values(BERT(""), keys, sizeof keys / sizeof *keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bert),
        cmocka_unit_test(test_hostile_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
