/* pytorch_model.bin: good files, what the restricted pickle machine refuses, its limits, truncation, bit flips. */
#include "convert/torch_pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/torch_file.h"
#include "test/helpers/checkpoint_fixture.h"

static const char postln_path[] = "test/data/variants/postln/pytorch_model.bin";
static const char nofinal_path[] = "test/data/variants/nofinal/pytorch_model.bin";

static const struct fixture_tensor good_tensors[] = {{"w", "HalfStorage", "0", 6, 0, 2, {2, 3}},
                                                     {"b", "HalfStorage", "1", 6, 0, 1, {6}}};

static enum lassim_status read_prefix(const struct bytes *bytes, size_t size, struct tensor_list *list,
                                      struct lassim_error *error)
{
    *list = (struct tensor_list){0};
    *error = (struct lassim_error){0};
    uint8_t *exact = malloc(size + (size == 0)); /* a read past the end is then seen by ASan */
    assert_non_null(exact);
    memcpy(exact, bytes->data, size);
    enum lassim_status status = torch_file_read("w.bin", exact, size, list, error);
    for (size_t i = 0; i < list->count && status == LASSIM_OK; i++)
        if (list->tensor[i].readable) checkpoint_first_nonfinite(&list->tensor[i]);
    free(exact);
    return status;
}

/* A .bin around the pickle, with two half storages of 6 elements, 0 and 1; its status. */
static enum lassim_status read_pickle(const void *pickle, size_t size, struct tensor_list *list,
                                      struct lassim_error *error)
{
    struct bytes program = {0};
    bytes_add(&program, pickle, size);
    struct bytes bin = fixture_bin(&program, good_tensors, 2, 2);
    enum lassim_status status = read_prefix(&bin, bin.size, list, error);
    bytes_clear(&program);
    bytes_clear(&bin);
    return status;
}

static void refuse_pickle(const void *pickle, size_t size, const char *part)
{
    struct tensor_list list;
    struct lassim_error error;
    assert_refused(read_pickle(pickle, size, &list, &error), &error, part);
    assert_non_null(strstr(error.text, "w.bin: pickle: "));
    tensor_list_clear(&list);
}

