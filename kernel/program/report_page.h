/* The report's page: the template of kernel/program/report/ with style, D3, scripts and data in their places. */
#ifndef LASSIM_PROGRAM_REPORT_PAGE_H
#define LASSIM_PROGRAM_REPORT_PAGE_H

#include <jansson.h>
#include <stddef.h>

#include "kernel/error.h"
#include "kernel/outfile.h"

/* A file that is part of the program (report_assets.c). */
struct report_asset {
    const char *name; /* as in the template: "@@NAME@@" on a line of its own */
    const char *bytes;
    size_t size;
};
enum { REPORT_ASSETS_MAX = 16 };
/* The template, and the assets that go into it in *count. */
struct report_asset report_template(void);
const struct report_asset *report_assets(unsigned *count);

/* Text of json for a script element: ASCII, no '<', '>' or '&', so that nothing in it can end the element or be read as
 * markup; *size excludes the 0.  NULL without memory; the caller frees it. */
char *report_page_data(const json_t *json, size_t *size);
/* Writes the page with its data.  O(its size). */
enum lassim_status report_page_write(struct outfile *out, const json_t *json, struct lassim_error *error);

#endif
