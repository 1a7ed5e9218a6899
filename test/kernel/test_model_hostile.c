/* A .snn whose checksums are right and whose numbers lie is refused in one line, or harmless.  Every word of
 * every small section, the header and the section table is replaced by hostile values and sealed again;
 * bytes are read from memory of the exact size, so that ASan sees a read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/model_layout.h"
#include "neurons/oat.h"
#include "test/helpers/tiny_model.h"

static uint8_t *good; /* the file that every case starts from */
static uint64_t good_size;

static int make_good(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    config.embedding = 5;
    struct model *made = tiny_model_mixed(&config, 11, 0, 0);
    good = tiny_model_bytes(made, &good_size);
    tiny_model_free(made);
    return 0;
}

static int free_good(void **state)
{
    (void)state;
    free(good);
    return 0;
}

static const struct snn_section *section_of(const uint8_t *bytes, uint32_t type)
{
    const struct snn_section *section = (const void *)(bytes + sizeof(struct snn_header));
    for (;; section++)
        if (section->type == type) return section;
}

/* What the engine relies on, asserted without the loader's own checks. */
static void assert_harmless(const struct model *model)
{
    const struct graph *graph = model->graph;
    assert_true(model->timesteps >= 1 && model->timesteps <= 16 && model->code <= SPIKE_CODE_TERNARY);
    assert_true(model->residual_grid >= -200 && model->residual_grid <= 200);
    for (uint32_t p = 0; p < graph->populations; p++) {
        const struct population_params *params = &model->population[p];
        assert_true(params->j <= OAT_SHIFT_MAX && params->exponent >= -200 && params->exponent <= 200);
        assert_true(params->scale > 0 && params->scale <= __DBL_MAX__);
        for (uint32_t i = 0; graph->population[p].per_channel && i < graph->population[p].neurons; i++)
            assert_true(params->shift[i] >= 0 && params->shift[i] <= 30);
        if (graph->population[p].code == CODE_HG) assert_true(params->table < model->tables);
    }
    for (uint32_t t = 0; t < model->tables; t++) {
        static const double inputs[] = {-1e300, -40, -1, -1e-9, 0, 1e-300, 1e-5, 1, 3.7, 12, 1e300};
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
            struct hg_code code;
            assert_int_equal(hg_encode(&model->table[t], model->timesteps, inputs[i], &code), 0);
            int64_t value = hg_value(&model->table[t], model->timesteps, &code);
            assert_true(value > -HG_BASE_LIMIT && value < HG_BASE_LIMIT);
        }
    }
    for (uint32_t m = 0; m < graph->matrices; m++) {
        assert_true(model->matrix[m].grid >= -200 && model->matrix[m].grid <= 200);
        assert_true(model->matrix[m].bound < UINT64_C(1) << 62);
        assert_true(model->matrix[m].type < WEIGHT_TYPES);
        assert_int_equal(model->matrix[m].scale != NULL, model->matrix[m].type > WEIGHT_BF16);
        for (uint32_t i = 0; model->matrix[m].scale != NULL && i < graph->matrix[m].targets; i++)
            assert_true(model->matrix[m].scale[i] >= 0x1p-200 && model->matrix[m].scale[i] <= 0x1p200);
        for (uint32_t i = 0; model->matrix[m].bias != NULL && i < graph->matrix[m].targets; i++)
            assert_true(__builtin_fabs(model->matrix[m].bias[i]) <= 0x1p200);
    }
}

static void assert_one_line(const struct lassim_error *error, const char *name)
{
    assert_int_equal(error->status, LASSIM_ERR_FILE);
    assert_memory_equal(error->text, name, strlen(name));
    assert_null(strchr(error->text, '\n'));
    assert_true(strlen(error->text) > strlen(name) + 10);
}

/* Reads bytes [0, size); accepted must be harmless, refused must be one line.  Returns 1 if accepted. */
static int read_hostile(const uint8_t *bytes, uint64_t size, struct lassim_error *error)
{
    struct model *model;
    uint8_t *exact = malloc(size > 0 ? size : 1);
    memcpy(exact, bytes, size);
    memset(error, 0, sizeof *error);
    enum lassim_status status = model_read("hostile.snn", exact, size, &model, error);
    if (status == LASSIM_OK) {
        assert_harmless(model);
        enum lassim_status check = model_check_weights(model, error);
        if (check != LASSIM_OK) assert_one_line(error, "hostile.snn");
        model_close(model);
    } else {
        assert_null(model);
        assert_one_line(error, "hostile.snn");
    }
    free(exact);
    return status == LASSIM_OK;
}

