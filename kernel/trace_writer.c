#include "kernel/trace_writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bits.h"
#include "kernel/outfile.h"

/* Block n of the file is in buffer n % TRACE_WRITER_BLOCKS. */
struct buffer {
    struct trace_block_header header;
    uint8_t *bytes; /* header, then header.payload bytes; room for every full block */
};

struct trace_writer {
    struct trace_header_info info;
    struct outfile *file;       /* the thread's as long as it runs */
    struct trace_totals totals; /* of the blocks handed to the thread; blocks: the number of the one being filled */
    struct lassim_error error;  /* sticky */
    struct trace_key last;      /* of the record before */
    int started;                /* there is one */
    uint8_t *payload;           /* one record's */
    struct buffer buffer[TRACE_WRITER_BLOCKS];

    pthread_t thread;
    pthread_mutex_t lock; /* of the following */
    pthread_cond_t full;  /* a block was handed over, or the end */
    pthread_cond_t empty; /* a block was written */
    uint64_t handed, written;
    int closing;
    struct lassim_error failure; /* the thread's; once it is set blocks are dropped */
    _Atomic int failed;          /* to be read without the lock: failure is set and stays */
};

static void writer_free(struct trace_writer *writer)
{
    trace_info_free(&writer->info);
    for (int i = 0; i < TRACE_WRITER_BLOCKS; i++) free(writer->buffer[i].bytes);
    free(writer->payload);
    pthread_cond_destroy(&writer->full);
    pthread_cond_destroy(&writer->empty);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

static int copy_info(const struct trace_header_info *from, struct trace_header_info *to)
{
    *to = *from;
    to->population = calloc(from->populations, sizeof *to->population);
    if (to->population == NULL) return -1;
    memcpy(to->population, from->population, from->populations * sizeof *to->population);
    return 0;
}

/* Buffers for the largest block and record that any codes can make.  Pages of a block are touched only
 * as far as a block really fills them. */
static struct trace_writer *writer_new(const struct trace_header_info *info)
{
    struct trace_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return NULL;
    size_t largest = 0;
    for (uint32_t p = 0; p < info->populations; p++)
        if (trace_record_max(info, p) > largest) largest = trace_record_max(info, p);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->full, NULL);
    pthread_cond_init(&writer->empty, NULL);
    writer->payload = malloc(largest + BITS_SLACK);
    int ready = writer->payload != NULL && copy_info(info, &writer->info) == 0;
    for (int i = 0; i < TRACE_WRITER_BLOCKS && ready; i++) {
        writer->buffer[i].bytes = malloc(TRACE_BLOCK_HEADER_BYTES + TRACE_BLOCK_RECORDS * largest);
        ready = writer->buffer[i].bytes != NULL;
    }
    if (ready) return writer;
    writer_free(writer);
    return NULL;
}

/* ---- the thread ---- */

static void write_one(struct trace_writer *writer, uint64_t number, struct lassim_error *error)
{
    struct buffer *buffer = &writer->buffer[number % TRACE_WRITER_BLOCKS];
    trace_block_seal(buffer->bytes, &buffer->header, number);
    size_t size = TRACE_BLOCK_HEADER_BYTES + buffer->header.payload;
    if (outfile_write(writer->file, buffer->bytes, size, error) == LASSIM_OK) outfile_flush(writer->file, error);
}

static void *thread_main(void *argument)
{
    struct trace_writer *writer = argument;
    struct lassim_error error = {0};
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->handed == writer->written && !writer->closing) pthread_cond_wait(&writer->full, &writer->lock);
        if (writer->handed == writer->written) break;
        uint64_t number = writer->written;
        pthread_mutex_unlock(&writer->lock);
        if (error.status == LASSIM_OK) write_one(writer, number, &error);
        pthread_mutex_lock(&writer->lock);
        if (error.status != LASSIM_OK && writer->failure.status == LASSIM_OK) {
            writer->failure = error;
            atomic_store(&writer->failed, 1);
        }
        writer->written++;
        pthread_cond_signal(&writer->empty);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* With all signals but its own faults blocked, as the workers of kernel/team.h are. */
static enum lassim_status start_thread(struct trace_writer *writer, const char *path, struct lassim_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&writer->thread, NULL, thread_main, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "cannot start the trace's thread: %s", strerror(number));
}

