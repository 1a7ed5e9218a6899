/* What the CPU can do, asked once per call: which synapse kernels may run. */
#ifndef LASSIM_LAYERS_CPU_H
#define LASSIM_LAYERS_CPU_H

/* 1 if AVX2, FMA and F16C can be used, else 0 (always 0 but on x86-64).  Cheap. */
int cpu_has_vectors(void);

#endif
