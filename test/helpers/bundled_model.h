/* The bundled checkpoint converted in a hurry, for tests that need a tokenizer and real values. */
#ifndef LASSIM_TEST_HELPERS_BUNDLED_MODEL_H
#define LASSIM_TEST_HELPERS_BUNDLED_MODEL_H

/* Converts examples/opt-tiny (64 calibration tokens, no self-check) to a new file under /tmp; returns its path, which lasts
 * until bundled_model_remove.  Aborts on failure. */
const char *bundled_model_path(void);
void bundled_model_remove(void);

#endif
