/* Draws a spike raster, as SVG on stdout, of one block's populations over three tokens: which neuron of which
 * population spikes at which timestep.
 *
 * raster TRACE [LAYER [FIRST_TOKEN]]   (layer 1, token 3).  Rows are the first NEURONS neurons of each
 * population (attention: heads x visible keys of the last token), so the picture stays small whatever the
 * model.  A spike is one timestep wide.  Colours: Okabe and Ito's palette, safe for colour-blind readers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/trace_expand.h"
#include "kernel/trace_reader.h"

enum {
    TOKENS = 3,
    BANDS_MAX = 32,
    NEURONS = 24,
    STEP = 4,   /* pixels a timestep */
    ROW = 2,    /* pixels a neuron */
    GAP = 7,    /* between populations */
    LEFT = 132, /* names */
    RIGHT = 16,
    TOP = 74,
    BOTTOM = 44,
    LOWEST_BAND = 7 /* rows that a name needs */
};

enum colour { POSITIVE, NEGATIVE, OUTLIER, HIERARCHICAL, COLOURS };
static const char *const COLOUR[COLOURS] = {"#0072B2", "#E69F00", "#000000", "#009E73"};
static const char *const MEANING[COLOURS] = {"positive", "negative", "outlier sub-neuron (either sign)",
                                             "HG neuron: gates and code"};

struct band {
    const struct trace_population *population;
    uint32_t index, rows;
    int top;
};

/* The drawn commands of one colour. */
struct path {
    char *text;
    size_t used, capacity;
};

struct raster {
    const struct trace_header_info *info;
    uint32_t first_token;
    uint32_t bands;
    struct band band[BANDS_MAX];
    uint32_t visible; /* keys drawn of an attention population */
    uint64_t start;   /* timestep at the left edge */
    int width, height;
    struct path path[COLOURS];
};

static void fail(const char *what)
{
    fprintf(stderr, "raster: %s\n", what);
    exit(1);
}

/* The first neurons of the population; attention: heads x visible keys, as many heads as fit. */
static uint32_t rows_of(const struct raster *raster, const struct trace_population *population)
{
    uint32_t rows = population->heads > 0 ? population->heads * raster->visible : population->neurons;
    uint32_t most = population->heads > 0 ? NEURONS / raster->visible * raster->visible : NEURONS;
    return rows < most ? rows : most;
}

static void lay_out(struct raster *raster, int32_t layer)
{
    int y = TOP;
    for (uint32_t p = 0; p < raster->info->populations; p++) {
        const struct trace_population *population = &raster->info->population[p];
        if (population->layer != layer) continue;
        if (raster->bands == BANDS_MAX) fail("too many populations in the layer");
        struct band *band = &raster->band[raster->bands++];
        *band = (struct band){population, p, rows_of(raster, population), y};
        y += (int)(band->rows > LOWEST_BAND ? band->rows : LOWEST_BAND) * ROW + GAP;
    }
    if (raster->bands == 0) fail("the trace has no such layer");
    uint32_t levels = raster->band[raster->bands - 1].population->level - raster->band[0].population->level + 1;
    raster->width = (int)((levels + TOKENS - 1) * raster->info->timesteps) * STEP;
    raster->height = y - GAP - TOP;
}

static void add_mark(struct raster *raster, enum colour colour, int x, int y)
{
    struct path *path = &raster->path[colour];
    if (path->capacity - path->used < 32) {
        path->capacity = 2 * path->capacity + 4096;
        path->text = realloc(path->text, path->capacity);
        if (path->text == NULL) fail("no memory");
    }
    path->used += (size_t)sprintf(path->text + path->used, "M%d %dh%d", x, y, STEP);
}

static struct band *band_of(struct raster *raster, uint32_t population)
{
    for (uint32_t b = 0; b < raster->bands; b++)
        if (raster->band[b].index == population) return &raster->band[b];
    return NULL;
}

/* The row that a spike's neuron has in its band, or band->rows if it is not drawn. */
static uint32_t row_of(const struct raster *raster, const struct band *band, const struct trace_row *spike)
{
    uint32_t neuron = spike->neuron, gates = trace_gates(band->population);
    if (spike->kind == TRACE_GATE) neuron /= gates;
    if (band->population->heads > 0) {
        uint32_t head = neuron / band->population->positions, key = neuron % band->population->positions;
        neuron = key < raster->visible ? head * raster->visible + key : band->rows;
    }
    return neuron < band->rows ? neuron : band->rows;
}

static void draw_spike(struct raster *raster, const struct trace_row *spike)
{
    struct band *band = band_of(raster, spike->population);
    if (band == NULL || spike->token < raster->first_token || spike->token >= raster->first_token + TOKENS) return;
    uint32_t row = row_of(raster, band, spike);
    if (row == band->rows || spike->time < raster->start) return;
    enum colour colour = spike->kind == TRACE_OUTLIER  ? OUTLIER
                         : spike->kind != TRACE_NORMAL ? HIERARCHICAL
                         : spike->sign > 0             ? POSITIVE
                                                       : NEGATIVE;
    add_mark(raster, colour, (int)(spike->time - raster->start) * STEP, band->top - TOP + (int)row * ROW + ROW / 2);
}

