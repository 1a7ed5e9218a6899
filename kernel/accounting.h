/* Who counts what: turns packets popped, windows closed and tokens started into the exact counters of
 * docs/design.md, Counting, per population and per token. */
#ifndef LASSIM_KERNEL_ACCOUNTING_H
#define LASSIM_KERNEL_ACCOUNTING_H

#include "kernel/counters.h"
#include "kernel/error.h"
#include "layers/network.h"
#include "layers/tally.h"

struct accounting;

/* graph outlives it.  Room for graph->config.positions tokens.  NULL without memory; accounting_free. */
struct accounting *accounting_new(const struct graph *graph);
void accounting_free(struct accounting *accounting);
void accounting_reset(struct accounting *accounting);

/* A token starts: its dense multiply-accumulates (linear layers, visible QK and PV, head side if asked),
 * each counted at the population whose values it would multiply. */
void account_token(struct accounting *accounting, const struct token_window *token);
/* The token's head closed with so many bias elements; they count where its dense MACs do, at the population that fires
 * into it. */
void account_head(struct accounting *accounting, const struct token_window *token, uint64_t bias_injections);
/* An input population's window opens with its one spike. */
void account_input(struct accounting *accounting, const struct packet *packet);
/* A window closed; neurons take part in it and `active` of them spike (both ignored unless result->opened);
 * steps: the population's T. */
void account_close(struct accounting *accounting, uint32_t population, const struct token_window *token,
                   const struct close_result *result, uint32_t neurons, uint64_t active, unsigned steps);
/* A spike packet was popped. */
void account_packet(struct accounting *accounting, const struct packet *packet);
/* A whole window's train was sent: counts as all its packets would. */
void account_train(struct accounting *accounting, uint32_t population, const struct token_window *token,
                   const struct tally *tally);

/* [graph->populations]. */
const struct counters *accounting_populations(const struct accounting *accounting);
/* [*tokens]: tokens started so far. */
const struct counters *accounting_tokens(const struct accounting *accounting, uint32_t *tokens);

#endif