/* Lets the thread write what it has and ends it; its error becomes the writer's. */
static void join_thread(struct trace_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->closing = 1;
    pthread_cond_signal(&writer->full);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    if (writer->error.status == LASSIM_OK) writer->error = writer->failure;
}

/* The sticky status, with what the thread has met in the meantime. */
static enum lassim_status current_status(struct trace_writer *writer)
{
    if (writer->error.status == LASSIM_OK && atomic_load_explicit(&writer->failed, memory_order_relaxed)) {
        pthread_mutex_lock(&writer->lock);
        writer->error = writer->failure;
        pthread_mutex_unlock(&writer->lock);
    }
    return writer->error.status;
}

static struct buffer *filling(struct trace_writer *writer)
{
    return &writer->buffer[writer->totals.blocks % TRACE_WRITER_BLOCKS];
}

/* Hands the block as it is to the thread, if it has records, and waits until there is a buffer for the next. */
static enum lassim_status hand_over(struct trace_writer *writer)
{
    struct trace_block_header *header = &filling(writer)->header;
    if (header->records == 0) return current_status(writer);
    header->magic = TRACE_BLOCK_MAGIC;
    writer->totals.blocks++;
    writer->totals.records += header->records;
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) writer->totals.spikes[kind] += header->spikes[kind];
    pthread_mutex_lock(&writer->lock);
    writer->handed++;
    pthread_cond_signal(&writer->full);
    while (writer->handed - writer->written >= TRACE_WRITER_BLOCKS) pthread_cond_wait(&writer->empty, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
    filling(writer)->header = (struct trace_block_header){0};
    return current_status(writer);
}

/* ---- opening and records ---- */

