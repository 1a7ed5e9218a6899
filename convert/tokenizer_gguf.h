/* The tokenizer in a GGUF's metadata -> the blob that a .snn stores (kernel/tokenizer.h).
 *
 * tokenizer.ggml.model "gpt2" is byte-level BPE, cut as tokenizer.ggml.pre says; "llama" SentencePiece BPE by scores;
 * "bert" WordPiece, uncased, whose words begin with U+2581 in the file and whose other pieces have lost "##".  Tokens
 * of the types control and unknown are special and kept whole, user-defined ones are kept whole.  Other models and
 * pre-tokenizers are refused by name.  Where the file leaves a switch open llama.cpp's defaults hold; texts are
 * encoded as the reference of the original (Hugging Face's tokenizers, sentencepiece) does it. */
#ifndef LASSIM_CONVERT_TOKENIZER_GGUF_H
#define LASSIM_CONVERT_TOKENIZER_GGUF_H

#include <stdint.h>

#include "convert/gguf.h"
#include "convert/tokenizer_files.h"

/* 1 if the file names a tokenizer (tokenizer.ggml.model other than "none" and "no_vocab"). */
int tokenizer_gguf_has(const struct gguf *gguf);
/* As tokenizer_build, from the metadata of an open file. */
enum lassim_status tokenizer_gguf_build(const struct gguf *gguf, uint32_t vocabulary, struct tokenizer_blob_out *blob,
                                        struct lassim_error *error);

#endif
