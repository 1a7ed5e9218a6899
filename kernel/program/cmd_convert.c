/* lassim convert: checkpoint -> .snn. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert/convert.h"
#include "kernel/outfile.h"
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

static void print_prose(FILE *out, const struct convert_options *options, const struct convert_report *report)
{
    const struct self_check *check = &report->check;
    fprintf(out, "wrote                %s\n", options->output);
    fprintf(out, "weights              %llu, %llu of them moved by their grid%s (largest move %.3g)\n",
            (unsigned long long)report->weights, (unsigned long long)report->moved,
            options->weights == CONVERT_WEIGHTS_KEEP ? "" : " or scale", report->moved_max);
    fprintf(out, "calibrated on        %llu tokens\n", (unsigned long long)report->calibration_tokens);
    fprintf(out, "self-check, spiking against the checkpoint in double on %llu calibration tokens\n",
            (unsigned long long)check->tokens);
    if (check->ppl_dense > 0) {
        fprintf(out, "perplexity dense     %.6f\n", check->ppl_dense);
        fprintf(out, "perplexity spiking   %.6f\n", check->ppl_spiking);
        fprintf(out, "change               %+.6f %%\n", change_percent(check));
        fprintf(out, "mean KL              %.3e\n", check->kl_mean);
        fprintf(out, "max KL               %.3e\n", check->kl_max);
        fprintf(out, "top-1 agreement      %.4f %%\n", 100 * check->top1_agreement);
    } else { /* an encoder that reads its hidden states out */
        fprintf(out, "mean 1 - cosine      %.3e\n", check->kl_mean);
        fprintf(out, "max 1 - cosine       %.3e\n", check->kl_max);
    }
    fprintf(out, "saturations          %llu\n", (unsigned long long)check->saturations);
}

static void print_json(FILE *out, const struct convert_options *options, const struct convert_report *report)
{
    const struct self_check *check = &report->check;
    fprintf(out,
            "{\"timesteps\": %u, \"code\": \"%s\", \"weights_option\": \"%s\", \"weights\": %llu, \"weights_moved\": "
            "%llu, \"moved_max\": %.17g, "
            "\"calibration_tokens\": %llu, ",
            (unsigned)options->timesteps, options->code == SPIKE_CODE_TERNARY ? "ternary" : "radix",
            convert_weights_name(options->weights), (unsigned long long)report->weights,
            (unsigned long long)report->moved, report->moved_max, (unsigned long long)report->calibration_tokens);
    fprintf(out,
            "\"self_check\": {\"tokens\": %llu, \"ppl_dense\": %.17g, \"ppl_spiking\": %.17g, \"dppl_percent\": %.17g, "
            "\"kl_mean\": %.17g, \"kl_max\": %.17g, \"top1_agreement\": %.17g, \"saturations\": %llu}}\n",
            (unsigned long long)check->tokens, check->ppl_dense, check->ppl_spiking, change_percent(check),
            check->kl_mean, check->kl_max, check->top1_agreement, (unsigned long long)check->saturations);
}

/* 1 if path is standard output, a pipe or a device: a .snn is written in place, so it is made aside first. */
static int is_stream(const char *path)
{
    struct stat info;
    return strcmp(path, "-") == 0 || (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

static enum lassim_status copy_file(const char *from, const char *to, struct lassim_error *error)
{
    static uint8_t buffer[1 << 16];
    struct outfile *out;
    FILE *in = fopen(from, "rb");
    if (in == NULL) return lassim_fail(error, LASSIM_ERR_RUN, from, NULL, "cannot be read: %s", strerror(errno));
    enum lassim_status status = outfile_open(to, 0, &out, error);
    if (status == LASSIM_OK) {
        size_t n;
        while (status == LASSIM_OK && (n = fread(buffer, 1, sizeof buffer, in)) > 0)
            status = outfile_write(out, buffer, n, error);
        if (status == LASSIM_OK)
            status = outfile_close_complete(out, error);
        else
            outfile_abandon(out);
    }
    fclose(in);
    return status;
}

/* Converts into a temporary folder and copies the complete model to the stream. */
static enum lassim_status convert_to_stream(struct convert_options options, struct lassim_error *error)
{
    const char *place = getenv("TMPDIR"), *stream = options.output;
    char folder[4096], file[4096 + 16], partial[4096 + 32];
    snprintf(folder, sizeof folder, "%s/lassim-XXXXXX", place != NULL && *place != '\0' ? place : "/tmp");
    if (mkdtemp(folder) == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, folder, NULL, "cannot be made: %s", strerror(errno));
    snprintf(file, sizeof file, "%s/model.snn", folder);
    snprintf(partial, sizeof partial, "%s.partial", file);
    options.output = file;
    enum lassim_status status = convert_checkpoint(&options, error);
    if (status == LASSIM_OK) status = copy_file(file, stream, error);
    unlink(file);
    unlink(partial);
    rmdir(folder);
    return status;
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
        .weights = (enum convert_weights)cli_integer(cli, OPTION_WEIGHTS),
        .hg_error = cli_given(cli, OPTION_HG_ERROR) ? cli_real(cli, OPTION_HG_ERROR) : 0,
        .no_clobber = cli_flag(cli, OPTION_NO_CLOBBER),
        .progress = progress ? show_progress : NULL,
        .report = &report,
    };
    int stream = is_stream(options.output);
    enum lassim_status status = stream ? convert_to_stream(options, &error) : convert_checkpoint(&options, &error);
    if (progress) fputs("\r\033[K", stderr);
    if (status != LASSIM_OK) return cli_error(&error);
    /* The model has standard output for itself. */
    FILE *out = strcmp(options.output, "-") == 0 ? stderr : stdout;
    if (cli_flag(cli, OPTION_JSON))
        print_json(out, &options, &report);
    else if (!quiet)
        print_prose(out, &options, &report);
    return LASSIM_OK;
}
