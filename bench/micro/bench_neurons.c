/* Question: what does one neuron cost at the close of its window (oat_encode, hg_encode) and at its
 * spikes (code_steps), in nanoseconds, on arrays that stay in cache?
 *
 * Every case checks its answer: the checksum of all codes or values must be the same in each repeat, and
 * that of OAT the one of a plain loop over the definition, whose time stands beside it.  One JSON object
 * on stdout; figures are medians over the repeats, lowest and highest beside them.
 *
 * Options: --seed N (default 1), --quick (fewer passes). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/micro/machine.h"
#include "neurons/code.h"
#include "neurons/hg.h"
#include "neurons/oat.h"
#include "neurons/real.h"

enum { NEURONS = 4096, REPEATS = 9, TABLE_CAPACITY = 1 << 14 };

struct data {
    double x[NEURONS]; /* potentials, some outliers, some saturated */
    int8_t shift[NEURONS];
    uint32_t codes[NEURONS];
    struct oat_params oat;
    enum spike_code code;
    struct hg_table table;
    double scale; /* x is multiplied by this for the table's domain */
    int64_t storage[2 * TABLE_CAPACITY];
};

struct bench {
    const char *name;
    uint64_t (*pass)(struct data *data); /* all neurons once; returns a checksum */
    void (*prepare)(struct data *data);
};

static double random_unit(uint64_t *state) /* xorshift64*: Vigna 2016 */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)(*state * UINT64_C(2685821657736338717) >> 11) * 0x1p-53;
}

static void fail(const char *name, const char *what)
{
    fprintf(stderr, "bench_neurons: %s: %s\n", name, what);
    exit(1);
}

static uint64_t sum_of_codes(const struct data *data)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NEURONS; i++) sum = sum * 31 + data->codes[i];
    return sum;
}

static uint64_t pass_oat(struct data *data)
{
    return oat_encode(&data->oat, 0, data->x, NEURONS, data->codes);
}

/* The definition as one would first write it; the peer that oat_encode is measured against. */
static uint64_t pass_oat_plain(struct data *data)
{
    const struct oat_params *p = &data->oat;
    int64_t largest = (INT64_C(1) << p->steps) - 1;
    uint64_t saturated = 0;
    for (size_t i = 0; i < NEURONS; i++) {
        double lsb = p->shift != NULL ? p->lsb * real_power_of_two(p->shift[i]) : p->lsb;
        double x = p->relu && data->x[i] < 0 ? 0.0 : data->x[i];
        int64_t c = real_round_half_away(__builtin_fabs(x) / lsb);
        uint32_t flags = x < 0 ? OAT_NEGATIVE : 0;
        if (c > largest) {
            c = (c + ((INT64_C(1) << p->j) >> 1)) >> p->j;
            flags |= OAT_OUTLIER;
        }
        saturated += c > largest;
        if (c > largest) c = largest;
        data->codes[i] = c != 0 ? (uint32_t)c | flags : 0;
    }
    return saturated;
}

static uint64_t pass_steps(struct data *data)
{
    uint64_t spikes = 0;
    for (size_t i = 0; i < NEURONS; i++)
        spikes += (unsigned)__builtin_popcount(code_steps(data->code, 16, data->codes[i] & OAT_MAGNITUDE).fired);
    return spikes;
}

static uint64_t pass_hg(struct data *data)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NEURONS; i++) {
        struct hg_code code;
        hg_encode(&data->table, 16, data->x[i] * data->scale, &code);
        sum += (uint64_t)hg_value(&data->table, 16, &code) + code.octave_gate + code.sub_gate;
    }
    return sum;
}

static void prepare_plain(struct data *data)
{
    data->oat = (struct oat_params){.lsb = 0x1.8p-14, .steps = 16, .j = 5};
}

static void prepare_relu(struct data *data)
{
    prepare_plain(data);
    data->oat.relu = 1;
}

static void prepare_shift(struct data *data)
{
    prepare_plain(data);
    data->oat.shift = data->shift;
}

