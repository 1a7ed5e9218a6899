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
#include <math.h>
#include <sys/stat.h>

#include "bench/checkpoint/texts.h"

enum { POSITION_OFFSET = 2, BLOCK = 1 << 15 };

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
