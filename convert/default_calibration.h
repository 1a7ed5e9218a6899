/* The calibration text that ships inside the program: convert/default_calibration.txt, byte for byte
 * (public-domain English: State of the Union addresses, Moby-Dick, Shakespeare, The Wizard of Oz). */
#ifndef LASSIM_CONVERT_DEFAULT_CALIBRATION_H
#define LASSIM_CONVERT_DEFAULT_CALIBRATION_H

/* [start, end), UTF-8, not terminated, read only. */
extern const char lassim_default_calibration_start[], lassim_default_calibration_end[];

#endif