/* Timestep at which the first token's window of the topmost population opens. */
static uint64_t find_start(const char *path, const struct raster *raster)
{
    struct lassim_error error;
    struct trace_reader *reader;
    const struct trace_record *record;
    uint64_t start = UINT64_MAX;
    if (trace_reader_open(path, &reader, &error) != LASSIM_OK) fail(error.text);
    do {
        if (trace_reader_next(reader, &record, &error) != LASSIM_OK) fail(error.text);
        if (record != NULL && record->population == raster->band[0].index && record->token == raster->first_token)
            start = record->window * raster->info->timesteps;
    } while (record != NULL && start == UINT64_MAX);
    trace_reader_close(reader);
    if (start == UINT64_MAX) fail("the trace has no such token");
    return start;
}

static void collect(struct raster *raster, struct trace_reader *reader)
{
    struct trace_row rows[4096];
    struct lassim_error error;
    struct trace_expand *expand;
    size_t count;
    if (trace_expand_open(reader, &expand, &error) != LASSIM_OK) fail(error.text);
    do {
        if (trace_expand_rows(expand, rows, sizeof rows / sizeof rows[0], &count, &error) != LASSIM_OK)
            fail(error.text);
        for (size_t i = 0; i < count; i++) draw_spike(raster, &rows[i]);
    } while (count > 0);
    trace_expand_close(expand);
}

static void print_windows(const struct raster *raster)
{
    int window = (int)raster->info->timesteps * STEP;
    uint32_t first_level = raster->band[0].population->level;
    static const char *const SHADE[TOKENS] = {"#f0f0f0", "#e4e4e4", "#f0f0f0"};
    for (uint32_t b = 0; b < raster->bands; b++) {
        const struct band *band = &raster->band[b];
        int height = (int)(band->rows > LOWEST_BAND ? band->rows : LOWEST_BAND) * ROW;
        for (int token = 0; token < TOKENS; token++)
            printf("<rect x='%d' y='%d' width='%d' height='%d' fill='%s'/>\n",
                   LEFT + ((int)(band->population->level - first_level) + token) * window, band->top, window, height,
                   SHADE[token]);
        const char *name = strchr(band->population->name, '.'); /* without "layers." */
        name = name != NULL && strchr(name + 1, '.') != NULL ? strchr(name + 1, '.') + 1 : band->population->name;
        printf("<text x='%d' y='%d' text-anchor='end'>%s</text>\n", LEFT - 8, band->top + height / 2 + 4, name);
    }
}

static void print_axis(const struct raster *raster)
{
    int steps = (int)raster->info->timesteps, bottom = TOP + raster->height, window = steps * STEP;
    for (int x = 0, w = 0; x <= raster->width; x += window, w++) {
        printf("<path d='M%d %dV%d' stroke='#bbb' stroke-width='0.5'/>\n", LEFT + x, TOP - 4, bottom + 5);
        if (w % 2 == 0)
            printf("<text x='%d' y='%d' text-anchor='middle'>%llu</text>\n", LEFT + x, bottom + 18,
                   (unsigned long long)raster->start + (unsigned long long)(w * steps));
    }
    printf("<text x='%d' y='%d' text-anchor='middle'>timestep (lines: windows of %d timesteps)</text>\n",
           LEFT + raster->width / 2, bottom + 36, steps);
    for (int token = 0; token < TOKENS; token++)
        printf("<text x='%d' y='%d' text-anchor='middle' font-size='10'>token %u</text>\n",
               LEFT + token * window + window / 2, TOP - 8, raster->first_token + (unsigned)token);
}

static void print_svg(const struct raster *raster, int32_t layer)
{
    int width = LEFT + raster->width + RIGHT, height = TOP + raster->height + BOTTOM, x = LEFT;
    printf("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d' "
           "font-family='sans-serif' font-size='12'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n",
           width, height, width, height);
    printf("<text x='%d' y='22' font-size='15'>Spikes of block %d, tokens %u to %u (the first %d neurons of each "
           "population)</text>\n",
           LEFT, (int)layer, raster->first_token, raster->first_token + TOKENS - 1, NEURONS);
    for (int c = 0; c < COLOURS; c++) {
        printf("<rect x='%d' y='35' width='10' height='10' fill='%s'/><text x='%d' y='44'>%s</text>\n", x, COLOUR[c],
               x + 15, MEANING[c]);
        x += 40 + 7 * (int)strlen(MEANING[c]);
    }
    print_windows(raster);
    print_axis(raster);
    printf("<g transform='translate(%d %d)' fill='none' stroke-width='%d'>\n", LEFT, TOP, ROW);
    for (int c = 0; c < COLOURS; c++)
        if (raster->path[c].used > 0) printf("<path stroke='%s' d='%s'/>\n", COLOUR[c], raster->path[c].text);
    printf("</g>\n</svg>\n");
}

int main(int argc, char **argv)
{
    struct lassim_error error;
    struct trace_reader *reader;
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: raster TRACE [LAYER [FIRST_TOKEN]]\n");
        return 2;
    }
    int32_t layer = argc > 2 ? atoi(argv[2]) : 1;
    struct raster raster = {.first_token = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 3};
    raster.visible = raster.first_token + TOKENS;
    if (raster.visible > NEURONS) fail("expected a first token of 21 or less");
    if (trace_reader_open(argv[1], &reader, &error) != LASSIM_OK) fail(error.text);
    raster.info = trace_reader_info(reader);
    lay_out(&raster, layer);
    raster.start = find_start(argv[1], &raster);
    collect(&raster, reader);
    print_svg(&raster, layer);
    for (int c = 0; c < COLOURS; c++) free(raster.path[c].text);
    trace_reader_close(reader);
    return 0;
}
