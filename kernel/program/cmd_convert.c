/* lassim convert: checkpoint folder -> .snn. */
#include <stdio.h>
#include <unistd.h>

#include "convert/convert.h"
#include "kernel/program/cli.h"

/* One line on the terminal, overwritten. */
static void show_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    fprintf(stderr, "\r\033[K%s: %llu/%llu", stage, (unsigned long long)done, (unsigned long long)total);
    fflush(stderr);
}

static double change_percent(const struct self_check *check)
{
    return check->ppl_dense > 0 ? 100 * (check->ppl_spiking - check->ppl_dense) / check->ppl_dense : 0;
}

static void print_prose(const char *output, const struct convert_report *report)
{
    const struct self_check *check = &report->check;
    printf("wrote                %s\n", output);
    printf("weights              %llu, %llu of them moved by their grid (largest move %.3g)\n",
           (unsigned long long)report->weights, (unsigned long long)report->moved, report->moved_max);
    printf("calibrated on        %llu tokens\n", (unsigned long long)report->calibration_tokens);
    printf("self-check, spiking against the checkpoint in double on %llu calibration tokens\n",
           (unsigned long long)check->tokens);
    printf("perplexity dense     %.6f\n", check->ppl_dense);
    printf("perplexity spiking   %.6f\n", check->ppl_spiking);
    printf("change               %+.6f %%\n", change_percent(check));
    printf("mean KL              %.3e\n", check->kl_mean);
    printf("max KL               %.3e\n", check->kl_max);
    printf("top-1 agreement      %.4f %%\n", 100 * check->top1_agreement);
    printf("saturations          %llu\n", (unsigned long long)check->saturations);
}

static void print_json(const struct convert_options *options, const struct convert_report *report)
{
    const struct self_check *check = &report->check;
    printf("{\"timesteps\": %u, \"code\": \"%s\", \"weights\": %llu, \"weights_moved\": %llu, \"moved_max\": %.17g, "
           "\"calibration_tokens\": %llu, ",
           (unsigned)options->timesteps, options->code == SPIKE_CODE_TERNARY ? "ternary" : "radix",
           (unsigned long long)report->weights, (unsigned long long)report->moved, report->moved_max,
           (unsigned long long)report->calibration_tokens);
    printf("\"self_check\": {\"tokens\": %llu, \"ppl_dense\": %.17g, \"ppl_spiking\": %.17g, \"dppl_percent\": %.17g, "
           "\"kl_mean\": %.17g, \"kl_max\": %.17g, \"top1_agreement\": %.17g, \"saturations\": %llu}}\n",
           (unsigned long long)check->tokens, check->ppl_dense, check->ppl_spiking, change_percent(check),
           check->kl_mean, check->kl_max, check->top1_agreement, (unsigned long long)check->saturations);
}

int cmd_convert(const struct cli *cli)
{
    struct convert_report report;
    struct lassim_error error;
    int quiet = cli_flag(cli, OPTION_QUIET), progress = !quiet && isatty(STDERR_FILENO);
    const struct convert_options options = {
        .checkpoint = cli->operand[0],
        .output = cli_text(cli, OPTION_OUTPUT),
        .calibration = cli_text(cli, OPTION_CALIBRATION),
        .timesteps = (uint32_t)cli_integer(cli, OPTION_CONVERT_TIMESTEPS),
        .code = cli_integer(cli, OPTION_CODE) == 1 ? SPIKE_CODE_TERNARY : SPIKE_CODE_RADIX,
        .hg_error = cli_given(cli, OPTION_HG_ERROR) ? cli_real(cli, OPTION_HG_ERROR) : CONVERT_HG_ERROR,
        .no_clobber = cli_flag(cli, OPTION_NO_CLOBBER),
        .progress = progress ? show_progress : NULL,
        .report = &report,
    };
    enum lassim_status status = convert_checkpoint(&options, &error);
    if (progress) fputs("\r\033[K", stderr);
    if (status != LASSIM_OK) return cli_error(&error);
    if (cli_flag(cli, OPTION_JSON))
        print_json(&options, &report);
    else if (!quiet)
        print_prose(options.output, &report);
    return LASSIM_OK;
}
