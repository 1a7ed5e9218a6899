#include "layers/row_sum.h"

#include "layers/cpu.h"

/* Vectors of the compiler's own kind: one source for every instruction set. */
typedef int16_t lanes16_128 __attribute__((vector_size(16)));
typedef int16_t lanes16_256 __attribute__((vector_size(32)));
typedef int16_t lanes16_512 __attribute__((vector_size(64)));
typedef int32_t lanes32_128 __attribute__((vector_size(16)));
typedef int32_t lanes32_256 __attribute__((vector_size(32)));
typedef int32_t lanes32_512 __attribute__((vector_size(64)));

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

/* All strips of a tile. */
#define DEFINE_TILE(name, strip, lanes, element)                                              \
    static void name(const void *weights, const uint32_t *rows, uint32_t count, element *sum) \
    {                                                                                         \
        for (uint32_t i = 0; i < ROW_TILE; i += 8 * (sizeof(lanes) / sizeof(element)))        \
            strip((const element *)weights + i, rows, count, sum + i);                        \
    }

DEFINE_STRIP(strip16_portable, , lanes16_128, int16_t)
DEFINE_TILE(tile16_portable, strip16_portable, lanes16_128, int16_t)
DEFINE_STRIP(strip32_portable, , lanes32_128, int32_t)
DEFINE_TILE(tile32_portable, strip32_portable, lanes32_128, int32_t)
#if defined(__x86_64__)
DEFINE_STRIP(strip16_avx2, __attribute__((target("avx2"))), lanes16_256, int16_t)
DEFINE_TILE(tile16_avx2, strip16_avx2, lanes16_256, int16_t)
DEFINE_STRIP(strip32_avx2, __attribute__((target("avx2"))), lanes32_256, int32_t)
DEFINE_TILE(tile32_avx2, strip32_avx2, lanes32_256, int32_t)
DEFINE_STRIP(strip16_avx512, __attribute__((target("avx512f,avx512bw"))), lanes16_512, int16_t)
DEFINE_TILE(tile16_avx512, strip16_avx512, lanes16_512, int16_t)
DEFINE_STRIP(strip32_avx512, __attribute__((target("avx512f,avx512bw"))), lanes32_512, int32_t)
DEFINE_TILE(tile32_avx512, strip32_avx512, lanes32_512, int32_t)

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

typedef void tile16_function(const void *weights, const uint32_t *rows, uint32_t count, int16_t *sum);
typedef void tile32_function(const void *weights, const uint32_t *rows, uint32_t count, int32_t *sum);
static tile16_function *const tile16[ROW_CPUS] = {tile16_portable, tile16_avx2, tile16_avx512};
static tile32_function *const tile32[ROW_CPUS] = {tile32_portable, tile32_avx2, tile32_avx512};

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

static void sum16(const struct row_matrix *matrix, enum row_cpu cpu, const int16_t *tile, const uint32_t *rows,
                  uint32_t count, int64_t *sum)
{
    int16_t part[ROW_TILE] __attribute__((aligned(64)));
    uint32_t most = rows_per_spill(matrix, INT16_MAX);
    for (uint32_t at = 0; at < count;) {
        uint32_t now = count - at < most ? count - at : most;
        tile16[cpu](tile, rows + at, now, part);
        for (uint32_t i = 0; i < ROW_TILE; i++) sum[i] += part[i];
        at += now;
    }
}

static void sum32(const struct row_matrix *matrix, enum row_cpu cpu, const int32_t *tile, const uint32_t *rows,
                  uint32_t count, int64_t *sum)
{
    int32_t part[ROW_TILE] __attribute__((aligned(64)));
    uint32_t most = rows_per_spill(matrix, INT32_MAX);
    for (uint32_t at = 0; at < count;) {
        uint32_t now = count - at < most ? count - at : most;
        tile32[cpu](tile, rows + at, now, part);
        for (uint32_t i = 0; i < ROW_TILE; i++) sum[i] += part[i];
        at += now;
    }
}

void row_sum(const struct row_matrix *matrix, enum row_cpu cpu, uint32_t tile, const uint32_t *rows, uint32_t count,
             int64_t *sum)
{
    size_t first = (size_t)tile * matrix->sources * ROW_TILE;
    if (matrix->width == ROW_16) {
        sum16(matrix, cpu, (const int16_t *)matrix->weights + first, rows, count, sum);
    } else if (matrix->width == ROW_32) {
        sum32(matrix, cpu, (const int32_t *)matrix->weights + first, rows, count, sum);
    } else {
        const int64_t *weights = (const int64_t *)matrix->weights + first;
        for (uint32_t r = 0; r < count; r++)
            for (uint32_t i = 0; i < ROW_TILE; i++) sum[i] += weights[(size_t)rows[r] * ROW_TILE + i];
    }
}