static enum lassim_status write_header(struct trace_writer *writer, struct lassim_error *error)
{
    size_t size = trace_header_bytes(writer->info.populations, writer->info.perturbation.on);
    uint8_t *header = calloc(1, size);
    if (header == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the trace header");
    trace_header_encode(&writer->info, header);
    enum lassim_status status = outfile_write(writer->file, header, size, error);
    if (status == LASSIM_OK) status = outfile_flush(writer->file, error);
    free(header);
    return status;
}

enum lassim_status trace_writer_open(const char *path, int no_clobber, const struct trace_header_info *info,
                                     struct trace_writer **result, struct lassim_error *error)
{
    *result = NULL;
    uint32_t bad;
    const char *reason = trace_info_check(info, &bad);
    LASSIM_INVARIANT(reason == NULL, "population %u: %s", bad, reason);
    struct trace_writer *writer = writer_new(info);
    if (writer == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for the trace buffers");
    enum lassim_status status = outfile_open(path, no_clobber, &writer->file, error);
    if (status == LASSIM_OK) status = write_header(writer, error);
    if (status == LASSIM_OK) status = start_thread(writer, path, error);
    if (status != LASSIM_OK) {
        outfile_abandon(writer->file);
        writer_free(writer);
        return status;
    }
    *result = writer;
    return LASSIM_OK;
}

/* Writes the head of a record to out; returns its bytes. */
static size_t put_head(struct trace_writer *writer, const struct trace_key *key, uint32_t span, uint8_t *out)
{
    struct trace_block_header *header = &filling(writer)->header;
    if (header->records == 0) header->first_window = writer->last.window = key->window;
    size_t used = trace_put_varint(out, key->window - writer->last.window);
    used += trace_put_varint(out + used, key->population);
    used += trace_put_varint(out + used, key->token);
    if (writer->info.population[key->population].heads > 0) used += trace_put_varint(out + used, span);
    return used;
}

enum lassim_status trace_writer_append(struct trace_writer *writer, uint64_t window, uint32_t population,
                                       uint32_t token, uint32_t span, const uint8_t *payload, size_t bytes,
                                       const struct trace_counts *counts)
{
    if (current_status(writer) != LASSIM_OK) return writer->error.status;
    LASSIM_INVARIANT(population < writer->info.populations, "population %u", population);
    const struct trace_population *row = &writer->info.population[population];
    const struct trace_key key = {window, population, token};
    LASSIM_INVARIANT(!writer->started || trace_key_before(&writer->info, &writer->last, &key),
                     "window %llu population %u token %u", (unsigned long long)window, population, token);
    LASSIM_INVARIANT(row->heads == 0 || (span >= 1 && span <= row->positions), "population %u span %u", population,
                     span);
    LASSIM_INVARIANT(bytes <= trace_payload_max(&writer->info, population), "population %u", population);
    struct trace_block_header *header = &filling(writer)->header;
    uint8_t *out = filling(writer)->bytes + TRACE_BLOCK_HEADER_BYTES + header->payload;
    size_t used = put_head(writer, &key, span, out);
    memcpy(out + used, payload, bytes);
    header->payload += used + bytes;
    for (unsigned kind = 0; kind < TRACE_KINDS; kind++) header->spikes[kind] += counts->spikes[kind];
    writer->last = key;
    writer->started = 1;
    return ++header->records == TRACE_BLOCK_RECORDS ? hand_over(writer) : LASSIM_OK;
}

static void check_neurons(const struct trace_writer *writer, uint32_t population, uint32_t span, uint32_t n)
{
    LASSIM_INVARIANT(population < writer->info.populations, "population %u", population);
    const struct trace_population *row = &writer->info.population[population];
    LASSIM_INVARIANT(row->heads == 0 || span <= row->positions, "population %u span %u", population, span);
    LASSIM_INVARIANT(n == trace_record_neurons(row, span), "population %u: %u neurons", population, n);
}

enum lassim_status trace_writer_record_oat(struct trace_writer *writer, uint64_t window, uint32_t population,
                                           uint32_t token, uint32_t span, const uint32_t *codes, uint32_t n)
{
    check_neurons(writer, population, span, n);
    struct trace_counts counts = {0};
    size_t bytes = trace_encode_oat(&writer->info, population, codes, n, writer->payload, &counts);
    return trace_writer_append(writer, window, population, token, span, writer->payload, bytes, &counts);
}

enum lassim_status trace_writer_record_hg(struct trace_writer *writer, uint64_t window, uint32_t population,
                                          uint32_t token, uint32_t span, const struct hg_code *codes, uint32_t n)
{
    check_neurons(writer, population, span, n);
    struct trace_counts counts = {0};
    size_t bytes = trace_encode_hg(&writer->info, population, codes, n, writer->payload, &counts);
    return trace_writer_append(writer, window, population, token, span, writer->payload, bytes, &counts);
}

enum lassim_status trace_writer_record_input(struct trace_writer *writer, uint64_t window, uint32_t population,
                                             uint32_t token, uint32_t row)
{
    LASSIM_INVARIANT(population < writer->info.populations, "population %u", population);
    const struct trace_population *input = &writer->info.population[population];
    LASSIM_INVARIANT(input->code == CODE_INPUT && row < input->neurons, "population %u row %u", population, row);
    struct trace_counts counts = {0};
    size_t bytes = trace_encode_input(row, writer->payload, &counts);
    return trace_writer_append(writer, window, population, token, 0, writer->payload, bytes, &counts);
}

const struct lassim_error *trace_writer_error(const struct trace_writer *writer)
{
    return &writer->error;
}

static enum lassim_status write_totals(struct trace_writer *writer, uint64_t timesteps)
{
    uint8_t end[TRACE_BLOCK_HEADER_BYTES + TRACE_TOTALS_BYTES];
    struct trace_block_header header = {.magic = TRACE_END_MAGIC, .payload = TRACE_TOTALS_BYTES};
    memcpy(header.spikes, writer->totals.spikes, sizeof header.spikes);
    trace_put64(end + TRACE_BLOCK_HEADER_BYTES, writer->totals.blocks);
    trace_put64(end + TRACE_BLOCK_HEADER_BYTES + 8, writer->totals.records);
    trace_put64(end + TRACE_BLOCK_HEADER_BYTES + 16, timesteps);
    trace_block_seal(end, &header, writer->totals.blocks);
    return outfile_write(writer->file, end, sizeof end, &writer->error);
}

enum lassim_status trace_writer_finish(struct trace_writer *writer, uint64_t timesteps, struct lassim_error *error)
{
    hand_over(writer);
    join_thread(writer);
    enum lassim_status status = writer->error.status;
    if (status == LASSIM_OK) status = write_totals(writer, timesteps);
    if (status == LASSIM_OK) {
        status = outfile_close_complete(writer->file, error);
    } else {
        if (error != NULL) *error = writer->error;
        outfile_abandon(writer->file);
    }
    writer_free(writer);
    return status;
}

void trace_writer_abandon(struct trace_writer *writer)
{
    if (writer == NULL) return;
    hand_over(writer);
    join_thread(writer);
    outfile_abandon(writer->file);
    writer_free(writer);
}