static void accept_pickle(const void *pickle, size_t size, size_t tensors)
{
    struct tensor_list list;
    struct lassim_error error;
    if (read_pickle(pickle, size, &list, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(list.count, tensors);
    tensor_list_clear(&list);
}

#define REFUSE(text, part) refuse_pickle(text, sizeof(text) - 1, part)
#define ACCEPT(text, tensors) accept_pickle(text, sizeof(text) - 1, tensors)

/* Pieces of pickles: a storage of 6 halves, and a call around it. */
#define STRING(length, text) "X" length "\0\0\0" text
#define STORAGE "(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\1", "0") STRING("\3", "cpu") "K\6tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n("
#define HOOKS \
    "\x89"    \
    "ccollections\nOrderedDict\n)R"
#define TENSOR REBUILD STORAGE "K\0K\2K\3\x86K\3K\1\x86" HOOKS "tR"
#define DICT_OF(value) "\x80\2}" STRING("\1", "w") value "s."

/* --- good files --- */

static void test_half_file(void **state)
{
    (void)state;
    struct tensor_list list = {0};
    struct lassim_error error;
    struct bytes bytes = bytes_of_file(postln_path);
    if (torch_file_read(postln_path, bytes.data, bytes.size, &list, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(tensor_list_sort(&list, &error), LASSIM_OK);
    assert_int_equal(list.count, 52);
    const struct checkpoint_tensor *tensor = tensor_list_find(&list, "decoder.embed_tokens.weight");
    assert_non_null(tensor);
    assert_int_equal(tensor->rank, 2);
    assert_int_equal(tensor->shape[0], 511);
    assert_int_equal(tensor->shape[1], 32);
    assert_int_equal(tensor->type, WEIGHT_F16);
    assert_true(tensor->readable);
    double first[2], last;
    checkpoint_tensor_f64(tensor, 0, 2, first);
    checkpoint_tensor_f64(tensor, 511 * 32 - 1, 1, &last);
    assert_true(first[0] == -0.24609375 && first[1] == 0.11871337890625 && last == -0.2088623046875);
    tensor = tensor_list_find(&list, "decoder.layers.2.final_layer_norm.bias");
    assert_non_null(tensor);
    assert_int_equal(tensor->elements, 64);
    checkpoint_tensor_f64(tensor, 63, 1, &last);
    assert_true(last == -0.04949951171875);
    tensor_list_clear(&list);
    bytes_clear(&bytes);
}

static void test_float_file(void **state)
{
    (void)state;
    struct tensor_list list = {0};
    struct lassim_error error;
    struct bytes bytes = bytes_of_file(nofinal_path);
    if (torch_file_read(nofinal_path, bytes.data, bytes.size, &list, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(tensor_list_sort(&list, &error), LASSIM_OK);
    assert_int_equal(list.count, 34);
    const struct checkpoint_tensor *tensor = tensor_list_find(&list, "model.decoder.layers.1.fc1.weight");
    assert_non_null(tensor);
    assert_int_equal(tensor->type, WEIGHT_F32);
    float values[2];
    checkpoint_tensor_f32(tensor, 0, 2, values);
    assert_true(values[0] == -0x1.7c27d4p-4f && values[1] == 0x1.d30f62p-6f);
    checkpoint_tensor_f32(tensor, 200 * 48 - 1, 1, values);
    assert_true(values[0] == -0x1.cf1ed2p-4f);
    tensor_list_clear(&list);
    bytes_clear(&bytes);
}

static void test_accepted_pickles(void **state)
{
    (void)state;
    ACCEPT(DICT_OF(TENSOR), 1);
    ACCEPT("\x80\2}.", 0);
    ACCEPT("\x80\2ccollections\nOrderedDict\n)R.", 0);
    /* protocol 4: frame, short strings, memoize, stack global, 64-bit string length */
    ACCEPT("\x80\4\x95\12\0\0\0\0\0\0\0\x8c\x0b"
           "collections\x94\x8c\x0bOrderedDict\x93\x94)R\x94.",
           0);
    ACCEPT("\x80\4}\x8d\1\0\0\0\0\0\0\0w" TENSOR "s.", 1);
    /* a parameter around the tensor; a pop; a state of lists, floats and None, dropped */
    ACCEPT(DICT_OF("ctorch._utils\n_rebuild_parameter\n(" TENSOR HOOKS "tR"), 1);
    ACCEPT("N0(NN1" DICT_OF(TENSOR), 1);
    ACCEPT("\x80\2}(" STRING("\1", "w") TENSOR
           "u}(" STRING("\1", "v") "](K\1J\2\0\0\0eG\0\0\0\0\0\0\0\0a" STRING("\1", "n") "Nub.",
           1);
}

/* Tensors that share a storage, one of them after an offset. */
static void test_shared_storage(void **state)
{
    (void)state;
    const struct fixture_tensor tensors[] = {{"a", "HalfStorage", "0", 6, 0, 2, {3, 2}},
                                             {"b", "HalfStorage", "0", 6, 4, 1, {2}},
                                             {"c", "LongStorage", "1", 2, 1, 0, {0}}};
    struct tensor_list list = {0};
    struct lassim_error error;
    struct bytes pickle = fixture_pickle(tensors, 3);
    struct bytes bin = fixture_bin(&pickle, tensors, 2, 2);
    assert_refused(read_prefix(&bin, bin.size, &list, &error), &error, "storage 1 is not in the archive");
    tensor_list_clear(&list);
    bytes_clear(&pickle);
    bytes_clear(&bin);
    pickle = fixture_pickle(tensors, 2);
    bin = fixture_bin(&pickle, tensors, 2, 2);
    assert_int_equal(torch_file_read("w.bin", bin.data, bin.size, &list, &error), LASSIM_OK);
    assert_int_equal(list.count, 2);
    assert_ptr_equal((const uint8_t *)list.tensor[0].data + 8, list.tensor[1].data);
    assert_int_equal(((const uint8_t *)list.tensor[1].data)[0], 8);
    tensor_list_clear(&list);
    bytes_clear(&pickle);
    bytes_clear(&bin);
}

static void test_unreadable_tensors(void **state)
{
    (void)state;
    struct tensor_list list;
    struct lassim_error error;
    static const char transposed[] = DICT_OF(REBUILD STORAGE "K\0K\3K\2\x86K\1K\3\x86" HOOKS "tR");
    assert_int_equal(read_pickle(transposed, sizeof transposed - 1, &list, &error), LASSIM_OK);
    assert_int_equal(list.count, 1);
    assert_false(list.tensor[0].readable);
    assert_string_equal(list.tensor[0].dtype, "strided HalfStorage");
    tensor_list_clear(&list);
    const struct fixture_tensor tensor = {"i", "LongStorage", "7", 3, 0, 1, {3}};
    struct bytes pickle = fixture_pickle(&tensor, 1), bin = fixture_bin(&pickle, &tensor, 1, 8);
    assert_int_equal(read_prefix(&bin, bin.size, &list, &error), LASSIM_OK);
    assert_int_equal(list.count, 1);
    assert_false(list.tensor[0].readable);
    assert_string_equal(list.tensor[0].dtype, "LongStorage");
    tensor_list_clear(&list);
    bytes_clear(&pickle);
    bytes_clear(&bin);
}

/* --- what is refused --- */

static void test_other_globals(void **state)
{
    (void)state;
    REFUSE("\x80\2cos\nsystem\n(X\2\0\0\0lstR.", "names os.system: only tensors are read");
    REFUSE("\x80\4\x8c\2os\x8c\6system\x93\x8c\2ls\x85R.", "names os.system: only tensors are read");
    REFUSE("\x80\2cbuiltins\neval\n.", "names builtins.eval");
    REFUSE("\x80\2ctorch\nload\n.", "names torch.load");
    REFUSE("\x80\2ctorch._utils\n_rebuild_tensor_v2x\n.", "names torch._utils._rebuild_tensor_v2x");
    REFUSE("\x80\2ccollections.OrderedDict\n\n.", "names collections.OrderedDict.");
    REFUSE("\x80\2cos\x1b[31m\nsystem\n.", "names os\\x1b[31m.system");
    REFUSE("\x80\2cos\nsystem", "cut short");
    REFUSE("\x80\4K\1K\2\x93.", "a global without a name");
    REFUSE("\x80\2ios\nsystem\n.", "byte 2: opcode 0x69");
    REFUSE("\x80\2(cos\nsystem\n", "names os.system");
    REFUSE("\x80\2)\x81.", "opcode 0x81");
    REFUSE("\x80\2\x82\1.", "opcode 0x82");
    REFUSE("\x80\2Pid\n.", "opcode 0x50");
    REFUSE("\x80\1}.", "protocol");
    REFUSE("\x80\5}.", "protocol");
}

static void test_wrong_calls(void **state)
{
    (void)state;
    REFUSE("\x80\2K\1)R.", "expected a call");
    REFUSE("\x80\2ccollections\nOrderedDict\nK\1R.", "expected a call");
    REFUSE("\x80\2ctorch\nHalfStorage\n)R.", "calls torch.HalfStorage");
    REFUSE("\x80\2ccollections\nOrderedDict\n(K\1tR.", "OrderedDict with arguments");
    REFUSE("\x80\2ctorch._utils\n_rebuild_parameter\n(K\1NNtR.", "_rebuild_parameter");
    REFUSE("\x80\2ctorch._utils\n_rebuild_parameter\n)R.", "_rebuild_parameter");
    REFUSE("\x80\2" REBUILD "tR.", "_rebuild_tensor_v2");
    REFUSE("\x80\2" REBUILD "NK\0))NNtR.", "_rebuild_tensor_v2");
    REFUSE("\x80\2" REBUILD STORAGE "J\xff\xff\xff\xff))NNtR.", "_rebuild_tensor_v2");
    REFUSE("\x80\2" REBUILD STORAGE "K\0NNNNtR.", "size and stride");
    REFUSE("\x80\2" REBUILD STORAGE "K\0K\1\x85)NNtR.", "size and stride");
    REFUSE("\x80\2" REBUILD STORAGE "K\0J\xff\xff\xff\xff\x85K\1\x85NNtR.", "size and stride");
    REFUSE("\x80\2" REBUILD STORAGE "K\0N\x85K\1\x85NNtR.", "size and stride");
    REFUSE("\x80\2" REBUILD STORAGE "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1tNNtR.",
           "size and stride");
    REFUSE("\x80\2" REBUILD STORAGE "K\0K\7\x85K\1\x85NNtR.", "shape [7] at 0");
    REFUSE("\x80\2" REBUILD STORAGE "K\4K\3\x85K\1\x85NNtR.", "shape [3] at 4");
    REFUSE("\x80\2" REBUILD STORAGE "K\7))NNtR.", "inside its storage");
    REFUSE("\x80\2" REBUILD STORAGE "K\0\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86K\1K\1\x86NNtR.", "inside its storage");
    REFUSE("\x80\2" TENSOR "}b.", "state");
    REFUSE("\x80\2}Nb.", "state");
}

static void test_wrong_storages(void **state)
{
    (void)state;
    REFUSE("\x80\2NQ.", "persistent ids");
    REFUSE("\x80\2)Q.", "persistent ids");
    REFUSE("\x80\2(" STRING("\7", "storagE") "ctorch\nHalfStorage\n" STRING("\1", "0") "NK\6tQ.", "persistent ids");
    REFUSE("\x80\2(" STRING("\7", "storage") "ccollections\nOrderedDict\n" STRING("\1", "0") "NK\6tQ.",
           "persistent ids");
    REFUSE("\x80\2(" STRING("\7", "storage") "N" STRING("\1", "0") "NK\6tQ.", "persistent ids");
    REFUSE("\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\nK\0NK\6tQ.", "persistent ids");
    REFUSE("\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\1", "0") "NJ\xff\xff\xff\xfftQ.",
           "persistent ids");
    REFUSE("\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\1", "9") "NK\6tQ.",
           "storage 9 is not in the archive");
    REFUSE("\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\13", "../data.pkl") "NK\6tQ.",
           "is not in the archive");
    struct tensor_list list;
    struct lassim_error error;
    static const char lying[] = "\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\1", "0") "NK\7tQ.";
    assert_refused(read_pickle(lying, sizeof lying - 1, &list, &error), &error, "12 bytes, expected 7 elements");
    static const char shorter[] = "\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\1", "0") "NK\5tQ.";
    assert_refused(read_pickle(shorter, sizeof shorter - 1, &list, &error), &error, "12 bytes, expected 5 elements");
    static const char wrapping[] =
        "\x80\2(" STRING("\7", "storage") "ctorch\nHalfStorage\n" STRING("\1", "0") "N\x8a\10\6\0\0\0\0\0\0\x40tQ.";
    assert_refused(read_pickle(wrapping, sizeof wrapping - 1, &list, &error), &error, "12 bytes, expected 46116860");
}

static void test_stack_and_memo(void **state)
{
    (void)state;
    static const char *const starved[] = {"t",     "u",      "s",   "a",    "e",    "R",    "b",
                                          "Q",     "0",      "1",   "\x94", "\x85", "\x86", "\x87",
                                          "N\x86", "(N\x86", "NNs", "Na",   "(e",   "(u",   "N(Ns"};
    for (size_t i = 0; i < sizeof starved / sizeof *starved; i++)
        refuse_pickle(starved[i], strlen(starved[i]), "more values than the stack holds");
    REFUSE("q\0", "more values than the stack holds");
    REFUSE("(q\0", "more values than the stack holds");
    REFUSE("h\0", "never put there");
    REFUSE("Nq\2h\1", "never put there");
    REFUSE("j\xff\xff\xff\xff", "never put there");
    REFUSE("Nr\xff\xff\xff\xff", "memo index past 2^20");
    REFUSE("Nr\0\0\x10\0", "memo index past 2^20");
    REFUSE("(NNs.", "expected a dict below");
    REFUSE("(Na.", "expected a list below");
    REFUSE("N(NNu.", "expected a dict below");
    REFUSE("N(Ne.", "expected a list below");
    REFUSE("}(Nu.", "expected pairs");
    REFUSE("N.", "not one dict");
    REFUSE("}}.", "not one dict");
    REFUSE(".", "not one dict");
    REFUSE("}.}", "expected it at the pickle's end");
    REFUSE("}", "without STOP");
    REFUSE("", "without STOP");
    REFUSE("}K\1Ns.", "a key that is not a string");
    REFUSE("}" STRING("\5", "epoch") "K\3s.", "epoch is not a tensor");
    REFUSE("}" STRING("\5", "model") "}s.", "model is not a tensor");
    REFUSE("K", "past the pickle's end");
    REFUSE("X\xff\xff\xff\xff", "past the pickle's end");
    REFUSE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "past the pickle's end");
    REFUSE("\x8a\5ab", "past the pickle's end");
    REFUSE("\x8a\11abcdefghi.", "more than 64 bits");
    REFUSE("\x80\4\x95\5\0\0\0\0\0\0\0}.", "a frame past the pickle's end");
}

