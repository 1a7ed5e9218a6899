/* Writes a Hugging Face OPT checkpoint folder of any size, for tests and benchmarks at real shapes.
 *
 *   make_checkpoint [OPTIONS] FOLDER      (make_checkpoint --help lists them)
 *   make_checkpoint --preset 1.3b /tmp/opt-1.3b
 *   make_checkpoint --hidden 64 --ffn 256 --layers 2 --heads 4 --vocabulary 512 --dtype bf16 /tmp/small
 *
 * Presets have the shapes and switches of facebook/opt-*'s config.json (350m: LayerNorm after, embeddings of
 * 512 projected to 1,024, names that begin with "decoder."); options given beside a preset override it.
 * Files: config.json, vocab.json, merges.txt, tokenizer_config.json, model.safetensors or shards with an index.
 *
 * Weights are random, seeded, and the same on every machine and for every way of sharding:
 * - matrices and embeddings: close to normal (sum of four uniform numbers), --std, 0.02 as OPTConfig's init_std;
 *   out_proj and fc2 by 1/sqrt(2 layers) smaller, as OPT was initialised (Zhang et al., arXiv 2205.01068, 2.2);
 * - LayerNorm gains 1 +- 0.1, --outliers channels, the same ones in every layer, --outlier-gain times larger:
 *   OPT's activations have a handful of such channels, about 20 times the rest (Dettmers et al., LLM.int8(),
 *   arXiv 2208.07339, section 4), which the gains amplify (Wei et al., Outlier Suppression, arXiv 2209.13325);
 * - fc1's bias lies so far below zero that a share --ffn-active of the neurons passes ReLU on average; trained
 *   OPT models are that sparse (Mirzadeh et al., ReLU Strikes Back, arXiv 2310.04564).  Without biases: half.
 * The vocabulary is <s>, <pad>, </s>, <unk>, the 256 bytes, up to 50,000 merges that spell strings of a-z with
 * and without a space before them, and madeupwordNNNN, as OPT's own, for the rest.
 * One pass, memory a few megabytes whatever the size.  Exit status 1: cannot write, 2: wrong usage. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SPECIALS = 4, BYTES = 256, MERGES_MAX = 50000, LETTERS = 26, POSITION_OFFSET = 2, BLOCK = 1 << 15 };
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

/* ---- files ---- */

static FILE *create(const struct settings *settings, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", settings->folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) stop(1, "%s: %s", path, strerror(errno));
    return file;
}

static void finish(FILE *file, const char *name)
{
    int failed = ferror(file);
    if (fclose(file) != 0 || failed) stop(1, "%s: %s", name, strerror(errno));
}

static const char *boolean(uint64_t value)
{
    return value ? "true" : "false";
}

static void write_config(const struct settings *s)
{
    static const char *const names[] = {[F16] = "float16", [BF16] = "bfloat16", [F32] = "float32"};
    FILE *file = create(s, "config.json");
    fprintf(file,
            "{\n \"architectures\": [\n  \"OPTForCausalLM\"\n ],\n \"model_type\": \"opt\",\n"
            " \"activation_function\": \"relu\",\n \"vocab_size\": %" PRIu64 ",\n \"hidden_size\": %" PRIu64 ",\n"
            " \"word_embed_proj_dim\": %" PRIu64 ",\n \"ffn_dim\": %" PRIu64 ",\n \"num_hidden_layers\": %" PRIu64 ",\n"
            " \"num_attention_heads\": %" PRIu64 ",\n \"max_position_embeddings\": %" PRIu64 ",\n",
            s->vocabulary, s->hidden, s->embedding, s->ffn, s->layers, s->heads, s->positions);
    fprintf(file,
            " \"do_layer_norm_before\": %s,\n \"_remove_final_layer_norm\": %s,\n \"enable_bias\": %s,\n"
            " \"layer_norm_elementwise_affine\": %s,\n \"tie_word_embeddings\": %s,\n",
            boolean(!s->post_norm), boolean(s->no_final_norm), boolean(!s->no_bias), boolean(!s->no_norm_parameters),
            boolean(!s->untied));
    fprintf(file,
            " \"bos_token_id\": 2,\n \"eos_token_id\": 2,\n \"pad_token_id\": 1,\n \"init_std\": %.9g,\n"
            " \"prefix\": \"</s>\",\n \"torch_dtype\": \"%s\"\n}\n",
            s->std, names[s->dtype]);
    finish(file, "config.json");
}

/* ---- tokenizer ---- */

