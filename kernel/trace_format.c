#include "kernel/trace_format.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "neurons/hg.h"
#include "neurons/oat.h"

void trace_put32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) out[i] = (uint8_t)(value >> 8 * i);
}

void trace_put64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) out[i] = (uint8_t)(value >> 8 * i);
}

uint32_t trace_get32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

uint64_t trace_get64(const uint8_t *in)
{
    return trace_get32(in) | (uint64_t)trace_get32(in + 4) << 32;
}

size_t trace_put_varint(uint8_t *out, uint64_t value)
{
    size_t used = 0;
    for (; value >= 0x80; value >>= 7) out[used++] = (uint8_t)(value | 0x80);
    out[used++] = (uint8_t)value;
    return used;
}

size_t trace_get_varint(const uint8_t *in, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < size && i < TRACE_VARINT_MAX; i++) {
        uint64_t bits = in[i] & 0x7f;
        if (i == TRACE_VARINT_MAX - 1 && bits > 1) return 0;
        *value |= bits << 7 * i;
        if (in[i] < 0x80) return i > 0 && bits == 0 ? 0 : i + 1;
    }
    return 0;
}

unsigned trace_steps(const struct trace_header_info *info, const struct trace_population *population)
{
    return population->timesteps != 0 ? population->timesteps : info->timesteps;
}

uint32_t trace_gates(const struct trace_population *population)
{
    return population->code == CODE_HG ? population->octave_gates + (UINT32_C(1) << population->sub_bits) : 0;
}

unsigned trace_octave_bits(const struct trace_population *population)
{
    unsigned bits = 0;
    while (UINT32_C(1) << bits < population->octave_gates) bits++;
    return bits;
}

uint32_t trace_record_neurons(const struct trace_population *population, uint32_t span)
{
    return population->heads > 0 ? population->heads * span : population->neurons;
}

unsigned trace_rice_parameter(uint32_t n, uint32_t active)
{
    unsigned k = 0;
    while ((uint64_t)active << (k + 1) < n - active) k++;
    return k;
}

size_t trace_payload_max(const struct trace_header_info *info, uint32_t population)
{
    const struct trace_population *row = &info->population[population];
    /* Gaps cost at most a bit a neuron, n in all: at most (n - active) / 2^k + active (1 + k), where k > 0
     * only if 2^k active < n - active. */
    size_t bits = 1 + trace_steps(info, row);
    if (row->code == CODE_OAT) bits += 2;
    if (row->code == CODE_HG) bits += trace_octave_bits(row) + row->sub_bits;
    return TRACE_VARINT_MAX + 1 + row->neurons * bits / 8 + 1;
}

size_t trace_record_max(const struct trace_header_info *info, uint32_t population)
{
    return 4 * TRACE_VARINT_MAX + trace_payload_max(info, population);
}

const char *trace_code_name(uint32_t code_kind)
{
    static const char *const names[] = {"input", "oat", "hg"};
    return code_kind <= CODE_HG ? names[code_kind] : "unknown";
}

const char *trace_spike_code_name(uint32_t spike_code)
{
    static const char *const names[] = {"radix", "ternary"};
    return spike_code <= SPIKE_CODE_TERNARY ? names[spike_code] : "unknown";
}

int trace_key_before(const struct trace_header_info *info, const struct trace_key *a, const struct trace_key *b)
{
    if (a->window != b->window) return a->window < b->window;
    uint32_t level_a = info->population[a->population].level, level_b = info->population[b->population].level;
    if (level_a != level_b) return level_a < level_b;
    if (a->population != b->population) return a->population < b->population;
    return a->token < b->token;
}

static const char *code_check(const struct trace_population *row)
{
    if (row->code > CODE_HG) return "code is none of input, oat, hg";
    if (row->code != CODE_OAT && row->j != 0) return "outlier shift without an OAT code";
    if (row->j > OAT_SHIFT_MAX) return "outlier shift above 10";
    if (row->code != CODE_HG) return row->octave_gates | row->sub_bits ? "gates without an HG code" : NULL;
    if (row->octave_gates == 0 || row->octave_gates > UINT16_MAX) return "octave gates not in 1 .. 65535";
    if (row->sub_bits > HG_SUB_BITS_MAX) return "sub-interval bits above 16";
    if ((uint64_t)row->neurons * trace_gates(row) > UINT64_C(1) << 32) return "neurons x gates above 2^32";
    return NULL;
}

