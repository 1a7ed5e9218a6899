/* run_pieces ENGINE MODEL.snn TRACE LOGITS.f32 THREADS CHUNK IDS [IDS ...]: ENGINE event or fused; feeds each list of comma-separated ids by a call
 * of its own on one session, through the public API; CHUNK is its prompt_chunk.  Writes the trace and the raw logits
 * of all tokens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/lassim.h"

enum { IDS_MAX = 4096 };

static struct lassim_model_info info;

static void write_logits(void *context, uint32_t token, const float *logits)
{
    (void)token;
    fwrite(logits, sizeof *logits, info.vocabulary, context);
}

static uint32_t parse(const char *text, uint32_t *ids)
{
    uint32_t n = 0;
    for (char *at = (char *)text; n < IDS_MAX; at++) {
        ids[n++] = (uint32_t)strtoul(at, &at, 10);
        if (*at != ',') break;
    }
    return n;
}

static enum lassim_status feed_all(lassim_session *session, char **lists, FILE *out, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (; *lists != NULL && status == LASSIM_OK; lists++) {
        uint32_t ids[IDS_MAX], n = parse(*lists, ids);
        status = lassim_session_feed(session, ids, n, LASSIM_READ_ALL, write_logits, out, error);
    }
    return status == LASSIM_OK ? lassim_session_finish(session, error) : status;
}

int main(int argc, char **argv)
{
    struct lassim_error error;
    lassim_model *model;
    lassim_session *session;
    if (argc < 8) {
        fprintf(stderr, "usage: run_pieces event|fused MODEL.snn TRACE LOGITS.f32 THREADS CHUNK IDS [IDS ...]\n");
        return 2;
    }
    const struct lassim_options options = {.engine = strcmp(argv[1], "event") == 0 ? LASSIM_ENGINE_EVENT
                                                                                   : LASSIM_ENGINE_FUSED,
                                           .trace = argv[3],
                                           .threads = (uint32_t)strtoul(argv[5], NULL, 10),
                                           .prompt_chunk = (uint32_t)strtoul(argv[6], NULL, 10)};
    FILE *out = fopen(argv[4], "wb");
    if (out == NULL) {
        perror(argv[4]);
        return 1;
    }
    enum lassim_status status = lassim_model_open(argv[2], &model, &error);
    if (status == LASSIM_OK) {
        lassim_model_info(model, &info);
        status = lassim_session_open(model, &options, &session, &error);
        if (status == LASSIM_OK) {
            status = feed_all(session, argv + 7, out, &error);
            lassim_session_close(session);
        }
        lassim_model_close(model);
    }
    if (fclose(out) != 0 && status == LASSIM_OK) {
        perror(argv[4]);
        return 1;
    }
    if (status != LASSIM_OK) fprintf(stderr, "%s\n", error.text);
    return (int)status;
}
