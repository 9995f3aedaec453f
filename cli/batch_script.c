#include "cli/batch_script.h"

#include "slurm/batch_templates.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 24, NUMBER_SIZE = 16 };

struct fields {
    const char *names[NAMES];
    const char *values[NAMES];
    int count;
    char numbers[NAMES][NUMBER_SIZE];
    char *owned[NAMES]; /* to be freed */
    int owned_count;
    bool failed; /* out of memory */
};

/* ---- filling in ---- */

/* The value of the {{name}} that starts at `at`, *end behind it; NULL: none does. */
static const char *field_at(const char *at, const char **end, const char *const *names,
                            const char *const *values, int count)
{
    if (strncmp(at, "{{", 2) != 0)
        return NULL;
    for (int i = 0; i < count; i++) {
        size_t length = strlen(names[i]);
        if (!strncmp(at + 2, names[i], length) && !strncmp(at + 2 + length, "}}", 2)) {
            *end = at + length + 4;
            return values[i];
        }
    }
    return NULL;
}

/* One line; false: it is to be left out. */
static bool fill_line(FILE *out, const char *line, const char *line_end,
                      const char *const *names, const char *const *values, int count)
{
    const char *next, *value;
    for (const char *at = line; at < line_end; at++)
        if ((value = field_at(at, &next, names, values, count)) && !*value)
            return false;
    for (const char *at = line; at < line_end;) {
        if ((value = field_at(at, &next, names, values, count))) {
            fputs(value, out);
            at = next;
        } else {
            putc(*at++, out);
        }
    }
    return true;
}

char *batch_fill(const char *template, const char *const *names,
                 const char *const *values, int count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (const char *line = template; *line;) {
        const char *end = line + strcspn(line, "\n");
        if (fill_line(out, line, end, names, values, count))
            putc('\n', out);
        line = *end ? end + 1 : end;
    }
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

char *shell_word(const char *text)
{
    char *word = NULL;
    size_t size;
    FILE *out = open_memstream(&word, &size);
    if (!out)
        return NULL;
    putc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            putc(*text, out);
    putc('\'', out);
    if (fclose(out)) {
        free(word);
        return NULL;
    }
    return word;
}

/* ---- what is filled in ---- */

static void add_text(struct fields *f, const char *name, const char *value)
{
    f->names[f->count] = name;
    f->values[f->count++] = value;
}

static void add_number(struct fields *f, const char *name, int value)
{
    snprintf(f->numbers[f->count], NUMBER_SIZE, "%d", value);
    add_text(f, name, f->numbers[f->count]);
}

/* Takes value over. */
static void add_owned(struct fields *f, const char *name, char *value)
{
    if (!value)
        f->failed = true;
    f->owned[f->owned_count++] = value;
    add_text(f, name, value ? value : "");
}

static char *joined(const char *const *texts, int count, bool quote)
{
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);
    if (!out)
        return NULL;
    for (int i = 0; i < count; i++) {
        char *word = quote ? shell_word(texts[i]) : NULL;
        fprintf(out, "%s%s", i ? " " : "", word ? word : texts[i]);
        free(word);
    }
    if (fclose(out)) {
        free(all);
        return NULL;
    }
    return all;
}

static char *run_arguments(const struct batch_job *job)
{
    char *first = shell_word(job->job_file);
    char *rest = joined(job->args, job->arg_count, true), *all = NULL;
    if (first && rest && asprintf(&all, "%s%s%s", first, *rest ? " " : "", rest) < 0)
        all = NULL;
    free(first);
    free(rest);
    return all;
}

/* Beside the run directory, which is made by the run. A % is Slurm's sign. */
static char *log_name(const struct batch_job *job, enum batch_kind kind)
{
    const char *end = kind == BATCH_MERGE ? ".merge-%j.out"
                      : job->shards > 1   ? ".slurm-%A_%a.out"
                                          : ".slurm-%j.out";
    char *name = NULL, *word;
    size_t size;
    FILE *out = open_memstream(&name, &size);
    if (!out)
        return NULL;
    for (const char *at = job->run_dir; *at; at++)
        fprintf(out, *at == '%' ? "%%%%" : "%c", *at);
    fputs(end, out);
    if (fclose(out))
        return NULL;
    word = shell_word(name);
    free(name);
    return word;
}

/* Letters, digits, _ and - of the run directory's last part. */
static char *job_name(const struct batch_job *job)
{
    const char *slash = strrchr(job->run_dir, '/');
    char *name = strdup(slash ? slash + 1 : job->run_dir);
    for (char *at = name; at && *at; at++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
                    *at))
            *at = '_';
    return name;
}

static void fill_fields(struct fields *f, enum batch_kind kind,
                        const struct job_slurm *slurm, const struct batch_job *job)
{
    bool whole = slurm->ranks_per_node == 0;
    add_owned(f, "name", job_name(job));
    add_text(f, "partition", slurm->partition);
    add_text(f, "account", slurm->account);
    add_number(f, "nodes", slurm->nodes);
    if (whole)
        add_text(f, "ranks", "");
    else
        add_number(f, "ranks", slurm->ranks_per_node);
    add_number(f, "threads", job->threads);
    add_text(f, "exclusive", whole ? "exclusive" : "");
    add_text(f, "memory",
             slurm->memory[0]             ? slurm->memory
             : whole && kind == BATCH_RUN ? "0"
                                          : "");
    add_text(f, "time", slurm->time);
    if (job->shards > 1)
        add_number(f, "shards", job->shards);
    else
        add_text(f, "shards", "");
    add_number(f, "warn_s", slurm->warn_s);
    add_number(f, "grace_s", slurm->warn_s * 3 / 4);
    add_text(f, "requeue", slurm->requeue ? "requeue" : "no-requeue");
    add_owned(f, "folder", shell_word(job->folder));
    add_owned(f, "log", log_name(job, kind));
    add_owned(f, "modules",
              joined((const char *const *)slurm->modules, slurm->module_count, false));
    add_owned(f, "program", shell_word(job->program));
    add_owned(f, "dir", shell_word(job->run_dir));
    add_owned(f, "arguments", run_arguments(job));
}

int batch_script(char **out, enum batch_kind kind, const struct job_slurm *slurm,
                 const struct batch_job *job, struct error *err)
{
    const char *template = kind == BATCH_MERGE                ? batch_template_merge
                           : slurm->launcher == LAUNCHER_SRUN ? batch_template_srun
                                                              : batch_template_run;
    struct fields f = {0};
    fill_fields(&f, kind, slurm, job);
    *out = f.failed ? NULL : batch_fill(template, f.names, f.values, f.count);
    for (int i = 0; i < f.owned_count; i++)
        free(f.owned[i]);
    return *out ? 0 : error_set(err, ERR_MEMORY, "out of memory for a batch script");
}