/* One replaced field, sealed; returns 1 if accepted. */
static int read_with(uint64_t offset, const void *value, uint64_t size, struct lassim_error *error)
{
    uint8_t *bytes = malloc(good_size);
    memcpy(bytes, good, good_size);
    memcpy(bytes + offset, value, size);
    snn_seal(bytes, good_size);
    int accepted = read_hostile(bytes, good_size, error);
    free(bytes);
    return accepted;
}

static void the_good_file_is_accepted(void **state)
{
    (void)state;
    struct lassim_error error;
    assert_true(read_hostile(good, good_size, &error));
    assert_int_equal(error.status, LASSIM_OK);
}

static const uint64_t hostile_words[] = {
    0,
    1,
    2,
    11,
    31,
    0x7f,
    0xff,
    0x10000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0xffffff37, /* -201 */
    0x100000000,
    0x3ff0000000000000, /* 1.0 */
    0x4000000000000000, /* 2.0 and 2^62 */
    0x7fefffffffffffff, /* the largest double */
    0x7ff0000000000000, /* infinity */
    0x7ff8000000000000, /* NaN */
    0x7fffffffffffffff,
    0x8000000000000000,
    0xbff0000000000000, /* -1.0 */
    0xffffffffffffffff,
};

/* Every word of [offset, offset + size) takes every hostile value, as 4 and as 8 bytes. */
static void sweep(uint64_t offset, uint64_t size, unsigned *refused, unsigned *accepted)
{
    struct lassim_error error;
    for (uint64_t at = offset; at < offset + size; at += 4) {
        for (size_t i = 0; i < sizeof hostile_words / sizeof *hostile_words; i++) {
            for (uint64_t width = 4; width <= 8; width += 4) {
                if (at % width != 0 || at + width > offset + size) continue;
                if (read_with(at, &hostile_words[i], width, &error))
                    ++*accepted;
                else
                    ++*refused;
            }
        }
    }
}

static void every_word_of_every_record(void **state)
{
    (void)state;
    static const uint32_t types[] = {SNN_CONFIG, SNN_POPULATIONS, SNN_MATRICES, SNN_CHECK, SNN_SHIFTS, SNN_SCALES};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        unsigned refused = 0, accepted = 0;
        const struct snn_section *section = section_of(good, types[i]);
        uint64_t size = section->size < 3000 ? section->size : 3000;
        sweep(section->offset, size / 4 * 4, &refused, &accepted);
        print_message("%s: %u refused, %u harmless\n", snn_section_name(types[i]), refused, accepted);
        assert_true(refused > 0);
    }
}

static void every_word_of_header_and_tables(void **state)
{
    (void)state;
    unsigned refused = 0, accepted = 0;
    const struct snn_header *header = (const void *)good;
    uint64_t head = sizeof *header + header->sections * sizeof(struct snn_section);
    sweep(0, head, &refused, &accepted);
    print_message("header and section table: %u refused, %u harmless\n", refused, accepted);
    assert_true(refused > 100);
    sweep(section_of(good, SNN_NORMS)->offset, 64, &refused, &accepted);
    sweep(section_of(good, SNN_TABLES)->offset, 3 * sizeof(struct snn_table) + 128, &refused, &accepted);
    sweep(section_of(good, SNN_BIASES)->offset, 64, &refused, &accepted);
}

/* A field that must be refused with a word that names what was expected. */
struct lie {
    uint32_t section;
    uint64_t offset;
    uint32_t width;
    uint64_t value;
    const char *word;
};
#define CONFIG(field) SNN_CONFIG, offsetof(struct snn_config, field), sizeof((struct snn_config){0}.field)
#define POPULATION(p, field)                                                                       \
    SNN_POPULATIONS, (p) * sizeof(struct snn_population) + offsetof(struct snn_population, field), \
        sizeof((struct snn_population){.kind = 0}.field)
#define MATRIX(m, field)                                                                \
    SNN_MATRICES, (m) * sizeof(struct snn_matrix) + offsetof(struct snn_matrix, field), \
        sizeof((struct snn_matrix){.grid = 0}.field)
#define TABLE(t, field)                                                             \
    SNN_TABLES, (t) * sizeof(struct snn_table) + offsetof(struct snn_table, field), \
        sizeof((struct snn_table){.lo = 0}.field)
