/* normalizer, pre_tokenizer, decoder and post_processor: what is known, and what is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/tokenizer_stages.h"
#include "test/helpers/checkpoint_fixture.h"

#define S "\xe2\x96\x81"
#define BYTES "\"decoder\":{\"type\":\"ByteLevel\"},"
#define FUSE "\"decoder\":{\"type\":\"Fuse\"},"
#define PIECE "\"decoder\":{\"type\":\"WordPiece\"},"
#define BPE "\"model\":{\"type\":\"BPE\"}"
#define WORDPIECE "\"model\":{\"type\":\"WordPiece\"}"
#define PRE(stage) "\"pre_tokenizer\":" stage ","
#define TWO(first, second) PRE("{\"type\":\"Sequence\",\"pretokenizers\":[" first "," second "]}")
#define LEVEL(options) "{\"type\":\"ByteLevel\"" options "}"
#define SPLIT(regex, options) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"}," options "}"
#define ISOLATED "\"behavior\":\"Isolated\",\"invert\":false"
#define QWEN2                                                                         \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| " \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define DIGITS "{\"type\":\"Digits\",\"individual_digits\":true}"
#define PLAIN ",\"add_prefix_space\":false"
#define REPLACE "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" S "\"}"
#define PREPEND "{\"type\":\"Prepend\",\"prepend\":\"" S "\"}"

static enum lassim_status read(const char *text, struct tokenizer_draft *draft, struct lassim_error *error)
{
    json_t *root = NULL;
    assert_int_equal(draft_begin(draft, 10, error), LASSIM_OK);
    if (json_parse("f", NULL, text, strlen(text), &root, error) != LASSIM_OK) fail_msg("%s", error->text);
    enum lassim_status status = tokenizer_stages_read(draft, "f", root);
    json_decref(root);
    return status;
}

static void gives(const char *text, enum tokenizer_kind kind, enum tokenizer_pattern pattern,
                  enum tokenizer_prefix prefix, uint32_t options)
{
    struct lassim_error error = {0};
    struct tokenizer_draft draft;
    if (read(text, &draft, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(draft.kind, kind);
    assert_int_equal(draft.pattern, pattern);
    assert_int_equal(draft.prefix, prefix);
    assert_int_equal(draft.options, options);
    draft_clear(&draft);
}

static void test_known(void **state)
{
    (void)state;
    gives("{" PRE(LEVEL("")) BYTES BPE "}", TOKENIZER_BYTE_LEVEL, TOKENIZER_GPT2, TOKENIZER_SPACE_UNLESS, 0);
    gives("{" PRE(LEVEL(PLAIN)) BYTES BPE "}", TOKENIZER_BYTE_LEVEL, TOKENIZER_GPT2, TOKENIZER_NO_PREFIX, 0);
    gives("{\"normalizer\":{\"type\":\"NFC\"}," TWO(SPLIT(QWEN2, ISOLATED), LEVEL(PLAIN ",\"use_regex\":false"))
              BYTES BPE "}",
          TOKENIZER_BYTE_LEVEL, TOKENIZER_QWEN2, TOKENIZER_NO_PREFIX, TOKENIZER_NFC);
    gives("{" TWO(DIGITS, LEVEL(PLAIN)) BYTES BPE "}", TOKENIZER_BYTE_LEVEL, TOKENIZER_DIGITS, TOKENIZER_NO_PREFIX, 0);
    gives("{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" PREPEND "," REPLACE "]}," FUSE BPE "}",
          TOKENIZER_SENTENCEPIECE, TOKENIZER_WHOLE, TOKENIZER_PREPEND, 0);
    gives("{\"normalizer\":" REPLACE "," FUSE BPE "}", TOKENIZER_SENTENCEPIECE, TOKENIZER_WHOLE, TOKENIZER_NO_PREFIX,
          0);
    gives("{" PRE("{\"type\":\"Metaspace\",\"replacement\":\"" S "\"}") FUSE BPE "}", TOKENIZER_SENTENCEPIECE,
          TOKENIZER_METASPACE, TOKENIZER_METASPACE_ALWAYS, 0);
    gives("{" PRE("{\"type\":\"Metaspace\",\"replacement\":\"" S "\",\"split\":false,\"add_prefix_space\":false}")
              FUSE BPE "}",
          TOKENIZER_SENTENCEPIECE, TOKENIZER_WHOLE, TOKENIZER_METASPACE_NEVER, 0);
    gives("{" PRE("{\"type\":\"BertPreTokenizer\"}") PIECE WORDPIECE "}", TOKENIZER_WORDPIECE, TOKENIZER_WHOLE,
          TOKENIZER_NO_PREFIX, TOKENIZER_CLEANUP_DECODED);
    gives("{\"normalizer\":{\"type\":\"BertNormalizer\",\"strip_accents\":false,\"clean_text\":false}," PRE(
              "{\"type\":\"BertPreTokenizer\"}") PIECE WORDPIECE "}",
          TOKENIZER_WORDPIECE, TOKENIZER_WHOLE, TOKENIZER_NO_PREFIX,
          TOKENIZER_CLEANUP_DECODED | TOKENIZER_CHINESE | TOKENIZER_LOWERCASE);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "model: expected an object"},
        {"{\"model\":{\"type\":\"Unigram\"}}", "model.type: expected \"BPE\" or \"WordPiece\", found \"Unigram\""},
        {"{" BPE "}", "pre_tokenizer: expected \"ByteLevel\" or \"Metaspace\""},
        {"{" PRE(LEVEL("")) BPE "}", "decoder: expected an object"},
        {"{\"normalizer\":{\"type\":\"NFKC\"}," BPE "}", "normalizer: expected \"NFC\", \"Prepend\""},
        {"{\"normalizer\":{\"type\":\"NFKC\"}," BPE "}", "found \"NFKC\""},
        {"{\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"_\"}," BPE "}",
         "prepend: expected \"" S "\", found \"_\""},
        {"{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" \"}}," BPE "}", "String: expected a string"},
        {"{\"normalizer\":" PREPEND "," FUSE BPE "}", "pre_tokenizer: expected"},
        {"{\"normalizer\":" REPLACE "," PRE(LEVEL("")) BYTES BPE "}", "beside another tokenizer's stages"},
        {"{" PRE("{\"type\":\"Whitespace\"}") BPE "}", "pre_tokenizer: expected \"ByteLevel\" (after"},
        {"{" PRE(SPLIT("\\\\w+", ISOLATED)) BPE "}", "found \"\\w+\""},
        {"{" PRE(SPLIT(QWEN2, "\"behavior\":\"Removed\"")) BPE "}", "behavior: expected \"Isolated\""},
        {"{" TWO(SPLIT(QWEN2, ISOLATED), LEVEL(PLAIN)) BYTES BPE "}", "use_regex false"},
        {"{" TWO(SPLIT(QWEN2, ISOLATED), LEVEL(",\"use_regex\":false")) BYTES BPE "}", "add_prefix_space false"},
        {"{" TWO(DIGITS, SPLIT(QWEN2, ISOLATED)) BYTES BPE "}", "pre_tokenizer: expected"},
        {"{" TWO("{\"type\":\"Digits\"}", LEVEL(PLAIN)) BYTES BPE "}", "individual_digits true"},
        {"{" PRE("{\"type\":\"Metaspace\",\"replacement\":\"_\"}") FUSE BPE "}", "replacement: expected \"" S "\""},
        {"{" PRE("{\"type\":\"Metaspace\",\"replacement\":\"" S "\",\"prepend_scheme\":\"x\"}") FUSE BPE "}",
         "prepend_scheme: expected \"always\""},
        {"{" PRE(LEVEL("")) PIECE BPE "}", "decoder: expected \"ByteLevel\", found \"WordPiece\""},
        {"{\"normalizer\":" REPLACE "," BYTES BPE "}", "decoder: expected \"Metaspace\" or"},
        {"{\"normalizer\":" REPLACE ",\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":2}," BPE "}",
         "start: expected an integer in 0 .. 1"},
        {"{" PRE(LEVEL("")) BYTES WORDPIECE "}", "expected \"BertPreTokenizer\" alone"},
        {"{" PRE("{\"type\":\"BertPreTokenizer\"}") "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"@@\"}," WORDPIECE
                                                    "}",
         "prefix: expected \"##\", found \"@@\""},
        {"{" PRE("{\"type\":\"Sequence\",\"pretokenizers\":7}") BPE "}", "pretokenizers: expected an array"},
        {"{" PRE("{\"type\":\"Sequence\",\"pretokenizers\":[7]}") BPE "}", "expected an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lassim_error error = {0};
        struct tokenizer_draft draft;
        assert_refused(read(cases[i][0], &draft, &error), &error, cases[i][1]);
        draft_clear(&draft);
    }
}

/* ---- post_processor ------------------------------------------------------------------------------ */

