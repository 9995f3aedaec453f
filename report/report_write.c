#include "report/report_write.h"

#include "report/report_figures.h"
#include "report/report_page.h"
#include "report/report_tables.h"
#include "storage/file_replace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_ROOM = 4200 };

static int make_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    return error_set(err, ERR_IO, "%s: cannot make this folder: %s", path,
                     strerror(errno));
}

enum form { FORM_CSV, FORM_MARKDOWN, FORM_LATEX, FORM_COUNT };

static int write_form(const char *dir, const struct table *table, enum form form,
                      struct error *err)
{
    static const char *const endings[] = {"csv", "md", "tex"};
    char path[PATH_ROOM], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    snprintf(path, sizeof path, "%s/tables/%s.%s", dir, table->name, endings[form]);
    if (!out)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    if (form == FORM_CSV)
        table_write_csv(table, out);
    else if (form == FORM_MARKDOWN)
        table_write_markdown(table, out);
    else
        table_write_latex(table, REPORT_LATEX_ROWS, out);
    return file_replace_stream(path, out, &text, &size, err);
}

static int write_tables(const char *dir, const struct report_tables *tables,
                        struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < tables->count; i++)
        for (int form = 0; !rc && form < FORM_COUNT; form++)
            rc = write_form(dir, &tables->rows[i].table, (enum form)form, err);
    return rc;
}

static int make_folders(const char *dir, struct error *err)
{
    static const char *const parts[] = {"", "/tables"};
    char path[PATH_ROOM];
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof parts / sizeof *parts; i++) {
        if ((size_t)snprintf(path, sizeof path, "%s%s", dir, parts[i]) >= sizeof path)
            return error_set(err, ERR_INPUT, "%.200s: the path is too long", dir);
        rc = make_folder(path, err);
    }
    return rc;
}

int report_write(const char *dir, const struct gathered *runs, enum sampling sampling,
                 int threads, char **missing, struct error *err)
{
    struct analysis analysis;
    struct report_tables tables = {0};
    struct report_figures figures = {0};
    char path[PATH_ROOM];
    int rc = make_folders(dir, err);

    if (!rc)
        rc = analysis_init(&analysis, runs, sampling, threads, err);
    if (rc)
        return rc;
    rc = report_tables_init(&tables, &analysis, err);
    if (!rc)
        rc = write_tables(dir, &tables, err);
    snprintf(path, sizeof path, "%s/figures", dir);
    if (!rc)
        rc = report_figures_init(&figures, &analysis, path, threads, err);
    snprintf(path, sizeof path, "%s/index.html", dir);
    if (!rc)
        rc = report_page_write(path, &analysis, &tables, &figures, err);
    if (!rc && missing && !(*missing = strdup(figures.notes ? figures.notes : "")))
        rc = error_set(err, ERR_MEMORY, "out of memory");
    report_figures_clear(&figures);
    report_tables_clear(&tables);
    analysis_clear(&analysis);
    return rc;
}
