/* The safetensors reader on any bytes: a refusal is one line, an accepted table lies inside the file. */
#include <stdlib.h>
#include <string.h>

#include "convert/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tensor_list list = {0};
    struct lassim_error error = {0};
    enum lassim_status status = safetensors_read("fuzz.safetensors", data, size, &list, &error);
    if (status == LASSIM_OK) status = tensor_list_sort(&list, &error);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || error.text[0] == '\0' || strchr(error.text, '\n') != NULL))
        abort();
    for (size_t i = 0; i < list.count && status == LASSIM_OK; i++)
        if (list.tensor[i].readable) checkpoint_first_nonfinite(&list.tensor[i]);
    tensor_list_clear(&list);
    return 0;
}
