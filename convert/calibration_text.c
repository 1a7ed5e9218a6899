#include "convert/calibration_text.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "convert/default_calibration.h"
#include "convert/json.h"
#include "kernel/tokenizer.h"

enum { ENCODER_CONTEXT = 128 /* tokens of an encoder's sequences: like the texts that they are used for */ };
enum { TEXT_BYTES_PER_TOKEN = 64 /* far above what a token takes; the rest of a long text is not looked at */ };

static uint64_t next_random(uint64_t *state) /* splitmix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* `wanted` ids of the text, fewer if it is shorter; owned by the caller. */
static enum lassim_status encode(const char *name, const char *bytes, size_t size, const struct blob *blob,
                                 size_t wanted, uint32_t **ids, size_t *n, struct lassim_error *error)
{
    struct tokenizer *tokenizer;
    enum lassim_status status = tokenizer_open(NULL, blob->data, blob->size, &tokenizer, error);
    if (status != LASSIM_OK) return status;
    size_t enough = wanted * TEXT_BYTES_PER_TOKEN;
    if (size > enough)
        for (size = enough; size > 0 && ((uint8_t)bytes[size] & 0xc0) == 0x80;) size--;
    status = tokenizer_encode(tokenizer, bytes, size, 0, ids, n, error);
    tokenizer_close(tokenizer);
    if (status != LASSIM_OK) return status;
    if (*n > wanted) *n = wanted;
    if (*n > 0) return LASSIM_OK;
    free(*ids);
    *ids = NULL;
    return lassim_fail(error, LASSIM_ERR_FILE, name, NULL, "expected a text of at least one token");
}

static enum lassim_status read_text(const char *path, const struct blob *blob, size_t wanted,
                                    struct calibration_text *text, uint32_t **ids, size_t *n,
                                    struct lassim_error *error)
{
    const char *bytes = lassim_default_calibration_start;
    size_t size = (size_t)(lassim_default_calibration_end - lassim_default_calibration_start);
    char *owned = NULL;
    if (path != NULL) {
        enum lassim_status status = json_read_text(path, &owned, &size, error);
        if (status != LASSIM_OK) return status;
        bytes = owned;
    }
    text->hash = XXH3_64bits(bytes, size);
    enum lassim_status status =
        encode(path != NULL ? path : "default calibration text", bytes, size, blob, wanted, ids, n, error);
    free(owned);
    return status;
}

static enum lassim_status random_ids(uint32_t vocabulary, size_t wanted, uint32_t **ids, struct lassim_error *error)
{
    uint64_t state = 1;
    *ids = malloc(wanted * sizeof **ids);
    if (*ids == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory");
    for (size_t i = 0; i < wanted; i++) (*ids)[i] = (uint32_t)(next_random(&state) % vocabulary);
    return LASSIM_OK;
}

/* bos in front of every context - 1 tokens; an encoder's sequences end with eos besides. */
static enum lassim_status lay_out(const uint32_t *ids, size_t n, const struct model_config *config,
                                  struct calibration_text *text, struct lassim_error *error)
{
    size_t special = config->encoder ? 2 : 1, own = text->context - special;
    text->tokens = n + (n + own - 1) / own * special;
    text->ids = malloc(text->tokens * sizeof *text->ids);
    if (text->ids == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory");
    for (size_t i = 0; i < text->tokens; i++) {
        int first = i % text->context == 0, last = (i + 1) % text->context == 0 || i + 1 == text->tokens;
        text->ids[i] = first ? config->bos : last && config->encoder ? config->eos : *ids++;
    }
    return LASSIM_OK;
}

enum lassim_status calibration_text_read(const char *path, const struct model_config *config,
                                         const struct blob *tokenizer, size_t most, struct calibration_text *text,
                                         struct lassim_error *error)
{
    size_t longest = config->encoder && config->positions > ENCODER_CONTEXT ? ENCODER_CONTEXT : config->positions;
    size_t special = config->encoder ? 2 : 1;
    *text = (struct calibration_text){.context = longest < most ? longest : most};
    if (tokenizer->size == 0 && path != NULL)
        return lassim_fail(error, LASSIM_ERR_USAGE, path, NULL, "the checkpoint has no tokenizer to read a text with");
    if (text->context < special + 1)
        return lassim_fail(error, LASSIM_ERR_FILE, "config.json", "max_position_embeddings",
                           "expected at least %zu positions to calibrate on", special + 1);
    uint32_t *ids = NULL;
    size_t wanted = most - (most + text->context - 1) / text->context * special, n = wanted;
    enum lassim_status status = tokenizer->size == 0 ? random_ids(config->vocabulary, wanted, &ids, error)
                                                     : read_text(path, tokenizer, wanted, text, &ids, &n, error);
    if (status == LASSIM_OK) status = lay_out(ids, n, config, text, error);
    free(ids);
    return status;
}
