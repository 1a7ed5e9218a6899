#include "kernel/program/sweep_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/outfile.h"
#include "kernel/program/sweep_row.h"

struct sweep_file {
    char *path, *partial, *header;
    int fd;   /* of NAME.partial; -1: NAME is a stream */
    int ours; /* NAME.partial is a sweep's */
    uint32_t points, count;
    char **row; /* [points] */
    pthread_mutex_t lock;
};

static enum lassim_status fail(const char *path, const char *what, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "cannot %s: %s", what, strerror(errno));
}

static enum lassim_status no_memory(const char *path, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for the rows");
}

static int is_stream(const char *path)
{
    struct stat info;
    return strcmp(path, "-") == 0 || (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

/* Takes the line if it is the row of a point that has none yet. */
static int take_line(struct sweep_file *file, const char *line, char *const *key)
{
    for (uint32_t i = 0; i < file->points; i++) {
        if (file->row[i] != NULL || !sweep_row_has_key(line, key[i])) continue;
        file->row[i] = strdup(line);
        file->count++;
        return file->row[i] != NULL ? 0 : -1;
    }
    return 0;
}

/* Reads every whole line; *whole: bytes up to the end of the last one; *alien: 1 if the first one is not the header. */
static enum lassim_status read_lines(struct sweep_file *file, FILE *in, char *const *key, off_t *whole, int *alien,
                                     struct lassim_error *error)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int failed = 0;
    *whole = 0;
    *alien = 0;
    while (!failed && (length = getline(&line, &room, in)) > 0 && line[length - 1] == '\n') {
        line[length - 1] = '\0';
        if (*whole == 0 && (file->header != NULL ? strcmp(line, file->header) != 0 : line[0] != '{')) *alien = 1;
        if (*alien) break;
        if (*whole > 0 || file->header == NULL) failed = take_line(file, line, key) != 0;
        *whole += length;
    }
    free(line);
    return failed ? no_memory(file->path, error) : LASSIM_OK;
}

/* Rows of an earlier sweep under the final name; whatever else stands there is no concern. */
static enum lassim_status read_final(struct sweep_file *file, char *const *key, struct lassim_error *error)
{
    off_t whole;
    int alien;
    FILE *in = fopen(file->path, "r");
    if (in == NULL) return LASSIM_OK;
    enum lassim_status status = read_lines(file, in, key, &whole, &alien, error);
    fclose(in);
    return status;
}

/* NAME.partial: locked, read, cut after its last whole line, its end the place to go on. */
static enum lassim_status open_partial(struct sweep_file *file, char *const *key, struct lassim_error *error)
{
    off_t whole;
    int alien;
    file->fd = open(file->partial, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file->fd < 0) return fail(file->partial, "open", error);
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return lassim_fail(error, LASSIM_ERR_RUN, file->partial, NULL, "another sweep is writing it");
    int copy = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    FILE *in = copy < 0 ? NULL : fdopen(copy, "r");
    if (in == NULL) return fail(file->partial, "read", error);
    enum lassim_status status = read_lines(file, in, key, &whole, &alien, error);
    fclose(in);
    if (status == LASSIM_OK && alien)
        status = lassim_fail(error, LASSIM_ERR_RUN, file->partial, "line 1",
                             "holds other columns than this sweep's: remove it or name another output");
    if (status == LASSIM_OK && (ftruncate(file->fd, whole) != 0 || lseek(file->fd, whole, SEEK_SET) < 0))
        status = fail(file->partial, "write", error);
    return status;
}

/* text and a newline, synced. */
static enum lassim_status append(struct sweep_file *file, const char *text, struct lassim_error *error)
{
    size_t length = strlen(text) + 1, done = 0;
    char *line;
    if (asprintf(&line, "%s\n", text) < 0) return no_memory(file->path, error);
    while (done < length) {
        ssize_t now = write(file->fd, line + done, length - done);
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) break;
        done += (size_t)now;
    }
    free(line);
    if (done < length || fdatasync(file->fd) != 0) return fail(file->partial, "write", error);
    return LASSIM_OK;
}

static enum lassim_status open_journal(struct sweep_file *file, char *const *key, struct lassim_error *error)
{
    enum lassim_status status = open_partial(file, key, error);
    file->ours = status == LASSIM_OK;
    if (status == LASSIM_OK && file->header != NULL && lseek(file->fd, 0, SEEK_CUR) == 0)
        status = append(file, file->header, error);
    return status == LASSIM_OK ? read_final(file, key, error) : status;
}

