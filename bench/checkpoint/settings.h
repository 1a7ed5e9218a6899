/* What make_checkpoint writes: shapes, switches, presets, and the options that set them. */
#ifndef LASSIM_BENCH_CHECKPOINT_SETTINGS_H
#define LASSIM_BENCH_CHECKPOINT_SETTINGS_H

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPECIALS = 4, BYTES = 256 /* the smallest vocabulary */ };
enum dtype { F16, BF16, F32 };

struct settings {
    uint64_t vocabulary, hidden, embedding /* 0: hidden */, ffn, layers, heads, positions;
    uint64_t shard_bytes, seed, outliers;
    double std, ffn_active, outlier_gain;
    uint64_t post_norm, no_final_norm, no_bias, no_norm_parameters, untied; /* switches */
    const char *prefix;                                                     /* of tensor names */
    enum dtype dtype;
    const char *folder;
};

static const struct preset {
    const char *name;
    uint64_t hidden, embedding, ffn, layers, heads, post_norm;
    const char *prefix;
} presets[] = {
    {"125m", 768, 0, 3072, 12, 12, 0, "model.decoder."},   {"350m", 1024, 512, 4096, 24, 16, 1, "decoder."},
    {"1.3b", 2048, 0, 8192, 24, 32, 0, "model.decoder."},  {"2.7b", 2560, 0, 10240, 32, 32, 0, "model.decoder."},
    {"6.7b", 4096, 0, 16384, 32, 32, 0, "model.decoder."}, {"13b", 5120, 0, 20480, 40, 40, 0, "model.decoder."},
    {"30b", 7168, 0, 28672, 48, 56, 0, "model.decoder."},  {"66b", 9216, 0, 36864, 64, 72, 0, "model.decoder."},
};

static const struct option_row {
    const char *name;
    enum { COUNT, REAL, FLAG, PRESET, DTYPE } kind;
    size_t field; /* of struct settings */
    const char *help;
} option_table[] = {
    {"preset", PRESET, 0, "125m (default), 350m, 1.3b, 2.7b, 6.7b, 13b, 30b or 66b"},
    {"vocabulary", COUNT, offsetof(struct settings, vocabulary), "tokens, at least 260 (50272)"},
    {"hidden", COUNT, offsetof(struct settings, hidden), "width of the residual stream"},
    {"embedding", COUNT, offsetof(struct settings, embedding), "word_embed_proj_dim (hidden)"},
    {"ffn", COUNT, offsetof(struct settings, ffn), "FFN neurons a layer"},
    {"layers", COUNT, offsetof(struct settings, layers), "decoder layers"},
    {"heads", COUNT, offsetof(struct settings, heads), "attention heads, a divisor of hidden"},
    {"positions", COUNT, offsetof(struct settings, positions), "longest context (2048)"},
    {"dtype", DTYPE, 0, "f16 (default), bf16 or f32"},
    {"shard-bytes", COUNT, offsetof(struct settings, shard_bytes), "cut into files of at most N bytes (one file)"},
    {"seed", COUNT, offsetof(struct settings, seed), "seed of the weights (1)"},
    {"std", REAL, offsetof(struct settings, std), "standard deviation of the weights (0.02)"},
    {"ffn-active", REAL, offsetof(struct settings, ffn_active), "share of FFN neurons that fire, 0 < X < 1 (0.05)"},
    {"outliers", COUNT, offsetof(struct settings, outliers), "outlier channels of the LayerNorms (hidden / 512 + 1)"},
    {"outlier-gain", REAL, offsetof(struct settings, outlier_gain), "how much larger their gains are (20)"},
    {"post-norm", FLAG, offsetof(struct settings, post_norm), "do_layer_norm_before false"},
    {"no-final-norm", FLAG, offsetof(struct settings, no_final_norm), "_remove_final_layer_norm true"},
    {"no-bias", FLAG, offsetof(struct settings, no_bias), "enable_bias false"},
    {"no-norm-parameters", FLAG, offsetof(struct settings, no_norm_parameters), "layer_norm_elementwise_affine false"},
    {"untied", FLAG, offsetof(struct settings, untied), "tie_word_embeddings false, with an lm_head"},
};
enum { OPTIONS = sizeof option_table / sizeof *option_table };

