/* Which instructions the kernels may use: a level, each including those before it.  Every kernel gives the same
 * integers at every level, so the level changes the time and nothing else. */
#ifndef LASSIM_NEURONS_CPU_H
#define LASSIM_NEURONS_CPU_H

enum cpu_level {
    CPU_PORTABLE = 0, /* plain C */
    CPU_AVX2,         /* AVX2, FMA, F16C */
    CPU_AVX512,       /* besides, AVX-512 F, BW, VL, DQ, CD and VNNI */
    CPU_AMX           /* besides, AVX-512 VPOPCNTDQ, and AMX tiles of bytes, allowed by the kernel */
};

/* The highest level that this CPU has (CPU_PORTABLE but on x86-64), that the environment variable LASSIM_CPU
 * (portable, avx2, avx512 or amx, read once; anything else says nothing) and that cpu_limit allow.  Cheap, from any thread. */
enum cpu_level cpu_level(void);
/* From now on no level above this one, whatever the environment says; CPU_AMX lifts the limit.  For tests. */
void cpu_limit(enum cpu_level level);

/* cpu_level() >= CPU_AVX2, cpu_level() >= CPU_AVX512. */
int cpu_has_vectors(void);
int cpu_has_avx512(void);

#endif
