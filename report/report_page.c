#include "report/report_page.h"

#include "report/escape.h"
#include "report/html.h"
#include "storage/file_replace.h"

#include <stdlib.h>
#include <string.h>

static void paragraph(FILE *out, const char *class, const char *text)
{
    if (!text || !*text)
        return;
    fprintf(out, "<p%s%s%s>", class ? " class=\"" : "", class ? class : "",
            class ? "\"" : "");
    escape_html(out, text);
    fputs("</p>\n", out);
}

static int count_status(const struct results *r, const char *status)
{
    int n = 0;

    for (int i = 0; i < r->trial_count; i++)
        n += !strcmp(r->trials[i].status, status);
    return n;
}

static void cards(FILE *out, const struct analysis *a)
{
    static const char *const states[] = {"done",    "running", "queued",  "paused",
                                         "stopped", "failed",  "given up"};
    const struct results *r = &a->runs->results;

    fputs("<div class=\"cards\">\n", out);
    fprintf(out, "<div class=\"card\"><b>%d</b>task%s</div>\n", r->task_count,
            r->task_count == 1 ? "" : "s");
    fprintf(out, "<div class=\"card\"><b>%d</b>configuration%s</div>\n",
            r->config_count, r->config_count == 1 ? "" : "s");
    fprintf(out, "<div class=\"card\"><b>%d</b>trial%s", r->trial_count,
            r->trial_count == 1 ? "" : "s");
    for (size_t i = 0, shown = 0; i < sizeof states / sizeof *states; i++)
        if (count_status(r, states[i]))
            fprintf(out, "%s%d %s", shown++ ? ", " : ": ", count_status(r, states[i]),
                    states[i]);
    fputs("</div>\n</div>\n", out);
}

/* What is not as a finished run's report would be. */
static void warnings(FILE *out, const struct analysis *a)
{
    const struct results *r = &a->runs->results;
    int done = count_status(r, "done"), failed = count_status(r, "failed"),
        given_up = count_status(r, "given up"), stopped = count_status(r, "stopped");
    int open = r->trial_count - done - failed - given_up - stopped;
    char text[256];

    if (!r->trial_count)
        paragraph(out, "warn", "There are no trials yet: nothing to report.");
    else if (!done)
        paragraph(out, "warn", "No trial is done: no configuration can be ranked.");
    if (r->trial_count && failed + given_up == r->trial_count)
        paragraph(out, "warn",
                  "All trials failed; their errors are in the last table.");
    else if (failed + given_up) {
        snprintf(text, sizeof text,
                 "%d trial%s failed or given up; the errors are in the last table.",
                 failed + given_up, failed + given_up == 1 ? " has" : "s have");
        paragraph(out, "warn", text);
    }
    if (open) {
        snprintf(text, sizeof text,
                 "%d of %d trials %s not finished: this is what was published so far.",
                 open, r->trial_count, open == 1 ? "is" : "are");
        paragraph(out, "warn", text);
    }
}

/* Each line of text as a paragraph. */
static void lines(FILE *out, const char *class, const char *text)
{
    char *copy = strdup(text ? text : ""), *rest = copy, *line;

    while (copy && (line = strsep(&rest, "\n")))
        paragraph(out, class, line);
    free(copy);
}

static void sources(FILE *out, const struct analysis *a)
{
    const struct gathered *g = a->runs;

    fputs("<p class=\"note\">From ", out);
    for (int i = 0; i < g->run_count; i++) {
        fputs(i ? ", " : "", out);
        escape_html(out, g->dirs[i]);
    }
    if (g->duplicates)
        fprintf(out, "; %d trial%s that several hold count once", g->duplicates,
                g->duplicates == 1 ? "" : "s");
    fputs(". Encoder ", out);
    escape_html(out, g->results.encoder_digest);
    fputs(".</p>\n", out);
}

static void missing_seeds(FILE *out, const struct analysis_task *t)
{
    int configs = 0, seeds = 0;
    char text[256];

    for (int i = 0; i < t->count; i++) {
        configs += t->rows[i].done < t->rows[i].seeds;
        seeds += t->rows[i].seeds - t->rows[i].done;
    }
    if (!configs)
        return;
    snprintf(
        text, sizeof text,
        "%d of %d configurations miss seeds, %d in all: their means are over those "
        "that finished.",
        configs, t->count, seeds);
    paragraph(out, "warn", text);
}

