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

/* What a model's head reads out, and for which tokens: [vocabulary] of any token; [vocabulary] of all tokens (encoders,
 * masked language model); [labels] of the first token (encoders, classifier); [hidden] of all tokens (encoders: the last
 * norm's own train, for sentence vectors). */
enum lassim_head { LASSIM_HEAD_LM = 0, LASSIM_HEAD_MASKED_LM = 1, LASSIM_HEAD_CLASSIFY = 2, LASSIM_HEAD_VALUES = 3 };

struct lassim_model_info {
    uint32_t vocabulary, positions, timesteps, bos, eos, populations;
    uint64_t hash;
    const char *family; /* "opt", "llama", ...: static */
    uint32_t encoder;   /* 1: every token sees all tokens of its sequence; lassim_session_encode */
    enum lassim_head head;
    uint32_t head_width;  /* numbers read out a token */
    uint32_t token_types; /* 0: none */
};
LASSIM_API void lassim_model_info(const lassim_model *model, struct lassim_model_info *info);

/* Zero-initialise, then set what differs from the default. */
struct lassim_options {
    enum lassim_engine engine;
    uint32_t timesteps;    /* T, 1..16; 0: the model's */
    uint32_t threads;      /* 0: one per core */
    uint32_t prompt_chunk; /* tokens whose input spikes are queued ahead; 0: 128.  Changes no result */
    uint32_t numa_off;     /* 1: no binding, no NUMA placement */
    const char *trace;     /* path of a spike trace to write, "-" for stdout, NULL for none (event only) */
    uint32_t no_clobber;   /* 1: refuse to replace an existing trace */
    uint32_t context; /* tokens of the longest sequence, what memory is taken for; 0: the model's positions, or fewer
                            * where memory is short (lassim_session_context).  Changes no result */

    /* Perturbations (docs/design.md, Perturbation), for robustness studies; not for the engine dense. */
    double drop_spikes;        /* 0 .. 1: chance of a spike to be lost on its way */
    double threshold_noise;    /* 0 .. 16: standard deviation of each window's thresholds, relative */
    const char *stuck_neurons; /* path of a list of silent and firing neurons, NULL for none */
    uint64_t seed;             /* of the two above; same seed, same spikes */
};
LASSIM_API enum lassim_status lassim_session_open(lassim_model *model, const struct lassim_options *options,
                                                  lassim_session **session, struct lassim_error *error);
/* Closes without completing the trace (it stays as PATH.partial) unless lassim_session_finish was called. */
LASSIM_API void lassim_session_close(lassim_session *session);
/* Completes the trace: last block, totals, sync, rename. */
LASSIM_API enum lassim_status lassim_session_finish(lassim_session *session, struct lassim_error *error);

/* The longest sequence that the session has room for. */
LASSIM_API uint32_t lassim_session_context(const lassim_session *session);

/* Called once per token whose logits were asked for, in token order, on the calling thread.
 * logits: [head_width], valid during the call. */
typedef void lassim_logits_callback(void *context, uint32_t token, const float *logits);

/* Processes n more tokens on the cache.  read says for which of them logits are computed.
 * Fails with ERR_USAGE when the context would overflow or an id is >= vocabulary, with
 * ERR_RUN "interrupted" after lassim_session_stop.  An encoder: lassim_session_encode without types. */
LASSIM_API enum lassim_status lassim_session_feed(lassim_session *session, const uint32_t *ids, uint32_t n,
                                                  enum lassim_read read, lassim_logits_callback *callback,
                                                  void *context, struct lassim_error *error);
/* Processes one whole sequence with an encoder, on a session that is new or reset.  types: [n] token types, or NULL for
 * all 0.  The head is read for the tokens that it is for (enum lassim_head), for none with LASSIM_READ_NONE.
 * ERR_USAGE as above, on a decoder, after another sequence, or when a type is >= token_types. */
LASSIM_API enum lassim_status lassim_session_encode(lassim_session *session, const uint32_t *ids, const uint32_t *types,
                                                    uint32_t n, enum lassim_read read, lassim_logits_callback *callback,
                                                    void *context, struct lassim_error *error);
/* Forgets the sequence (KV cache, position 0, counters, simulated time), keeps memory and threads.
 * Only for sessions without a trace. */
LASSIM_API void lassim_session_reset(lassim_session *session);
/* From any thread or signal-driven loop: makes a running feed return soon. */
LASSIM_API void lassim_session_stop(lassim_session *session);
/* Timesteps simulated and tokens completed so far; safe from any thread (progress). */
LASSIM_API void lassim_session_progress(lassim_session *session, uint64_t *timesteps, uint64_t *tokens);

/* ---- networks of integrate-and-fire neurons: the kernel as a simulator of its own ----
 *
 * Build one by calls (new, then add_population and connect_*) or from a file (open, docs/network-format.md); start
 * it; feed input spikes and run, as often as wanted; finish; close.  The result depends on the network and its
 * input spikes alone, never on threads or on how runs and feeds are cut.  Neurons: neurons/lif.h.
 * Calls on one network come from one thread at a time, except stop and progress. */
typedef struct lassim_network lassim_network;

enum lassim_neuron { LASSIM_NEURON_INPUT = 0, LASSIM_NEURON_IF = 1, LASSIM_NEURON_LIF = 2 };

