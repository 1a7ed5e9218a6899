/* The part of convert/tensor.h that reads elements. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "convert/tensor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoint elements are read in place: little-endian");

enum { SEGMENT = 256 };

/* An element's bits; a half is the word's low half. */
union element {
    uint32_t word;
    uint16_t half;
};

static inline union element load(const struct checkpoint_tensor *tensor, uint32_t size, uint64_t index)
{
    union element element = {0};
    const uint8_t *at = (const uint8_t *)tensor->data + index * size;
    if (size == sizeof element.word)
        memcpy(&element.word, at, sizeof element.word);
    else
        memcpy(&element.half, at, sizeof element.half);
    return element;
}

/* Exact for all three types; NaN and infinities stay such.  A half is a float's bits with the exponent moved:
 * one exact product scales it, denormals included. */
static inline float widen(enum weight_type type, union element element)
{
    uint32_t bits = element.word;
    float value;
    if (type == WEIGHT_BF16) bits = (uint32_t)element.half << 16;
    if (type == WEIGHT_F16) {
        bits = (element.half & 0x8000u) << 16 | (element.half & 0x7fffu) << 13;
        if ((element.half & 0x7c00u) == 0x7c00u) bits |= 0x7f800000u;
    }
    memcpy(&value, &bits, sizeof value);
    return type == WEIGHT_F16 ? value * 0x1p112f : value;
}

/* The bits of a half that is finite and exact, in the type's. */
static uint16_t half_of(enum weight_type type, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (type == WEIGHT_BF16) return (uint16_t)(bits >> 16);
    float size = __builtin_fabsf(value);
    uint32_t sign = bits >> 16 & 0x8000u;
    if (size < 0x1p-14f) return (uint16_t)(sign | (uint32_t)(size * 0x1p24f)); /* a denormal half, or 0 */
    return (uint16_t)(sign | (((bits & 0x7fffffffu) >> 13) - (112u << 10)));
}

static int is_exact(enum weight_type type, float value)
{
    float size = __builtin_fabsf(value), back;
    if (!(size <= (type == WEIGHT_BF16 ? 0x1.fep127f : 65504))) return 0;
    back = widen(type, (union element){.half = half_of(type, value)});
    return back == value; /* the sign of 0 is kept */
}

static enum weight_type stored_type(const struct checkpoint_tensor *tensor)
{
    return tensor->widened ? WEIGHT_F32 : tensor->type;
}

/* --- where elements lie --- */

/* count stored elements at, at + stride, ..: a piece of a row, or all of it. */
struct piece {
    uint64_t at, stride, count;
};

static uint64_t rows_of(const struct checkpoint_tensor *tensor)
{
    return tensor->rank > 0 ? tensor->shape[0] : 1;
}

static int in_order(const struct checkpoint_tensor *tensor)
{
    return tensor->view.row_stride == 0 && tensor->view.column_stride == 0 && tensor->view.head_rows == 0;
}

static uint64_t columns_of(const struct checkpoint_tensor *tensor)
{
    return tensor->elements / rows_of(tensor);
}

static uint64_t row_stride(const struct checkpoint_tensor *tensor)
{
    return tensor->view.row_stride != 0 ? tensor->view.row_stride : columns_of(tensor);
}

static uint64_t column_stride(const struct checkpoint_tensor *tensor)
{
    return tensor->view.column_stride != 0 ? tensor->view.column_stride : 1;
}

/* Where row r lies: the partners of a rotary pair are stored next to each other. */
static uint64_t stored_row(const struct checkpoint_tensor *tensor, uint64_t row)
{
    uint64_t head = tensor->view.head_rows, half = head / 2;
    if (head == 0) return row;
    uint64_t in_head = row % head;
    return row - in_head + in_head % half * 2 + in_head / half;
}

/* The first piece of elements [first, first + count), 0 < count. */
static struct piece first_piece(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count)
{
    if (in_order(tensor)) return (struct piece){tensor->view.first + first, 1, count};
    uint64_t columns = columns_of(tensor), column = first % columns, left = columns - column;
    uint64_t start = tensor->view.first + stored_row(tensor, first / columns) * row_stride(tensor);
    return (struct piece){start + column * column_stride(tensor), column_stride(tensor), left < count ? left : count};
}