#define CHECK(field) SNN_CHECK, offsetof(struct snn_check, field), sizeof((struct snn_check){0}.field)
#define NAN_BITS 0x7ff8000000000000
#define INFINITY_BITS 0x7ff0000000000000

/* Matrices: 0 tok (F32), 1 pos (F16), 2 project_in (BF16), 3 q (I16), 4 k (I8), 5 v (I4), 6 o (F32), ...
 * Populations: 0 tok, 1 pos, 2 embed, 3 norm1.res, 5 rstd, 6 ln, 7 q, 8 k, 9 v, 10 exp, 11 e, 12 inv. */
static const struct lie lies[] = {
    {CONFIG(timesteps), 0, "timesteps must be 1 .. 16"},
    {CONFIG(timesteps), 17, "timesteps must be 1 .. 16"},
    {CONFIG(code), 2, "code must be"},
    {CONFIG(residual_grid), 201, "residual grid"},
    {CONFIG(residual_grid), 0x80000000, "residual grid"},
    {CONFIG(block_neurons), 1, "block size"},
    {CONFIG(tables), 0, "tables must be"},
    {CONFIG(tables), 17, "tables must be"},
    {CONFIG(tables), 4, "section tables"},
    {CONFIG(populations), 1, "counts"},
    {CONFIG(matrices), 1, "counts"},
    {CONFIG(norms), 1, "counts"},
    {CONFIG(family), 9, "family"},
    {CONFIG(layers), 1024, "section config"},
    {CONFIG(heads), 3, "heads must divide"},
    {CONFIG(bos), 11, "bos"},
    {CONFIG(norm_epsilon), NAN_BITS, "norm epsilon"},
    {CONFIG(norm_epsilon), 0x3d80000000000000, "1/sqrt must cover the norm epsilon"},
    {CONFIG(reserved), 1, "reserved"},
    {CONFIG(zero), 1, "reserved"},
    {CONFIG(kv_heads), 0, "must be given"},
    {CONFIG(kv_heads), 3, "key and value heads"},
    {CONFIG(head_dim), 0, "must be given"},
    {CONFIG(head_dim), 1 << 20, "heads"},
    {CONFIG(score_scale), 0, "must be given"},
    {CONFIG(score_scale), NAN_BITS, "score scale"},
    {CONFIG(norm_kind), 2, "norm kind"},
    {CONFIG(norm_kind), 1, "LayerNorm"},
    {CONFIG(activation), 5, "activation"},
    {CONFIG(gated), 2, "gated"},
    {CONFIG(rotary), 1, "rotary"},
    {CONFIG(encoder), 2, "encoder"},
    {CONFIG(token_types), 1 << 20, "token types"},
    {CONFIG(head), 4, "head must be"},
    {CONFIG(labels), 2, "labels"},
    {CONFIG(score_by_layer), 2, "score_by_layer"},
    {POPULATION(3, fan_out), 3, "what the configuration implies"},
    {POPULATION(3, level), 77, "layers.0.norm1.res"},
    {POPULATION(4, kind), 99, "what the configuration implies"},
    {POPULATION(7, neurons), 9, "what the configuration implies"},
    {POPULATION(7, timesteps), 17, "timesteps must be 0 .. the model's"},
    {POPULATION(0, timesteps), 1, "0 for an input"},
    {POPULATION(7, zero), 1, "reserved bytes"},
    {POPULATION(7, reserved), 1, "reserved bytes"},
    {POPULATION(7, j), 11, "layers.0.q: j must be 0 .. 10"},
    {POPULATION(7, j), 0xffffffff, "j must be 0 .. 10"},
    {POPULATION(7, exponent), 201, "exponent must be"},
    {POPULATION(7, exponent), 200, "alpha"},
    {POPULATION(7, scale), 0, "scale must be"},
    {POPULATION(7, scale), 0xbff0000000000000, "scale must be"},
    {POPULATION(7, scale), NAN_BITS, "scale must be"},
    {POPULATION(7, scale), INFINITY_BITS, "scale must be"},
    {POPULATION(7, scale), 1, "alpha"},
    {POPULATION(7, scale), 0x7fefffffffffffff, "alpha"},
    {POPULATION(7, table), 0, "has no table"},
    {POPULATION(7, calibrated_max), NAN_BITS, "calibrated maximum"},
    {POPULATION(10, table), 3, "table index"},
    {POPULATION(10, table), 1, "the table must be of"},
    {POPULATION(12, table), 0, "the table must be of"},
    {POPULATION(5, table), 1, "the table must be of"},
    {POPULATION(11, j), 2, "e must have"},
    {POPULATION(11, scale), 0x4000000000000000, "e must have"},
    {POPULATION(11, exponent), 1, "e must have"},
    {POPULATION(0, scale), 0x4000000000000000, "must have scale 1"},
    {POPULATION(0, table), 0, "input population has no table"},
    {POPULATION(10, j), 1, "must have scale 1"},
    {MATRIX(3, type), WEIGHT_TYPES, "type must be"},
    {MATRIX(3, type), 1, "section scales"},
    {MATRIX(3, type), 4, "within the type's range"},
    {MATRIX(4, type), 3, "expected"},
    {MATRIX(4, type), 5, "expected"},
    {MATRIX(3, grid), 1, "grid must be 0"},
    {MATRIX(5, grid), 0xffffffff, "grid must be 0"},
    {MATRIX(3, integer_max), 32768, "within the type's range"},
    {MATRIX(4, integer_max), 128, "within the type's range"},
    {MATRIX(5, integer_max), 1786, "within the type's range"},
    {MATRIX(7, type), 3, "grid must be 0 with integer weights"},
    {MATRIX(6, type), 1, "expected"},
    {MATRIX(6, grid), 201, "grid must be"},
    {MATRIX(6, grid), 0xffffff37, "grid must be"},
    {MATRIX(6, integer_max), UINT64_C(1) << 62, "integer_max must be"},
    {MATRIX(6, integer_max), UINT64_C(1) << 50, "bound must be"},
    {MATRIX(6, bound), UINT64_C(1) << 62, "bound must be"},
    {MATRIX(6, bound), UINT64_MAX, "bound must be"},
    {MATRIX(6, bound), 0, "bound must be"},
    {MATRIX(6, bound), 64, "bound must be at least"},
    {MATRIX(6, moved), 65, "more weights moved"},
    {MATRIX(6, moved_max), NAN_BITS, "moved_max"},
    {MATRIX(6, has_bias), 2, "has_bias"},
    {MATRIX(0, has_bias), 1, "has_bias"},
    {MATRIX(6, has_bias), 0, "section biases"},
    {MATRIX(6, sources), 1, "what the configuration implies"},
    {TABLE(0, function), 10, "function must be"},
    {TABLE(0, rows), 0xffffffff, "section tables"},
    {TABLE(0, rows), 1, "section tables"},
    {TABLE(0, lo), 0x80000000, "octaves"},
    {TABLE(0, hi), 65, "octaves"},
    {TABLE(0, sub_bits), 17, "sub_bits"},
    {TABLE(0, positive), 2, "flags"},
    {TABLE(0, positive), 1, "not defined on a side"},
    {TABLE(0, silent_beyond), 0, "exp must be silent"},
    {TABLE(0, underflow), 0, "underflow"},
    {TABLE(0, output_grid), 0xffffffe0, "exp must have an output grid"},
    {TABLE(0, output_grid), 0xffffffc0, "exp must have an output grid"},
    {TABLE(0, error), NAN_BITS, "error must be"},
    {TABLE(0, error_kind), 2, "error_kind"},
    {TABLE(1, hi), 64, "input grid"},
    {TABLE(2, function), HG_INV, "the table must be of"},
    {SNN_TABLES, sizeof(struct snn_table) + offsetof(struct snn_table, lo), 8, UINT64_C(5) << 32 | 1, "1/x must cover"},
    {CHECK(ppl_dense), NAN_BITS, "perplexities"},
    {CHECK(kl_max), INFINITY_BITS, "divergences"},
    {CHECK(top1_agreement), 0x4000000000000000, "top-1"},
    {CHECK(reserved), 1, "reserved"},
    {SNN_SHIFTS, 0, 1, 31, "shifts must be 0 .. 30"},
    {SNN_SHIFTS, 3, 1, 0xff, "shifts must be 0 .. 30"},
    {SNN_NORMS, 0, 4, 2, "affine must be"},
    {SNN_NORMS, 0, 4, 0, "not the size"},
    {SNN_NORMS, 3 * sizeof(struct snn_norm), 8, NAN_BITS, "gamma and beta"},
    {SNN_BIASES, 8, 8, INFINITY_BITS, "biases must be"},
    {SNN_BIASES, 8, 8, 0x7fe0000000000000, "biases must be"},
    {SNN_SCALES, 0, 8, 0, "scales, layers.0.q: scales must be 2^-200 .. 2^200"},
    {SNN_SCALES, 8, 8, NAN_BITS, "scales must be"},
    {SNN_SCALES, 8, 8, INFINITY_BITS, "scales must be"},
    {SNN_SCALES, 64, 8, 0xbff0000000000000, "scales, layers.0.k: scales must be"},
    {SNN_SCALES, 128, 8, 0x4c80000000000000, "scales, layers.0.v: scales must be"}, /* 2^201 */
    {SNN_SCALES, 128, 8, 0x3360000000000000, "scales must be"},                     /* 2^-201 */
    {SNN_TABLES, 3 * sizeof(struct snn_table), 8, 5, "exp(0) must be 1"},
    {SNN_TABLES, 3 * sizeof(struct snn_table) + 8, 8, UINT64_C(1) << 60, "exp must lie"},
    {SNN_TABLES, 3 * sizeof(struct snn_table) + 8, 8, UINT64_C(1) << 61, "below 2^61"},
    {SNN_PROMPT, 0, 1, 0xff, "UTF-8"},
    {SNN_PROMPT, 0, 1, 0, "UTF-8 without NUL"},
    {SNN_READOUT, 2, 1, 0xff, "UTF-8"},
    {SNN_PROVENANCE, 1, 1, 0xc0, "UTF-8"},
};

