#include "convert/tokenizer_stages.h"

#include <string.h>

#include "kernel/tokenizer_normalise.h"

#define FAIL(stages, place, ...) \
    lassim_fail((stages)->draft->error, LASSIM_ERR_FILE, (stages)->file, place, __VA_ARGS__)

/* Regular expressions as they stand in files, and the pattern each one is. */
#define MODERN(numbers)                                                                                      \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
static const struct {
    const char *regex;
    enum tokenizer_pattern pattern;
} regexes[] = {
    {MODERN("\\p{N}{1,3}"), TOKENIZER_LLAMA3},
    {MODERN("\\p{N}"), TOKENIZER_QWEN2},
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", TOKENIZER_GPT2},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", TOKENIZER_GPT2},
};

/* What the stages of a file say, before it is put together. */
struct stages {
    struct tokenizer_draft *draft;
    const char *file;
    int nfc, prepend, escape, bert;                    /* normalizer */
    int byte_level, regex, prefix_space, digits, cuts; /* pre_tokenizer */
    int metaspace, bert_words;
    enum tokenizer_pattern cut; /* of a Split, if cuts */
};
typedef enum lassim_status stage_reader(struct stages *stages, const json_t *stage, const char *type);

/* Hands root[key], or each stage of the Sequence `list` that it is, to `read`; null is no stage. */
static enum lassim_status each_stage(struct stages *stages, const json_t *root, const char *key, const char *list,
                                     stage_reader *read)
{
    const json_t *stage = NULL, *inner = NULL;
    const char *type = "";
    TOKENIZER_TRY(json_get_object(stages->file, root, key, JSON_OPTIONAL, &stage, stages->draft->error));
    if (stage == NULL) return LASSIM_OK;
    TOKENIZER_TRY(json_get_string(stages->file, stage, "type", JSON_REQUIRED, &type, stages->draft->error));
    if (strcmp(type, "Sequence") != 0) return read(stages, stage, type);
    TOKENIZER_TRY(json_get_array(stages->file, stage, list, JSON_REQUIRED, &inner, stages->draft->error));
    for (size_t i = 0; i < json_array_size(inner); i++) {
        stage = json_array_get(inner, i);
        TOKENIZER_TRY(json_get_string(stages->file, stage, "type", JSON_REQUIRED, &type, stages->draft->error));
        TOKENIZER_TRY(read(stages, stage, type));
    }
    return LASSIM_OK;
}

static enum lassim_status get_bool(struct stages *stages, const json_t *stage, const char *key, int *on)
{
    return json_get_bool(stages->file, stage, key, JSON_OPTIONAL, on, stages->draft->error);
}

/* The member must be this string. */
static enum lassim_status expect_string(struct stages *stages, const json_t *stage, const char *key,
                                        const char *expected)
{
    const char *found = "";
    TOKENIZER_TRY(json_get_string(stages->file, stage, key, JSON_REQUIRED, &found, stages->draft->error));
    if (strcmp(found, expected) == 0) return LASSIM_OK;
    return FAIL(stages, key, "expected \"%s\", found \"%.48s\"", expected, found);
}

/* ---- normalizer --------------------------------------------------------------------------------- */

uint32_t tokenizer_bert_options(int clean_text, int chinese, int strip_accents, int lowercase)
{
    if (strip_accents < 0) strip_accents = lowercase;
    return (uint32_t)((clean_text ? TOKENIZER_CLEAN_TEXT : 0) | (chinese ? TOKENIZER_CHINESE : 0) |
                      (strip_accents ? TOKENIZER_STRIP_ACCENTS : 0) | (lowercase ? TOKENIZER_LOWERCASE : 0));
}

static enum lassim_status read_bert_normalizer(struct stages *stages, const json_t *stage)
{
    int clean_text = 1, chinese = 1, accents = -1, lowercase = 1;
    TOKENIZER_TRY(get_bool(stages, stage, "clean_text", &clean_text));
    TOKENIZER_TRY(get_bool(stages, stage, "handle_chinese_chars", &chinese));
    TOKENIZER_TRY(get_bool(stages, stage, "strip_accents", &accents));
    TOKENIZER_TRY(get_bool(stages, stage, "lowercase", &lowercase));
    stages->draft->options |= tokenizer_bert_options(clean_text, chinese, accents, lowercase);
    stages->bert = 1;
    return LASSIM_OK;
}