static void test_duplicate_names(void **state)
{
    (void)state;
    struct tensor_list list;
    struct lassim_error error;
    static const char twice[] = "}" STRING("\1", "w") TENSOR "s" STRING("\1", "w") TENSOR "s.";
    assert_int_equal(read_pickle(twice, sizeof twice - 1, &list, &error), LASSIM_OK);
    assert_refused(tensor_list_sort(&list, &error), &error, "w: tensor defined twice");
    tensor_list_clear(&list);
}

/* n times text between head and tail must be refused in time and memory bounded by the limits. */
static void refuse_repeated(const char *head, const char *text, size_t n, const char *tail, const char *part)
{
    struct bytes pickle = {0};
    bytes_text(&pickle, head);
    for (size_t i = 0; i < n; i++) bytes_text(&pickle, text);
    bytes_text(&pickle, tail);
    refuse_pickle(pickle.data, pickle.size, part);
    bytes_clear(&pickle);
}

static void test_limits(void **state)
{
    (void)state;
    refuse_repeated("", "N", (1 << 20) + 1, ".", "more than 2^20 values");
    refuse_repeated("", "(", (1 << 20) + 1, ".", "more than 2^20 values");
    refuse_repeated("N", "\x94", (1 << 20) + 1, ".", "memo index past 2^20");
    refuse_repeated("", "}0", 6 << 20, ".", "64 MiB");
    refuse_repeated("N", "\x85", 6 << 20, ".", "64 MiB");
    refuse_repeated("}", "NNs", 5 << 20, ".", "64 MiB");
    refuse_repeated("", "N", 17 << 20, ".", "at most 16777216");
    refuse_repeated(")q", "\1h\1h\1\x86q", 1000, "\1.", "not one dict"); /* 2^1000 leaves if they were copied */
    refuse_repeated("}q\1X\1\1\1\1", "x", 0x01010101 - 1, "x.", "at most");
    refuse_repeated("N", "\x85", 1 << 20, ".", "not one dict"); /* a million deep */
}