static void each_lie_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct lassim_error error;
        uint64_t offset = section_of(good, lies[i].section)->offset + lies[i].offset;
        if (read_with(offset, &lies[i].value, lies[i].width, &error))
            fail_msg("lie %zu (%s) was accepted", i, lies[i].word);
        if (strstr(error.text, lies[i].word) == NULL)
            fail_msg("lie %zu: \"%s\" lacks \"%s\"", i, error.text, lies[i].word);
    }
}

/* Thresholds each in range whose products are not. */
static void products_are_bounded(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    uint64_t size;
    struct model_config config = tiny_config();
    config.heads = 1;
    config.hidden = 1 << 10;
    config.positions = 4;
    config.position_rows = 6;
    struct model *made = tiny_model_new(&config, 5, 1), *model;
    uint8_t *bytes = tiny_model_bytes(made, &size);
    struct snn_population *record = (void *)(bytes + section_of(bytes, SNN_POPULATIONS)->offset);
    for (uint32_t p = 0; p < made->graph->populations; p++)
        if (made->graph->population[p].kind == POPULATION_QUERY || made->graph->population[p].kind == POPULATION_KEY)
            record[p].j = 10;
    snn_seal(bytes, size);
    assert_int_equal(model_read("m", bytes, size, &model, &error), LASSIM_OK);
    model_close(model);
    free(bytes);
    tiny_model_free(made);
    config.hidden = 1 << 11;
    made = tiny_model_new(&config, 5, 1);
    bytes = tiny_model_bytes(made, &size);
    record = (void *)(bytes + section_of(bytes, SNN_POPULATIONS)->offset);
    for (uint32_t p = 0; p < made->graph->populations; p++)
        if (made->graph->population[p].kind == POPULATION_QUERY || made->graph->population[p].kind == POPULATION_KEY)
            record[p].j = 10;
    snn_seal(bytes, size);
    assert_int_equal(model_read("m", bytes, size, &model, &error), LASSIM_ERR_FILE);
    assert_string_equal(error.text, "m: section populations, layers.0.k: q.k over a head must stay below 2^62");
    free(bytes);
    tiny_model_free(made);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct lassim_error error;
    uint8_t *bytes = malloc(good_size);
    for (uint64_t size = 0; size < good_size; size++) {
        assert_false(read_hostile(good, size, &error));
        if (size < sizeof(struct snn_header)) continue;
        memcpy(bytes, good, good_size);
        ((struct snn_header *)(void *)bytes)->file_size = size;
        snn_seal(bytes, size);
        assert_false(read_hostile(bytes, size, &error));
    }
    free(bytes);
}

