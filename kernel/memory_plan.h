/* What a run needs of memory, added up before it starts. */
#ifndef LASSIM_KERNEL_MEMORY_PLAN_H
#define LASSIM_KERNEL_MEMORY_PLAN_H

#include "kernel/error.h"

/* All in bytes. */
struct memory_plan {
    uint64_t weights; /* the mapped .snn: read from disk as needed, kept in the page cache, never copied on one node */
    uint64_t state;   /* membranes, codes, KV cache and working memory: allocated */
    uint64_t cache;   /* the KV cache's part of state, at the model's longest context; touched as tokens come */
    uint32_t context, positions; /* longest sequence that there is room for, and the model's */
    uint64_t available;          /* what the machine can still give, or UINT64_MAX if that cannot be found out */
};

/* Memory that can be had without swapping: the lower of /proc/meminfo's MemAvailable and what the process's control
 * group (version 2, every level up to the root) leaves.  root: "" for this machine, or a folder that holds
 * proc/ and sys/ (tests).  UINT64_MAX where neither can be read. */
uint64_t memory_available(const char *root);

/* LASSIM_ERR_RUN if the state does not fit what is available: one line with both figures. */
enum lassim_status memory_plan_check(const struct memory_plan *plan, struct lassim_error *error);

/* The plan as one line of text (no newline) into line[size]; says so when the weights do not fit beside the state,
 * so that they will be read from disk again and again. */
void memory_plan_print(const struct memory_plan *plan, char *line, size_t size);

#endif
