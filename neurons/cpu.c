#include "neurons/cpu.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* F16C is bit 29 of ECX of leaf 1; clang 14's __builtin_cpu_supports does not know its name. */
static int has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 29 & 1);
}

/* Tiles are bits 24 and 25 of EDX of leaf 7.  Their state is large: Linux gives it to a process that asks, which it
 * may do again; one without such a call, or which refuses, has none. */
static int has_amx(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (edx >> 24 & 3) != 3) return 0;
#ifdef SYS_arch_prctl
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return 0;
#endif
}

static enum cpu_level hardware(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c()) return CPU_PORTABLE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512vnni"))
        return CPU_AVX2;
    return __builtin_cpu_supports("avx512vpopcntdq") && has_amx() ? CPU_AMX : CPU_AVX512;
}
#else
static enum cpu_level hardware(void)
{
    return CPU_PORTABLE;
}
#endif

static enum cpu_level environment(void)
{
    const char *asked = getenv("LASSIM_CPU");
    if (asked != NULL && strcmp(asked, "portable") == 0) return CPU_PORTABLE;
    if (asked != NULL && strcmp(asked, "avx2") == 0) return CPU_AVX2;
    if (asked != NULL && strcmp(asked, "avx512") == 0) return CPU_AVX512;
    return CPU_AMX;
}

static enum cpu_level lower(enum cpu_level a, enum cpu_level b)
{
    return a < b ? a : b;
}

static int known = -1; /* the hardware's and the environment's level: the same answer whoever asks first */
static int limit = -1; /* cpu_limit's, -1: none */

enum cpu_level cpu_level(void)
{
    int level = __atomic_load_n(&limit, __ATOMIC_RELAXED);
    if (level >= 0) return (enum cpu_level)level;
    level = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (level < 0) {
        level = (int)lower(hardware(), environment());
        __atomic_store_n(&known, level, __ATOMIC_RELAXED);
    }
    return (enum cpu_level)level;
}

void cpu_limit(enum cpu_level level)
{
    __atomic_store_n(&limit, (int)lower(hardware(), level), __ATOMIC_RELAXED);
}

int cpu_has_vectors(void)
{
    return cpu_level() >= CPU_AVX2;
}

int cpu_has_avx512(void)
{
    return cpu_level() >= CPU_AVX512;
}
