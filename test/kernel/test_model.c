/* A .snn written and mapped again is the model it was made from; writing is reproducible and durable. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/mapguard.h"
#include "kernel/model_layout.h"
#include "test/helpers/tiny_model.h"

static char directory[64];

static char *path_in(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/lassim-model-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    static const char *const names[] = {"m.snn", "m.snn.partial", "cut.snn", "taken.snn", "taken.snn.partial"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) remove(path_in(names[i]));
    return rmdir(directory);
}

static void assert_vector(const double *a, const double *b, uint64_t n)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL) assert_memory_equal(a, b, n * sizeof *a);
}

static void assert_blob(struct blob a, struct blob b)
{
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
}

static void compare_populations(const struct model *a, const struct model *b)
{
    for (uint32_t p = 0; p < a->graph->populations; p++) {
        const struct population *population = &a->graph->population[p];
        const struct population_params *x = &a->population[p], *y = &b->population[p];
        assert_memory_equal(population, &b->graph->population[p], sizeof *population);
        assert_true(a->calibrated_max[p] == b->calibrated_max[p]);
        assert_true(x->scale == y->scale && x->exponent == y->exponent && x->j == y->j);
        assert_int_equal(x->steps, y->steps);
        if (population->code == CODE_HG) assert_int_equal(x->table, y->table);
        assert_int_equal(y->shift != NULL, population->per_channel);
        if (population->per_channel) assert_memory_equal(x->shift, y->shift, population->neurons);
    }
}

static void compare_matrices(const struct model *a, const struct model *b)
{
    for (uint32_t m = 0; m < a->graph->matrices; m++) {
        const struct matrix_slot *slot = &a->graph->matrix[m];
        const struct matrix *x = &a->matrix[m], *y = &b->matrix[m];
        assert_true(x->type == y->type && x->grid == y->grid && x->integer_max == y->integer_max);
        assert_true(x->bound == y->bound && x->moved == y->moved);
        assert_true(x->moved_max == y->moved_max && x->moved_rms == y->moved_rms);
        assert_memory_equal(x->weights, y->weights, snn_weights_size(slot, x->type));
        assert_int_equal((uintptr_t)y->weights % SNN_ALIGN, 0);
        assert_vector(x->bias, y->bias, slot->targets);
        assert_vector(x->scale, y->scale, slot->targets);
    }
}

static void compare_models(const struct model *a, const struct model *b)
{
    assert_memory_equal(&a->graph->config, &b->graph->config, sizeof a->graph->config);
    assert_int_equal(a->timesteps, b->timesteps);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->residual_grid, b->residual_grid);
    compare_populations(a, b);
    compare_matrices(a, b);
    for (uint32_t n = 0; n < a->graph->norms; n++) {
        assert_vector(a->norm[n].gamma, b->norm[n].gamma, a->graph->config.hidden);
        assert_vector(a->norm[n].beta, b->norm[n].beta, a->graph->config.hidden);
    }
    assert_int_equal(a->tables, b->tables);
    for (uint32_t t = 0; t < a->tables; t++) {
        struct snn_table x, y;
        snn_table_pack(&a->table[t], &x);
        snn_table_pack(&b->table[t], &y);
        assert_memory_equal(&x, &y, sizeof x);
        assert_memory_equal(a->table[t].base, b->table[t].base, x.rows * sizeof(int64_t));
        assert_memory_equal(a->table[t].slope, b->table[t].slope, x.rows * sizeof(int64_t));
    }
    assert_memory_equal(&a->check, &b->check, sizeof a->check);
    assert_blob(a->tokenizer, b->tokenizer);
    assert_blob(a->prompt, b->prompt);
    assert_blob(a->readout, b->readout);
    assert_blob(a->provenance, b->provenance);
}

static void check_round_trip(const struct model_config *config, int bare, uint32_t offset)
{
    struct lassim_error error = {0};
    struct model *read = NULL, *made = tiny_model_mixed(config, 7, bare, offset);
    tiny_model_own_steps(made, offset);
    if (tiny_model_write(made, path_in("m.snn"), &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(access(path_in("m.snn.partial"), F_OK), -1);
    if (model_open(path_in("m.snn"), &read, &error) != LASSIM_OK) fail_msg("%s", error.text);
    compare_models(made, read);
    if (model_check_weights(read, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (model_check_weights(made, &error) != LASSIM_OK) fail_msg("%s", error.text);
    model_close(read);
    tiny_model_free(made);
}

static void every_shape_survives_the_round_trip(void **state)
{
    (void)state;
    for (uint32_t shape = 0; shape < 12; shape++) {
        struct model_config config = tiny_config();
        config.pre_norm = shape % 3 != 0;
        config.final_norm = shape % 3 == 2;
        config.layers = 1 + shape / 3 % 2;
        config.embedding = shape / 6 ? 5 : 8;
        check_round_trip(&config, shape / 3 % 2, shape);
    }
    struct model_config odd = tiny_config();
    odd.hidden = odd.embedding = odd.heads = odd.ffn = 1;
    odd.vocabulary = 3;
    for (uint32_t offset = 0; offset < WEIGHT_TYPES; offset++) check_round_trip(&odd, 0, offset);
}

static void same_model_gives_the_same_bytes(void **state)
{
    (void)state;
    uint64_t size, again_size;
    struct model_config config = tiny_config();
    struct model *made = tiny_model_mixed(&config, 3, 0, 1), *again = tiny_model_mixed(&config, 3, 0, 1);
    /* What does not count must not reach the file. */
    again->population[0].scale = 77;
    again->population[0].table = 99;
    again->population[2].table = 99;
    uint8_t *bytes = tiny_model_bytes(made, &size), *again_bytes = tiny_model_bytes(again, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(bytes, again_bytes, size);
    free(bytes);
    free(again_bytes);
    tiny_model_free(made);
    tiny_model_free(again);
}

