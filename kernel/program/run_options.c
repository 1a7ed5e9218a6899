#include "kernel/program/run_options.h"

#include <string.h>

static int is_standard_output(const struct cli *cli, enum option_id option)
{
    return cli_given(cli, option) && strcmp(cli_text(cli, option), "-") == 0;
}

int run_options_results_on_standard_output(const struct cli *cli)
{
    return is_standard_output(cli, OPTION_TRACE) + is_standard_output(cli, OPTION_METRICS) +
           is_standard_output(cli, OPTION_LOGITS);
}

int run_options_check(const struct cli *cli)
{
    if (cli_given(cli, OPTION_PROMPT) + cli_given(cli, OPTION_PROMPT_FILE) + cli_given(cli, OPTION_TOKEN_IDS) > 1) {
        return cli_usage(OPTION_PROMPT, "expected one of --prompt, --prompt-file and --token-ids, found several");
    }
    if (cli_given(cli, OPTION_TRACE) && cli_integer(cli, OPTION_ENGINE) == LASSIM_ENGINE_DENSE) {
        return cli_usage(OPTION_TRACE, "the engine dense has no spikes to trace; engines that have: fused, event");
    }
    if (cli_integer(cli, OPTION_ENGINE) == LASSIM_ENGINE_DENSE &&
        (cli_real(cli, OPTION_DROP_SPIKES) > 0 || cli_real(cli, OPTION_THRESHOLD_NOISE) > 0 ||
         cli_given(cli, OPTION_STUCK_NEURONS))) {
        return cli_usage(OPTION_ENGINE, "dense has no spikes to perturb; engines that have: fused, event");
    }
    int standard = run_options_results_on_standard_output(cli);
    if (standard + (standard > 0 && cli_flag(cli, OPTION_JSON)) > 1) {
        return cli_usage(is_standard_output(cli, OPTION_TRACE) ? OPTION_TRACE : OPTION_METRICS,
                         "only one result can go to standard output");
    }
    return 0;
}
