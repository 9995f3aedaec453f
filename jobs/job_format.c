/* A job as text that reads back the same anywhere: absolute paths, --set applied, what
 * is at its default left out. */
#include "jobs/job_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_value(FILE *out, const struct setting *s, struct setting_value value)
{
    char text[64];

    if (s->type == SETTING_PATH || s->type == SETTING_TEXT) {
        print_text(out, value.text);
        return;
    }
    setting_format(text, sizeof text, s, value);
    if (s->type == SETTING_WORD)
        print_text(out, text);
    else /* L: libconfig's own integers wrap at 32 bits */
        fprintf(out, "%s%s", text, s->type == SETTING_UINT32 ? "L" : "");
}

static bool is_standard(const struct setting *s, struct setting_value value)
{
    struct setting_value standard = {.number = s->standard, .text = ""};

    return setting_equal(s, value, standard);
}

static void print_settings(FILE *out, enum setting_group group, const void *target,
                           const char *indent)
{
    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *s = settings_table_at(i);
        struct setting_value value;

        if (s->group != group || s->type == SETTING_OTHER)
            continue;
        value = setting_get(s, target);
        if (is_standard(s, value))
            continue;
        fprintf(out, "%s%s = ", indent, s->name);
        print_value(out, s, value);
        fprintf(out, ";\n");
    }
}

static void print_named(FILE *out, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, "    %s = ", name);
    print_text(out, text);
    fprintf(out, ";\n");
}

static void print_column(FILE *out, const char *name, int number)
{
    if (name)
        print_text(out, name);
    else
        fprintf(out, "%d", number);
}

static void print_columns(FILE *out, const struct task_columns *c)
{
    fprintf(out, "    header = %s;\n    text = (", c->header ? "true" : "false");
    print_column(out, c->text[0], c->text_at[0]);
    if (c->text[1] || c->text_at[1] >= 0) {
        fprintf(out, ", ");
        print_column(out, c->text[1], c->text_at[1]);
    }
    fprintf(out, ");\n    label = ");
    print_column(out, c->label, c->label_at);
    fprintf(out, ";\n");
}

static void print_metrics(FILE *out, const char *name, const enum metric *metrics,
                          int count)
{
    fprintf(out, "    %s = (", name);
    for (int i = 0; i < count; i++)
        fprintf(out, "%s\"%s\"", i ? ", " : "", metric_name(metrics[i]));
    fprintf(out, ");\n");
}

static void print_own_task(FILE *out, const struct task *task)
{
    const struct task_columns *columns = &task->columns[SPLIT_TRAIN];

    if (columns->text[0] || columns->text_at[0] >= 0) /* not of a prepared file */
        print_columns(out, columns);
    if (task->regression) {
        fprintf(out, "    type = \"regression\";\n");
    } else {
        fprintf(out, "    labels = (");
        for (int i = 0; i < task->labels; i++) {
            fprintf(out, i ? ", " : "");
            print_text(out, task->label_values[i]);
        }
        fprintf(out, ");\n");
    }
    print_metrics(out, "metrics", task->metrics, task->metric_count);
}

static void print_task(FILE *out, const struct task *task)
{
    print_named(out, "name", task->name);
    print_named(out, "data", task->data);
    for (int s = 0; s < SPLIT_COUNT; s++)
        print_named(out, split_names[s], task->files[s]);
    if (!task->glue)
        print_own_task(out, task);
    print_metrics(out, "selection_metric", task->selection, task->selection_count);
    print_settings(out, GROUP_TASK, task, "    ");
}

static void print_values(FILE *out, const struct setting *setting,
                         const struct setting_value *values, int count)
{
    fprintf(out, "(");
    for (int i = 0; i < count; i++) {
        fprintf(out, i ? ", " : "");
        print_value(out, setting, values[i]);
    }
    fprintf(out, ")");
}

static void print_when(FILE *out, const struct job_axis *axis,
                       const struct job_axis *axes)
{
    fprintf(out, " when = {");
    for (int c = 0; c < axis->condition_count; c++) {
        const struct job_condition *condition = &axis->conditions[c];
        const struct setting *on = axes[condition->axis].setting;

        fprintf(out, " %s = ", on->name);
        print_values(out, on, condition->values, condition->count);
        fprintf(out, ";");
    }
    fprintf(out, " };");
}

