#include "test/helpers/bundled_model.h"

#include <stdlib.h>
#include <unistd.h>

#include "convert/convert.h"

static char path[] = "/tmp/lassim-bundled-XXXXXX";
static int made;

const char *bundled_model_path(void)
{
    struct lassim_error error;
    if (made) return path;
    int fd = mkstemp(path);
    LASSIM_INVARIANT(fd >= 0, "mkstemp %s", path);
    close(fd);
    const struct convert_options options = {
        .checkpoint = "examples/opt-tiny", .output = path, .calibration_tokens = 64, .no_self_check = 1};
    LASSIM_INVARIANT(convert_checkpoint(&options, &error) == LASSIM_OK, "%s", error.text);
    made = 1;
    return path;
}

void bundled_model_remove(void)
{
    if (made) unlink(path);
    made = 0;
}
