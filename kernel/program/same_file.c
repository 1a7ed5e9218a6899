#include "kernel/program/same_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* 1 if both names are the same existing file. */
static int same_file(const char *a, const char *b)
{
    struct stat file_a, file_b;
    return stat(a, &file_a) == 0 && stat(b, &file_b) == 0 && S_ISREG(file_a.st_mode) &&
           file_a.st_dev == file_b.st_dev && file_a.st_ino == file_b.st_ino;
}

enum lassim_status same_file_refuse(const char *input, const char *output, const char *what, struct lassim_error *error)
{
    char *partial = NULL;
    if (asprintf(&partial, "%s.partial", output) < 0)
        return lassim_fail(error, LASSIM_ERR_RUN, output, NULL, "no memory");
    int same = same_file(input, output) || same_file(input, partial);
    free(partial);
    return same ? lassim_fail(error, LASSIM_ERR_USAGE, output, NULL, "would overwrite %s that is read", what)
                : LASSIM_OK;
}
