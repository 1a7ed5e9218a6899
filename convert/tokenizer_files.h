/* The tokenizer of a Hugging Face checkpoint folder -> the blob that a .snn stores (kernel/tokenizer.h).
 *
 * tokenizer.json, if it is there, gives vocabulary, merges and added tokens; else vocab.json, merges.txt,
 * added_tokens.json (if there) and tokenizer_config.json's added_tokens_decoder do.  In both cases
 * tokenizer_config.json and special_tokens_map.json (if there; the first wins) name bos, eos, pad, unk and
 * additional special tokens, add_bos_token and add_prefix_space, where tokenizer.json leaves them open: its
 * post-processor's template and its pre-tokenizer decide first.
 *
 * Only GPT-2's byte-level BPE is known.  Another model, pre-tokenizer, decoder, post-processor or a normalizer
 * is refused by name, as are dropout, byte_fallback, ignore_merges, affixes and single_word added tokens. */
#ifndef LASSIM_CONVERT_TOKENIZER_FILES_H
#define LASSIM_CONVERT_TOKENIZER_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

struct tokenizer_blob_out {
    uint8_t *data; /* owned by the caller: free */
    size_t size;
};

/* Reads the tokenizer files of directory for a model of `vocabulary` token ids (config.json's vocab_size, 1 ..
 * TOKENIZER_VOCABULARY_MAX).  Fewer tokens than ids are fine; an id >= vocabulary, an id used twice, a token
 * that is no byte-level string, a merge of unknown tokens, an unknown bos or eos are LASSIM_ERR_FILE with file,
 * place and expectation.  The same files give the same bytes.  *blob is untouched on failure.
 * O(bytes of the files); a tokenizer.json of 50,000 tokens takes about 0.15 s. */
enum lassim_status tokenizer_build(const char *directory, uint32_t vocabulary, struct tokenizer_blob_out *blob,
                                   struct lassim_error *error);

#endif