static int put_file(FILE *out, const char *path)
{
    FILE *in = fopen(path, "r");
    char block[65536];
    size_t n;

    if (!in)
        return -1;
    while ((n = fread(block, 1, sizeof block, in)))
        fwrite(block, 1, n, out);
    fclose(in);
    return 0;
}

static void put_figure(FILE *out, const struct figures *set,
                       const struct figure *figure)
{
    char path[4200];

    fputs("<figure><div class=\"scroll\">", out);
    snprintf(path, sizeof path, "%s/%s.svg", set->folder, figure->name);
    if (!figure->drawn || put_file(out, path))
        fputs("<p class=\"note\">Not drawn: gnuplot was not there or failed.</p>", out);
    fputs("</div><figcaption>", out);
    escape_html(out, figure->title);
    fputs(". Files: ", out);
    for (int i = figure->drawn ? 0 : 2; i < 4; i++) {
        static const char *const forms[] = {"svg", "pdf", "csv", "gp"};

        fprintf(out, "<a href=\"figures/%s.%s\">%s</a>%s", figure->name, forms[i],
                forms[i], i < 3 ? ", " : "");
    }
    fputs(".</figcaption></figure>\n", out);
}

static void put_figures(FILE *out, const struct report_figures *figures, int task)
{
    for (int i = 0; i < figures->set.count; i++)
        if (figures->tasks[i] == task)
            put_figure(out, &figures->set, &figures->set.rows[i]);
}

static void put_tables(FILE *out, const struct report_tables *tables,
                       enum report_table_kind kind, int task)
{
    for (int i = 0; i < tables->count; i++)
        if (tables->rows[i].kind == kind && tables->rows[i].task == task)
            table_write_html(&tables->rows[i].table, REPORT_PAGE_ROWS, out);
}

static void put_task(FILE *out, const struct analysis *a, int task,
                     const struct report_tables *tables,
                     const struct report_figures *figures)
{
    const struct analysis_task *t = &a->tasks[task];

    fprintf(out, "<h2 id=\"task%d\">", task + 1);
    escape_html(out, t->task->name);
    fputs("</h2>\n", out);
    missing_seeds(out, t);
    paragraph(out, "warn", t->edge);
    put_tables(out, tables, REPORT_TASK, task);
    put_figures(out, figures, task);
}

static void navigation(FILE *out, const struct analysis *a)
{
    fputs("<nav><a href=\"#overview\">Overview</a>", out);
    for (int i = 0; i < a->task_count; i++) {
        fprintf(out, "<a href=\"#task%d\">", i + 1);
        escape_html(out, a->tasks[i].task->name);
        fputs("</a>", out);
    }
    fputs("<a href=\"#run\">The run</a></nav>\n", out);
}

static void put_page(FILE *out, const struct analysis *a,
                     const struct report_tables *tables,
                     const struct report_figures *figures)
{
    html_begin(out, "Shiftwork report", NULL);
    sources(out, a);
    navigation(out, a);
    cards(out, a);
    warnings(out, a);
    lines(out, "warn", a->runs->notes);
    fputs("<h2 id=\"overview\">Overview</h2>\n", out);
    for (int i = 0; i < a->task_count; i++)
        paragraph(out, NULL, a->tasks[i].statement);
    put_tables(out, tables, REPORT_OVERVIEW, 0);
    for (int i = 0; i < a->task_count; i++)
        put_task(out, a, i, tables, figures);
    fputs("<h2 id=\"run\">The run</h2>\n", out);
    put_figures(out, figures, -1);
    put_tables(out, tables, REPORT_TRIALS, 0);
    if (figures->notes && figures->notes[0]) {
        fputs("<h3>Figures that there are not</h3>\n", out);
        lines(out, "note", figures->notes);
    }
    fputs("<details><summary>Job file</summary><pre class=\"scroll\">", out);
    for (const char *at = a->runs->results.job_text; at && *at;) {
        size_t size = strcspn(at, "\n");
        char *line = strndup(at, size);

        escape_html(out, line);
        fputc('\n', out);
        free(line);
        at += size + (at[size] == '\n');
    }
    fputs("</pre></details>\n", out);
    html_end(out);
}

int report_page_write(const char *path, const struct analysis *a,
                      const struct report_tables *tables,
                      const struct report_figures *figures, struct error *err)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int rc;

    if (!out)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    put_page(out, a, tables, figures);
    rc = fclose(out) ? error_set(err, ERR_MEMORY, "%s: out of memory", path)
                     : file_replace(path, text, size, err);
    free(text);
    return rc;
}
