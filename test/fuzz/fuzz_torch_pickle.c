/* pytorch_model.bin on any bytes.  First byte 0: the rest is a whole file; otherwise the rest is a pickle beside
 * two storages of 64 bytes, so that the fuzzer need not find its way through a zip archive first. */
#include <stdlib.h>
#include <string.h>

#include "convert/torch_file.h"
#include "convert/torch_pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum lassim_status read_pickle(const uint8_t *data, size_t size, struct tensor_list *list,
                                      struct lassim_error *error)
{
    static const uint8_t storage[64];
    char first[] = "a/data/0", second[] = "a/data/1";
    struct zip_entry entry[] = {{.name = first, .data = storage, .size = sizeof storage},
                                {.name = second, .data = storage, .size = sizeof storage}};
    const struct zip_archive archive = {entry, 2};
    return torch_pickle_read("fuzz.bin", data, size, &archive, "a", list, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct tensor_list list = {0};
    struct lassim_error error = {0};
    enum lassim_status status = data[0] == 0 ? torch_file_read("fuzz.bin", data + 1, size - 1, &list, &error)
                                             : read_pickle(data + 1, size - 1, &list, &error);
    if (status == LASSIM_OK) status = tensor_list_sort(&list, &error);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || error.text[0] == '\0' || strchr(error.text, '\n') != NULL))
        abort();
    for (size_t i = 0; i < list.count && status == LASSIM_OK; i++)
        if (list.tensor[i].readable) checkpoint_first_nonfinite(&list.tensor[i]);
    tensor_list_clear(&list);
    return 0;
}
