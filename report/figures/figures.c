/* The set of figures: its folder, and drawing all that are in it. */
#include "report/figures/figures.h"

#include "report/figures/gnuplot.h"
#include "report/figures/sheet.h"
#include "report/figures/svg_theme.h"
#include "storage/file_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Attributes of an SVG give way to rules; svg_theme writes colours as they are here. */
#define LIGHTER(FROM, TO)                                                              \
    ".figure svg [stroke='" FROM "'] { stroke: " TO " }\n"                             \
    ".figure svg [fill='" FROM "'] { fill: " TO " }\n"                                 \
    ".figure svg [color='" FROM "'] { color: " TO " }\n"
const char figures_dark_css[] = LIGHTER("#0072b2", "#2b86c5")
    LIGHTER("#009e73", "#2fc299") LIGHTER("#8c8c8c", "#a0a0a0");

int figures_init(struct figures *figures, const char *folder, struct error *err)
{
    *figures = (struct figures){0};
    if (mkdir(folder, 0777) && errno != EEXIST)
        return error_set(err, ERR_IO, "%s: cannot make this folder: %s", folder,
                         strerror(errno));
    figures->folder = strdup(folder);
    if (!figures->folder)
        return error_set(err, ERR_MEMORY, "out of memory for figures");
    return 0;
}

void figures_clear(struct figures *figures)
{
    for (int i = 0; i < figures->count; i++)
        free(figures->rows[i].title);
    free(figures->rows);
    free(figures->folder);
    *figures = (struct figures){0};
}

bool figures_can_draw(void) { return gnuplot_found(); }

/* gnuplot's SVG in place of which the themed one comes. */
static int theme(const char *path, const struct figure *figure, struct error *err)
{
    struct file_map map = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out;
    bool failed;
    int rc = file_map_open(&map, path, err);

    if (rc)
        return rc;
    out = open_memstream(&text, &size);
    if (out)
        svg_theme(out, (const char *)map.data, map.size, figure->name, figure->title);
    failed = !out || fclose(out);
    file_map_close(&map); /* before its file is written anew */
    if (failed)
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", path);
    else
        rc = sheet_write(path, text, size, err);
    free(text);
    return rc;
}

/* After gnuplot: no half pictures stay. */
static int finish(const struct figures *figures, struct figure *figure, bool drawn,
                  struct error *err)
{
    char svg[4096], pdf[4096];
    int rc = 0;

    snprintf(svg, sizeof svg, "%s/%s.svg", figures->folder, figure->name);
    snprintf(pdf, sizeof pdf, "%s/%s.pdf", figures->folder, figure->name);
    if (drawn)
        rc = theme(svg, figure, err);
    figure->drawn = drawn && rc == 0;
    if (!figure->drawn) {
        unlink(svg);
        unlink(pdf);
    }
    return rc;
}

int figures_draw(struct figures *figures, double timeout_s, struct error *err)
{
    int count = figures->count, rc;
    size_t room = (size_t)(count > 0 ? count : 1);
    char(*names)[FIGURE_NAME + 3] = malloc(room * sizeof *names);
    const char **scripts = malloc(room * sizeof *scripts);
    bool *drawn = malloc(room * sizeof *drawn);

    if (!names || !scripts || !drawn) {
        rc = error_set(err, ERR_MEMORY, "out of memory for figures");
        goto done;
    }
    if (!gnuplot_found()) {
        rc = error_set(err, ERR_INPUT,
                       "figures are not drawn, gnuplot is not installed: install it "
                       "(Debian: apt-get install gnuplot-nox) and report again, or run "
                       "the scripts in %s where it is",
                       figures->folder);
        goto done;
    }
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%s.gp", figures->rows[i].name);
        scripts[i] = names[i];
    }
    rc = gnuplot_run(figures->folder, scripts, count, timeout_s, drawn, err);
    for (int i = 0; i < count; i++) {
        int one = finish(figures, &figures->rows[i], drawn[i], rc ? NULL : err);

        rc = rc ? rc : one;
    }
done:
    free(drawn);
    free(scripts);
    free(names);
    return rc;
}