enum lassim_status sweep_file_open(const char *path, const char *header, char *const *key, uint32_t points,
                                   struct sweep_file **result, struct lassim_error *error)
{
    struct sweep_file *file = calloc(1, sizeof *file);
    *result = NULL;
    if (file == NULL) return no_memory(path, error);
    pthread_mutex_init(&file->lock, NULL);
    file->fd = -1;
    file->points = points;
    file->row = calloc(points, sizeof *file->row);
    file->path = strdup(path);
    if (asprintf(&file->partial, "%s.partial", path) < 0) file->partial = NULL;
    if (header != NULL) file->header = strdup(header);
    enum lassim_status status = LASSIM_OK;
    if (file->row == NULL || file->path == NULL || file->partial == NULL || (header != NULL && file->header == NULL))
        status = no_memory(path, error);
    if (status == LASSIM_OK) status = outfile_check(path, 0, error);
    if (status == LASSIM_OK && !is_stream(path)) status = open_journal(file, key, error);
    if (status == LASSIM_OK)
        *result = file;
    else
        sweep_file_close(file);
    return status;
}

int sweep_file_has(const struct sweep_file *file, uint32_t point)
{
    return file->row[point] != NULL;
}

uint32_t sweep_file_count(const struct sweep_file *file)
{
    return file->count;
}

enum lassim_status sweep_file_add(struct sweep_file *file, uint32_t point, char *row, struct lassim_error *error)
{
    pthread_mutex_lock(&file->lock);
    LASSIM_INVARIANT(file->row[point] == NULL, "point %u added twice", point);
    file->row[point] = row;
    file->count++;
    enum lassim_status status = file->fd < 0 ? LASSIM_OK : append(file, row, error);
    pthread_mutex_unlock(&file->lock);
    return status;
}

static enum lassim_status write_rows(const struct sweep_file *file, struct outfile *out, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    if (file->header != NULL) status = outfile_write(out, file->header, strlen(file->header), error);
    if (file->header != NULL && status == LASSIM_OK) status = outfile_write(out, "\n", 1, error);
    for (uint32_t i = 0; i < file->points && status == LASSIM_OK; i++) {
        status = outfile_write(out, file->row[i], strlen(file->row[i]), error);
        if (status == LASSIM_OK) status = outfile_write(out, "\n", 1, error);
    }
    return status;
}

/* Beside the rows, since NAME.partial must last until NAME is complete: NAME.sorted, then over NAME. */
static enum lassim_status replace(struct sweep_file *file, struct lassim_error *error)
{
    char sorted[4096];
    struct outfile *out;
    if (snprintf(sorted, sizeof sorted, "%s.sorted", file->path) >= (int)sizeof sorted)
        return lassim_fail(error, LASSIM_ERR_RUN, file->path, NULL, "%s", strerror(ENAMETOOLONG));
    enum lassim_status status = outfile_open(file->fd < 0 ? file->path : sorted, 0, &out, error);
    if (status != LASSIM_OK) return status;
    status = write_rows(file, out, error);
    if (status != LASSIM_OK) {
        outfile_abandon(out);
        return status;
    }
    status = outfile_close_complete(out, error);
    if (status != LASSIM_OK || file->fd < 0) return status;
    if (rename(sorted, file->path) != 0) return fail(file->path, "write", error);
    unlink(file->partial);
    return LASSIM_OK;
}

enum lassim_status sweep_file_finish(struct sweep_file *file, struct lassim_error *error)
{
    LASSIM_INVARIANT(file->count == file->points, "%u of %u points", file->count, file->points);
    enum lassim_status status = replace(file, error);
    sweep_file_close(file);
    return status;
}

void sweep_file_close(struct sweep_file *file)
{
    if (file == NULL) return;
    for (uint32_t i = 0; file->row != NULL && i < file->points; i++) free(file->row[i]);
    if (file->ours && file->count == 0) unlink(file->partial);
    if (file->fd >= 0) close(file->fd);
    pthread_mutex_destroy(&file->lock);
    free(file->row);
    free(file->header);
    free(file->partial);
    free(file->path);
    free(file);
}
