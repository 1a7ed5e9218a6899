/* A folder of tokenizer files: the input is cut at bytes 1E into vocab.json, merges.txt, tokenizer_config.json,
 * special_tokens_map.json, added_tokens.json, tokenizer.json and vocab.txt; an empty part is a file that is not
 * there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/tokenizer_files.h"
#include "kernel/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "vocab.json",     "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "tokenizer.json", "vocab.txt"};
enum { FILES = sizeof names / sizeof *names };
static char folder[64];

/* Writes folder/name, or removes it if size is 0. */
static void put(const char *name, const uint8_t *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    if (size == 0) return;
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

static void remove_folder(void)
{
    for (int i = 0; i < FILES; i++) put(names[i], NULL, 0);
    rmdir(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "%s/lassim-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) abort();
    atexit(remove_folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (folder[0] == '\0') make_folder();
    for (int i = 0; i < FILES; i++) {
        const uint8_t *end = size > 0 ? memchr(data, 0x1e, size) : NULL;
        size_t length = end == NULL ? size : (size_t)(end - data);
        put(names[i], data, length);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    enum lassim_status status = tokenizer_build(folder, 300, &blob, &error);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || strchr(error.text, '\n') != NULL)) abort();
    if (status == LASSIM_OK) { /* what is built opens and encodes */
        struct tokenizer *tokenizer = NULL;
        uint32_t *ids = NULL;
        size_t n;
        if (tokenizer_open("blob", blob.data, blob.size, &tokenizer, &error) != LASSIM_OK) abort();
        if (tokenizer_encode(tokenizer, "ab ab</s> 12", 12, 1, &ids, &n, &error) != LASSIM_OK) abort();
        free(ids);
        tokenizer_close(tokenizer);
    }
    free(blob.data);
    return 0;
}
