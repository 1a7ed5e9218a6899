/* The tokenizer of a Hugging Face checkpoint folder -> the blob that a .snn stores (kernel/tokenizer.h).
 *
 * The first of these that is there gives vocabulary, merges and added tokens:
 *     tokenizer.json    byte-level BPE, SentencePiece BPE or WordPiece, as its stages say (convert/tokenizer_stages.h)
 *     tokenizer.model   SentencePiece BPE (convert/sentencepiece.h)
 *     vocab.json        with merges.txt: byte-level BPE, GPT-2's or (tokenizer_class) Qwen2's
 *     vocab.txt         WordPiece, BERT's
 * All but the first also take added_tokens.json (if there) and tokenizer_config.json's added_tokens_decoder.
 * tokenizer_config.json and special_tokens_map.json (if there; the first wins) name bos, eos, pad, unk, cls, sep,
 * mask and additional special tokens, add_bos_token, add_eos_token and add_prefix_space, where the file above leaves
 * them open: a tokenizer.json's post-processor and pre-tokenizer decide first.
 *
 * What would change the result and is not known is refused by name: other models, stages, patterns, classes, dropout,
 * affixes other than "##". */
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