static const char *population_check(const struct trace_population *row)
{
    size_t length = strnlen(row->name, TRACE_NAME);
    if (length == 0 || length == TRACE_NAME) return "name is empty or not terminated";
    for (size_t i = 0; i < length; i++)
        if (row->name[i] < 0x21 || row->name[i] > 0x7e || strchr("\"\\,", row->name[i]) != NULL)
            return "name has characters other than printable ASCII";
    for (size_t i = length; i < TRACE_NAME; i++)
        if (row->name[i] != '\0') return "bytes after the name are not 0";
    if (row->kind > UINT16_MAX) return "kind above 65535";
    if (row->neurons == 0 || row->neurons > TRACE_NEURONS_MAX) return "neurons not in 1 .. 2^28";
    if (row->block_neurons == 0) return "block of 0 neurons";
    if ((row->heads == 0) != (row->positions == 0)) return "only one of heads and positions is 0";
    if (row->heads > 0 && (uint64_t)row->heads * row->positions != row->neurons)
        return "neurons is not heads x positions";
    return code_check(row);
}

const char *trace_info_check(const struct trace_header_info *info, uint32_t *population)
{
    *population = UINT32_MAX;
    if (info->timesteps < 1 || info->timesteps > SPIKE_STEPS_MAX) return "T is not in 1 .. 16";
    if (info->code > SPIKE_CODE_TERNARY) return "code is neither radix nor ternary";
    if (info->populations < 1 || info->populations > TRACE_POPULATIONS_MAX) return "populations not in 1 .. 65536";
    for (*population = 0; *population < info->populations; ++*population) {
        const char *reason = population_check(&info->population[*population]);
        if (reason != NULL) return reason;
        const struct trace_population *row = &info->population[*population];
        if (row->timesteps >= info->timesteps) return "timesteps of its own are not below the window's";
        if (row->code == CODE_INPUT && row->timesteps != 0) return "timesteps of its own without a code";
    }
    *population = UINT32_MAX;
    return NULL;
}

static void row_from_model(const struct model *model, uint32_t timesteps, uint32_t p, struct trace_population *row)
{
    const struct population *population = &model->graph->population[p];
    const struct population_params *params = &model->population[p];
    memcpy(row->name, population->name, strnlen(population->name, TRACE_NAME - 1));
    row->kind = population->kind;
    row->code = population->code;
    row->layer = population->layer;
    row->level = population->level;
    row->neurons = population->neurons;
    row->fan_out = population->fan_out;
    row->block_neurons = GRAPH_BLOCK_NEURONS;
    if (population->code != CODE_INPUT && params->steps < timesteps) row->timesteps = params->steps;
    if (population->code == CODE_OAT) row->j = params->j;
    if (population->code == CODE_HG) {
        const struct hg_table *table = &model->table[params->table];
        row->sub_bits = table->sub_bits;
        row->octave_gates = hg_gates(table) - (UINT32_C(1) << table->sub_bits);
    }
    if (population->visible_only) {
        row->heads = model->graph->config.heads;
        row->positions = population->neurons / row->heads;
    }
}

