/* Runs the program under measurement as a user would, one process a run. */
#ifndef LASSIM_BENCH_COMMAND_H
#define LASSIM_BENCH_COMMAND_H

#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"

struct command_result {
    double seconds;    /* from start to exit */
    double peak_bytes; /* largest resident size of the process */
    long minor_faults, major_faults;
};

/* Runs argv (NULL at its end; argv[0] is a path) with stdout to the file `out`.  Ends this program with
 * exit 1 when it cannot start or does not exit with 0. */
static inline struct command_result command_run(const char *const *argv, const char *out)
{
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    double start = measure_now();
    int failed = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed == 0 && wait4(pid, &status, 0, &usage) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return (struct command_result){measure_now() - start, (double)usage.ru_maxrss * 1024, usage.ru_minflt,
                                       usage.ru_majflt};
    fprintf(stderr, "benchmark: failed:");
    for (; *argv != NULL; argv++) fprintf(stderr, " %s", *argv);
    fputc('\n', stderr);
    exit(1);
}

/* The JSON file at path; ends this program if there is none.  The caller owns it. */
static inline json_t *command_json(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root != NULL) return root;
    fprintf(stderr, "benchmark: %s: line %d: %s\n", path, error.line, error.text);
    exit(1);
}

/* The number at object.key; ends this program if it is none. */
static inline double command_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value)) return json_number_value(value);
    fprintf(stderr, "benchmark: expected a number \"%s\"\n", key);
    exit(1);
}

/* DIRECTORY/NAME, malloc'ed. */
static inline char *command_path(const char *directory, const char *name)
{
    char *path = malloc(strlen(directory) + strlen(name) + 2);
    if (path == NULL) exit(1);
    sprintf(path, "%s/%s", directory, name);
    return path;
}

#endif
