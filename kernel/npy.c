#include "kernel/npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_ALIGN = 64, NPY_PREFIX = 10 /* magic, version, length */, NPY_DIGITS = 20, NPY_HEADER_MAX = 65535 };
enum { NPY_F32_CHUNK = 1024 };

static const uint8_t npy_magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}; /* and version 1.0 */

struct npy_writer {
    struct outfile *file;
    char *path, *descr;
    size_t element_bytes;
    uint64_t announced, columns, written;
};

/* The header text for a number of rows, without padding: bytes, or -1. */
static int header_text(const struct npy_writer *writer, uint64_t rows, char *out, size_t size)
{
    char shape[64];
    if (writer->columns > 0)
        snprintf(shape, sizeof shape, "(%llu, %llu)", (unsigned long long)rows, (unsigned long long)writer->columns);
    else
        snprintf(shape, sizeof shape, "(%llu,)", (unsigned long long)rows);
    int length = snprintf(out, size, "{'descr': %s, 'fortran_order': False, 'shape': %s, }", writer->descr, shape);
    return length < 0 || (size_t)length >= size ? -1 : length;
}

/* Length of the whole header: room for any number of rows, padded to 64. */
static size_t header_bytes(const struct npy_writer *writer)
{
    size_t text =
        strlen(writer->descr) + strlen("{'descr': , 'fortran_order': False, 'shape': (, ), }\n") + 2 * NPY_DIGITS;
    return (NPY_PREFIX + text + NPY_ALIGN - 1) / NPY_ALIGN * NPY_ALIGN;
}

/* The whole header; the caller frees.  NULL without memory. */
static char *make_header(const struct npy_writer *writer, uint64_t rows, size_t size)
{
    char *header = malloc(size);
    if (header == NULL) return NULL;
    memset(header, ' ', size);
    memcpy(header, npy_magic, sizeof npy_magic);
    header[8] = (char)((size - NPY_PREFIX) & 0xff);
    header[9] = (char)((size - NPY_PREFIX) >> 8);
    int length = header_text(writer, rows, header + NPY_PREFIX, size - NPY_PREFIX);
    LASSIM_INVARIANT(length > 0, "NPY header of %zu bytes", size);
    header[NPY_PREFIX + length] = ' ';
    header[size - 1] = '\n';
    return header;
}

static void npy_free(struct npy_writer *writer)
{
    free(writer->path);
    free(writer->descr);
    free(writer);
}

static struct npy_writer *npy_new(const char *path, const char *descr)
{
    struct npy_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return NULL;
    writer->path = strdup(path);
    writer->descr = strdup(descr);
    if (writer->path != NULL && writer->descr != NULL) return writer;
    npy_free(writer);
    return NULL;
}

/* Writes the header first, or over the first one. */
static enum lassim_status put_header(struct npy_writer *writer, uint64_t rows, int patch, struct lassim_error *error)
{
    size_t size = header_bytes(writer);
    char *header = make_header(writer, rows, size);
    if (header == NULL) return lassim_fail(error, LASSIM_ERR_RUN, writer->path, NULL, "no memory");
    enum lassim_status status =
        patch ? outfile_patch(writer->file, 0, header, size, error) : outfile_write(writer->file, header, size, error);
    free(header);
    return status;
}

static enum lassim_status start(struct npy_writer *writer, int no_clobber, struct lassim_error *error)
{
    if (header_bytes(writer) - NPY_PREFIX > NPY_HEADER_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, writer->path, NULL, "NPY header above %d bytes", NPY_HEADER_MAX);
    enum lassim_status status = outfile_open(writer->path, no_clobber, &writer->file, error);
    if (status != LASSIM_OK) return status;
    if (writer->announced == NPY_ROWS_UNKNOWN && !outfile_can_patch(writer->file))
        return lassim_fail(error, LASSIM_ERR_USAGE, writer->path, NULL,
                           "NPY with an unknown number of rows needs a regular file");
    return put_header(writer, writer->announced == NPY_ROWS_UNKNOWN ? 0 : writer->announced, 0, error);
}

