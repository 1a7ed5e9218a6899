#include "convert/sentencepiece.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one message; they start at `base` in the file. */
struct message {
    const char *file;
    const uint8_t *data;
    size_t size, at, base;
    struct lassim_error *error;
};
/* One field: a number (varint or fixed) or bytes, by its wire type. */
struct field {
    uint64_t number;
    unsigned wire;
    uint64_t value;
    const uint8_t *bytes;
    size_t size;
};
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
typedef enum lassim_status field_reader(struct sentencepiece_model *model, const struct message *message,
                                        const struct field *field, void *into);

static enum lassim_status fail_at(const struct message *message, size_t at, const char *expected)
{
    char place[40];
    snprintf(place, sizeof place, "byte %zu", message->base + at);
    return lassim_fail(message->error, LASSIM_ERR_FILE, message->file, place, "expected %s", expected);
}

/* ---- the wire format ---------------------------------------------------------------------------- */

static enum lassim_status read_varint(struct message *message, uint64_t *value)
{
    size_t start = message->at;
    *value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (message->at == message->size) return fail_at(message, start, "a whole number (the file is cut short)");
        uint8_t byte = message->data[message->at++];
        if (shift == 63 && byte > 1) break;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return LASSIM_OK;
    }
    return fail_at(message, start, "a number of at most 64 bits");
}

static enum lassim_status read_fixed(struct message *message, unsigned width, uint64_t *value)
{
    if (message->size - message->at < width)
        return fail_at(message, message->at, "a whole number (the file is cut short)");
    *value = 0;
    for (unsigned i = 0; i < width; i++) *value |= (uint64_t)message->data[message->at++] << 8 * i;
    return LASSIM_OK;
}

static enum lassim_status read_field(struct message *message, struct field *field)
{
    size_t start = message->at;
    uint64_t tag;
    TOKENIZER_TRY(read_varint(message, &tag));
    *field = (struct field){.number = tag >> 3, .wire = (unsigned)(tag & 7)};
    if (field->number == 0) return fail_at(message, start, "a field number above 0");
    if (field->wire == WIRE_VARINT) return read_varint(message, &field->value);
    if (field->wire == WIRE_FIXED64) return read_fixed(message, 8, &field->value);
    if (field->wire == WIRE_FIXED32) return read_fixed(message, 4, &field->value);
    if (field->wire != WIRE_BYTES) return fail_at(message, start, "wire type 0, 1, 2 or 5");
    TOKENIZER_TRY(read_varint(message, &field->value));
    if (field->value > message->size - message->at)
        return fail_at(message, start, "a field that ends inside the file (it is cut short)");
    field->bytes = message->data + message->at;
    field->size = (size_t)field->value;
    message->at += field->size;
    return LASSIM_OK;
}

/* Hands each field of a message to `read`. */
static enum lassim_status each_field(struct sentencepiece_model *model, struct message *message, field_reader *read,
                                     void *into)
{
    while (message->at < message->size) {
        struct field field;
        TOKENIZER_TRY(read_field(message, &field));
        TOKENIZER_TRY(read(model, message, &field, into));
    }
    return LASSIM_OK;
}

/* The message inside a field. */
static enum lassim_status read_inner(struct sentencepiece_model *model, const struct message *outer,
                                     const struct field *field, field_reader *read, void *into)
{
    if (field->wire != WIRE_BYTES) return fail_at(outer, outer->at, "a message in this field");
    struct message inner = {.file = outer->file,
                            .data = field->bytes,
                            .size = field->size,
                            .base = outer->base + (size_t)(field->bytes - outer->data),
                            .error = outer->error};
    return each_field(model, &inner, read, into);
}

/* ---- ModelProto --------------------------------------------------------------------------------- */

static enum lassim_status read_piece_field(struct sentencepiece_model *model, const struct message *message,
                                           const struct field *field, void *into)
{
    struct piece *piece = into;
    static const unsigned wires[4] = {0, WIRE_BYTES, WIRE_FIXED32, WIRE_VARINT};
    (void)model;
    if (field->number > 3) return LASSIM_OK;
    if (field->wire != wires[field->number]) return fail_at(message, message->at, "a piece of string, float and type");
    if (field->number == 1) {
        piece->bytes = (const char *)field->bytes;
        piece->length = field->size;
    } else if (field->number == 2) {
        uint32_t bits = (uint32_t)field->value;
        memcpy(&piece->score, &bits, sizeof bits);
    } else {
        piece->type = (int64_t)field->value;
    }
    return LASSIM_OK;
}