static void check_range(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count)
{
    LASSIM_INVARIANT(tensor->readable, "tensor %s of type %s", tensor->name, tensor->dtype);
    LASSIM_INVARIANT(first <= tensor->elements && count <= tensor->elements - first, "tensor %s: elements %llu + %llu",
                     tensor->name, (unsigned long long)first, (unsigned long long)count);
}

/* --- reading --- */

static void widen_blocks(const struct checkpoint_tensor *tensor, const struct piece *piece, float *out)
{
    if (piece->stride == 1) {
        gguf_blocks_widen(tensor->blocks, tensor->data, piece->at, piece->count, out);
        return;
    }
    for (uint64_t i = 0; i < piece->count; i++)
        gguf_blocks_widen(tensor->blocks, tensor->data, piece->at + i * piece->stride, 1, &out[i]);
}

static void widen_piece(const struct checkpoint_tensor *tensor, const struct piece *piece, float *out)
{
    uint64_t at = piece->at, stride = piece->stride, count = piece->count;
    if (tensor->blocks != NULL) {
        widen_blocks(tensor, piece, out);
        return;
    }
    switch (stored_type(tensor)) {
    case WEIGHT_F32:
        for (uint64_t i = 0; i < count; i++) out[i] = widen(WEIGHT_F32, load(tensor, 4, at + i * stride));
        break;
    case WEIGHT_F16:
        for (uint64_t i = 0; i < count; i++) out[i] = widen(WEIGHT_F16, load(tensor, 2, at + i * stride));
        break;
    default:
        for (uint64_t i = 0; i < count; i++) out[i] = widen(WEIGHT_BF16, load(tensor, 2, at + i * stride));
        break;
    }
}

void checkpoint_tensor_f32(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out)
{
    check_range(tensor, first, count);
    for (uint64_t done = 0; done < count;) {
        struct piece piece = first_piece(tensor, first + done, count - done);
        widen_piece(tensor, &piece, out + done);
        done += piece.count;
    }
}

void checkpoint_tensor_f64(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, double *out)
{
    check_range(tensor, first, count);
    float narrow[SEGMENT];
    for (uint64_t at = 0; at < count; at += SEGMENT) {
        uint64_t n = count - at < SEGMENT ? count - at : SEGMENT;
        checkpoint_tensor_f32(tensor, first + at, n, narrow);
        for (uint64_t i = 0; i < n; i++) out[at + i] = narrow[i];
    }
}

static void copy_piece(const struct checkpoint_tensor *tensor, const struct piece *piece, uint8_t *out)
{
    size_t size = weight_size(tensor->type);
    const uint8_t *data = (const uint8_t *)tensor->data + piece->at * size;
    if (piece->stride == 1)
        memcpy(out, data, piece->count * size);
    else if (size == 2)
        for (uint64_t i = 0; i < piece->count; i++) memcpy(out + i * 2, data + i * piece->stride * 2, 2);
    else
        for (uint64_t i = 0; i < piece->count; i++) memcpy(out + i * 4, data + i * piece->stride * 4, 4);
}

/* Elements of a tensor that is stored wider than its type. */
static void copy_narrowed(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, uint8_t *out)
{
    float values[SEGMENT];
    for (uint64_t at = 0; at < count; at += SEGMENT) {
        uint64_t n = count - at < SEGMENT ? count - at : SEGMENT;
        checkpoint_tensor_f32(tensor, first + at, n, values);
        for (uint64_t i = 0; i < n; i++) {
            uint16_t half = half_of(tensor->type, values[i]);
            memcpy(out + (at + i) * sizeof half, &half, sizeof half);
        }
    }
}

void checkpoint_tensor_copy(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, void *out)
{
    check_range(tensor, first, count);
    if (tensor->blocks != NULL) {
        checkpoint_tensor_f32(tensor, first, count, out);
        return;
    }
    if (tensor->widened) {
        copy_narrowed(tensor, first, count, out);
        return;
    }
    for (uint64_t done = 0; done < count;) {
        struct piece piece = first_piece(tensor, first + done, count - done);
        copy_piece(tensor, &piece, (uint8_t *)out + done * weight_size(tensor->type));
        done += piece.count;
    }
}