static void trailing_and_gap_bytes_are_refused(void **state)
{
    (void)state;
    struct lassim_error error;
    uint8_t *bytes = calloc(1, good_size + 64);
    memcpy(bytes, good, good_size);
    ((struct snn_header *)(void *)bytes)->file_size = good_size + 64;
    snn_seal(bytes, good_size + 64);
    assert_false(read_hostile(bytes, good_size + 64, &error));
    assert_non_null(strstr(error.text, "after the last section"));
    free(bytes);
    const struct snn_section *section = (const void *)(good + sizeof(struct snn_header));
    while (section[0].offset + section[0].size == section[1].offset) section++;
    assert_false(read_with(section[0].offset + section[0].size, "x", 1, &error));
    assert_non_null(strstr(error.text, "gap"));
}

static void swapped_and_missing_sections_are_refused(void **state)
{
    (void)state;
    struct lassim_error error;
    const struct snn_header *header = (const void *)good;
    const struct snn_section *section = (const void *)(good + sizeof *header);
    for (uint32_t e = 0; e + 1 < header->sections; e++) {
        struct snn_section swapped[2] = {section[e + 1], section[e]};
        assert_false(read_with(sizeof *header + e * sizeof *section, swapped, sizeof swapped, &error));
        struct snn_section twice[2] = {section[e], section[e]};
        assert_false(read_with(sizeof *header + e * sizeof *section, twice, sizeof twice, &error));
    }
    uint32_t fewer = header->sections - 1;
    assert_false(read_with(offsetof(struct snn_header, sections), &fewer, sizeof fewer, &error));
}

