/* Range checks of what a .snn says: every number that sizes, shifts or indexes, whatever the checksums. */
#include "kernel/model_layout.h"

#include <string.h>

#include "neurons/oat.h"
#include "neurons/real.h"

/* Vectors, scales and alphas lie within 2^-200 .. 2^200 (docs/snn-format.md, Ranges). */
#define VALUE_MAX 0x1p200
#define ALPHA_MIN 0x1p-200

/* An exp table must be at least this fine: its rounding then stays below half an lsb of e. */
enum { EXP_GRID_COARSEST = -34 };

static int in_range(int64_t x, int64_t low, int64_t high)
{
    return x >= low && x <= high;
}

/* Finite and not negative. */
static int is_magnitude(double x)
{
    return x >= 0 && x <= __DBL_MAX__;
}

static int is_finite(double x)
{
    return x >= -__DBL_MAX__ && x <= __DBL_MAX__;
}

int snn_vector_in_range(const double *x, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (!(x[i] >= -VALUE_MAX && x[i] <= VALUE_MAX)) return 0;
    return 1;
}

int snn_scales_in_range(const double *x, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (!(x[i] >= ALPHA_MIN && x[i] <= VALUE_MAX)) return 0;
    return 1;
}

int snn_rotary_in_range(const int32_t *x, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (x[i] == INT32_MIN) return 0;
    return 1;
}

int snn_all_zero(const void *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (((const uint8_t *)bytes)[i] != 0) return 0;
    return 1;
}

const char *snn_check_config(const struct snn_config *config)
{
    if (!in_range(config->timesteps, 1, SPIKE_STEPS_MAX)) return "timesteps must be 1 .. 16";
    if (config->code > SPIKE_CODE_TERNARY) return "code must be 0 (radix) or 1 (ternary)";
    if (!in_range(config->residual_grid, -PARAMS_GRID_MAX, PARAMS_GRID_MAX)) return "residual grid must be -200 .. 200";
    if (config->block_neurons != GRAPH_BLOCK_NEURONS) return "block size must be 1024 neurons";
    if (!in_range(config->tables, 1, SNN_TABLES_MAX)) return "tables must be 1 .. 16";
    if (config->zero != 0 || !snn_all_zero(config->reserved, sizeof config->reserved))
        return "reserved bytes must be 0";
    /* What graph_build fills in for 0 is written out here, so that a model has one file. */
    if (config->embedding == 0 || config->kv_heads == 0 || config->head_dim == 0 || config->score_scale == 0)
        return "embedding, kv_heads, head_dim and score_scale must be given";
    return NULL;
}

static const char *check_oat(enum population_kind kind, const struct snn_population *record)
{
    if (!(record->scale > 0 && record->scale <= __DBL_MAX__)) return "scale must be finite and above 0";
    if (!in_range(record->exponent, -PARAMS_GRID_MAX, PARAMS_GRID_MAX)) return "exponent must be -200 .. 200";
    double alpha = real_ldexp(record->scale, record->exponent);
    if (!(alpha >= ALPHA_MIN && alpha <= VALUE_MAX)) return "alpha (scale 2^exponent) must be 2^-200 .. 2^200";
    if (record->j > OAT_SHIFT_MAX) return "j must be 0 .. 10";
    if (record->table != SNN_NO_TABLE) return "an OAT population has no table";
    if (kind == POPULATION_WEIGHT && (record->scale != 1 || record->exponent != 0 || record->j != 1))
        return "e must have scale 1, exponent 0 and j 1";
    return NULL;
}

static const char *check_hg(const struct population *population, const struct snn_population *record,
                            const struct hg_table *table, uint32_t tables)
{
    if (record->table >= tables) return "table index must be below the number of tables";
    if (table[record->table].function != population->function)
        return "the table must be of the population's function (exp: exp, inv: 1/x, rstd: 1/sqrt)";
    if ((uint64_t)population->neurons * hg_gates(&table[record->table]) > UINT32_MAX)
        return "neurons times gates must be below 2^32";
    return NULL;
}

const char *snn_check_population(const struct graph *graph, uint32_t p, uint32_t timesteps,
                                 const struct snn_population *record, const struct hg_table *table, uint32_t tables)
{
    struct snn_population expected;
    const struct population *population = &graph->population[p];
    snn_population_structure(graph, p, &expected);
    if (memcmp(&expected, record, offsetof(struct snn_population, exponent)) != 0)
        return "the record must be what the configuration implies";
    if (!is_magnitude(record->calibrated_max)) return "calibrated maximum must be finite and not negative";
    if (record->zero != 0 || record->reserved != 0) return "reserved bytes must be 0";
    if (record->timesteps > (population->code == CODE_INPUT ? 0 : timesteps))
        return "timesteps must be 0 .. the model's, 0 for an input";
    if (population->code == CODE_OAT) return check_oat(population->kind, record);
    if (record->scale != 1 || record->exponent != 0 || record->j != 0)
        return "input and HG populations must have scale 1, exponent 0 and j 0";
    if (population->code == CODE_HG) return check_hg(population, record, table, tables);
    return record->table == SNN_NO_TABLE ? NULL : "an input population has no table";
}