static void hash_names_the_content(void **state)
{
    (void)state;
    uint64_t size;
    struct model *read;
    struct lassim_error error;
    struct model_config config = tiny_config();
    struct model *made = tiny_model_new(&config, 3, 0);
    uint8_t *bytes = tiny_model_bytes(made, &size);
    assert_int_equal(model_read("a", bytes, size, &read, &error), LASSIM_OK);
    uint64_t hash = read->hash;
    uint8_t *weights = (uint8_t *)read->matrix[3].weights;
    model_close(read);
    weights[0] ^= 0x80;
    snn_seal(bytes, size);
    assert_int_equal(model_read("b", bytes, size, &read, &error), LASSIM_OK);
    assert_int_not_equal(read->hash, hash);
    model_close(read);
    free(bytes);
    tiny_model_free(made);
}

/* A file-size limit stands for a full disk: what cannot be reserved is an error, not a fault later. */
static void full_disk_is_an_error_at_begin(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    struct model *made = tiny_model_new(&config, 1, 0);
    struct lassim_error error = {0};
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    uint64_t size;
    free(tiny_model_bytes(made, &size));
    const rlim_t sizes[] = {4096, size - 1}; /* at begin, at finish */
    for (int i = 0; i < 2; i++) {
        small = (struct rlimit){sizes[i], limit.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        enum lassim_status status = tiny_model_write(made, path_in("taken.snn"), &error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(status, LASSIM_ERR_RUN);
        assert_non_null(strstr(error.text, "taken.snn.partial: cannot reserve"));
        assert_int_equal(access(path_in("taken.snn"), F_OK), -1);
    }
    signal(SIGXFSZ, SIG_DFL);
    tiny_model_free(made);
}

static void clobber_abort_and_pipes(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    struct model *made = tiny_model_new(&config, 1, 0);
    enum weight_type types[16] = {WEIGHT_F32};
    struct model_writer *writer;
    struct lassim_error error = {0};
    assert_int_equal(model_writer_begin(path_in("taken.snn"), 0, made->graph, types, &writer, &error), LASSIM_OK);
    model_writer_abort(writer);
    assert_int_equal(access(path_in("taken.snn"), F_OK), -1);
    assert_int_equal(tiny_model_write(made, path_in("taken.snn"), &error), LASSIM_OK);
    assert_int_equal(model_writer_begin(path_in("taken.snn"), 1, made->graph, types, &writer, &error), LASSIM_ERR_RUN);
    assert_null(writer);
    assert_int_equal(model_writer_begin("/dev/null", 0, made->graph, types, &writer, &error), LASSIM_ERR_USAGE);
    assert_null(writer);
    model_writer_abort(NULL);
    tiny_model_free(made);
}

/* A model that could not be read back is never given its final name. */
static void bad_model_is_not_published(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    struct model *made = tiny_model_new(&config, 1, 0);
    struct lassim_error error = {0};
    remove(path_in("taken.snn"));
    made->residual_grid = 999;
    assert_int_equal(tiny_model_write(made, path_in("taken.snn"), &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "section config: residual grid must be -200 .. 200"));
    assert_int_equal(access(path_in("taken.snn"), F_OK), -1);
    tiny_model_free(made);
}

/* In a child: the file is cut while mapped, the next read is one line and exit 3. */
static void cut_under_the_mapping_is_one_line(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    config.vocabulary = 5000;
    struct model *made = tiny_model_new(&config, 1, 0);
    assert_int_equal(tiny_model_write(made, path_in("cut.snn"), NULL), LASSIM_OK);
    tiny_model_free(made);
    int line[2], status;
    char text[256] = {0};
    assert_int_equal(pipe(line), 0);
    pid_t child = fork();
    if (child == 0) {
        struct model *model;
        struct lassim_error error;
        dup2(line[1], STDERR_FILENO);
        mapguard_install();
        if (model_open(path_in("cut.snn"), &model, &error) != LASSIM_OK) _exit(90);
        if (truncate(path_in("cut.snn"), 4096) != 0) _exit(91);
        model_check_weights(model, &error);
        _exit(92);
    }
    close(line[1]);
    ssize_t length = read(line[0], text, sizeof text - 1);
    close(line[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), LASSIM_ERR_FILE);
    assert_true(length > 0 && strchr(text, '\n') == text + length - 1);
    assert_non_null(strstr(text, "cut.snn"));
}

static void what_is_no_snn_is_said_so(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/m.snn", "/dev/null", "/tmp", "Makefile"};
    static const char *const words[] = {"cannot open", "no regular file", "no regular file", "magic"};
    for (size_t i = 0; i < 4; i++) {
        struct model *model;
        struct lassim_error error = {0};
        assert_int_equal(model_open(paths[i], &model, &error), LASSIM_ERR_FILE);
        assert_null(model);
        if (strstr(error.text, words[i]) == NULL) fail_msg("%s", error.text);
        assert_null(strchr(error.text, '\n'));
    }
    fclose(fopen(path_in("cut.snn"), "w"));
    struct model *model;
    struct lassim_error error = {0};
    assert_int_equal(model_open(path_in("cut.snn"), &model, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "empty"));
    model_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_survives_the_round_trip),
        cmocka_unit_test(same_model_gives_the_same_bytes),
        cmocka_unit_test(hash_names_the_content),
        cmocka_unit_test(full_disk_is_an_error_at_begin),
        cmocka_unit_test(clobber_abort_and_pipes),
        cmocka_unit_test(bad_model_is_not_published),
        cmocka_unit_test(cut_under_the_mapping_is_one_line),
        cmocka_unit_test(what_is_no_snn_is_said_so),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
