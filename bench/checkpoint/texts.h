/* The files of a checkpoint beside its weights: config.json and the tokenizer's. */
#ifndef LASSIM_BENCH_CHECKPOINT_TEXTS_H
#define LASSIM_BENCH_CHECKPOINT_TEXTS_H

#include "bench/checkpoint/settings.h"

enum { MERGES_MAX = 50000, LETTERS = 26 };

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

#endif