enum lassim_status trace_info_from_model(const struct model *model, uint32_t timesteps, struct trace_header_info *info,
                                         struct lassim_error *error)
{
    *info = (struct trace_header_info){.model_hash = model->hash,
                                       .timesteps = timesteps,
                                       .code = model->code,
                                       .vocabulary = model->graph->config.vocabulary,
                                       .populations = model->graph->populations};
    info->population = calloc(info->populations, sizeof *info->population);
    if (info->population == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the trace");
    for (uint32_t p = 0; p < info->populations; p++) row_from_model(model, timesteps, p, &info->population[p]);
    uint32_t bad;
    const char *reason = trace_info_check(info, &bad);
    if (reason == NULL) return LASSIM_OK;
    lassim_fail(error, LASSIM_ERR_RUN, NULL, bad == UINT32_MAX ? "trace header" : info->population[bad].name,
                "cannot be traced: %s", reason);
    trace_info_free(info);
    return LASSIM_ERR_RUN;
}

void trace_info_free(struct trace_header_info *info)
{
    free(info->population);
    *info = (struct trace_header_info){0};
}

size_t trace_header_bytes(uint32_t populations, int perturbed)
{
    return TRACE_HEADER_BYTES + (size_t)populations * TRACE_POPULATION_BYTES +
           (perturbed ? TRACE_PERTURBATION_BYTES : 0) + 8;
}

/* The words of a row after its name, in file order. */
#define TRACE_ROW_WORDS(X) \
    X(0, kind)             \
    X(1, code)             \
    X(2, layer)            \
    X(3, level)            \
    X(4, neurons)          \
    X(5, fan_out)          \
    X(6, block_neurons)    \
    X(7, octave_gates)     \
    X(8, sub_bits)         \
    X(9, j)                \
    X(10, heads)           \
    X(11, positions)       \
    X(12, timesteps)

static void row_encode(const struct trace_population *row, uint8_t *out)
{
    memcpy(out, row->name, TRACE_NAME);
#define TRACE_ROW_PUT(i, field) trace_put32(out + TRACE_NAME + 4 * (i), (uint32_t)row->field);
    TRACE_ROW_WORDS(TRACE_ROW_PUT)
#undef TRACE_ROW_PUT
}

static void perturbation_encode(const struct trace_perturbation *perturbation, uint8_t *out)
{
    const struct perturbation *rule = &perturbation->rule;
    uint64_t noise;
    memcpy(&noise, &rule->noise, sizeof noise);
    trace_put64(out, rule->seed);
    trace_put64(out + 8, (uint64_t)(rule->drop * 0x1p53));
    trace_put64(out + 16, noise);
    trace_put64(out + 24, perturbation->stuck);
    trace_put64(out + 32, perturbation->stuck_hash);
}

const char *trace_perturbation_decode(const uint8_t *in, struct trace_perturbation *perturbation)
{
    uint64_t below = trace_get64(in + 8), noise = trace_get64(in + 16);
    *perturbation = (struct trace_perturbation){
        .on = 1, .rule.seed = trace_get64(in), .stuck = trace_get64(in + 24), .stuck_hash = trace_get64(in + 32)};
    memcpy(&perturbation->rule.noise, &noise, sizeof noise);
    if (below > UINT64_C(1) << 53) return "chance of a spike to be lost above 1";
    perturbation->rule.drop = (double)below * 0x1p-53;
    if (!(perturbation->rule.noise >= 0 && perturbation->rule.noise <= PERTURB_NOISE_MAX))
        return "threshold noise out of range";
    return NULL;
}

void trace_header_encode(const struct trace_header_info *info, uint8_t *out)
{
    int perturbed = info->perturbation.on;
    size_t size = trace_header_bytes(info->populations, perturbed);
    trace_put64(out, TRACE_MAGIC);
    trace_put32(out + 8, TRACE_VERSION);
    trace_put32(out + 12, (uint32_t)size);
    trace_put64(out + 16, info->model_hash);
    trace_put32(out + 24, info->timesteps);
    trace_put32(out + 28, info->code | (perturbed ? TRACE_PERTURBED : 0));
    trace_put32(out + 32, info->vocabulary);
    trace_put32(out + 36, info->populations);
    for (uint32_t p = 0; p < info->populations; p++)
        row_encode(&info->population[p], out + TRACE_HEADER_BYTES + (size_t)p * TRACE_POPULATION_BYTES);
    if (perturbed) perturbation_encode(&info->perturbation, out + size - 8 - TRACE_PERTURBATION_BYTES);
    trace_put64(out + size - 8, XXH3_64bits(out, size - 8));
}

void trace_row_decode(const uint8_t *in, struct trace_population *row)
{
    memcpy(row->name, in, TRACE_NAME);
#define TRACE_ROW_GET(i, field) row->field = (__typeof__(row->field))trace_get32(in + TRACE_NAME + 4 * (i));
    TRACE_ROW_WORDS(TRACE_ROW_GET)
#undef TRACE_ROW_GET
}

void trace_block_seal(uint8_t *block, const struct trace_block_header *header, uint64_t number)
{
    trace_put32(block + 8, header->magic);
    trace_put32(block + 12, header->records);
    trace_put64(block + 16, header->payload);
    trace_put64(block + 24, header->first_window);
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) trace_put64(block + 32 + 8 * kind, header->spikes[kind]);
    size_t size = TRACE_BLOCK_HEADER_BYTES + header->payload - 8;
    trace_put64(block, XXH3_64bits_withSeed(block + 8, size, number));
}

void trace_block_header_decode(const uint8_t *in, struct trace_block_header *header)
{
    header->magic = trace_get32(in + 8);
    header->records = trace_get32(in + 12);
    header->payload = trace_get64(in + 16);
    header->first_window = trace_get64(in + 24);
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) header->spikes[kind] = trace_get64(in + 32 + 8 * kind);
}

int trace_block_intact(const uint8_t *block, size_t size, uint64_t number)
{
    return trace_get64(block) == XXH3_64bits_withSeed(block + 8, size - 8, number);
}