/* Replace of one string by another; a decoder has the same. */
static enum lassim_status expect_replace(struct stages *stages, const json_t *stage, const char *from, const char *to)
{
    const json_t *pattern = NULL;
    TOKENIZER_TRY(json_get_object(stages->file, stage, "pattern", JSON_REQUIRED, &pattern, stages->draft->error));
    TOKENIZER_TRY(expect_string(stages, pattern, "String", from));
    return expect_string(stages, stage, "content", to);
}

static enum lassim_status read_normalizer(struct stages *stages, const json_t *stage, const char *type)
{
    if (strcmp(type, "BertNormalizer") == 0) return read_bert_normalizer(stages, stage);
    if (strcmp(type, "Prepend") == 0) {
        stages->prepend = 1;
        return expect_string(stages, stage, "prepend", TOKENIZER_SPACE);
    }
    if (strcmp(type, "Replace") == 0) {
        stages->escape = 1;
        return expect_replace(stages, stage, " ", TOKENIZER_SPACE);
    }
    stages->nfc |= strcmp(type, "NFC") == 0;
    if (strcmp(type, "NFC") == 0) return LASSIM_OK;
    return FAIL(stages, "normalizer",
                "expected \"NFC\", \"Prepend\", \"Replace\", \"BertNormalizer\" or null, found \"%.48s\"", type);
}

/* ---- pre_tokenizer ------------------------------------------------------------------------------ */

static enum lassim_status read_byte_level(struct stages *stages, const json_t *stage)
{
    stages->byte_level = stages->regex = stages->prefix_space = 1; /* the defaults of tokenizers */
    TOKENIZER_TRY(get_bool(stages, stage, "use_regex", &stages->regex));
    return get_bool(stages, stage, "add_prefix_space", &stages->prefix_space);
}

static enum lassim_status read_split(struct stages *stages, const json_t *stage)
{
    const json_t *pattern = NULL;
    const char *regex = "";
    int invert = 0;
    TOKENIZER_TRY(json_get_object(stages->file, stage, "pattern", JSON_REQUIRED, &pattern, stages->draft->error));
    TOKENIZER_TRY(json_get_string(stages->file, pattern, "Regex", JSON_REQUIRED, &regex, stages->draft->error));
    TOKENIZER_TRY(get_bool(stages, stage, "invert", &invert));
    TOKENIZER_TRY(expect_string(stages, stage, "behavior", invert ? "Removed" : "Isolated"));
    for (size_t i = 0; i < sizeof regexes / sizeof *regexes; i++) {
        if (strcmp(regexes[i].regex, regex) != 0) continue;
        stages->cuts++;
        stages->cut = regexes[i].pattern;
        return LASSIM_OK;
    }
    return FAIL(stages, "pre_tokenizer", "expected GPT-2's, Llama 3's or Qwen2's pattern, found \"%.100s\"", regex);
}

static enum lassim_status read_digits(struct stages *stages, const json_t *stage)
{
    int individual = 0;
    stages->digits = 1;
    TOKENIZER_TRY(get_bool(stages, stage, "individual_digits", &individual));
    return individual ? LASSIM_OK : FAIL(stages, "pre_tokenizer", "expected individual_digits true");
}

/* prepend_scheme of a Metaspace; older files have add_prefix_space alone. */
static enum lassim_status metaspace_scheme(struct stages *stages, const json_t *stage, enum tokenizer_prefix *scheme)
{
    static const char *const names[3] = {"always", "first", "never"};
    const char *name = names[0];
    int prefix = 1;
    TOKENIZER_TRY(expect_string(stages, stage, "replacement", TOKENIZER_SPACE));
    TOKENIZER_TRY(get_bool(stages, stage, "add_prefix_space", &prefix));
    if (!prefix) name = names[2];
    TOKENIZER_TRY(json_get_string(stages->file, stage, "prepend_scheme", JSON_OPTIONAL, &name, stages->draft->error));
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *scheme = (enum tokenizer_prefix)(TOKENIZER_METASPACE_ALWAYS + i);
        return LASSIM_OK;
    }
    return FAIL(stages, "prepend_scheme", "expected \"always\", \"first\" or \"never\", found \"%.48s\"", name);
}

