#include "convert/tokenizer_pieces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL(pieces, ...) \
    lassim_fail((pieces)->draft->error, LASSIM_ERR_FILE, (pieces)->file, (pieces)->where, __VA_ARGS__)

struct scored_merge {
    struct merge merge;
    float score;
};

struct pieces {
    struct tokenizer_draft *draft;
    const char *file, *place;
    char where[64]; /* place and number of the piece */
    const struct piece *piece;
    size_t n;
    enum piece_origin origin;
    struct scored_merge *merge;
    size_t merges, capacity;
};

/* ---- tokens ------------------------------------------------------------------------------------- */

/* Of a hexadecimal number in upper case. */
static int is_digit(char digit)
{
    return (digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'F');
}

static enum lassim_status check_piece(const struct pieces *pieces, const struct piece *piece)
{
    if (piece->type < PIECE_NORMAL || piece->type > PIECE_BYTE)
        return FAIL(pieces, "type %lld, expected 1 .. 6", (long long)piece->type);
    if (!isfinite(piece->score)) return FAIL(pieces, "score %g, expected a finite number", (double)piece->score);
    if (piece->length > PIECE_BYTES_MAX)
        return FAIL(pieces, "%zu bytes, expected at most %d", piece->length, PIECE_BYTES_MAX);
    if (piece->type != PIECE_BYTE) return LASSIM_OK;
    int hexadecimal = piece->length == 6 && memcmp(piece->bytes, "<0x", 3) == 0 && piece->bytes[5] == '>';
    for (int i = 3; hexadecimal && i < 5; i++) hexadecimal = is_digit(piece->bytes[i]);
    return hexadecimal ? LASSIM_OK : FAIL(pieces, "expected a byte \"<0x00>\" .. \"<0xFF>\"");
}

/* Control and unknown pieces are special tokens; user-defined ones are kept whole too. */
static enum lassim_status add_kept(struct pieces *pieces, uint32_t id)
{
    const struct piece *piece = &pieces->piece[id];
    char content[PIECE_BYTES_MAX + 1];
    unsigned flags = TOKEN_SPECIAL;
    if (piece->type == PIECE_USER) flags = pieces->origin == PIECES_OF_SENTENCEPIECE ? TOKEN_NORMALIZED : 0;
    memcpy(content, piece->bytes, piece->length);
    content[piece->length] = '\0';
    return draft_added(pieces->draft, pieces->file, pieces->where, content, id, (uint16_t)flags);
}

static enum lassim_status add_piece(struct pieces *pieces, uint32_t id)
{
    const struct piece *piece = &pieces->piece[id];
    snprintf(pieces->where, sizeof pieces->where, "%.40s[%u]", pieces->place, id);
    TOKENIZER_TRY(check_piece(pieces, piece));
    if (piece->length == 0 && pieces->origin == PIECES_OF_GGUF) return LASSIM_OK; /* an id without a token */
    if (piece->type == PIECE_UNUSED && pieces->origin == PIECES_OF_SENTENCEPIECE)
        return draft_unused(pieces->draft, pieces->file, pieces->where, piece->bytes, piece->length, id);
    TOKENIZER_TRY(draft_list_token(pieces->draft, pieces->file, pieces->where, piece->bytes, piece->length, id));
    if (piece->type == PIECE_UNKNOWN && pieces->draft->unk == TOKENIZER_NONE) pieces->draft->unk = id;
    if (piece->type == PIECE_UNKNOWN || piece->type == PIECE_CONTROL || piece->type == PIECE_USER)
        return add_kept(pieces, id);
    return LASSIM_OK;
}

/* ---- merges ------------------------------------------------------------------------------------- */

static int merges_to(const struct pieces *pieces, const struct piece *piece)
{
    int merged = piece->type == PIECE_NORMAL || piece->type == PIECE_UNUSED ||
                 (piece->type == PIECE_USER && pieces->origin == PIECES_OF_GGUF);
    return merged && piece->length > 0;
}

/* The normal piece of that string, or TOKENIZER_NONE. */
static uint32_t find_part(const struct pieces *pieces, const char *text)
{
    const json_t *value = json_object_get(pieces->draft->base, text);
    if (value == NULL) return TOKENIZER_NONE;
    uint32_t id = (uint32_t)json_integer_value(value);
    return merges_to(pieces, &pieces->piece[id]) ? id : TOKENIZER_NONE;
}