/* --- the archive around it --- */

static void refuse_archive(const struct fixture_entry *entry, size_t entries, const char *part)
{
    struct tensor_list list;
    struct lassim_error error;
    struct bytes bin = fixture_zip(entry, entries, NULL);
    assert_refused(read_prefix(&bin, bin.size, &list, &error), &error, part);
    bytes_clear(&bin);
}

static void test_archives(void **state)
{
    (void)state;
    const struct fixture_entry none[] = {{"a/data", "}.", 2}}, bare[] = {{"/data.pkl", "}.", 2}},
                               two[] = {{"a/data.pkl", "}.", 2}, {"b/data.pkl", "}.", 2}},
                               big[] = {{"a/data.pkl", "}.", 2}, {"a/byteorder", "big", 3}},
                               script[] = {{"a/data.pkl", "}.", 2}, {"a/constants.pkl", "}.", 2}};
    refuse_archive(none, 1, "no entry PREFIX/data.pkl");
    refuse_archive(bare, 1, "no entry PREFIX/data.pkl");
    refuse_archive(two, 2, "two entries named data.pkl");
    refuse_archive(big, 2, "a/byteorder: expected little");
    refuse_archive(script, 2, "TorchScript");
}

static void test_other_formats(void **state)
{
    (void)state;
    static const char legacy[] = "\x80\2\x8a\nl\xfc\x9c"
                                 "F\xf9 j\xa8P\x19.\x80\2M\xe9\3.";
    const struct {
        const char *data;
        size_t size;
        const char *part;
    } files[] = {
        {legacy, sizeof legacy - 1, "the torch.save format before PyTorch 1.6"},
        {"", 0, "not a PyTorch file"},
        {"PK", 2, "not a PyTorch file"},
        {"\x80\2}.", 4, "not a PyTorch file"},
        {"version https://git-lfs", 23, "not a PyTorch file"},
        {"PK\3\4 and nothing else", 21, "no end of central directory"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct tensor_list list;
        struct lassim_error error;
        struct bytes bytes = {0};
        bytes_add(&bytes, files[i].data, files[i].size);
        bytes_number(&bytes, 0, 1);
        assert_refused(read_prefix(&bytes, files[i].size, &list, &error), &error, files[i].part);
        bytes_clear(&bytes);
    }
}

static void test_truncated(void **state)
{
    (void)state;
    struct bytes pickle = fixture_pickle(good_tensors, 2), bin = fixture_bin(&pickle, good_tensors, 2, 2);
    for (size_t size = 0; size < bin.size; size++) {
        struct tensor_list list;
        struct lassim_error error;
        assert_refused(read_prefix(&bin, size, &list, &error), &error, "");
    }
    for (size_t size = 0; size < pickle.size; size++) refuse_pickle(pickle.data, size, "");
    bytes_clear(&pickle);
    bytes_clear(&bin);
    bin = bytes_of_file(postln_path);
    for (size_t size = 0; size < bin.size; size += 7919) {
        struct tensor_list list;
        struct lassim_error error;
        assert_refused(read_prefix(&bin, size, &list, &error), &error, "");
    }
    bytes_clear(&bin);
}

/* Any single bit of a small file: read with everything inside it, or one line. */
static void test_bit_flips(void **state)
{
    (void)state;
    size_t refused = 0;
    struct bytes pickle = fixture_pickle(good_tensors, 2), bin = fixture_bin(&pickle, good_tensors, 2, 2);
    for (size_t bit = 0; bit < bin.size * 8; bit++) {
        struct tensor_list list;
        struct lassim_error error;
        bin.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum lassim_status status = read_prefix(&bin, bin.size, &list, &error);
        if (status != LASSIM_OK) assert_refused(status, &error, "");
        refused += status != LASSIM_OK;
        tensor_list_clear(&list);
        bin.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(refused > bin.size * 4);
    bytes_clear(&pickle);
    bytes_clear(&bin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_file),
        cmocka_unit_test(test_float_file),
        cmocka_unit_test(test_accepted_pickles),
        cmocka_unit_test(test_shared_storage),
        cmocka_unit_test(test_unreadable_tensors),
        cmocka_unit_test(test_other_globals),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_wrong_storages),
        cmocka_unit_test(test_stack_and_memo),
        cmocka_unit_test(test_duplicate_names),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_other_formats),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bit_flips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
