/* A peer program that stays alive during a benchmark and measures when it is its turn: one line to its stdin,
 * one line of JSON from its stdout. */
#ifndef LASSIM_BENCH_PEER_H
#define LASSIM_BENCH_PEER_H

#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer {
    pid_t pid;
    FILE *to, *from;
};

static inline void peer_stop(const char *what)
{
    fprintf(stderr, "benchmark: peer: %s\n", what);
    exit(1);
}

/* Starts argv (argv[0] is a path).  Before any session is opened: the peer inherits this thread's CPUs. */
static inline struct peer peer_start(const char *const *argv)
{
    struct peer peer;
    posix_spawn_file_actions_t actions;
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) peer_stop("no pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    if (posix_spawn(&peer.pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0) peer_stop(argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]), close(out[1]);
    peer.to = fdopen(in[1], "w"), peer.from = fdopen(out[0], "r");
    return peer;
}

/* The next JSON line; the caller owns it. */
static inline json_t *peer_answer(struct peer *peer)
{
    json_error_t error;
    json_t *answer = json_loadf(peer->from, JSON_DISABLE_EOF_CHECK, &error);
    if (answer == NULL) peer_stop(error.text);
    return answer;
}

/* Asks for one measurement; seconds. */
static inline double peer_seconds(struct peer *peer, const char *question)
{
    fprintf(peer->to, "%s\n", question);
    fflush(peer->to);
    json_t *answer = peer_answer(peer);
    double seconds = json_number_value(json_object_get(answer, "seconds"));
    json_decref(answer);
    if (!(seconds > 0)) peer_stop("no seconds in its answer");
    usleep(20000); /* its threads still spin for the next loop */
    return seconds;
}

/* Ends it by closing its stdin. */
static inline void peer_end(struct peer *peer)
{
    fclose(peer->to), fclose(peer->from);
    waitpid(peer->pid, NULL, 0);
}

#endif
