/* lassim: an event-driven spiking simulator kernel for large language models converted loss-less to
 * spiking networks (LAS, arXiv 2505.09659).  This is the one public header of liblassim. */
#ifndef LASSIM_H
#define LASSIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LASSIM_API __attribute__((visibility("default")))

/* Every function that can fail returns one of these; the values are the program's exit codes. */
enum lassim_status {
    LASSIM_OK = 0,
    LASSIM_ERR_RUN = 1,   /* failed while running: no memory, disk full, interrupted */
    LASSIM_ERR_USAGE = 2, /* an argument out of range */
    LASSIM_ERR_FILE = 3,  /* a bad input file */
    LASSIM_ERR_CHECK = 4  /* a check did not pass */
};

/* The reason, one line: file, place, expectation.  Filled only on failure. */
struct lassim_error {
    enum lassim_status status;
    char text[512];
};

/* The version of this header; lassim_version is that of the library. */
#define LASSIM_VERSION "0.1.0"
LASSIM_API const char *lassim_version(void);

/* A converted model, mapped read only. */
typedef struct lassim_model lassim_model;
/* A running simulation of one token sequence on a model: KV cache, potentials, counters. */
typedef struct lassim_session lassim_session;

/* fused and event give the same spikes, counters and trace; dense is the original network in float32. */
enum lassim_engine { LASSIM_ENGINE_FUSED = 0, LASSIM_ENGINE_EVENT = 1, LASSIM_ENGINE_DENSE = 2 };
enum lassim_read { LASSIM_READ_NONE = 0, LASSIM_READ_LAST = 1, LASSIM_READ_ALL = 2 };

/* Opens path.  *model is owned by the caller (lassim_model_close), and must outlive its sessions. */
LASSIM_API enum lassim_status lassim_model_open(const char *path, lassim_model **model, struct lassim_error *error);
LASSIM_API void lassim_model_close(lassim_model *model);

struct lassim_model_info {
    uint32_t vocabulary, positions, timesteps, bos, eos, populations;
    uint64_t hash;
};
LASSIM_API void lassim_model_info(const lassim_model *model, struct lassim_model_info *info);

/* Zero-initialise, then set what differs from the default. */
struct lassim_options {
    enum lassim_engine engine;
    uint32_t timesteps;    /* T, 1..16; 0: the model's */
    uint32_t threads;      /* 0: one per core */
    uint32_t prompt_chunk; /* tokens whose input spikes are queued ahead; 0: 64.  Changes no result */
    uint32_t numa_off;     /* 1: no binding, no NUMA placement */
    const char *trace;     /* path of a spike trace to write, "-" for stdout, NULL for none (event only) */
    uint32_t no_clobber;   /* 1: refuse to replace an existing trace */
};
LASSIM_API enum lassim_status lassim_session_open(lassim_model *model, const struct lassim_options *options,
                                                  lassim_session **session, struct lassim_error *error);
/* Closes without completing the trace (it stays as PATH.partial) unless lassim_session_finish was called. */
LASSIM_API void lassim_session_close(lassim_session *session);
/* Completes the trace: last block, totals, sync, rename. */
LASSIM_API enum lassim_status lassim_session_finish(lassim_session *session, struct lassim_error *error);

/* Called once per token whose logits were asked for, in token order, on the calling thread.
 * logits: [vocabulary], valid during the call. */
typedef void lassim_logits_callback(void *context, uint32_t token, const float *logits);

/* Processes n more tokens on the cache.  read says for which of them logits are computed.
 * Fails with ERR_USAGE when the context (positions) would overflow or an id is >= vocabulary, with
 * ERR_RUN "interrupted" after lassim_session_stop. */
LASSIM_API enum lassim_status lassim_session_feed(lassim_session *session, const uint32_t *ids, uint32_t n,
                                                  enum lassim_read read, lassim_logits_callback *callback,
                                                  void *context, struct lassim_error *error);
/* Forgets the sequence (KV cache, position 0, counters, simulated time), keeps memory and threads.
 * Only for sessions without a trace. */
LASSIM_API void lassim_session_reset(lassim_session *session);
/* From any thread or signal-driven loop: makes a running feed return soon. */
LASSIM_API void lassim_session_stop(lassim_session *session);
/* Timesteps simulated and tokens completed so far; safe from any thread (progress). */
LASSIM_API void lassim_session_progress(lassim_session *session, uint64_t *timesteps, uint64_t *tokens);

#ifdef __cplusplus
}
#endif
#endif
