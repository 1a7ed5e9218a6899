/* What a benchmark says about the machine it ran on, as members of its JSON object. */
#ifndef LASSIM_BENCH_MICRO_MACHINE_H
#define LASSIM_BENCH_MICRO_MACHINE_H

#include <stdio.h>
#include <string.h>

/* Prints "cpu": "MODEL NAME", "compiler": "VERSION" (no comma after).  "unknown" where the kernel has no
 * /proc/cpuinfo with a model name; characters that JSON would need escaped are left out. */
static inline void machine_print_json(FILE *out)
{
    char line[256], model[256] = "unknown";
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info != NULL && fgets(line, sizeof line, info) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        size_t used = 0;
        for (const char *c = colon + 2; *c != '\0'; c++)
            if (*c >= ' ' && *c != '"' && *c != '\\') model[used++] = *c;
        model[used] = '\0';
        break;
    }
    if (info != NULL) fclose(info);
    fprintf(out, "\"cpu\": \"%s\", \"compiler\": \"%s\"", model, __VERSION__);
}

#endif
