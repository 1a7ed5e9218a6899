/* The tokenizer files of a checkpoint folder while they are read.  Used by convert/tokenizer_files.c and
 * convert/tokenizer_vocabulary.c only. */
#ifndef LASSIM_CONVERT_TOKENIZER_FOLDER_H
#define LASSIM_CONVERT_TOKENIZER_FOLDER_H

#include "convert/tokenizer_draft.h"

/* A JSON file of the folder. */
struct folder_file {
    char *path;
    json_t *root; /* NULL: the file is not there */
};
enum { TOKENIZER_JSON, VOCAB_JSON, ADDED_JSON, CONFIG_JSON, SPECIAL_JSON, FOLDER_FILES };

struct folder {
    const char *directory;
    struct folder_file file[FOLDER_FILES]; /* [ADDED_JSON], [CONFIG_JSON], [SPECIAL_JSON] are read before */
    struct tokenizer_draft draft;
    struct lassim_error *error;
};

/* The path of a file in the folder (free), NULL without memory. */
char *folder_path(const struct folder *folder, const char *name);
/* 1 if the folder has a file of that name. */
int folder_has(const struct folder *folder, const char *name);
/* A switch of tokenizer_config.json; *on stays where it is not there. */
enum lassim_status folder_switch(const struct folder *folder, const char *key, int *on);

/* Fill the draft from vocab.json and merges.txt, from vocab.txt, from tokenizer.model, and what
 * tokenizer_config.json and added_tokens.json add to them. */
enum lassim_status folder_read_vocab_json(struct folder *folder);
enum lassim_status folder_read_vocab_text(struct folder *folder);
enum lassim_status folder_read_pieces(struct folder *folder);

#endif
