#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/outfile.h"
#include "test/helpers/trace_samples.h"

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_content(const char *path, const char *text)
{
    size_t size;
    uint8_t *bytes = sample_read_file(path, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
}

static int exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* One line that names the file. */
static void assert_one_line(const struct lassim_error *error, enum lassim_status status, const char *name)
{
    assert_int_equal(error->status, status);
    assert_null(strchr(error->text, '\n'));
    assert_non_null(strstr(error->text, name));
}

static void test_complete_replaces_and_abandon_does_not(void **state)
{
    (void)state;
    struct outfile *out;
    struct lassim_error error;
    const char *path = sample_path("a"), *partial = sample_path("a.partial");
    put(path, "old");
    assert_int_equal(outfile_open(path, 0, &out, &error), LASSIM_OK);
    assert_int_equal(outfile_write(out, "new ", 4, &error), LASSIM_OK);
    assert_int_equal(outfile_printf(out, &error, "%d", 42), LASSIM_OK);
    assert_content(path, "old");
    outfile_abandon(out);
    assert_content(path, "old");
    assert_content(partial, "new 42");
    assert_int_equal(outfile_open(path, 0, &out, &error), LASSIM_OK);
    assert_int_equal(outfile_write(out, "newer", 5, &error), LASSIM_OK);
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_OK);
    assert_content(path, "newer");
    assert_false(exists(partial));
}

static void test_large_writes_and_patch(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    struct outfile *out;
    struct lassim_error error;
    struct sample_random random = sample_seed("outfile");
    static uint8_t bytes[SIZE];
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (uint8_t)sample_next(&random);
    assert_int_equal(outfile_open(sample_path("large"), 0, &out, &error), LASSIM_OK);
    for (size_t done = 0; done < SIZE;) {
        size_t now = sample_below(&random, 4) == 0 ? sample_below(&random, 150000) : sample_below(&random, 3000);
        if (now > SIZE - done) now = SIZE - done;
        assert_int_equal(outfile_write(out, bytes + done, now, &error), LASSIM_OK);
        done += now;
    }
    assert_true(outfile_can_patch(out));
    assert_int_equal(outfile_patch(out, SIZE - 4, "tail", 4, &error), LASSIM_OK);
    assert_int_equal(outfile_patch(out, 0, "head", 4, &error), LASSIM_OK);
    assert_int_equal(outfile_write(out, "!", 1, &error), LASSIM_OK);
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_OK);
    memcpy(bytes, "head", 4);
    memcpy(bytes + SIZE - 4, "tail", 4);
    size_t size;
    uint8_t *written = sample_read_file(sample_path("large"), &size);
    assert_int_equal(size, SIZE + 1);
    assert_memory_equal(written, bytes, SIZE);
    assert_int_equal(written[SIZE], '!');
    free(written);
}

static void test_no_clobber(void **state)
{
    (void)state;
    struct outfile *out;
    struct lassim_error error;
    const char *path = sample_path("kept"), *partial = sample_path("kept.partial");
    put(path, "mine");
    assert_int_equal(outfile_open(path, 1, &out, &error), LASSIM_ERR_RUN);
    assert_null(out);
    assert_one_line(&error, LASSIM_ERR_RUN, "kept");
    assert_false(exists(partial));
    unlink(path);
    assert_int_equal(outfile_open(path, 1, &out, &error), LASSIM_OK);
    outfile_write(out, "theirs", 6, &error);
    put(path, "mine"); /* appears while the run goes on */
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_ERR_RUN);
    assert_one_line(&error, LASSIM_ERR_RUN, "kept.partial");
    assert_content(path, "mine");
    assert_content(partial, "theirs");
    unlink(path);
    assert_int_equal(outfile_open(path, 1, &out, &error), LASSIM_OK);
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_OK);
    assert_content(path, "");
}

static void test_bad_targets(void **state)
{
    (void)state;
    struct outfile *out;
    struct lassim_error error;
    assert_int_equal(outfile_open("/nonexistent/x", 0, &out, &error), LASSIM_ERR_RUN);
    assert_one_line(&error, LASSIM_ERR_RUN, "/nonexistent/x.partial");
    assert_null(out);
    assert_int_equal(outfile_open(sample_directory(), 0, &out, &error), LASSIM_ERR_RUN);
    assert_one_line(&error, LASSIM_ERR_RUN, "directory");
    assert_int_equal(outfile_check(sample_directory(), 0, &error), LASSIM_ERR_RUN);
    assert_one_line(&error, LASSIM_ERR_RUN, "directory");
}

static void test_full_disk_is_sticky(void **state)
{
    (void)state;
    if (!exists("/dev/full")) skip();
    struct outfile *out;
    struct lassim_error error = {0}, again = {0};
    assert_int_equal(outfile_open("/dev/full", 0, &out, &error), LASSIM_OK);
    assert_false(outfile_can_patch(out));
    assert_int_equal(outfile_write(out, "x", 1, &error), LASSIM_OK); /* buffered */
    assert_int_equal(outfile_flush(out, &error), LASSIM_ERR_RUN);
    assert_one_line(&error, LASSIM_ERR_RUN, "/dev/full");
    assert_non_null(strstr(error.text, "No space left"));
    assert_int_equal(outfile_write(out, "x", 1, &again), LASSIM_ERR_RUN);
    assert_string_equal(again.text, error.text);
    memset(&again, 0, sizeof again);
    assert_int_equal(outfile_close_complete(out, &again), LASSIM_ERR_RUN);
    assert_string_equal(again.text, error.text);
}

static void test_closed_pipe(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    struct outfile *out;
    struct lassim_error error;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    assert_int_equal(outfile_open(path, 0, &out, &error), LASSIM_OK);
    outfile_write(out, "first", 5, &error);
    assert_int_equal(outfile_flush(out, &error), LASSIM_OK);
    close(ends[0]);
    outfile_write(out, "second", 6, &error);
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "Broken pipe"));
    close(ends[1]);
    signal(SIGPIPE, before);
}

static void test_fifo_is_written_directly(void **state)
{
    (void)state;
    struct outfile *out;
    struct lassim_error error;
    char got[8] = {0};
    const char *path = sample_path("fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(outfile_open(path, 1, &out, &error), LASSIM_OK); /* no_clobber is about files */
    outfile_write(out, "spikes", 6, &error);
    assert_int_equal(outfile_close_complete(out, &error), LASSIM_OK);
    assert_int_equal(read(reader, got, sizeof got), 6);
    assert_string_equal(got, "spikes");
    assert_false(exists(sample_path("fifo.partial")));
    close(reader);
}

static void test_killed_process_leaves_partial(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct outfile *out;
        if (outfile_open(sample_path("killed"), 0, &out, NULL) != LASSIM_OK) _exit(1);
        outfile_write(out, "whole", 5, NULL);
        outfile_flush(out, NULL);
        outfile_write(out, "lost", 4, NULL);
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_false(exists(sample_path("killed")));
    assert_content(sample_path("killed.partial"), "whole");
}

static int make_directory(void **state)
{
    (void)state;
    sample_directory();
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_replaces_and_abandon_does_not),
        cmocka_unit_test(test_large_writes_and_patch),
        cmocka_unit_test(test_no_clobber),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_full_disk_is_sticky),
        cmocka_unit_test(test_closed_pipe),
        cmocka_unit_test(test_fifo_is_written_directly),
        cmocka_unit_test(test_killed_process_leaves_partial),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_files);
}