static enum lassim_status read_metaspace(struct stages *stages, const json_t *stage)
{
    int split = 1;
    stages->metaspace = 1;
    TOKENIZER_TRY(get_bool(stages, stage, "split", &split));
    stages->draft->pattern = split ? TOKENIZER_METASPACE : TOKENIZER_WHOLE;
    return metaspace_scheme(stages, stage, &stages->draft->prefix);
}

static enum lassim_status read_pre_tokenizer(struct stages *stages, const json_t *stage, const char *type)
{
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(stages, stage);
    if (strcmp(type, "Split") == 0) return read_split(stages, stage);
    if (strcmp(type, "Digits") == 0) return read_digits(stages, stage);
    if (strcmp(type, "Metaspace") == 0) return read_metaspace(stages, stage);
    stages->bert_words |= strcmp(type, "BertPreTokenizer") == 0;
    if (strcmp(type, "BertPreTokenizer") == 0) return LASSIM_OK;
    return FAIL(stages, "pre_tokenizer",
                "expected \"ByteLevel\" (after \"Split\" or \"Digits\"), \"Metaspace\", \"BertPreTokenizer\" or null, "
                "found \"%.48s\"",
                type);
}

/* ---- putting them together ---------------------------------------------------------------------- */

static enum lassim_status settle_byte_level(struct stages *stages)
{
    struct tokenizer_draft *draft = stages->draft;
    int before = stages->cuts + stages->digits;
    draft->kind = TOKENIZER_BYTE_LEVEL;
    if (stages->prepend || stages->escape || stages->bert || stages->metaspace || stages->bert_words)
        return FAIL(stages, "pre_tokenizer", "\"ByteLevel\" beside another tokenizer's stages");
    if (before > 1 || (stages->cuts && stages->regex) || (stages->digits && !stages->regex) ||
        (before > 0 && stages->prefix_space))
        return FAIL(stages, "pre_tokenizer",
                    "expected one \"Split\" and \"ByteLevel\" with use_regex false, or \"Digits\" and \"ByteLevel\" "
                    "with use_regex true, both with add_prefix_space false");
    draft->pattern = stages->cuts     ? stages->cut
                     : stages->digits ? TOKENIZER_DIGITS
                     : stages->regex  ? TOKENIZER_GPT2
                                      : TOKENIZER_WHOLE;
    if (stages->nfc) draft->options |= TOKENIZER_NFC;
    draft->prefix = stages->prefix_space ? TOKENIZER_SPACE_UNLESS : TOKENIZER_NO_PREFIX;
    draft->decided.add_prefix_space = stages->prefix_space;
    return LASSIM_OK;
}

static enum lassim_status settle_pieces(struct stages *stages)
{
    struct tokenizer_draft *draft = stages->draft;
    draft->kind = TOKENIZER_SENTENCEPIECE;
    if (stages->nfc || stages->bert || stages->bert_words || stages->cuts || stages->digits ||
        stages->escape == stages->metaspace || (stages->prepend && !stages->escape))
        return FAIL(
            stages, "pre_tokenizer",
            "expected \"ByteLevel\" or \"Metaspace\", or null and the normalizers \"Prepend\" and \"Replace\" of "
            "a space");
    if (stages->escape) draft->prefix = stages->prepend ? TOKENIZER_PREPEND : TOKENIZER_NO_PREFIX;
    return LASSIM_OK;
}

static enum lassim_status settle_wordpiece(struct stages *stages)
{
    stages->draft->kind = TOKENIZER_WORDPIECE;
    if (stages->bert_words && !stages->nfc && !stages->prepend && !stages->escape && !stages->byte_level &&
        !stages->cuts && !stages->digits && !stages->metaspace)
        return LASSIM_OK;
    return FAIL(stages, "pre_tokenizer", "expected \"BertPreTokenizer\" alone before \"WordPiece\"");
}