/* The character that stands for a byte in GPT-2's vocabularies, as UTF-8. */
static void print_byte(FILE *file, unsigned byte)
{
    unsigned character = byte, shifted = 0;
    for (unsigned b = 0; b <= byte; b++) {
        int printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        if (!printable && b == byte) character = 256 + shifted;
        shifted += !printable;
    }
    if (character == '"' || character == '\\') fputc('\\', file);
    if (character >= 128) fputc((int)(0xc0 | character >> 6), file);
    fputc((int)(character < 128 ? character : (0x80 | (character & 0x3f))), file);
}

/* String number i: 0 is a space, 1 .. 26 the letters, then each string in turn with one more letter behind it,
 * so that string i >= 27 is string (i - 27) / 26 and the letter (i - 27) % 26. */
static void print_string(FILE *file, uint64_t i)
{
    if (i == 0) {
        print_byte(file, ' ');
    } else if (i <= LETTERS) {
        fputc('a' + (int)i - 1, file);
    } else {
        print_string(file, (i - LETTERS - 1) / LETTERS);
        fputc('a' + (int)((i - LETTERS - 1) % LETTERS), file);
    }
}

static void write_tokenizer(const struct settings *s)
{
    uint64_t rest = s->vocabulary - SPECIALS - BYTES, merges = rest < MERGES_MAX ? rest : MERGES_MAX;
    FILE *vocabulary = create(s, "vocab.json"), *file = create(s, "merges.txt");
    uint64_t id = SPECIALS;
    fputs("{\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"<unk>\": 3", vocabulary);
    for (unsigned byte = 0; byte < BYTES; byte++) {
        fputs(", \"", vocabulary);
        print_byte(vocabulary, byte);
        fprintf(vocabulary, "\": %" PRIu64, id++);
    }
    fputs("#version: 0.2\n", file);
    for (uint64_t i = 0; i < merges; i++) {
        fputs(", \"", vocabulary);
        print_string(vocabulary, i + LETTERS + 1);
        fprintf(vocabulary, "\": %" PRIu64, id++);
        print_string(file, i / LETTERS);
        fprintf(file, " %c\n", 'a' + (int)(i % LETTERS));
    }
    for (uint64_t i = 0; id < s->vocabulary; i++)
        fprintf(vocabulary, ", \"madeupword%04" PRIu64 "\": %" PRIu64, i, id++);
    fputs("}", vocabulary);
    finish(vocabulary, "vocab.json");
    finish(file, "merges.txt");
    file = create(s, "tokenizer_config.json");
    fprintf(file,
            "{\n \"tokenizer_class\": \"GPT2Tokenizer\",\n \"add_bos_token\": true,\n \"add_prefix_space\": false,\n"
            " \"bos_token\": \"</s>\",\n \"eos_token\": \"</s>\",\n \"pad_token\": \"<pad>\",\n"
            " \"unk_token\": \"</s>\",\n \"model_max_length\": %" PRIu64 "\n}\n",
            s->positions);
    finish(file, "tokenizer_config.json");
}

/* ---- tensors ---- */

struct tensor {
    char name[112];
    uint64_t rows, columns; /* rows 0: a vector */
    double mean, std;
    uint64_t gained; /* 1: the outlier channels are outlier_gain times larger */
};

struct plan {
    const struct settings *settings;
    struct tensor *tensor;
    uint64_t count;
};

static struct tensor *add(struct plan *plan, const char *module, const char *part, uint64_t rows, uint64_t columns)
{
    struct tensor *tensor = &plan->tensor[plan->count++];
    *tensor = (struct tensor){.rows = rows, .columns = columns, .std = plan->settings->std};
    snprintf(tensor->name, sizeof tensor->name, "%s%s.%s", plan->settings->prefix, module, part);
    return tensor;
}

static void add_norm(struct plan *plan, const char *module)
{
    if (plan->settings->no_norm_parameters) return;
    struct tensor *gain = add(plan, module, "weight", 0, plan->settings->hidden);
    gain->mean = 1;
    gain->std = 0.1;
    gain->gained = 1;
    add(plan, module, "bias", 0, plan->settings->hidden);
}

/* A linear layer whose weights are `scale` times --std and whose bias lies around `mean`. */
static void add_linear(struct plan *plan, const char *module, uint64_t targets, uint64_t sources, double scale,
                       double mean)
{
    add(plan, module, "weight", targets, sources)->std *= scale;
    if (!plan->settings->no_bias) add(plan, module, "bias", 0, targets)->mean = mean;
}

