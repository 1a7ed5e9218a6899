/* The names of a classifying head's labels: given, made up, hostile. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

#define CLASSIFY(keys) BERT("\"architectures\":[\"BertForSequenceClassification\"]," keys)

static void test_labels(void **state)
{
    (void)state;
    struct checkpoint_config c =
        config_accept(CLASSIFY("\"id2label\":{\"0\":\"no\",\"1\":\"yes\",\"2\":\"\\u00e4\"},"));
    assert_true(c.model.head == HEAD_CLASSIFY && c.model.labels == 3 && c.labels_size == 10);
    assert_memory_equal(c.labels, "no\0yes\0\xc3\xa4", 10);
    checkpoint_config_clear(&c);
    assert_null(c.labels);
    c = config_accept(CLASSIFY(""));
    assert_memory_equal(c.labels, "LABEL_0\0LABEL_1", 16);
    checkpoint_config_clear(&c);
    c = config_accept(CLASSIFY("\"num_labels\":1,"));
    assert_int_equal(c.model.labels, 1);
    checkpoint_config_clear(&c);
    config_refuse(CLASSIFY("\"id2label\":{},"), "id2label: 0 labels");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":\"a\",\"2\":\"b\"},"), "1: expected");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":\"\"},"), "id2label");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":7},"), "0: expected");
    config_refuse(CLASSIFY("\"id2label\":[\"a\"],"), "id2label");
    config_refuse(CLASSIFY("\"num_labels\":1000000,"), "num_labels");
}

/* Long names, many names, a gap in the numbers, and all of them together too long for the .snn. */
static void test_many_and_long(void **state)
{
    (void)state;
    enum { LABELS = 16384, LONGEST = 255 };
    struct bytes text = {0};
    bytes_text(&text, "{\"model_type\":\"bert\",\"architectures\":[\"BertForSequenceClassification\"],\"id2label\":{");
    size_t start = text.size;
    for (int length = LONGEST; length <= LONGEST + 1; length++) {
        text.size = start;
        bytes_text(&text, "\"0\":\"");
        for (int i = 0; i < length; i++) bytes_text(&text, "x");
        bytes_text(&text, "\"}," CONFIG_SIZES);
        bytes_number(&text, 0, 1);
        if (length > LONGEST) config_refuse((const char *)text.data, "label 0 has 256 bytes, expected 1 .. 255");
        if (length > LONGEST) continue;
        struct checkpoint_config c = config_accept((const char *)text.data);
        assert_int_equal(c.labels_size, LONGEST + 1);
        checkpoint_config_clear(&c);
    }
    for (int count = LABELS; count <= LABELS + 1; count++)
        for (int length = 3; length <= 30; length += 27) {
            text.size = start;
            for (int i = 0; i < count; i++) {
                char pair[64];
                snprintf(pair, sizeof pair, "%s\"%d\":\"%0*d\"", i > 0 ? "," : "", i, length, i % 1000);
                bytes_text(&text, pair);
            }
            bytes_text(&text, "}," CONFIG_SIZES);
            bytes_number(&text, 0, 1);
            if (count == LABELS && length == 3) {
                struct checkpoint_config c = config_accept((const char *)text.data);
                assert_int_equal(c.model.labels, LABELS);
                checkpoint_config_clear(&c);
            } else {
                config_refuse((const char *)text.data, count > LABELS ? "16385 labels" : "bytes of names");
            }
        }
    bytes_clear(&text);
}

static void test_what_is_no_label(void **state)
{
    (void)state;
    config_refuse(CLASSIFY("\"id2label\":{\"00\":\"a\"},"), "0: expected a string, found nothing");
    config_refuse(CLASSIFY("\"id2label\":{\"-1\":\"a\"},"), "0: expected a string, found nothing");
    config_refuse(CLASSIFY("\"id2label\":{\"1\":\"a\"},"), "0: expected a string, found nothing");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":\"a\",\"0\":\"b\"},"), "duplicate");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":\"a\\u0000b\"},"), "");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":null},"), "0");
    config_refuse(CLASSIFY("\"id2label\":{\"0\":[\"a\"]},"), "0");
    struct checkpoint_config c = config_accept(CLASSIFY("\"id2label\":{\"1\":\"b\",\"0\":\"a\"},"));
    assert_memory_equal(c.labels, "a\0b", 4); /* by number, not by place */
    checkpoint_config_clear(&c);
    c = config_accept(BERT("\"id2label\":7,")); /* nothing is classified */
    assert_true(c.labels == NULL && c.model.labels == 0);
}

static void test_hostile_values(void **state)
{
    (void)state;
    static const struct config_hostile keys[] = {
        {"num_labels", CONFIG_INTEGER},
    };
    config_refuse_values(CLASSIFY(""), keys, sizeof keys / sizeof *keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_many_and_long),
        cmocka_unit_test(test_what_is_no_label),
        cmocka_unit_test(test_hostile_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
