/* A broken invariant is a bug and aborts: a test does so in a child process. */
#ifndef LASSIM_TEST_HELPERS_ABORTS_H
#define LASSIM_TEST_HELPERS_ABORTS_H

/* Runs deed(context) in a child process.  Fails the running cmocka test unless that dies of SIGABRT, or (text NULL) of
 * nothing, and its standard error holds `text`. */
void assert_aborts(void (*deed)(void *context), void *context, const char *text);

#endif
