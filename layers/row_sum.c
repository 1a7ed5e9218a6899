#include "layers/row_sum.h"

#include "neurons/cpu.h"

/* Vectors of the compiler's own kind: one source for every instruction set. */
typedef int16_t lanes16_128 __attribute__((vector_size(16)));
typedef int16_t lanes16_256 __attribute__((vector_size(32)));
typedef int16_t lanes16_512 __attribute__((vector_size(64)));
typedef int32_t lanes32_128 __attribute__((vector_size(16)));
typedef int32_t lanes32_256 __attribute__((vector_size(32)));
typedef int32_t lanes32_512 __attribute__((vector_size(64)));
typedef int16_t quarter16 __attribute__((vector_size(8)));
typedef int32_t quarter32 __attribute__((vector_size(16)));
typedef double lanes64 __attribute__((vector_size(32)));

/* Sums of `count` rows over eight vectors of targets, kept in registers.  base: the tile's first weight of these
 * targets; rows lie ROW_TILE weights apart. */
#define DEFINE_STRIP(name, attribute, lanes, element)                                                   \
    attribute static void name(const element *base, const uint32_t *rows, uint32_t count, element *sum) \
    {                                                                                                   \
        enum { EACH = sizeof(lanes) / sizeof(element) };                                                \
        lanes a = {0}, b = a, c = a, d = a, e = a, f = a, g = a, h = a;                                 \
        for (uint32_t i = 0; i < count; i++) {                                                          \
            const lanes *row = (const lanes *)(const void *)(base + (size_t)rows[i] * ROW_TILE);        \
            a += row[0];                                                                                \
            b += row[1];                                                                                \
            c += row[2];                                                                                \
            d += row[3];                                                                                \
            e += row[4];                                                                                \
            f += row[5];                                                                                \
            g += row[6];                                                                                \
            h += row[7];                                                                                \
        }                                                                                               \
        lanes *out = (lanes *)(void *)sum;                                                              \
        out[0] = a, out[1] = b, out[2] = c, out[3] = d, out[4] = e, out[5] = f, out[6] = g, out[7] = h; \
        _Static_assert(ROW_TILE % (8 * EACH) == 0, "a tile is whole strips");                           \
    }

/* out[i] += part[i] step, ROW_TILE of them.  Integers far below 2^53 and a power of two: exact. */
#define DEFINE_WIDEN(name, attribute, quarter, element)                                      \
    attribute static void name(const element *part, double step, double *out)                \
    {                                                                                        \
        for (uint32_t i = 0; i < ROW_TILE; i += 4) {                                         \
            const quarter *from = (const quarter *)(const void *)(part + i);                 \
            *(lanes64 *)(void *)(out + i) += __builtin_convertvector(*from, lanes64) * step; \
        }                                                                                    \
    }