/* An exponent of all ones: NaN and infinities, and only they. */
static int is_finite(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

int64_t checkpoint_first_nonfinite(const struct checkpoint_tensor *tensor)
{
    check_range(tensor, 0, tensor->elements);
    float values[SEGMENT];
    for (uint64_t at = 0; at < tensor->elements; at += SEGMENT) {
        uint64_t n = tensor->elements - at < SEGMENT ? tensor->elements - at : SEGMENT;
        checkpoint_tensor_f32(tensor, at, n, values);
        for (uint64_t i = 0; i < n; i++)
            if (!is_finite(values[i])) return (int64_t)(at + i);
    }
    return -1;
}

void checkpoint_tensor_release(const struct checkpoint_tensor *tensor)
{
    if (!tensor->readable || tensor->elements == 0) return;
    uint64_t last = tensor->view.first + (rows_of(tensor) - 1) * row_stride(tensor) +
                    (columns_of(tensor) - 1) * column_stride(tensor);
    uint32_t group = tensor->blocks != NULL ? tensor->blocks->elements : 1;
    uint64_t bytes = tensor->blocks != NULL ? tensor->blocks->bytes : weight_size(stored_type(tensor));
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)tensor->data;
    uintptr_t start = (data + tensor->view.first / group * bytes + page - 1) & ~(page - 1);
    uintptr_t end = (data + (last / group + 1) * bytes) & ~(page - 1);
    if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
}

/* --- views --- */

void checkpoint_tensor_turn(struct checkpoint_tensor *tensor)
{
    LASSIM_INVARIANT(tensor->rank == 2 && tensor->view.head_rows == 0, "tensor %s of rank %u", tensor->name,
                     tensor->rank);
    uint64_t rows = tensor->shape[0], between_rows = row_stride(tensor);
    if (tensor->elements == 0) between_rows = 0;
    tensor->view.row_stride = tensor->elements == 0 ? 0 : column_stride(tensor);
    tensor->view.column_stride = between_rows;
    tensor->shape[0] = tensor->shape[1];
    tensor->shape[1] = rows;
}

void checkpoint_tensor_narrow(struct checkpoint_tensor *tensor, enum weight_type type)
{
    float values[SEGMENT];
    if (!tensor->readable || tensor->type != WEIGHT_F32 || tensor->blocks != NULL || type == WEIGHT_F32) return;
    for (uint64_t at = 0; at < tensor->elements; at += SEGMENT) {
        uint64_t n = tensor->elements - at < SEGMENT ? tensor->elements - at : SEGMENT;
        checkpoint_tensor_f32(tensor, at, n, values);
        for (uint64_t i = 0; i < n; i++)
            if (!is_exact(type, values[i])) return;
    }
    tensor->widened = 1;
    tensor->type = type;
}

/* dimension 0: rows, 1: columns. */
static struct checkpoint_tensor slice(const struct checkpoint_tensor *tensor, unsigned dimension, uint64_t from,
                                      uint64_t to)
{
    LASSIM_INVARIANT(tensor->readable && tensor->rank > dimension && tensor->rank <= 2 && tensor->view.head_rows == 0,
                     "tensor %s of rank %u", tensor->name, tensor->rank);
    LASSIM_INVARIANT(from <= to && to <= tensor->shape[dimension], "tensor %s: %llu to %llu", tensor->name,
                     (unsigned long long)from, (unsigned long long)to);
    struct checkpoint_tensor part = *tensor;
    if (tensor->elements > 0) {
        part.view.row_stride = row_stride(tensor);
        part.view.column_stride = column_stride(tensor);
        part.view.first += from * (dimension == 0 ? part.view.row_stride : part.view.column_stride);
    }
    part.shape[dimension] = to - from;
    part.elements = part.shape[0] * (part.rank == 2 ? part.shape[1] : 1);
    return part;
}

struct checkpoint_tensor checkpoint_tensor_rows(const struct checkpoint_tensor *tensor, uint64_t from, uint64_t to)
{
    return slice(tensor, 0, from, to);
}

struct checkpoint_tensor checkpoint_tensor_columns(const struct checkpoint_tensor *tensor, uint64_t from, uint64_t to)
{
    return slice(tensor, 1, from, to);
}