__attribute__((noreturn, format(printf, 2, 3))) static void stop(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("make_checkpoint: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

/* ---- options ---- */

static void print_help(void)
{
    puts("Usage: make_checkpoint [OPTIONS] FOLDER\n"
         "Writes a random Hugging Face OPT checkpoint with realistic statistics.\n");
    for (size_t i = 0; i < OPTIONS; i++)
        printf("  --%-18s %s %s\n", option_table[i].name, option_table[i].kind == FLAG ? " " : "X",
               option_table[i].help);
}

static void use_preset(struct settings *settings, const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        const struct preset *preset = &presets[i];
        if (strcmp(preset->name, name) != 0) continue;
        settings->hidden = preset->hidden;
        settings->embedding = preset->embedding;
        settings->ffn = preset->ffn;
        settings->layers = preset->layers;
        settings->heads = preset->heads;
        settings->post_norm = preset->post_norm;
        settings->prefix = preset->prefix;
        return;
    }
    stop(2, "--preset %s: expected 125m, 350m, 1.3b, 2.7b, 6.7b, 13b, 30b or 66b", name);
}

static void use_dtype(struct settings *settings, const char *name)
{
    static const char *const names[] = {[F16] = "f16", [BF16] = "bf16", [F32] = "f32"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) != 0) continue;
        settings->dtype = (enum dtype)i;
        return;
    }
    stop(2, "--dtype %s: expected f16, bf16 or f32", name);
}

static void use_option(struct settings *settings, const struct option_row *row, const char *text)
{
    void *field = (char *)settings + row->field;
    char *end = "";
    errno = 0;
    switch (row->kind) {
    case COUNT: *(uint64_t *)field = strtoull(text, &end, 10); break;
    case REAL: *(double *)field = strtod(text, &end); break;
    case FLAG: *(uint64_t *)field = 1; break;
    case PRESET: break; /* taken before everything else */
    case DTYPE: use_dtype(settings, text); break;
    }
    if (errno != 0 || *end != '\0' || (text != NULL && *text == '-')) stop(2, "--%s %s: not a number", row->name, text);
}

static void check(const struct settings *s)
{
    if (s->vocabulary < SPECIALS + BYTES) stop(2, "--vocabulary: expected at least %d", SPECIALS + BYTES);
    if (s->hidden == 0 || s->ffn == 0 || s->layers == 0 || s->positions == 0) stop(2, "a size is 0");
    if (s->heads == 0 || s->hidden % s->heads != 0) stop(2, "--heads: expected a divisor of %" PRIu64, s->hidden);
    if ((s->vocabulary | s->hidden | s->embedding | s->ffn | s->positions) >> 20 != 0 || s->layers > 1024)
        stop(2, "sizes are below 2^20, layers at most 1024");
    if (!(s->ffn_active > 0 && s->ffn_active < 1)) stop(2, "--ffn-active: expected 0 < X < 1");
    if (!(s->std > 0 && s->std < 100)) stop(2, "--std: expected 0 < X < 100");
}

static void read_options(int argc, char **argv, struct settings *settings)
{
    struct option options[OPTIONS + 2] = {{"help", no_argument, NULL, OPTIONS}};
    for (int i = 0; i < OPTIONS; i++)
        options[i + 1] = (struct option){option_table[i].name, option_table[i].kind != FLAG, NULL, i};
    int found;
    use_preset(settings, "125m");
    while ((found = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (found == OPTIONS || found == 'h') {
            print_help();
            exit(0);
        }
        if (found == '?') exit(2);
        if (option_table[found].kind == PRESET) use_preset(settings, optarg);
    }
    if (optind != argc - 1) stop(2, "expected one folder; try --help");
    settings->folder = argv[optind];
    settings->outliers = settings->hidden / 512 + 1;
    optind = 0;
    while ((found = getopt_long(argc, argv, "h", options, NULL)) != -1)
        use_option(settings, &option_table[found], optarg);
    if (settings->embedding == 0) settings->embedding = settings->hidden;
    check(settings);
}

#endif
