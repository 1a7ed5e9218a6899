#include "convert/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum lassim_status map_descriptor(int descriptor, const char *path, struct file_map *map,
                                         struct lassim_error *error)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "%s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "not a regular file, expected one");
    map->size = (uint64_t)info.st_size;
    map->data = (const uint8_t *)"";
    if (map->size == 0) return LASSIM_OK;
    void *bytes = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED)
        return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "cannot map %llu bytes: %s",
                           (unsigned long long)map->size, strerror(errno));
    map->data = bytes;
    return LASSIM_OK;
}

enum lassim_status file_map_open(const char *path, struct file_map *map, struct lassim_error *error)
{
    *map = (struct file_map){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (descriptor < 0) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "%s", strerror(errno));
    enum lassim_status status = map_descriptor(descriptor, path, map, error);
    close(descriptor);
    if (status != LASSIM_OK) *map = (struct file_map){0};
    return status;
}

void file_map_close(struct file_map *map)
{
    if (map->size != 0) munmap((void *)map->data, map->size);
    *map = (struct file_map){0};
}
