/* vectors_compare SPIKING.npy DENSE.npy GOLDEN.npy GOLDEN.json: sentence vectors [n][width], float32 twice, the reference's
 * as int16 in units of 2^-15.  Prints the smallest cosine of spiking to dense, of spiking to the reference, and how many
 * of the pairs at the end of the list (two sentences each) stand at another place when sorted by their cosine than
 * GOLDEN.json's "order" says. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/npy.h"
#include "neurons/real.h"

enum { PAIRS_MAX = 1000 };

static double cosine(const float *a, const float *b, uint64_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (uint64_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / real_sqrt(aa * bb);
}

static double smallest(const struct npy_matrix *a, const float *b)
{
    double least = 2;
    for (uint64_t r = 0; r < a->rows; r++) {
        double c = cosine(a->data + r * a->columns, b + r * a->columns, a->columns);
        if (!(c >= least)) least = c;
    }
    return least;
}

/* The int16 data of an NPY version 1.0 file of exactly that many elements, widened; NULL otherwise. */
static float *read_int16(const char *path, uint64_t n)
{
    FILE *file = fopen(path, "rb");
    unsigned char head[10];
    float *out = malloc(n * sizeof *out);
    int16_t *raw = malloc(n * sizeof *raw);
    int good = file != NULL && out != NULL && raw != NULL && fread(head, 1, sizeof head, file) == sizeof head &&
               memcmp(head, "\x93NUMPY\x01", 7) == 0 && fseek(file, head[8] + 256L * head[9], SEEK_CUR) == 0 &&
               fread(raw, sizeof *raw, n, file) == n && fgetc(file) == EOF;
    for (uint64_t i = 0; good && i < n; i++) out[i] = (float)raw[i] / 32768.0f;
    if (file != NULL) fclose(file);
    free(raw);
    if (good) return out;
    free(out);
    return NULL;
}

/* Pairs that do not stand where `order` (largest first) has them. */
static int displaced(const struct npy_matrix *vectors, const json_t *order)
{
    double value[PAIRS_MAX];
    size_t pairs = json_array_size(order);
    int wrong = 0;
    if (pairs < 1 || pairs > PAIRS_MAX || 2 * pairs > vectors->rows) return -1;
    const float *first = vectors->data + (vectors->rows - 2 * pairs) * vectors->columns;
    for (size_t i = 0; i < pairs; i++)
        value[i] = cosine(first + 2 * i * vectors->columns, first + (2 * i + 1) * vectors->columns, vectors->columns);
    for (size_t i = 0; i + 1 < pairs; i++) {
        json_int_t here = json_integer_value(json_array_get(order, i));
        json_int_t next = json_integer_value(json_array_get(order, i + 1));
        if (here < 0 || next < 0 || here >= (json_int_t)pairs || next >= (json_int_t)pairs) return -1;
        wrong += value[here] <= value[next];
    }
    return wrong;
}

int main(int argc, char **argv)
{
    struct npy_matrix spiking, dense;
    struct lassim_error error;
    if (argc != 5) {
        fprintf(stderr, "usage: vectors_compare SPIKING.npy DENSE.npy GOLDEN.npy GOLDEN.json\n");
        return 2;
    }
    if (npy_read_f32(argv[1], &spiking, &error) != LASSIM_OK || npy_read_f32(argv[2], &dense, &error) != LASSIM_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 3;
    }
    json_t *golden = json_load_file(argv[4], 0, NULL);
    float *reference = read_int16(argv[3], spiking.rows * spiking.columns);
    if (reference == NULL || golden == NULL || dense.rows != spiking.rows || dense.columns != spiking.columns) {
        fprintf(stderr, "vectors_compare: files that do not belong together\n");
        return 3;
    }
    printf("%.9f %.9f %d\n", smallest(&spiking, dense.data), smallest(&spiking, reference),
           displaced(&spiking, json_object_get(golden, "order")));
    json_decref(golden);
    free(reference);
    npy_matrix_free(&spiking);
    npy_matrix_free(&dense);
    return 0;
}