/* The x > 0 whose normal tail is `share`, negative for shares above one half, by bisection. */
static double normal_tail(double share)
{
    double low = -40, high = 40;
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        if (erfc(middle * M_SQRT1_2) / 2 > share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* fc1's inputs are LayerNorm outputs: unit variance times the squared gains. */
static double ffn_bias(const struct settings *s)
{
    double outliers = s->no_norm_parameters ? 0 : (double)s->outliers, gain = s->outlier_gain;
    double squares = (double)s->hidden + outliers * (gain * gain - 1);
    return -normal_tail(s->ffn_active) * s->std * sqrt(squares);
}

static void add_layer(struct plan *plan, uint64_t layer)
{
    static const char *const projections[] = {"k_proj", "v_proj", "q_proj"};
    const struct settings *s = plan->settings;
    double last = 1 / sqrt(2 * (double)s->layers);
    char module[64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(module, sizeof module, "layers.%" PRIu64 ".self_attn.%s", layer, projections[i]);
        add_linear(plan, module, s->hidden, s->hidden, 1, 0);
    }
    snprintf(module, sizeof module, "layers.%" PRIu64 ".self_attn.out_proj", layer);
    add_linear(plan, module, s->hidden, s->hidden, last, 0);
    snprintf(module, sizeof module, "layers.%" PRIu64 ".self_attn_layer_norm", layer);
    add_norm(plan, module);
    snprintf(module, sizeof module, "layers.%" PRIu64 ".fc1", layer);
    add_linear(plan, module, s->ffn, s->hidden, 1, ffn_bias(s));
    snprintf(module, sizeof module, "layers.%" PRIu64 ".fc2", layer);
    add_linear(plan, module, s->hidden, s->ffn, last, 0);
    snprintf(module, sizeof module, "layers.%" PRIu64 ".final_layer_norm", layer);
    add_norm(plan, module);
}

static void make_plan(struct plan *plan, const struct settings *s)
{
    *plan = (struct plan){.settings = s, .tensor = calloc(16 * s->layers + 8, sizeof *plan->tensor)};
    if (plan->tensor == NULL) stop(1, "no memory");
    add(plan, "embed_tokens", "weight", s->vocabulary, s->embedding);
    add(plan, "embed_positions", "weight", s->positions + POSITION_OFFSET, s->hidden);
    if (s->embedding != s->hidden) {
        add(plan, "project_in", "weight", s->hidden, s->embedding);
        add(plan, "project_out", "weight", s->embedding, s->hidden);
    }
    for (uint64_t layer = 0; layer < s->layers; layer++) add_layer(plan, layer);
    if (!s->post_norm && !s->no_final_norm) add_norm(plan, "final_layer_norm");
    if (!s->untied) return;
    struct tensor *head = add(plan, "", "", s->vocabulary, s->embedding);
    snprintf(head->name, sizeof head->name, "lm_head.weight");
}

/* ---- weights ---- */

static uint64_t random_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Mean 0, variance 1, at most 3.47: the sum of four 16-bit numbers. */
static double random_normal(uint64_t *state)
{
    uint64_t bits = random_bits(state);
    uint64_t sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    return ((double)sum - 131070) * (1.7320508075688772 / 65536);
}

/* To the nearest half, ties to even, denormals too; |value| < 65504. */
static uint16_t to_f16(float value)
{
    uint32_t bits, sign;
    float magnitude = fabsf(value);
    if (magnitude < 0x1p-14f) {
        magnitude += 0x1p-1f; /* whose last place is 2^-24, a half's smallest denormal */
        memcpy(&bits, &magnitude, sizeof bits);
        bits -= 0x3f000000u;
    } else {
        memcpy(&bits, &magnitude, sizeof bits);
        bits = (bits + 0xfffu + (bits >> 13 & 1) - 0x38000000u) >> 13;
    }
    memcpy(&sign, &value, sizeof sign);
    return (uint16_t)((sign >> 16 & 0x8000u) | bits);
}

static uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static uint64_t element_size(enum dtype dtype)
{
    return dtype == F32 ? 4 : 2;
}

static uint64_t tensor_bytes(const struct plan *plan, uint64_t t)
{
    const struct tensor *tensor = &plan->tensor[t];
    return (tensor->rows == 0 ? 1 : tensor->rows) * tensor->columns * element_size(plan->settings->dtype);
}

static void store(enum dtype dtype, float value, uint8_t *out)
{
    uint16_t half = dtype == F16 ? to_f16(value) : to_bf16(value);
    if (dtype == F32)
        memcpy(out, &value, sizeof value);
    else
        memcpy(out, &half, sizeof half);
}

/* Outlier channels lie evenly spread, the same ones in every LayerNorm. */
static int is_outlier(const struct settings *s, uint64_t channel)
{
    return (channel * s->outliers + s->outliers) / s->hidden != channel * s->outliers / s->hidden;
}

static void write_tensor(const struct plan *plan, uint64_t t, FILE *file)
{
    static uint8_t block[BLOCK * 4];
    const struct settings *s = plan->settings;
    const struct tensor *tensor = &plan->tensor[t];
    uint64_t size = element_size(s->dtype), left = tensor_bytes(plan, t) / size, at = 0;
    uint64_t state = (s->seed << 20 ^ t) * 0xd1342543de82ef95u;
    while (left > 0) {
        uint64_t n = left < BLOCK ? left : BLOCK;
        for (uint64_t i = 0; i < n; i++, at++) {
            double value = tensor->mean + tensor->std * random_normal(&state);
            if (tensor->gained && is_outlier(s, at)) value *= s->outlier_gain;
            store(s->dtype, (float)value, block + i * size);
        }
        if (fwrite(block, size, n, file) != n) return; /* finish() reports it */
        left -= n;
    }
}

/* ---- safetensors ---- */

/* Tensors [first, end) as one file. */
static void write_file(const struct plan *plan, const char *name, uint64_t first, uint64_t end)
{
    static const char *const names[] = {[F16] = "F16", [BF16] = "BF16", [F32] = "F32"};
    char *header;
    size_t size;
    FILE *text = open_memstream(&header, &size);
    if (text == NULL) stop(1, "no memory");
    fputs("{\"__metadata__\": {\"format\": \"pt\"}", text);
    for (uint64_t t = first, offset = 0; t < end; t++) {
        const struct tensor *tensor = &plan->tensor[t];
        fprintf(text, ", \"%s\": {\"dtype\": \"%s\", \"shape\": [", tensor->name, names[plan->settings->dtype]);
        if (tensor->rows != 0) fprintf(text, "%" PRIu64 ", ", tensor->rows);
        fprintf(text, "%" PRIu64 "], \"data_offsets\": [%" PRIu64 ", ", tensor->columns, offset);
        fprintf(text, "%" PRIu64 "]}", offset += tensor_bytes(plan, t));
    }
    fputc('}', text);
    while (ftell(text) % 8 != 0) fputc(' ', text);
    if (fclose(text) != 0) stop(1, "no memory");
    FILE *file = create(plan->settings, name);
    uint8_t length[8];
    for (unsigned i = 0; i < sizeof length; i++) length[i] = (uint8_t)((uint64_t)size >> 8 * i);
    fwrite(length, 1, sizeof length, file);
    fwrite(header, 1, size, file);
    for (uint64_t t = first; t < end; t++) write_tensor(plan, t, file);
    finish(file, name);
    free(header);
}

/* The first tensor of the file after the one that begins with `first`. */
static uint64_t file_end(const struct plan *plan, uint64_t first)
{
    uint64_t limit = plan->settings->shard_bytes, bytes = tensor_bytes(plan, first), end = first + 1;
    while (end < plan->count && (limit == 0 || bytes + tensor_bytes(plan, end) <= limit))
        bytes += tensor_bytes(plan, end++);
    return end;
}

static void write_weights(const struct plan *plan)
{
    uint64_t files = 0, number = 0, total = 0;
    for (uint64_t t = 0; t < plan->count; t = file_end(plan, t)) files++;
    if (files == 1) {
        write_file(plan, "model.safetensors", 0, plan->count);
        return;
    }
    for (uint64_t t = 0; t < plan->count; t++) total += tensor_bytes(plan, t);
    FILE *index = create(plan->settings, "model.safetensors.index.json");
    fprintf(index, "{\"metadata\": {\"total_size\": %" PRIu64 "}, \"weight_map\": {", total);
    for (uint64_t t = 0, end; t < plan->count; t = end) {
        char name[64];
        snprintf(name, sizeof name, "model-%05" PRIu64 "-of-%05" PRIu64 ".safetensors", ++number, files);
        end = file_end(plan, t);
        write_file(plan, name, t, end);
        for (uint64_t i = t; i < end; i++)
            fprintf(index, "%s\"%s\": \"%s\"", i == 0 ? "" : ", ", plan->tensor[i].name, name);
    }
    fputs("}}\n", index);
    finish(index, "model.safetensors.index.json");
}

int main(int argc, char **argv)
{
    struct settings settings = {.vocabulary = 50272,
                                .positions = 2048,
                                .seed = 1,
                                .std = 0.02,
                                .ffn_active = 0.05,
                                .outlier_gain = 20,
                                .dtype = F16};
    struct plan plan;
    read_options(argc, argv, &settings);
    if (mkdir(settings.folder, 0777) != 0 && errno != EEXIST) stop(1, "%s: %s", settings.folder, strerror(errno));
    write_config(&settings);
    write_tokenizer(&settings);
    make_plan(&plan, &settings);
    write_weights(&plan);
    free(plan.tensor);
    return 0;
}
