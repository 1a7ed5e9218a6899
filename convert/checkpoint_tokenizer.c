#include "convert/checkpoint_tokenizer.h"

#include <fcntl.h>
#include <unistd.h>

#include "convert/tokenizer_gguf.h"
#include "kernel/tokenizer.h"

static int has_files(const char *directory)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt"};
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
    if (folder < 0) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) found |= faccessat(folder, names[i], F_OK, 0) == 0;
    close(folder);
    return found;
}

/* [CLS] and [SEP] are an encoder's bos and eos. */
static enum lassim_status take_special(struct model_config *model, const struct tokenizer_blob_out *blob,
                                       struct lassim_error *error)
{
    struct tokenizer *tokenizer;
    enum lassim_status status = tokenizer_open(NULL, blob->data, blob->size, &tokenizer, error);
    if (status != LASSIM_OK) return status;
    uint32_t cls = tokenizer_cls(tokenizer), sep = tokenizer_sep(tokenizer);
    if (cls < model->vocabulary) model->bos = cls;
    if (sep < model->vocabulary) model->eos = sep;
    tokenizer_close(tokenizer);
    return LASSIM_OK;
}

enum lassim_status checkpoint_tokenizer(const struct checkpoint *checkpoint, const char *path,
                                        struct checkpoint_config *config, struct tokenizer_blob_out *blob,
                                        struct lassim_error *error)
{
    const struct gguf *gguf = checkpoint_gguf(checkpoint);
    uint32_t vocabulary = config->model.vocabulary;
    enum lassim_status status = LASSIM_OK;
    *blob = (struct tokenizer_blob_out){.data = NULL};
    if (gguf != NULL && tokenizer_gguf_has(gguf))
        status = tokenizer_gguf_build(gguf, vocabulary, blob, error);
    else if (gguf == NULL && has_files(path))
        status = tokenizer_build(path, vocabulary, blob, error);
    if (status != LASSIM_OK || blob->size == 0 || !config->model.encoder) return status;
    return take_special(&config->model, blob, error);
}