/* Without sealing, every single flipped bit is found: by reading, or among the weights by their check. */
static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct model *model;
    struct lassim_error error;
    uint8_t *bytes = malloc(good_size);
    for (uint64_t at = 0; at < good_size; at++) {
        memcpy(bytes, good, good_size);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        enum lassim_status status = model_read("flipped", bytes, good_size, &model, &error);
        if (status == LASSIM_OK) {
            status = model_check_weights(model, &error);
            assert_non_null(strstr(error.text, "checksum does not match"));
            model_close(model);
        }
        if (status != LASSIM_ERR_FILE) fail_msg("flip at byte %llu was not found", (unsigned long long)at);
    }
    free(bytes);
}

/* Right checksums, wrong weights: only the proof finds them. */
static void weights_are_proved(void **state)
{
    (void)state;
    static const struct {
        uint32_t m, at; /* at: byte in the matrix's section */
        uint64_t bits;
        uint32_t width;
        const char *word;
    } cases[] = {
        {0, 0, 0x7fc00000, 4, "row 0, column 0: weight must be finite"},
        {0, 0, 0x7f800000, 4, "must be finite"},
        {0, 0, 0x7f000000, 4, "below 2^62"},
        {0, 0, 0x3c000000, 4, "multiple of 2^grid"},
        {1, 0, 0x7c00, 2, "must be finite"},
        {1, 0, 0x0001, 2, "multiple of 2^grid"},
        {2, 0, 0x7f80, 2, "must be finite"},
        {2, 0, 0x4100, 2, "integer_max"},
        {6, 0, 0x41000000, 4, "integer_max"},
        {3, 0, 1, 2, "integer_max"},
        {3, 18, 0x8000, 2, "row 1, column 1: an I16 weight must be -32767 .. 32767"},
        {4, 0, 1, 1, "integer_max"},
        {4, 63, 0x80, 1, "row 7, column 7: an I8 weight must be -127 .. 127"},
        {5, 0, 1, 1, "integer_max"},
        {5, 1, 0, 1, "row 0, column 1: an I4 group scale must be 1 .. 255"},
        {5, 8, 1, 1, "row 0, column 8: the padding of I4 rows must be 0"},
        {5, 32, 0x08, 1, "row 0, column 0: an I4 weight must be -7 .. 7"},
        {5, 32 + 16 + 3, 0x11, 1, "row 1, column 19: the padding of I4 rows must be 0"},
        {5, 32 + 7 * 16 + 15, 0x01, 1, "row 7, column 15: the padding of I4 rows must be 0"},
        {10, 0, 1, 1, "integer_max"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lassim_error error;
        uint64_t offset = section_of(good, SNN_WEIGHTS)[cases[i].m].offset + cases[i].at;
        assert_true(read_with(offset, &cases[i].bits, cases[i].width, &error));
        if (error.status != LASSIM_ERR_FILE || strstr(error.text, cases[i].word) == NULL)
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, error.text, cases[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_file_is_accepted),
        cmocka_unit_test(every_word_of_every_record),
        cmocka_unit_test(every_word_of_header_and_tables),
        cmocka_unit_test(each_lie_is_named),
        cmocka_unit_test(products_are_bounded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(trailing_and_gap_bytes_are_refused),
        cmocka_unit_test(swapped_and_missing_sections_are_refused),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(weights_are_proved),
    };
    return cmocka_run_group_tests(tests, make_good, free_good);
}
