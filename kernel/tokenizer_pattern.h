/* The patterns that cut a text into words for byte-level BPE, compiled by PCRE2 with limits.
 *
 *   GPT2     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *   LLAMA3   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+
 *            |\s+(?!\S)|\s+
 *   QWEN2    as LLAMA3 with \p{N} for \p{N}{1,3}
 *   DIGITS   \p{N} each alone, and GPT2 on what lies between, so that a digit ends white space as the end does
 *   GGML     [\p{P}$+<=>^~|]+, then GPT2 without its last alternative on what lies between, then \p{N}+ and then
 *            [0-9][0-9][0-9] out of that: each time what is found and what lies between are words
 *
 * \s is Unicode's White_Space.  Each is written here so that no text makes it backtrack far. */
#ifndef LASSIM_KERNEL_TOKENIZER_PATTERN_H
#define LASSIM_KERNEL_TOKENIZER_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/tokenizer.h"

struct word_pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
};

/* Compiles the pattern of `kind`, one of the five above; a zeroed *pattern.  0, or -1 if PCRE2 cannot (a PCRE2 without
 * Unicode, or no memory).  word_pattern_clear in either case. */
int word_pattern_compile(enum tokenizer_pattern kind, struct word_pattern *pattern);
void word_pattern_clear(struct word_pattern *pattern);
/* Sets *length to the length (>= 1) of the word that starts at text[at]; text[0 .. size) is the whole gap, well-formed
 * UTF-8.  match has room for one pair of offsets.  Returns 1, or PCRE2's error (0 or less). */
int word_pattern_next(const struct word_pattern *pattern, pcre2_match_data *match, const uint8_t *text, size_t size,
                      size_t at, size_t *length);

#endif
