#include "convert/default_calibration.h"

/* The assembler reads the file, from the repository's root, where make runs. */
__asm__(".pushsection .rodata\n"
        ".globl lassim_default_calibration_start\n"
        ".globl lassim_default_calibration_end\n"
        ".hidden lassim_default_calibration_start\n"
        ".hidden lassim_default_calibration_end\n"
        "lassim_default_calibration_start:\n"
        ".incbin \"convert/default_calibration.txt\"\n"
        "lassim_default_calibration_end:\n"
        ".byte 0\n"
        ".popsection\n");