static enum lassim_status process(const char *processor, struct tokenizer_draft *draft, struct lassim_error *error)
{
    char text[2048];
    json_t *root = NULL;
    snprintf(text, sizeof text, "{\"post_processor\":%s}", processor);
    assert_int_equal(draft_begin(draft, 10, error), LASSIM_OK);
    assert_int_equal(draft_added(draft, "f", NULL, "<s>", 1, TOKEN_SPECIAL), LASSIM_OK);
    if (json_parse("f", NULL, text, strlen(text), &root, error) != LASSIM_OK) fail_msg("%s", error->text);
    enum lassim_status status = tokenizer_processor_read(draft, "f", root);
    json_decref(root);
    return status;
}

/* single and pair as id:type, A and B for the texts. */
static void templates(const char *processor, const char *single, const char *pair)
{
    struct lassim_error error = {0};
    struct tokenizer_draft draft;
    if (process(processor, &draft, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct template *all[2] = {&draft.single, &draft.pair};
    const char *expected[2] = {single, pair};
    for (int i = 0; i < 2; i++) {
        char text[256] = "";
        for (uint32_t k = 0; k < all[i]->count; k++) {
            uint32_t id = all[i]->item[k].id;
            size_t used = strlen(text);
            if (id == TOKENIZER_TEXT_A || id == TOKENIZER_TEXT_B)
                snprintf(text + used, sizeof text - used, "%c%u ", id == TOKENIZER_TEXT_A ? 'A' : 'B',
                         all[i]->item[k].type);
            else
                snprintf(text + used, sizeof text - used, "%u:%u ", id, all[i]->item[k].type);
        }
        assert_string_equal(text, expected[i]);
    }
    draft_clear(&draft);
}

#define A0 "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}"
#define B1 "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}"
#define BOS "{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}}"
#define TEMPLATE(single, pair) "{\"type\":\"TemplateProcessing\",\"single\":[" single "],\"pair\":[" pair "]}"

static void test_templates(void **state)
{
    (void)state;
    templates("null", "", "");
    templates("{\"type\":\"ByteLevel\"}", "", "");
    templates(TEMPLATE(BOS "," A0, BOS "," A0 "," BOS "," B1), "1:0 A0 ", "1:0 A0 1:0 B1 ");
    templates("{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"}," TEMPLATE(A0, A0 "," B1) "]}", "A0 ",
              "A0 B1 ");
    templates("{\"type\":\"BertProcessing\",\"sep\":[\"x\",3],\"cls\":[\"y\",2]}", "2:0 A0 3:0 ", "2:0 A0 3:0 B1 3:1 ");
    templates("{\"type\":\"RobertaProcessing\",\"sep\":[\"x\",3],\"cls\":[\"y\",2]}", "2:0 A0 3:0 ",
              "2:0 A0 3:0 3:0 B0 3:0 ");
    templates("{\"type\":\"TemplateProcessing\",\"single\":[" A0 "," BOS
              "],\"special_tokens\":{\"<s>\":{\"ids\":[4,5]}}}",
              "A0 4:0 5:0 ", "");
}

