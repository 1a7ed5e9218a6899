#include "test/helpers/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/json.h"
#include "kernel/text_buffer.h"

static void add_lines(struct corpus *corpus, size_t start)
{
    char *text = (char *)corpus->texts.data + start;
    for (char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        if (end == line) continue;
        corpus->line = reallocarray(corpus->line, corpus->lines + 1, sizeof *corpus->line);
        assert_non_null(corpus->line);
        corpus->line[corpus->lines++] = line;
    }
}

struct corpus corpus_open(void)
{
    struct corpus corpus = {0};
    struct lassim_error error = {0};
    struct bytes heldout = bytes_of_file("examples/opt-tiny/heldout.txt");
    if (json_read_file("test/data/tokenizer/corpus/parts.json", &corpus.parts, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
    corpus.texts = bytes_of_file("examples/opt-tiny/calibration.txt");
    bytes_text(&corpus.texts, "\n");
    bytes_add(&corpus.texts, heldout.data, heldout.size);
    bytes_add(&corpus.texts, "\n", 2); /* and its terminator */
    bytes_clear(&heldout);
    add_lines(&corpus, 0);
    return corpus;
}

void corpus_close(struct corpus *corpus)
{
    json_decref(corpus->parts);
    bytes_clear(&corpus->texts);
    free(corpus->line);
}

uint64_t corpus_draw(struct corpus *corpus, uint64_t n)
{
    corpus->state = corpus->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (corpus->state >> 33) % n;
}

static const json_t *pick(struct corpus *corpus, const char *key)
{
    const json_t *list = json_object_get(corpus->parts, key);
    return json_array_get(list, (size_t)corpus_draw(corpus, json_array_size(list)));
}

static void add_picked(struct corpus *corpus, const char *key, struct bytes *out)
{
    bytes_text(out, json_string_value(pick(corpus, key)));
}

static void add_codes(struct corpus *corpus, struct bytes *out)
{
    const json_t *range = pick(corpus, "ranges");
    int32_t first = (int32_t)json_integer_value(json_array_get(range, 0));
    int32_t last = (int32_t)json_integer_value(json_array_get(range, 1));
    struct text_buffer codes = {0};
    for (uint64_t count = 1 + corpus_draw(corpus, 12); count > 0; count--)
        assert_int_equal(text_buffer_code(&codes, first + (int32_t)corpus_draw(corpus, (uint64_t)(last - first + 1))),
                         0);
    bytes_add(out, codes.bytes, codes.size);
    free(codes.bytes);
}

static void add_part(struct corpus *corpus, unsigned number, struct bytes *out)
{
    static const char *const ends[4] = {"\n", " ", "\n\n", ""}, *const around[2] = {"", " "};
    static const char *const blanks[6] = {" ", "\n", "\t", "\xc2\xa0", "\xe3\x80\x80", "\r\n"};
    uint64_t kind = corpus_draw(corpus, 100);
    if (kind < 65) {
        if (kind < 35)
            bytes_text(out, corpus->line[corpus_draw(corpus, corpus->lines)]);
        else
            add_picked(corpus, "sentences", out);
        bytes_text(out, ends[corpus_draw(corpus, 4)]);
    } else if (kind < 80) {
        for (uint64_t count = 1 + corpus_draw(corpus, 8); count > 0; count--) add_picked(corpus, "pieces", out);
    } else if (kind < 93) {
        add_codes(corpus, out);
    } else if (kind < 97) {
        const char *blank = blanks[corpus_draw(corpus, 6)];
        for (uint64_t count = 1 + corpus_draw(corpus, 20); count > 0; count--) bytes_text(out, blank);
    } else if (corpus_has_specials(number)) {
        bytes_text(out, around[corpus_draw(corpus, 2)]);
        add_picked(corpus, "specials", out);
        bytes_text(out, around[corpus_draw(corpus, 2)]);
    } else {
        for (uint64_t count = 1 + corpus_draw(corpus, 12); count > 0; count--)
            bytes_add(out, &"0123456789"[corpus_draw(corpus, 10)], 1);
    }
}

int corpus_has_specials(unsigned number)
{
    return number % 4 == 3;
}

struct bytes corpus_chunk(struct corpus *corpus, unsigned number)
{
    struct bytes chunk = {0};
    corpus->state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    while (chunk.size < 1000) add_part(corpus, number, &chunk);
    return chunk;
}