enum lassim_status npy_writer_open(const char *path, int no_clobber, const char *descr, size_t element_bytes,
                                   uint64_t rows, uint64_t columns, struct npy_writer **result,
                                   struct lassim_error *error)
{
    *result = NULL;
    struct npy_writer *writer = npy_new(path, descr);
    if (writer == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    writer->element_bytes = element_bytes;
    writer->announced = rows;
    writer->columns = columns;
    enum lassim_status status = start(writer, no_clobber, error);
    if (status == LASSIM_OK) {
        *result = writer;
        return LASSIM_OK;
    }
    outfile_abandon(writer->file);
    npy_free(writer);
    return status;
}

enum lassim_status npy_writer_open_f32(const char *path, int no_clobber, uint64_t rows, uint64_t columns,
                                       struct npy_writer **writer, struct lassim_error *error)
{
    return npy_writer_open(path, no_clobber, "'<f4'", sizeof(float), rows, columns, writer, error);
}

static uint64_t row_elements(const struct npy_writer *writer)
{
    return writer->columns > 0 ? writer->columns : 1;
}

enum lassim_status npy_writer_rows(struct npy_writer *writer, const void *data, uint64_t rows,
                                   struct lassim_error *error)
{
    enum lassim_status status =
        outfile_write(writer->file, data, (size_t)(rows * row_elements(writer) * writer->element_bytes), error);
    if (status == LASSIM_OK) writer->written += rows;
    return status;
}

enum lassim_status npy_writer_rows_f32(struct npy_writer *writer, const float *data, uint64_t rows,
                                       struct lassim_error *error)
{
    uint8_t chunk[NPY_F32_CHUNK * 4];
    uint64_t elements = rows * row_elements(writer);
    for (uint64_t done = 0; done < elements;) {
        uint64_t now = elements - done < NPY_F32_CHUNK ? elements - done : NPY_F32_CHUNK;
        for (uint64_t i = 0; i < now; i++) {
            uint32_t word;
            memcpy(&word, &data[done + i], sizeof word);
            for (unsigned b = 0; b < 4; b++) chunk[4 * i + b] = (uint8_t)(word >> 8 * b);
        }
        enum lassim_status status = outfile_write(writer->file, chunk, (size_t)(4 * now), error);
        if (status != LASSIM_OK) return status;
        done += now;
    }
    writer->written += rows;
    return LASSIM_OK;
}

enum lassim_status npy_writer_finish(struct npy_writer *writer, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    if (writer->announced == NPY_ROWS_UNKNOWN)
        status = put_header(writer, writer->written, 1, error);
    else if (writer->announced != writer->written)
        status = lassim_fail(error, LASSIM_ERR_RUN, writer->path, NULL, "%llu rows announced, %llu written",
                             (unsigned long long)writer->announced, (unsigned long long)writer->written);
    if (status == LASSIM_OK)
        status = outfile_close_complete(writer->file, error);
    else
        outfile_abandon(writer->file);
    npy_free(writer);
    return status;
}

void npy_writer_abandon(struct npy_writer *writer)
{
    if (writer == NULL) return;
    if (outfile_can_patch(writer->file)) put_header(writer, writer->written, 1, NULL);
    outfile_abandon(writer->file);
    npy_free(writer);
}

static enum lassim_status bad(const char *path, const char *reason, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_FILE, path, "NPY header", "%s", reason);
}

/* A decimal number at *text, which moves behind it. */
static int parse_number(const char **text, uint64_t *value)
{
    char *end;
    if (**text < '0' || **text > '9') return -1;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0 ? 0 : -1;
}

/* Parses "'shape': (R, C)" or "(R,)". */
static int parse_shape(const char *text, struct npy_matrix *matrix)
{
    static const char key[] = "'shape': (";
    matrix->columns = 1;
    text = strstr(text, key);
    if (text == NULL) return -1;
    text += sizeof key - 1;
    if (parse_number(&text, &matrix->rows) != 0) return -1;
    if (strncmp(text, ",)", 2) == 0) return 0;
    if (strncmp(text, ", ", 2) != 0) return -1;
    text += 2;
    return parse_number(&text, &matrix->columns) == 0 && *text == ')' ? 0 : -1;
}

static enum lassim_status read_header(FILE *file, const char *path, struct npy_matrix *matrix,
                                      struct lassim_error *error)
{
    uint8_t prefix[NPY_PREFIX];
    char text[NPY_HEADER_MAX + 1];
    if (fread(prefix, 1, sizeof prefix, file) < sizeof prefix || memcmp(prefix, npy_magic, sizeof npy_magic) != 0)
        return bad(path, "not an NPY version 1.0 file", error);
    size_t length = prefix[8] | (size_t)prefix[9] << 8;
    if (fread(text, 1, length, file) < length) return bad(path, "the file ends inside it", error);
    text[length] = '\0';
    if (strstr(text, "'descr': '<f4'") == NULL) return bad(path, "dtype is not '<f4'", error);
    if (strstr(text, "'fortran_order': False") == NULL) return bad(path, "not in C order", error);
    if (parse_shape(text, matrix) != 0) return bad(path, "shape is not (rows,) or (rows, columns)", error);
    return LASSIM_OK;
}

static enum lassim_status read_data(FILE *file, const char *path, struct npy_matrix *matrix, struct lassim_error *error)
{
    uint64_t elements, bytes;
    long start_at = ftell(file);
    if (__builtin_mul_overflow(matrix->rows, matrix->columns, &elements) ||
        __builtin_mul_overflow(elements, 4, &bytes) || start_at < 0 || fseek(file, 0, SEEK_END) != 0 ||
        (uint64_t)(ftell(file) - start_at) != bytes || fseek(file, start_at, SEEK_SET) != 0)
        return bad(path, "shape does not fit the file's length", error);
    matrix->data = malloc(bytes > 0 ? bytes : 1);
    if (matrix->data == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    uint8_t *raw = (uint8_t *)matrix->data;
    if (fread(raw, 1, bytes, file) < bytes) return bad(path, "the file ends inside the data", error);
    for (uint64_t i = 0; i < elements; i++) {
        const uint8_t *b = raw + 4 * i;
        uint32_t word = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(&matrix->data[i], &word, sizeof word);
    }
    return LASSIM_OK;
}

enum lassim_status npy_read_f32(const char *path, struct npy_matrix *matrix, struct lassim_error *error)
{
    *matrix = (struct npy_matrix){0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot open: %s", strerror(errno));
    enum lassim_status status = read_header(file, path, matrix, error);
    if (status == LASSIM_OK) status = read_data(file, path, matrix, error);
    fclose(file);
    if (status != LASSIM_OK) npy_matrix_free(matrix);
    return status;
}

void npy_matrix_free(struct npy_matrix *matrix)
{
    free(matrix->data);
    *matrix = (struct npy_matrix){0};
}
