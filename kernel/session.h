/* Inside view of a session: what the program and the converter need beyond lassim.h. */
#ifndef LASSIM_KERNEL_SESSION_H
#define LASSIM_KERNEL_SESSION_H

#include "kernel/counters.h"
#include "kernel/memory_plan.h"
#include "kernel/model.h"
#include "kernel/team.h"
#include "kernel/trace_format.h"

/* Opens a session on a model in memory (the converter's self-check); model outlives the session.  As
 * lassim_session_open. */
enum lassim_status session_open_model(const struct model *model, const struct lassim_options *options,
                                      lassim_session **session, struct lassim_error *error);

/* The same on a machine that the caller describes and frees after the session (NULL: this machine): what each memory
 * node gets follows from it. */
enum lassim_status session_open_on(struct topology *topology, const struct model *model,
                                   const struct lassim_options *options, lassim_session **session,
                                   struct lassim_error *error);

/* The model behind the public handle. */
const struct model *model_of(const lassim_model *model);

/* [populations of the graph]; NULL for the engine dense, which counts no spikes. */
const struct counters *session_population_counters(const lassim_session *session);
/* The same with the dense MACs that any engine counts; never NULL. */
const struct counters *session_dense_counters(const lassim_session *session);
/* [*tokens] processed so far; NULL for the engine dense (*tokens is right all the same). */
const struct counters *session_token_counters(const lassim_session *session, uint32_t *tokens);
/* Simulated timesteps (latency); 0 for the engine dense. */
uint64_t session_timesteps(lassim_session *session);
/* Spike packets that the engine popped from its queue: the counted events (event), windows (fused), 0 (dense). */
uint64_t session_packets_popped(const lassim_session *session);
/* Multiply-accumulates of the dense network for the tokens so far, whatever the engine. */
uint64_t session_dense_macs(const lassim_session *session);
/* T of this session. */
uint32_t session_steps(const lassim_session *session);
/* What the session's state takes; NULL for the engine dense. */
const struct memory_plan *session_memory_plan(const lassim_session *session);
/* How the run is perturbed; never NULL. */
const struct trace_perturbation *session_perturbation(const lassim_session *session);
/* Worker threads of this session. */
uint32_t session_threads(const lassim_session *session);
/* Those threads; the session's, which must not be feeding while somebody else uses them. */
struct team *session_team(const lassim_session *session);

#endif