uint64_t snn_integer_limit(enum weight_type type)
{
    switch (type) {
    case WEIGHT_I16: return INT16_MAX;
    case WEIGHT_I8: return INT8_MAX;
    case WEIGHT_I4: return 7 * UINT8_MAX;
    default: return (uint64_t)PARAMS_SUM_LIMIT - 1;
    }
}

const char *snn_check_matrix(const struct matrix_slot *slot, const struct snn_matrix *record)
{
    if (record->has_bias > 1 || (record->has_bias && !slot->has_bias))
        return "has_bias must be 0, or 1 for a linear layer of a block";
    if (record->type >= WEIGHT_TYPES) return "type must be 0 (F32), 1 (F16), 2 (BF16), 3 (I16), 4 (I8) or 5 (I4)";
    enum weight_type type = (enum weight_type)record->type;
    if (!weight_is_float(type) && record->grid != 0) return "grid must be 0 with integer weights";
    if (!in_range(record->grid, -PARAMS_GRID_MAX, PARAMS_GRID_MAX)) return "grid must be -200 .. 200";
    if (record->integer_max >= (uint64_t)PARAMS_SUM_LIMIT) return "integer_max must be below 2^62";
    if (record->integer_max > snn_integer_limit(type)) return "integer_max must be within the type's range";
    if (record->bound >= (uint64_t)PARAMS_SUM_LIMIT || record->bound < record->integer_max)
        return "bound must be integer_max .. 2^62 - 1";
    if (record->moved > (uint64_t)slot->sources * slot->targets) return "more weights moved than there are";
    if (!is_magnitude(record->moved_max) || !is_magnitude(record->moved_rms))
        return "moved_max and moved_rms must be finite and not negative";
    if (record->zero != 0 || record->reserved != 0) return "reserved bytes must be 0";
    return NULL;
}

const char *snn_check_table_record(const struct snn_table *record)
{
    if (record->function >= HG_FUNCTIONS) return "function must be below 10";
    if (record->positive > 1 || record->negative > 1 || record->underflow > 1 || record->silent_beyond > 1)
        return "flags must be 0 or 1";
    if (record->sub_bits > HG_SUB_BITS_MAX) return "sub_bits must be 0 .. 16";
    if (record->error_kind > HG_ERROR_RELATIVE) return "error_kind must be 0 or 1";
    if (!is_magnitude(record->error)) return "error must be finite and not negative";
    if (record->reserved != 0) return "reserved bytes must be 0";
    return NULL;
}

/* Σe >= 1 rests on exp(0) = 1; exp nowhere above 1 and nowhere below a slope's rounding keeps e a weight. */
static const char *check_exp(const struct hg_table *table)
{
    if (!table->underflow || !table->silent_beyond) return "exp must be silent beyond its last octave";
    if (table->output_grid > EXP_GRID_COARSEST || table->output_grid <= -61)
        return "exp must have an output grid of -60 .. -34";
    int64_t one = INT64_C(1) << -table->output_grid;
    if (table->base[0] != one) return "exp(0) must be 1";
    for (uint32_t row = 0; row < table->rows; row++) {
        int64_t base = table->base[row], end = base + table->slope[row];
        if (base < 0 || base > one || end < -HG_SLOPE_GRAIN || end > one) return "exp must lie in 0 .. 1";
    }
    return NULL;
}

const char *snn_check_table(const struct model_config *config, const struct hg_table *table)
{
    const char *reason = hg_table_check(table);
    if (reason != NULL) return reason;
    if (table->function == HG_EXP) return check_exp(table);
    if (table->function == HG_INV && (table->lo > 0 || !(real_ldexp(1, table->hi) > config->positions)))
        return "1/x must cover 1 .. the longest context";
    if (table->function == HG_RSQRT && !(real_ldexp(1, table->lo) <= config->norm_epsilon))
        return "1/sqrt must cover the norm epsilon";
    return NULL;
}

const char *snn_check_self_check(const struct self_check *check)
{
    if (!is_magnitude(check->ppl_dense) || !is_magnitude(check->ppl_spiking))
        return "perplexities must be finite and not negative";
    if (!is_finite(check->kl_mean) || !is_finite(check->kl_max)) return "divergences must be finite";
    if (!(check->top1_agreement >= 0 && check->top1_agreement <= 1)) return "top-1 agreement must be 0 .. 1";
    return NULL;
}
