#include "kernel/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTFILE_BUFFER = 1 << 16, OUTFILE_TEXT = 4096 };

struct outfile {
    int fd;
    int direct; /* "-", pipe or device: no .partial, no rename */
    int no_clobber;
    char *path, *partial;
    size_t used;
    struct lassim_error error; /* sticky */
    char buffer[OUTFILE_BUFFER];
};

static const char *shown_name(const struct outfile *out)
{
    if (strcmp(out->path, "-") == 0) return "standard output";
    return out->direct ? out->path : out->partial;
}

/* The sticky error, handed to the caller. */
static enum lassim_status report(const struct outfile *out, struct lassim_error *error)
{
    if (error != NULL) *error = out->error;
    return out->error.status;
}

static enum lassim_status fail_errno(struct outfile *out, const char *doing, int number, struct lassim_error *error)
{
    lassim_fail(&out->error, LASSIM_ERR_RUN, shown_name(out), NULL, "cannot %s: %s", doing, strerror(number));
    return report(out, error);
}

static void outfile_free(struct outfile *out)
{
    if (out->fd > STDERR_FILENO) close(out->fd);
    free(out->path);
    free(out->partial);
    free(out);
}

/* Devices, pipes and names of already open descriptors are written directly. */
static int is_direct(const char *path)
{
    static const char *const open_already[] = {"/dev/std", "/dev/fd/", "/proc/self/fd/"};
    struct stat status;
    if (strcmp(path, "-") == 0) return 1;
    for (size_t i = 0; i < sizeof open_already / sizeof *open_already; i++)
        if (strncmp(path, open_already[i], strlen(open_already[i])) == 0) return 1;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static struct outfile *outfile_new(const char *path, int no_clobber)
{
    struct outfile *out = calloc(1, sizeof *out);
    if (out == NULL) return NULL;
    out->fd = -1;
    out->no_clobber = no_clobber;
    out->direct = is_direct(path);
    out->path = strdup(path);
    if (asprintf(&out->partial, "%s.partial", path) < 0) out->partial = NULL;
    if (out->path != NULL && out->partial != NULL) return out;
    outfile_free(out);
    return NULL;
}

enum lassim_status outfile_check(const char *path, int no_clobber, struct lassim_error *error)
{
    struct stat status;
    if (is_direct(path) || stat(path, &status) != 0) return LASSIM_OK;
    if (S_ISDIR(status.st_mode))
        return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "cannot write: it is a directory");
    if (no_clobber) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "exists and --no-clobber was given");
    return LASSIM_OK;
}

static int open_target(const struct outfile *out)
{
    if (strcmp(out->path, "-") == 0) return STDOUT_FILENO;
    if (out->direct) return open(out->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return open(out->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

enum lassim_status outfile_open(const char *path, int no_clobber, struct outfile **result, struct lassim_error *error)
{
    *result = NULL;
    struct outfile *out = outfile_new(path, no_clobber);
    if (out == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    enum lassim_status status = outfile_check(path, no_clobber, error);
    if (status == LASSIM_OK && (out->fd = open_target(out)) < 0)
        status = fail_errno(out, "open for writing", errno, error);
    if (status != LASSIM_OK) {
        outfile_free(out);
        return status;
    }
    *result = out;
    return LASSIM_OK;
}

/* Writes everything, whatever signals and short writes come between. */
static enum lassim_status write_all(struct outfile *out, const char *data, size_t size, struct lassim_error *error)
{
    while (size > 0) {
        ssize_t written = write(out->fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno(out, "write", errno, error);
        data += written;
        size -= (size_t)written;
    }
    return LASSIM_OK;
}

enum lassim_status outfile_flush(struct outfile *out, struct lassim_error *error)
{
    if (out->error.status != LASSIM_OK) return report(out, error);
    size_t used = out->used;
    out->used = 0;
    return write_all(out, out->buffer, used, error);
}

enum lassim_status outfile_write(struct outfile *out, const void *data, size_t size, struct lassim_error *error)
{
    if (out->error.status != LASSIM_OK) return report(out, error);
    if (size > OUTFILE_BUFFER - out->used) {
        enum lassim_status status = outfile_flush(out, error);
        if (status != LASSIM_OK) return status;
        if (size >= OUTFILE_BUFFER) return write_all(out, data, size, error);
    }
    if (size > 0) memcpy(out->buffer + out->used, data, size);
    out->used += size;
    return LASSIM_OK;
}

enum lassim_status outfile_printf(struct outfile *out, struct lassim_error *error, const char *format, ...)
{
    char text[OUTFILE_TEXT];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    LASSIM_INVARIANT(length >= 0 && length < OUTFILE_TEXT, "%s: text of %d bytes", out->path, length);
    return outfile_write(out, text, (size_t)length, error);
}

int outfile_can_patch(const struct outfile *out)
{
    return !out->direct;
}

enum lassim_status outfile_patch(struct outfile *out, uint64_t offset, const void *data, size_t size,
                                 struct lassim_error *error)
{
    LASSIM_INVARIANT(outfile_can_patch(out), "%s cannot be patched", out->path);
    enum lassim_status status = outfile_flush(out, error);
    if (status != LASSIM_OK) return status;
    const char *from = data;
    while (size > 0) {
        ssize_t written = pwrite(out->fd, from, size, (off_t)offset);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno(out, "write", errno, error);
        from += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return LASSIM_OK;
}

/* Renames without replacing.  File systems without RENAME_NOREPLACE get a hard link, which never replaces. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    if (link(from, to) != 0) return -1;
    return unlink(from);
}

/* Makes the rename itself durable; a file system that cannot sync a directory is left as it is. */
static int sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (name == NULL) return -1;
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(name);
    if (fd < 0) return errno == EACCES ? 0 : -1;
    int result = fsync(fd);
    if (result != 0 && (errno == EINVAL || errno == ENOTSUP)) result = 0;
    close(fd);
    return result;
}

static enum lassim_status publish(struct outfile *out, struct lassim_error *error)
{
    if (fsync(out->fd) != 0) return fail_errno(out, "sync", errno, error);
    int result = out->no_clobber ? rename_new(out->partial, out->path) : rename(out->partial, out->path);
    if (result != 0) return fail_errno(out, "rename to its final name", errno, error);
    if (sync_directory(out->path) != 0) return fail_errno(out, "sync the directory", errno, error);
    return LASSIM_OK;
}

enum lassim_status outfile_close_complete(struct outfile *out, struct lassim_error *error)
{
    enum lassim_status status = outfile_flush(out, error);
    if (status == LASSIM_OK && !out->direct) status = publish(out, error);
    if (status == LASSIM_OK && out->fd > STDERR_FILENO) {
        int result = close(out->fd);
        out->fd = -1;
        if (result != 0 && errno != EINTR) status = fail_errno(out, "close", errno, error);
    }
    outfile_free(out);
    return status;
}

void outfile_abandon(struct outfile *out)
{
    if (out == NULL) return;
    outfile_flush(out, NULL);
    outfile_free(out);
}