static void prepare_steps(struct data *data, enum spike_code code)
{
    prepare_plain(data);
    pass_oat(data);
    data->code = code;
}

static void prepare_radix(struct data *data)
{
    prepare_steps(data, SPIKE_CODE_RADIX);
}

static void prepare_ternary(struct data *data)
{
    prepare_steps(data, SPIKE_CODE_TERNARY);
}

static void prepare_table(struct data *data, enum hg_function function, int lo, int hi, double scale)
{
    if (hg_fit(function, lo, hi, 1e-6, data->storage, TABLE_CAPACITY, &data->table) != 0)
        fail(hg_function_name(function), "no table reaches an error of 1e-6");
    data->scale = scale;
}

static void prepare_exp(struct data *data)
{
    prepare_table(data, HG_EXP, -12, 5, -0.5);
}

static void prepare_rsqrt(struct data *data)
{
    prepare_table(data, HG_RSQRT, -17, 10, 1.0);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints the row of one case; returns the checksum of its codes and result. */
static uint64_t measure(const struct bench *bench, struct data *data, int passes)
{
    double nanoseconds[REPEATS];
    bench->prepare(data);
    uint64_t answer = bench->pass(data);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double start = seconds();
        for (int pass = 0; pass < passes; pass++)
            if (bench->pass(data) != answer) fail(bench->name, "a repeat gave another answer");
        nanoseconds[repeat] = 1e9 * (seconds() - start) / ((double)passes * NEURONS);
    }
    qsort(nanoseconds, REPEATS, sizeof nanoseconds[0], ascending);
    printf("{\"name\": \"%s\", \"ns_per_neuron\": %.3f, \"lowest\": %.3f, \"highest\": %.3f}", bench->name,
           nanoseconds[REPEATS / 2], nanoseconds[0], nanoseconds[REPEATS - 1]);
    return sum_of_codes(data) + answer;
}

static void make_potentials(struct data *data, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    for (size_t i = 0; i < NEURONS; i++) {
        double r = random_unit(&state) * 2 - 1;
        data->x[i] = r * (i % 50 == 0 ? 300.0 : 8.0);
        data->shift[i] = (int8_t)(random_unit(&state) * 5);
    }
}

int main(int argc, char **argv)
{
    static const struct bench benches[] = {
        {"oat_encode", pass_oat, prepare_plain},
        {"oat_plain_loop", pass_oat_plain, prepare_plain},
        {"oat_encode_relu", pass_oat, prepare_relu},
        {"oat_plain_loop_relu", pass_oat_plain, prepare_relu},
        {"oat_encode_shift", pass_oat, prepare_shift},
        {"oat_plain_loop_shift", pass_oat_plain, prepare_shift},
        {"code_steps_radix", pass_steps, prepare_radix},
        {"code_steps_ternary", pass_steps, prepare_ternary},
        {"hg_exp", pass_hg, prepare_exp},
        {"hg_rsqrt", pass_hg, prepare_rsqrt},
    };
    enum { BENCHES = sizeof benches / sizeof benches[0], COMPARED = 6 };
    static struct data data;
    uint64_t seed = 1, answers[BENCHES];
    int passes = 1000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            passes = 20;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            fail(argv[i], "expected --seed N or --quick");
    }
    make_potentials(&data, seed);
    printf("{\"schema\": \"lassim-bench-neurons-1\", \"seed\": %llu, \"neurons\": %d, \"repeats\": %d, "
           "\"passes\": %d, \"timesteps\": 16, ",
           (unsigned long long)seed, NEURONS, REPEATS, passes);
    machine_print_json(stdout);
    printf(", \"rows\": [\n");
    for (size_t i = 0; i < BENCHES; i++) {
        answers[i] = measure(&benches[i], &data, passes);
        printf(i + 1 < BENCHES ? ",\n" : "\n]}\n");
    }
    for (size_t i = 0; i < COMPARED; i += 2)
        if (answers[i] != answers[i + 1]) fail(benches[i].name, "differs from the plain loop");
    return 0;
}