static void print_range(FILE *out, const struct job_axis *axis)
{
    fprintf(out, " min = ");
    print_value(out, axis->setting, (struct setting_value){.number = axis->min});
    fprintf(out, "; max = ");
    print_value(out, axis->setting, (struct setting_value){.number = axis->max});
    fprintf(out, "; scale = \"%s\";", axis->log ? "log" : "linear");
}

static void print_axis(FILE *out, const struct job_axis *axis,
                       const struct job_axis *axes)
{
    fprintf(out, "    %s = ", axis->setting->name);
    if (axis->count && !axis->condition_count) {
        print_values(out, axis->setting, axis->values, axis->count);
        fprintf(out, ";\n");
        return;
    }
    fprintf(out, "{");
    if (axis->count) {
        fprintf(out, " values = ");
        print_values(out, axis->setting, axis->values, axis->count);
        fprintf(out, ";");
    } else {
        print_range(out, axis);
    }
    if (axis->condition_count)
        print_when(out, axis, axes);
    fprintf(out, " };\n");
}

static void print_config(FILE *out, const struct job_sweep *sweep, const int *row)
{
    fprintf(out, "    {");
    for (int a = 0; a < sweep->axis_count; a++) {
        if (row[a] < 0)
            continue;
        fprintf(out, " %s = ", sweep->axes[a].setting->name);
        print_value(out, sweep->axes[a].setting, sweep->axes[a].values[row[a]]);
        fprintf(out, ";");
    }
    fprintf(out, " }");
}

static void print_configs(FILE *out, const struct job_sweep *sweep)
{
    fprintf(out, "  configs = (\n");
    for (int i = 0; i < sweep->config_count; i++) {
        fprintf(out, i ? ",\n" : "");
        print_config(out, sweep, &sweep->configs[i * sweep->axis_count]);
    }
    fprintf(out, "\n  );\n");
}

static void print_space(FILE *out, const struct job_sweep *sweep)
{
    fprintf(out, "  space = {\n");
    for (int a = 0; a < sweep->axis_count; a++)
        print_axis(out, &sweep->axes[a], sweep->axes);
    fprintf(out, "  };\n");
}

static void print_sweep(FILE *out, const struct job_sweep *sweep)
{
    fprintf(out, "sweep = {\n");
    print_settings(out, GROUP_SWEEP, sweep, "  ");
    fprintf(out, "  seeds = (");
    for (int i = 0; i < sweep->seed_count; i++)
        fprintf(out, "%s%uL", i ? ", " : "", sweep->seeds[i]);
    fprintf(out, ");\n");
    if (sweep->search == SEARCH_LIST)
        print_configs(out, sweep);
    else
        print_space(out, sweep);
    fprintf(out, "};\n");
}

static void print_group(FILE *out, enum setting_group group, const void *target)
{
    fprintf(out, "%s = {\n", settings_group_name(group));
    print_settings(out, group, target, "  ");
    fprintf(out, "};\n");
}

static void print_slurm(FILE *out, const struct job_slurm *slurm)
{
    fprintf(out, "slurm = {\n");
    print_settings(out, GROUP_SLURM, slurm, "  ");
    if (slurm->module_count > 0) {
        fprintf(out, "  modules = (");
        for (int i = 0; i < slurm->module_count; i++) {
            fprintf(out, i ? ", " : "");
            print_text(out, slurm->modules[i]);
        }
        fprintf(out, ");\n");
    }
    fprintf(out, "};\n");
}

char *job_spec_format(const struct job_spec *spec)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "encoder = ");
    print_text(out, spec->encoder);
    fprintf(out, ";\ntasks = (\n");
    for (int i = 0; i < spec->task_count; i++) {
        fprintf(out, "%s  {\n", i ? ",\n" : "");
        print_task(out, &spec->tasks[i]);
        fprintf(out, "  }");
    }
    fprintf(out, "\n);\n");
    print_group(out, GROUP_ADAPTER, &spec->base);
    print_group(out, GROUP_TRAINING, &spec->base);
    print_sweep(out, &spec->sweep);
    print_group(out, GROUP_CLUSTER, &spec->cluster);
    print_group(out, GROUP_OUTPUT, &spec->output);
    print_slurm(out, &spec->slurm);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}
