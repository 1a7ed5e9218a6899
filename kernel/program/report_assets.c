/* The report's files as part of the program.  The assembler reads them (paths from the repository's root); the Makefile
 * names them as prerequisites of this object and passes D3's path. */
#include "kernel/program/report_page.h"

#ifndef REPORT_D3
#define REPORT_D3 "/usr/share/javascript/d3/d3.min.js" /* package libjs-d3 */
#endif
#define REPORT_FOLDER "kernel/program/report/"

/* X(identifier, name in the template, file) */
#define REPORT_FILES(X)                               \
    X(notice, "NOTICE", REPORT_FOLDER "notice.txt")   \
    X(style, "STYLE", REPORT_FOLDER "page.css")       \
    X(d3, "D3", REPORT_D3)                            \
    X(page, "PAGE", REPORT_FOLDER "page.js")          \
    X(heat, "HEAT", REPORT_FOLDER "heat.js")          \
    X(raster, "RASTER", REPORT_FOLDER "raster.js")    \
    X(neurons, "NEURONS", REPORT_FOLDER "neurons.js") \
    X(costs, "COSTS", REPORT_FOLDER "costs.js")       \
    X(sweep, "SWEEP", REPORT_FOLDER "sweep.js")       \
    X(start, "START", REPORT_FOLDER "start.js")

#define DECLARE(id, name, file) extern const char report_file_##id[], report_file_##id##_end[];
REPORT_FILES(DECLARE)
DECLARE(template, "", "")

#define EMBED(id, name, file)                                                                      \
    __asm__(".pushsection .rodata\n.hidden report_file_" #id "\n.hidden report_file_" #id "_end\n" \
            ".global report_file_" #id "\nreport_file_" #id ":\n.incbin \"" file "\"\n"            \
            ".global report_file_" #id "_end\nreport_file_" #id "_end:\n.byte 0\n.popsection\n");
REPORT_FILES(EMBED)
EMBED(template, "", REPORT_FOLDER "page.html")

struct report_asset report_template(void)
{
    return (struct report_asset){"", report_file_template, (size_t)(report_file_template_end - report_file_template)};
}

const struct report_asset *report_assets(unsigned *count)
{
    static struct report_asset assets[REPORT_ASSETS_MAX];
    unsigned used = 0;
#define ADD(id, text, file) \
    assets[used++] = (struct report_asset){text, report_file_##id, (size_t)(report_file_##id##_end - report_file_##id)};
    REPORT_FILES(ADD)
#undef ADD
    *count = used;
    return assets;
}