/* Sums of a tile: out += sums, at most `most` rows at a time in lanes of `element`. */
#define DEFINE_TILE(name, attribute, lanes, quarter, element)                                               \
    DEFINE_STRIP(name##_strip, attribute, lanes, element)                                                   \
    DEFINE_WIDEN(name##_widen, attribute, quarter, element)                                                 \
    static void name(const void *weights, const uint32_t *rows, uint32_t count, uint32_t most, double step, \
                     double *out)                                                                           \
    {                                                                                                       \
        element part[ROW_TILE] __attribute__((aligned(64)));                                                \
        for (uint32_t at = 0, now; at < count; at += now) {                                                 \
            now = count - at < most ? count - at : most;                                                    \
            for (uint32_t i = 0; i < ROW_TILE; i += 8 * (sizeof(lanes) / sizeof(element)))                  \
                name##_strip((const element *)weights + i, rows + at, now, part + i);                       \
            name##_widen(part, step, out);                                                                  \
        }                                                                                                   \
    }

DEFINE_TILE(tile16_portable, , lanes16_128, quarter16, int16_t)
DEFINE_TILE(tile32_portable, , lanes32_128, quarter32, int32_t)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw")))
DEFINE_TILE(tile16_avx2, AVX2, lanes16_256, quarter16, int16_t)
DEFINE_TILE(tile32_avx2, AVX2, lanes32_256, quarter32, int32_t)
DEFINE_TILE(tile16_avx512, AVX512, lanes16_512, quarter16, int16_t)
DEFINE_TILE(tile32_avx512, AVX512, lanes32_512, quarter32, int32_t)

enum row_cpu row_cpu_best(void)
{
    if (!cpu_has_vectors()) return ROW_CPU_PORTABLE;
    return __builtin_cpu_supports("avx512bw") ? ROW_CPU_AVX512 : ROW_CPU_AVX2;
}
#else
#define tile16_avx2 tile16_portable
#define tile32_avx2 tile32_portable
#define tile16_avx512 tile16_portable
#define tile32_avx512 tile32_portable

enum row_cpu row_cpu_best(void)
{
    return ROW_CPU_PORTABLE;
}
#endif

typedef void tile_function(const void *weights, const uint32_t *rows, uint32_t count, uint32_t most, double step,
                           double *out);
static tile_function *const tile16[ROW_CPUS] = {tile16_portable, tile16_avx2, tile16_avx512};
static tile_function *const tile32[ROW_CPUS] = {tile32_portable, tile32_avx2, tile32_avx512};

enum row_width row_width_of(uint64_t integer_max)
{
    return integer_max <= ROW_16_MAX ? ROW_16 : integer_max <= ROW_32_MAX ? ROW_32 : ROW_64;
}

size_t row_matrix_bytes(enum row_width width, uint32_t sources, uint32_t targets)
{
    return ((size_t)targets + ROW_TILE - 1) / ROW_TILE * ROW_TILE * sources * (size_t)width;
}

static size_t place(const struct row_matrix *matrix, uint32_t source, uint32_t target)
{
    return ((size_t)(target / ROW_TILE) * matrix->sources + source) * ROW_TILE + target % ROW_TILE;
}

void row_matrix_set(const struct row_matrix *matrix, uint32_t source, uint32_t target, int64_t integer)
{
    size_t at = place(matrix, source, target);
    if (matrix->width == ROW_16)
        ((int16_t *)matrix->weights)[at] = (int16_t)integer;
    else if (matrix->width == ROW_32)
        ((int32_t *)matrix->weights)[at] = (int32_t)integer;
    else
        ((int64_t *)matrix->weights)[at] = integer;
}

int64_t row_matrix_get(const struct row_matrix *matrix, uint32_t source, uint32_t target)
{
    size_t at = place(matrix, source, target);
    if (matrix->width == ROW_16) return ((const int16_t *)matrix->weights)[at];
    if (matrix->width == ROW_32) return ((const int32_t *)matrix->weights)[at];
    return ((const int64_t *)matrix->weights)[at];
}

/* Rows that can be added before a lane of `largest` may overflow; >= 8 by the widths' limits. */
static uint32_t rows_per_spill(const struct row_matrix *matrix, uint32_t largest)
{
    uint64_t rows = largest / (matrix->integer_max + (matrix->integer_max == 0));
    return rows < largest ? (uint32_t)rows : largest;
}

static void sum_wide(const int64_t *weights, const uint32_t *rows, uint32_t count, double step, double *out)
{
    int64_t sum[ROW_TILE] = {0};
    for (uint32_t r = 0; r < count; r++)
        for (uint32_t i = 0; i < ROW_TILE; i++) sum[i] += weights[(size_t)rows[r] * ROW_TILE + i];
    for (uint32_t i = 0; i < ROW_TILE; i++) out[i] = (double)sum[i] * step;
}

void row_sum(const struct row_matrix *matrix, enum row_cpu cpu, uint32_t tile, const uint32_t *rows, uint32_t count,
             double step, double *out)
{
    size_t first = (size_t)tile * matrix->sources * ROW_TILE;
    for (uint32_t i = 0; i < ROW_TILE; i++) out[i] = 0;
    if (matrix->width == ROW_16)
        tile16[cpu]((const int16_t *)matrix->weights + first, rows, count, rows_per_spill(matrix, INT16_MAX), step,
                    out);
    else if (matrix->width == ROW_32)
        tile32[cpu]((const int32_t *)matrix->weights + first, rows, count, rows_per_spill(matrix, INT32_MAX), step,
                    out);
    else
        sum_wide((const int64_t *)matrix->weights + first, rows, count, step, out);
}