/* ---- decoder ------------------------------------------------------------------------------------ */

static enum lassim_status read_strip(struct stages *stages, const json_t *stage)
{
    int64_t start = 0, stop = 0;
    TOKENIZER_TRY(expect_string(stages, stage, "content", " "));
    TOKENIZER_TRY(json_get_integer(stages->file, stage, "start", JSON_OPTIONAL, 0, 1, &start, stages->draft->error));
    if (start > 0) stages->draft->options |= TOKENIZER_STRIP_DECODED;
    return json_get_integer(stages->file, stage, "stop", JSON_OPTIONAL, 0, 0, &stop, stages->draft->error);
}

static enum lassim_status read_pieces_decoder(struct stages *stages, const json_t *stage, const char *type)
{
    enum tokenizer_prefix scheme;
    if (strcmp(type, "Replace") == 0) return expect_replace(stages, stage, TOKENIZER_SPACE, " ");
    if (strcmp(type, "ByteFallback") == 0 || strcmp(type, "Fuse") == 0) return LASSIM_OK;
    if (strcmp(type, "Strip") == 0) return read_strip(stages, stage);
    if (strcmp(type, "Metaspace") != 0)
        return FAIL(stages, "decoder",
                    "expected \"Metaspace\" or \"Replace\", \"ByteFallback\", \"Fuse\", \"Strip\", found \"%.48s\"",
                    type);
    TOKENIZER_TRY(metaspace_scheme(stages, stage, &scheme));
    if (scheme != TOKENIZER_METASPACE_NEVER) stages->draft->options |= TOKENIZER_STRIP_TOKEN;
    return LASSIM_OK;
}

static enum lassim_status read_decoder(struct stages *stages, const json_t *stage, const char *type)
{
    if (stages->draft->kind == TOKENIZER_SENTENCEPIECE) return read_pieces_decoder(stages, stage, type);
    const char *expected = stages->draft->kind == TOKENIZER_WORDPIECE ? "WordPiece" : "ByteLevel";
    if (strcmp(type, expected) != 0) return FAIL(stages, "decoder", "expected \"%s\", found \"%.48s\"", expected, type);
    if (stages->draft->kind == TOKENIZER_BYTE_LEVEL) return LASSIM_OK;
    int cleanup = 1;
    TOKENIZER_TRY(get_bool(stages, stage, "cleanup", &cleanup));
    if (cleanup) stages->draft->options |= TOKENIZER_CLEANUP_DECODED;
    return json_object_get(stage, "prefix") == NULL ? LASSIM_OK : expect_string(stages, stage, "prefix", "##");
}

enum lassim_status tokenizer_stages_read(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    struct stages stages = {.draft = draft, .file = file};
    const json_t *model = NULL, *decoder = NULL;
    const char *type = "BPE";
    TOKENIZER_TRY(json_get_object(file, root, "model", JSON_REQUIRED, &model, draft->error));
    TOKENIZER_TRY(json_get_string(file, model, "type", JSON_OPTIONAL, &type, draft->error));
    int wordpiece = strcmp(type, "WordPiece") == 0;
    if (!wordpiece && strcmp(type, "BPE") != 0)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "model.type",
                           "expected \"BPE\" or \"WordPiece\", found \"%.48s\"", type);
    TOKENIZER_TRY(each_stage(&stages, root, "normalizer", "normalizers", read_normalizer));
    TOKENIZER_TRY(each_stage(&stages, root, "pre_tokenizer", "pretokenizers", read_pre_tokenizer));
    TOKENIZER_TRY(wordpiece           ? settle_wordpiece(&stages)
                  : stages.byte_level ? settle_byte_level(&stages)
                                      : settle_pieces(&stages));
    TOKENIZER_TRY(json_get_object(file, root, "decoder", JSON_REQUIRED, &decoder, draft->error));
    return each_stage(&stages, root, "decoder", "decoders", read_decoder);
}
