/* Counts the allocations of the whole process, of every thread and every library: defines malloc and its kin, and
 * mmap, each forwarding to the next definition.  For one source file of a program, which then asks
 *
 *     uint64_t before = alloc_count();  ...  alloc_count() - before
 *
 * Sanitizers define the same functions: there ALLOC_COUNT_WORKS is 0 and nothing is counted. */
#ifndef LASSIM_TEST_HELPERS_ALLOC_COUNT_H
#define LASSIM_TEST_HELPERS_ALLOC_COUNT_H

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOC_COUNT_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ALLOC_COUNT_WORKS 0
#endif
#endif
#ifndef ALLOC_COUNT_WORKS
#define ALLOC_COUNT_WORKS 1
#endif

static _Atomic uint64_t alloc_counted;

/* Calls so far that could have taken memory from the system, failed ones included. */
static inline uint64_t alloc_count(void)
{
    return atomic_load(&alloc_counted);
}

#if ALLOC_COUNT_WORKS

/* Looking up the next definition may itself allocate: that little comes from here and is never given back. */
static _Alignas(64) unsigned char alloc_early[1 << 16];
static _Atomic size_t alloc_early_used;
static _Thread_local int alloc_looking;

static void *alloc_next(const char *name)
{
    alloc_looking = 1;
    void *found = dlsym(RTLD_NEXT, name);
    alloc_looking = 0;
    if (found == NULL) abort();
    return found;
}

static void *alloc_from_early(size_t size)
{
    size_t used = atomic_fetch_add(&alloc_early_used, (size + 63) / 64 * 64);
    return used + size <= sizeof alloc_early ? alloc_early + used : NULL;
}

/* real = the next definition of `name`, looked up once (by several threads with the same result). */
#define ALLOC_NEXT(type, name)                                     \
    static _Atomic(type) kept;                                     \
    type real = atomic_load_explicit(&kept, memory_order_relaxed); \
    if (real == NULL) {                                            \
        void *found = alloc_next(name);                            \
        memcpy(&real, &found, sizeof real);                        \
        atomic_store_explicit(&kept, real, memory_order_relaxed);  \
    }                                                              \
    atomic_fetch_add_explicit(&alloc_counted, 1, memory_order_relaxed)

/* Seen by every library, whatever the compiler's flags hide. */
#pragma GCC visibility push(default)

typedef void *alloc_one(size_t);
typedef void *alloc_two(size_t, size_t);
typedef void *alloc_again(void *, size_t);
typedef int alloc_result(void **, size_t, size_t);
typedef void alloc_release(void *);
typedef void *alloc_flags(size_t, int);
void *mallocx(size_t size, int flags); /* jemalloc's */

void *malloc(size_t size)
{
    if (alloc_looking) return alloc_from_early(size);
    ALLOC_NEXT(alloc_one *, "malloc");
    return real(size);
}

void *calloc(size_t count, size_t size)
{
    if (alloc_looking) return alloc_from_early(count * size);
    ALLOC_NEXT(alloc_two *, "calloc");
    return real(count, size);
}

void *realloc(void *memory, size_t size)
{
    ALLOC_NEXT(alloc_again *, "realloc");
    return real(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    ALLOC_NEXT(alloc_two *, "aligned_alloc");
    return real(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    ALLOC_NEXT(alloc_result *, "posix_memalign");
    return real(memory, alignment, size);
}

void *mallocx(size_t size, int flags)
{
    ALLOC_NEXT(alloc_flags *, "mallocx");
    return real(size, flags);
}

void free(void *memory)
{
    uintptr_t at = (uintptr_t)memory, early = (uintptr_t)alloc_early;
    static _Atomic(alloc_release *) kept;
    alloc_release *real = atomic_load_explicit(&kept, memory_order_relaxed);
    if (memory == NULL || (at >= early && at < early + sizeof alloc_early)) return;
    if (real == NULL) {
        void *found = alloc_next("free");
        memcpy(&real, &found, sizeof real);
        atomic_store_explicit(&kept, real, memory_order_relaxed);
    }
    real(memory);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    atomic_fetch_add_explicit(&alloc_counted, 1, memory_order_relaxed);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset); // NOLINT
}

#pragma GCC visibility pop

#endif
#endif
