#include "layers/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* F16C is bit 29 of ECX of leaf 1; clang 14's __builtin_cpu_supports does not know its name. */
static int has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 29 & 1);
}

int cpu_has_vectors(void)
{
    static int known = -1; /* the same answer whoever asks first */
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer < 0) {
        answer = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer;
}
#else
int cpu_has_vectors(void)
{
    return 0;
}
#endif
