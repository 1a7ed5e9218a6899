#include "kernel/tokenizer_pattern.h"

/* \s is spelled out because PCRE2's own also takes U+180E; LINES is \r\n, BLANKS the rest of \s. */
#define BLANKS \
    "\\x09\\x0b\\x0c\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define LINES "\\r\\n"
#define SPACES BLANKS LINES
#define SYMBOLS "[^" SPACES "\\p{L}\\p{N}]+"
/* \s*[\r\n]+ without giving back: white space up to its last line end. */
#define CONTRACTIONS "'s|'t|'re|'ve|'m|'ll|'d"
#define TO_LINE_END "(?:[" BLANKS "]*+[" LINES "])++"
#define TO_LAST_SPACE "[" SPACES "]+(?![^" SPACES "])|[" SPACES "]+"
#define MODERN(numbers)                                                                                         \
    "(?i:" CONTRACTIONS ")|[^" LINES "\\p{L}\\p{N}]?\\p{L}+|" numbers "| ?" SYMBOLS "[" LINES "]*|" TO_LINE_END \
    "|" TO_LAST_SPACE

/* What the pattern of llama.cpp cuts off first; a blank in front of it is a word as one at the end is. */
#define MARKS "\\p{P}$+<=>\\^~|"

static const char *const sources[TOKENIZER_PATTERNS] = {
    [TOKENIZER_GPT2] = CONTRACTIONS "| ?\\p{L}+| ?\\p{N}+| ?" SYMBOLS "|" TO_LAST_SPACE,
    [TOKENIZER_LLAMA3] = MODERN("\\p{N}{1,3}"),
    [TOKENIZER_QWEN2] = MODERN("\\p{N}"),
    [TOKENIZER_DIGITS] =
        "\\p{N}|" CONTRACTIONS "| ?\\p{L}+| ?" SYMBOLS "|[" SPACES "]+(?![^" SPACES "\\p{N}])|[" SPACES "]+",
    [TOKENIZER_GGML] = "[" MARKS "]+|[0-9]{3}|(?:(?![0-9]{3})\\p{N})++| ?\\p{L}+| ?[^" SPACES "\\p{L}\\p{N}" MARKS
                       "]+|[" SPACES "]+(?![^" SPACES MARKS "])|[" SPACES "]+"};
/* A word takes a few steps a byte, and a text is at most 2^28 bytes. */
#define MATCH_LIMIT (UINT32_C(1) << 31)
enum { DEPTH_LIMIT = 1000, HEAP_KIB = 1024 };

int word_pattern_compile(enum tokenizer_pattern kind, struct word_pattern *pattern)
{
    int code;
    PCRE2_SIZE offset;
    pattern->code = pcre2_compile((PCRE2_SPTR)sources[kind], PCRE2_ZERO_TERMINATED,
                                  PCRE2_ANCHORED | PCRE2_UTF | PCRE2_UCP, &code, &offset, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (pattern->code == NULL || pattern->limits == NULL) return -1;
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(pattern->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(pattern->limits, HEAP_KIB);
    (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE); /* without JIT it is interpreted */
    return 0;
}

void word_pattern_clear(struct word_pattern *pattern)
{
    pcre2_code_free(pattern->code);
    pcre2_match_context_free(pattern->limits);
}

int word_pattern_next(const struct word_pattern *pattern, pcre2_match_data *match, const uint8_t *text, size_t size,
                      size_t at, size_t *length)
{
    int found = pcre2_match(pattern->code, text, size, at, PCRE2_NO_UTF_CHECK, match, pattern->limits);
    if (found < 1) return found;
    const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(match);
    *length = bounds[1] - at;
    return 1;
}
