/* One error, for people: which file, which place in it, what was expected.
 *
 * Every function that can meet a bad file or option returns an enum lassim_status (lassim.h has the
 * public copy) and fills a struct lassim_error.  A broken invariant is not an error but a bug: it
 * aborts through LASSIM_INVARIANT. */
#ifndef LASSIM_KERNEL_ERROR_H
#define LASSIM_KERNEL_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#include "kernel/lassim.h"

/* Fills *error (if not NULL) with "FILE: PLACE: TEXT" on one line, control characters escaped as
 * \xNN, cut at sizeof error->text - 1.  file and place may be NULL and are then left out.
 * Returns status, so that "return lassim_fail(...)" reads well. */
enum lassim_status lassim_fail(struct lassim_error *error, enum lassim_status status, const char *file,
                               const char *place, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Cheap preconditions: on in every build; a false one prints file, line and the condition with the
 * given context (timestep, population) and aborts. */
#define LASSIM_INVARIANT(condition, ...)                                                        \
    do {                                                                                        \
        if (!(condition)) lassim_invariant_failed(__FILE__, __LINE__, #condition, __VA_ARGS__); \
    } while (0)
_Noreturn void lassim_invariant_failed(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Expensive checks: only where LASSIM_DEBUG is defined (make asan, tsan, debug). */
#ifdef LASSIM_DEBUG
#define LASSIM_EXPENSIVE(condition, ...) LASSIM_INVARIANT(condition, __VA_ARGS__)
#else
#define LASSIM_EXPENSIVE(condition, ...) ((void)0)
#endif

#endif
