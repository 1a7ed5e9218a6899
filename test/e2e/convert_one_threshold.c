/* convert_one_threshold CKPT_DIR OUT.snn T: converts with one threshold per population at the calibration maximum
 * instead of outlier-aware ones: the comparison that las.md's table makes, which the program itself does not offer. */
#include <stdio.h>
#include <stdlib.h>

#include "convert/convert.h"

int main(int argc, char **argv)
{
    struct lassim_error error;
    if (argc != 4) {
        fprintf(stderr, "usage: convert_one_threshold CKPT_DIR OUT.snn T\n");
        return 2;
    }
    const struct convert_options options = {.checkpoint = argv[1],
                                            .output = argv[2],
                                            .timesteps = (uint32_t)strtoul(argv[3], NULL, 10),
                                            .threshold_rule = THRESHOLD_ONE_AT_MAX,
                                            .no_self_check = 1};
    enum lassim_status status = convert_checkpoint(&options, &error);
    if (status != LASSIM_OK) fprintf(stderr, "%s\n", error.text);
    return (int)status;
}