/* Zero-initialise, then set.  An input population takes name and size only. */
struct lassim_population {
    const char *name;    /* 1 .. 39 printable ASCII characters but " \ and comma, unique; copied */
    uint32_t size;       /* neurons, 1 .. 2^24 */
    uint32_t neuron;     /* enum lassim_neuron */
    double threshold;    /* > 0 */
    double leak;         /* LIF: 0 .. 1, factor of the potential per timestep.  IF: ignored, 1 */
    double initial;      /* potential at timestep 0 */
    uint32_t subtract;   /* reset: 0 to zero, 1 by subtracting the threshold */
    uint32_t refractory; /* timesteps of silence after a spike, 0 .. 2^31 */
};

struct lassim_synapse {
    uint32_t source, target; /* neurons of the two populations */
    uint32_t delay;          /* timesteps from the spike to its arrival, 1 .. 65535 */
    double weight;
};

/* An empty network.  The caller owns *network: lassim_network_close. */
LASSIM_API enum lassim_status lassim_network_new(lassim_network **network, struct lassim_error *error);
/* Reads path; ERR_FILE names the place of what is wrong.  On failure *network is NULL. */
LASSIM_API enum lassim_status lassim_network_open(const char *path, lassim_network **network,
                                                  struct lassim_error *error);
/* NULL is fine.  Without lassim_network_finish the trace stays as PATH.partial. */
LASSIM_API void lassim_network_close(lassim_network *network);

/* Adds a population; *index (may be NULL) is its number, 0, 1, ...  Before start only.  ERR_USAGE if out of range. */
LASSIM_API enum lassim_status lassim_network_add_population(lassim_network *network,
                                                            const struct lassim_population *population, uint32_t *index,
                                                            struct lassim_error *error);
/* Connects every neuron of source with every one of target, which is no input.  weights: [size of source][size of
 * target], read during the call.  delay: 1 .. 65535.  Weights are put on a power-of-two grid, exactly where a bound
 * below 2^62 on every target's sum allows (layers/weight_grid.h), else the nearest point: info says how many moved. */
LASSIM_API enum lassim_status lassim_network_connect_dense(lassim_network *network, uint32_t source, uint32_t target,
                                                           uint32_t delay, const double *weights,
                                                           struct lassim_error *error);
/* Connects by a list, read during the call, in any order; a pair may stand in it more than once. */
LASSIM_API enum lassim_status lassim_network_connect_list(lassim_network *network, uint32_t source, uint32_t target,
                                                          const struct lassim_synapse *synapses, uint64_t count,
                                                          struct lassim_error *error);

struct lassim_network_info {
    uint32_t populations;
    uint64_t neurons, synapses;
    uint64_t timesteps; /* that the file asks to simulate; 0: it does not say */
    uint64_t moved;     /* weights moved by their grid */
    double moved_max;   /* by how much at most */
    uint64_t hash;      /* of the content, the same however it was written; also in the trace */
};
LASSIM_API void lassim_network_info(const lassim_network *network, struct lassim_network_info *info);
/* Population `index` < populations; its name lives as long as the network. */
LASSIM_API void lassim_network_population(const lassim_network *network, uint32_t index,
                                          struct lassim_population *population);

/* Zero-initialise, then set what differs from the default. */
struct lassim_network_options {
    uint32_t threads;    /* 0: one per core */
    uint32_t numa_off;   /* 1: no binding, no NUMA placement */
    const char *trace;   /* path of a spike trace to write, "-" for stdout, NULL for none */
    uint32_t no_clobber; /* 1: refuse to replace an existing trace */
};
/* Takes memory and threads; once, after the last population and connection. */
LASSIM_API enum lassim_status lassim_network_start(lassim_network *network,
                                                   const struct lassim_network_options *options,
                                                   struct lassim_error *error);
/* Spikes of an input population to come: neuron[i] at timestep time[i], not before the next one to be simulated, in
 * any order, none twice.  ERR_USAGE otherwise.  After start. */
LASSIM_API enum lassim_status lassim_network_feed(lassim_network *network, uint32_t population, const uint64_t *time,
                                                  const uint32_t *neuron, uint64_t count, struct lassim_error *error);
/* The same from a .csv or .npy file (docs/network-format.md); ERR_FILE names the row. */
LASSIM_API enum lassim_status lassim_network_feed_file(lassim_network *network, const char *path,
                                                       struct lassim_error *error);
/* Simulates that many timesteps more.  ERR_RUN "interrupted" after stop. */
LASSIM_API enum lassim_status lassim_network_run(lassim_network *network, uint64_t timesteps,
                                                 struct lassim_error *error);
/* Completes the trace, if there is one. */
LASSIM_API enum lassim_status lassim_network_finish(lassim_network *network, struct lassim_error *error);

/* Exact counts of what was executed since start, of one population, or of all with index UINT32_MAX. */
struct lassim_network_counts {
    uint64_t timesteps;           /* simulated */
    uint64_t spikes;              /* input spikes included */
    uint64_t events;              /* non-empty spike packets (population, timestep, block of 1,024 neurons) */
    uint64_t deliveries;          /* packets that left the queue at a target (counted with their source) */
    uint64_t synaptic_operations; /* spikes x their synapses */
    uint64_t threshold_tests;     /* neurons visited, every timestep for LIF, only when input arrives for IF */
};
LASSIM_API void lassim_network_counts(const lassim_network *network, uint32_t index,
                                      struct lassim_network_counts *counts);
/* Spikes of every neuron of a population so far, [size]; lives as long as the network.  NULL before start. */
LASSIM_API const uint64_t *lassim_network_spikes(const lassim_network *network, uint32_t index);
/* From any thread: makes a running run return soon; how far it is. */
LASSIM_API void lassim_network_stop(lassim_network *network);
LASSIM_API uint64_t lassim_network_progress(const lassim_network *network);

#ifdef __cplusplus
}
#endif
#endif