static void test_refused_templates(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"type\":\"Other\"}", "expected \"TemplateProcessing\""},
        {"{\"type\":\"Sequence\",\"processors\":[{\"type\":\"Sequence\",\"processors\":[]}]}", "found \"Sequence\""},
        {"{\"type\":\"TemplateProcessing\"}", "single: expected an array"},
        {"{\"type\":\"TemplateProcessing\",\"single\":[]}", "expected a text in single"},
        {"{\"type\":\"TemplateProcessing\",\"single\":[7]}", "expected \"Sequence\" or \"SpecialToken\" in single"},
        {"{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"C\"}}]}", "found \"C\""},
        {"{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"type_id\":256}}]}",
         "type_id: expected an integer"},
        {"{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<t>\"}}]}", "\"<t>\" is not in"},
        {"{\"type\":\"TemplateProcessing\",\"single\":[" BOS "],\"special_tokens\":{\"<s>\":{\"ids\":[10]}}}",
         "expected ids in 0 .. 9"},
        {TEMPLATE(A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0 "," A0
                     "," A0 "," A0,
                  A0),
         "at most 16 items"},
        {"{\"type\":\"BertProcessing\",\"sep\":[\"x\",3]}", "cls: expected a token and its id"},
        {"{\"type\":\"BertProcessing\",\"sep\":[\"x\",-1],\"cls\":[\"y\",2]}", "sep: expected a token and its id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lassim_error error = {0};
        struct tokenizer_draft draft;
        assert_refused(process(cases[i][0], &draft, &error), &error, cases[i][1]);
        draft_clear(&draft);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_refused_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
