#include "kernel/mapguard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "kernel/lassim.h"

/* A range is live while start != 0; start is written last and cleared first, so that the handler, which
 * takes no lock, never sees a half-written one. */
struct range {
    _Atomic uintptr_t start;
    size_t length;
    enum mapguard_use use;
    char name[MAPGUARD_NAME];
};

static struct range ranges[MAPGUARD_RANGES];
static atomic_flag reported = ATOMIC_FLAG_INIT; /* one thread says the line, whoever else meets the hole waits */
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;

static void copy_name(char *to, const char *name)
{
    size_t n = 0;
    for (; n < MAPGUARD_NAME - 1 && name[n] != '\0'; n++) {
        unsigned char c = (unsigned char)name[n];
        to[n] = c < 0x20 || c == 0x7f ? '?' : name[n];
    }
    to[n] = '\0';
}

int mapguard_add(const void *start, size_t length, const char *name, enum mapguard_use use)
{
    int status = -1;
    pthread_mutex_lock(&ranges_lock);
    for (int i = 0; i < MAPGUARD_RANGES && status != 0; i++) {
        if (atomic_load(&ranges[i].start) != 0) continue;
        ranges[i].length = length;
        ranges[i].use = use;
        copy_name(ranges[i].name, name);
        atomic_store(&ranges[i].start, (uintptr_t)start);
        status = 0;
    }
    pthread_mutex_unlock(&ranges_lock);
    return status;
}

void mapguard_remove(const void *start)
{
    if (start == NULL) return;
    pthread_mutex_lock(&ranges_lock);
    for (int i = 0; i < MAPGUARD_RANGES; i++) {
        if (atomic_load(&ranges[i].start) == (uintptr_t)start) {
            atomic_store(&ranges[i].start, 0);
            break;
        }
    }
    pthread_mutex_unlock(&ranges_lock);
}

static const struct range *find_range(uintptr_t address)
{
    for (int i = 0; i < MAPGUARD_RANGES; i++) {
        uintptr_t start = atomic_load(&ranges[i].start);
        if (start != 0 && address >= start && address - start < ranges[i].length) return &ranges[i];
    }
    return NULL;
}

/* Only async-signal-safe calls from here on. */
static size_t append(char *line, size_t used, size_t size, const char *text)
{
    while (*text != '\0' && used < size) line[used++] = *text++;
    return used;
}

static void on_bus_error(int number, siginfo_t *information, void *context)
{
    (void)context;
    const struct range *range = find_range((uintptr_t)information->si_addr);
    if (range == NULL) {
        signal(number, SIG_DFL); /* the faulting instruction runs again and ends the process */
        return;
    }
    while (atomic_flag_test_and_set(&reported)) pause();
    int input = range->use == MAPGUARD_INPUT;
    char line[MAPGUARD_NAME + 128];
    size_t used = append(line, 0, sizeof line, "lassim: ");
    used = append(line, used, sizeof line, range->name);
    used = append(line, used, sizeof line,
                  input ? ": cut short while in use, expected its length to stay as it was when opened\n"
                        : ": no space left while writing\n");
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
    _exit(input ? LASSIM_ERR_FILE : LASSIM_ERR_RUN);
}

void mapguard_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);
}