static enum lassim_status read_piece(struct sentencepiece_model *model, const struct message *message,
                                     const struct field *field)
{
    if (model->pieces == TOKENIZER_VOCABULARY_MAX) return fail_at(message, message->at, "fewer pieces");
    if (model->pieces == model->capacity) {
        size_t capacity = 2 * model->capacity + 1024;
        struct piece *piece = reallocarray(model->piece, capacity, sizeof *piece);
        if (piece == NULL)
            return lassim_fail(message->error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the tokenizer");
        model->piece = piece;
        model->capacity = capacity;
    }
    struct piece *piece = &model->piece[model->pieces++];
    *piece = (struct piece){.bytes = "", .type = PIECE_NORMAL};
    return read_inner(model, message, field, read_piece_field, piece);
}

/* A number of trainer_spec or normalizer_spec. */
static enum lassim_status take_number(const struct message *message, const struct field *field, int64_t *value)
{
    if (field->wire != WIRE_VARINT) return fail_at(message, message->at, "a number in this field");
    *value = (int64_t)field->value;
    return LASSIM_OK;
}

static enum lassim_status read_trainer(struct sentencepiece_model *model, const struct message *message,
                                       const struct field *field, void *into)
{
    (void)into;
    switch (field->number) {
    case 3: return take_number(message, field, &model->kind);
    case 24: return take_number(message, field, &model->suffix);
    case 35: return take_number(message, field, &model->byte_fallback);
    case 40: return take_number(message, field, &model->unk);
    case 41: return take_number(message, field, &model->bos);
    case 42: return take_number(message, field, &model->eos);
    case 43: return take_number(message, field, &model->pad);
    default: return LASSIM_OK;
    }
}

static enum lassim_status read_normalizer(struct sentencepiece_model *model, const struct message *message,
                                          const struct field *field, void *into)
{
    (void)into;
    switch (field->number) {
    case 2: model->charsmap_bytes = field->size; return LASSIM_OK;
    case 3: return take_number(message, field, &model->dummy_prefix);
    case 4: return take_number(message, field, &model->squeeze);
    case 5: return take_number(message, field, &model->escape);
    default: return LASSIM_OK;
    }
}

static enum lassim_status read_model(struct sentencepiece_model *model, const struct message *message,
                                     const struct field *field, void *into)
{
    (void)into;
    switch (field->number) {
    case 1: return read_piece(model, message, field);
    case 2: return read_inner(model, message, field, read_trainer, NULL);
    case 3: return read_inner(model, message, field, read_normalizer, NULL);
    default: return LASSIM_OK;
    }
}

enum lassim_status sentencepiece_read(const char *file, const void *data, size_t size,
                                      struct sentencepiece_model *model, struct lassim_error *error)
{
    *model = (struct sentencepiece_model){.kind = SENTENCEPIECE_UNIGRAM,
                                          .unk = 0,
                                          .bos = 1,
                                          .eos = 2,
                                          .pad = -1,
                                          .dummy_prefix = 1,
                                          .squeeze = 1,
                                          .escape = 1};
    struct message message = {.file = file, .data = data, .size = size, .error = error};
    TOKENIZER_TRY(each_field(model, &message, read_model, NULL));
    return model->pieces > 0 ? LASSIM_OK : fail_at(&message, size, "pieces of a SentencePiece model");
}

void sentencepiece_clear(struct sentencepiece_model *model)
{
    free(model->piece);
    *model = (struct sentencepiece_model){0};
}

/* ---- settings ----------------------------------------------------------------------------------- */

/* The id of a control or unknown piece; others name none. */
static uint32_t special_id(const struct sentencepiece_model *model, int64_t id)
{
    if (id < 0 || (uint64_t)id >= model->pieces) return TOKENIZER_NONE;
    int64_t type = model->piece[id].type;
    return type == PIECE_CONTROL || type == PIECE_UNKNOWN ? (uint32_t)id : TOKENIZER_NONE;
}

enum lassim_status sentencepiece_settings(const struct sentencepiece_model *model, const char *file,
                                          struct tokenizer_draft *draft)
{
    static const char *const names[] = {"", "UNIGRAM", "BPE", "WORD", "CHAR"};
    int known = model->kind >= SENTENCEPIECE_UNIGRAM && model->kind <= SENTENCEPIECE_CHAR;
    if (model->kind != SENTENCEPIECE_BPE)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "trainer_spec.model_type", "expected BPE, found %s",
                           known ? names[model->kind] : "an unknown number");
    if (model->charsmap_bytes > 0)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "normalizer_spec.precompiled_charsmap",
                           "expected none (the identity), found %zu bytes", model->charsmap_bytes);
    if (!model->escape || model->suffix)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, model->suffix ? "trainer_spec" : "normalizer_spec",
                           model->suffix ? "expected treat_whitespace_as_suffix false"
                                         : "expected escape_whitespaces true");
    draft->kind = TOKENIZER_SENTENCEPIECE;
    draft->prefix = model->dummy_prefix ? TOKENIZER_PREPEND : TOKENIZER_NO_PREFIX;
    draft->options = TOKENIZER_FUSE_UNK | TOKENIZER_STORED_PATTERNS;
    if (model->byte_fallback) draft->options |= TOKENIZER_BYTE_FALLBACK;
    if (model->squeeze) draft->options |= TOKENIZER_SQUEEZE;
    if (model->dummy_prefix) draft->options |= TOKENIZER_STRIP_DECODED;
    draft->unk = special_id(model, model->unk);
    draft->bos = special_id(model, model->bos);
    draft->eos = special_id(model, model->eos);
    draft->pad = special_id(model, model->pad);
    return LASSIM_OK;
}
