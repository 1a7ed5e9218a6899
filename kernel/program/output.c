#include "kernel/program/output.h"

#include <string.h>

#include "kernel/utf8.h"

enum { PIECE = 256 };

static void write_valid(FILE *out, const uint8_t *bytes, size_t size)
{
    uint8_t valid[3 * (PIECE + TEXT_HELD)];
    fwrite(valid, 1, utf8_replace_invalid(bytes, size, valid), out);
}

/* size <= PIECE */
static void add_piece(struct text_stream *stream, const uint8_t *bytes, size_t size)
{
    uint8_t joined[PIECE + TEXT_HELD];
    memcpy(joined, stream->held, stream->holds);
    memcpy(joined + stream->holds, bytes, size);
    size += stream->holds;
    size_t complete = utf8_complete(joined, size);
    write_valid(stream->out, joined, complete);
    stream->holds = size - complete;
    memcpy(stream->held, joined + complete, stream->holds);
}

void text_stream_add(struct text_stream *stream, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t piece = size < PIECE ? size : PIECE;
        add_piece(stream, bytes, piece);
        bytes += piece;
        size -= piece;
    }
    fflush(stream->out);
}

void text_stream_end(struct text_stream *stream)
{
    write_valid(stream->out, stream->held, stream->holds);
    stream->holds = 0;
    fflush(stream->out);
}