static enum lassim_status add_merge(struct pieces *pieces, uint32_t left, uint32_t right, uint32_t result)
{
    if (pieces->piece[result].type == PIECE_UNUSED && pieces->origin == PIECES_OF_SENTENCEPIECE)
        return FAIL(pieces, "an UNUSED piece that merges lead to, which is not supported");
    if (pieces->merges >= TOKENIZER_MERGES_MAX) return FAIL(pieces, "expected at most %d merges", TOKENIZER_MERGES_MAX);
    if (pieces->merges == pieces->capacity) {
        size_t capacity = 2 * pieces->capacity + 1024;
        struct scored_merge *larger = reallocarray(pieces->merge, capacity, sizeof *larger);
        if (larger == NULL) return draft_no_memory(pieces->draft);
        pieces->merge = larger;
        pieces->capacity = capacity;
    }
    pieces->merge[pieces->merges++] = (struct scored_merge){{left, right, 0, result}, pieces->piece[result].score};
    return LASSIM_OK;
}

/* Every cut of the piece between characters whose two sides are pieces. */
static enum lassim_status find_merges(struct pieces *pieces, uint32_t id)
{
    const struct piece *piece = &pieces->piece[id];
    char text[PIECE_BYTES_MAX + 1];
    if (!merges_to(pieces, piece)) return LASSIM_OK;
    snprintf(pieces->where, sizeof pieces->where, "%.40s[%u]", pieces->place, id);
    memcpy(text, piece->bytes, piece->length);
    text[piece->length] = '\0';
    const json_t *owner = json_object_get(pieces->draft->base, text);
    if (owner != NULL && json_integer_value(owner) != id) return LASSIM_OK; /* a later piece has the same string */
    for (size_t cut = 1; cut < piece->length; cut++) {
        char kept = text[cut];
        if (((unsigned char)kept & 0xc0) == 0x80) continue;
        uint32_t right = find_part(pieces, text + cut);
        if (right == TOKENIZER_NONE) continue;
        text[cut] = '\0';
        uint32_t left = find_part(pieces, text);
        text[cut] = kept;
        if (left != TOKENIZER_NONE) TOKENIZER_TRY(add_merge(pieces, left, right, id));
    }
    return LASSIM_OK;
}

/* Highest score first; the rest only makes the order one. */
static int compare_merges(const void *a, const void *b)
{
    const struct scored_merge *first = a, *second = b;
    if (first->score != second->score) return first->score > second->score ? -1 : 1;
    if (first->merge.result != second->merge.result) return first->merge.result < second->merge.result ? -1 : 1;
    return (first->merge.left > second->merge.left) - (first->merge.left < second->merge.left);
}

static enum lassim_status put_merges(struct pieces *pieces)
{
    uint32_t rank = 0;
    if (pieces->merges > 1) qsort(pieces->merge, pieces->merges, sizeof *pieces->merge, compare_merges);
    for (size_t i = 0; i < pieces->merges; i++) {
        rank += i > 0 && pieces->merge[i].score != pieces->merge[i - 1].score;
        pieces->merge[i].merge.rank = rank;
        TOKENIZER_TRY(draft_merge_ids(pieces->draft, pieces->file, pieces->place, &pieces->merge[i].merge));
    }
    return LASSIM_OK;
}

static enum lassim_status read_all(struct pieces *pieces)
{
    if (pieces->n > pieces->draft->vocabulary)
        return lassim_fail(pieces->draft->error, LASSIM_ERR_FILE, pieces->file, pieces->place,
                           "%zu pieces, expected at most %u (the model's vocabulary)", pieces->n,
                           pieces->draft->vocabulary);
    for (size_t id = 0; id < pieces->n; id++) TOKENIZER_TRY(add_piece(pieces, (uint32_t)id));
    if (pieces->draft->base == NULL)
        return lassim_fail(pieces->draft->error, LASSIM_ERR_FILE, pieces->file, pieces->place, "expected pieces");
    TOKENIZER_TRY(draft_base(pieces->draft, pieces->file, pieces->place));
    for (size_t id = 0; id < pieces->n; id++) TOKENIZER_TRY(find_merges(pieces, (uint32_t)id));
    return put_merges(pieces);
}

enum lassim_status pieces_read(struct tokenizer_draft *draft, const char *file, const char *place,
                               const struct piece *piece, size_t n, enum piece_origin origin)
{
    struct pieces pieces = {.draft = draft, .file = file, .place = place, .piece = piece, .n = n, .origin = origin};
    enum lassim_status status = read_all(&pieces);
    free(pieces.merge);
    return status;
}
