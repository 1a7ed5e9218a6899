/* outlier_checkpoint CKPT_DIR OUT.safetensors SEED FACTOR: the weights of an OPT checkpoint in F32, with outliers in
 * every layer: gamma and beta of 2 % of the channels (chosen by SEED, for each of the layer's two LayerNorms) are
 * multiplied by FACTOR, a power of two, and the matching columns of the matrices that read that norm divided by it.
 * The function of the network is unchanged. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/checkpoint.h"

enum { PERCENT = 2, CHANNELS_MAX = 1 << 16, HEADER_MAX = 1 << 20, SEGMENT = 1024 };

struct copy {
    const struct checkpoint *checkpoint;
    uint64_t seed;
    float factor;
    uint8_t chosen[CHANNELS_MAX]; /* channels of the norm that the tensor at hand belongs to */
    unsigned scaled;              /* tensors that changed */
    FILE *out;
};

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 2 % of `channels`, rounded, at least one, for norm 0 or 1 of `layer`. */
static void choose_channels(struct copy *copy, unsigned layer, unsigned norm, uint64_t channels)
{
    uint64_t state = copy->seed * 1000003 + 2 * layer + norm, wanted = (channels * PERCENT + 50) / 100;
    memset(copy->chosen, 0, sizeof copy->chosen);
    for (uint64_t left = wanted > 0 ? wanted : 1; left > 0;) {
        uint64_t channel = splitmix(&state) % channels;
        left -= !copy->chosen[channel];
        copy->chosen[channel] = 1;
    }
}

/* What the chosen channels of this tensor (its last dimension) are multiplied by; 1: the tensor stays. */
static float scale_of(struct copy *copy, const struct checkpoint_tensor *tensor)
{
    static const struct {
        const char *name;
        unsigned norm;
        int divides;
    } scaled[] = {
        {"self_attn_layer_norm.weight", 0, 0}, {"self_attn_layer_norm.bias", 0, 0},
        {"self_attn.q_proj.weight", 0, 1},     {"self_attn.k_proj.weight", 0, 1},
        {"self_attn.v_proj.weight", 0, 1},     {"final_layer_norm.weight", 1, 0},
        {"final_layer_norm.bias", 1, 0},       {"fc1.weight", 1, 1},
    };
    const char *at = strstr(tensor->name, "layers.");
    unsigned layer;
    int length = 0;
    if (at == NULL || sscanf(at, "layers.%u.%n", &layer, &length) != 1 || length == 0) return 1;
    for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++) {
        if (strcmp(at + length, scaled[i].name) != 0) continue;
        choose_channels(copy, layer, scaled[i].norm, tensor->shape[tensor->rank - 1]);
        copy->scaled++;
        return scaled[i].divides ? 1 / copy->factor : copy->factor;
    }
    return 1;
}

static void write_header(const struct copy *copy)
{
    char *header = malloc(HEADER_MAX);
    size_t size = 0;
    uint64_t offset = 0;
    if (header == NULL) abort();
    header[size++] = '{';
    for (size_t t = 0; t < checkpoint_tensors(copy->checkpoint) && size < HEADER_MAX - 1024; t++) {
        const struct checkpoint_tensor *tensor = checkpoint_tensor_at(copy->checkpoint, t);
        char shape[256];
        tensor_shape_text(tensor->shape, tensor->rank, shape, sizeof shape);
        size += (size_t)snprintf(header + size, HEADER_MAX - size,
                                 "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                                 t > 0 ? "," : "", tensor->name, shape, offset, offset + 4 * tensor->elements);
        offset += 4 * tensor->elements;
    }
    header[size++] = '}';
    uint64_t length = size; /* the machine is little-endian, as the format is */
    fwrite(&length, sizeof length, 1, copy->out);
    fwrite(header, 1, size, copy->out);
    free(header);
}

static void write_tensor(struct copy *copy, const struct checkpoint_tensor *tensor)
{
    float scale = scale_of(copy, tensor), w[SEGMENT];
    uint64_t width = tensor->shape[tensor->rank - 1];
    for (uint64_t at = 0; at < tensor->elements; at += SEGMENT) {
        uint64_t n = tensor->elements - at < SEGMENT ? tensor->elements - at : SEGMENT;
        checkpoint_tensor_f32(tensor, at, n, w);
        for (uint64_t i = 0; scale != 1 && i < n; i++)
            if (copy->chosen[(at + i) % width]) w[i] *= scale;
        fwrite(w, sizeof *w, n, copy->out);
    }
}

int main(int argc, char **argv)
{
    static struct copy copy;
    struct checkpoint *checkpoint;
    struct lassim_error error;
    if (argc != 5) {
        fprintf(stderr, "usage: outlier_checkpoint CKPT_DIR OUT.safetensors SEED FACTOR\n");
        return 2;
    }
    if (checkpoint_open(argv[1], &checkpoint, &error) != LASSIM_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 3;
    }
    copy.checkpoint = checkpoint;
    copy.seed = strtoull(argv[3], NULL, 10);
    copy.factor = strtof(argv[4], NULL);
    copy.out = fopen(argv[2], "wb");
    if (copy.out == NULL) {
        perror(argv[2]);
        return 1;
    }
    write_header(&copy);
    for (size_t t = 0; t < checkpoint_tensors(checkpoint); t++)
        write_tensor(&copy, checkpoint_tensor_at(checkpoint, t));
    int failed = ferror(copy.out) | fclose(copy.out);
    printf("%u tensors scaled\n", copy.scaled);
    checkpoint_close(checkpoint);
    return failed != 0 || copy.scaled == 0;
}
