/* Codes, scales and conditions of a space; no random numbers. */
#include "coordinator/search/space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double to_scale(const struct space_axis *axis, double value)
{
    return axis->job->log ? log(value) : value;
}

static double from_scale(const struct space_axis *axis, double value)
{
    return axis->job->log ? exp(value) : value;
}

/* Few values or many, they are sorted by insertion of each once, when a job starts. */
static int sort_values(struct space_axis *axis)
{
    const struct setting_value *values = axis->job->values;
    int count = axis->job->count;

    axis->ranks = malloc((size_t)count * sizeof *axis->ranks);
    axis->sorted = malloc((size_t)count * sizeof *axis->sorted);
    if (!axis->ranks || !axis->sorted)
        return ERR_MEMORY;
    for (int i = 0; i < count; i++) {
        int at = i;

        for (; at && values[axis->sorted[at - 1]].number > values[i].number; at--)
            axis->sorted[at] = axis->sorted[at - 1];
        axis->sorted[at] = i;
    }
    for (int i = 0; i < count; i++)
        axis->ranks[axis->sorted[i]] = i;
    return 0;
}

static int init_choice(struct space_axis *axis)
{
    enum setting_type type = axis->job->setting->type;
    bool number = type != SETTING_WORD && type != SETTING_BOOL && type != SETTING_PATH;

    axis->kind = number ? SPACE_ORDERED : SPACE_CHOICE;
    axis->count = axis->job->count;
    return number ? sort_values(axis) : 0;
}

static int init_axis(struct space_axis *axis, const struct job_axis *job)
{
    double half = job->setting->type == SETTING_REAL ? 0 : 0.5;

    axis->job = job;
    if (job->count)
        return init_choice(axis);
    axis->kind = half > 0 ? SPACE_WHOLE : SPACE_REAL;
    axis->count = half > 0 ? job->max - job->min + 1 : INFINITY;
    axis->low = to_scale(axis, job->min - half);
    axis->high = to_scale(axis, job->max + half);
    return 0;
}

int space_init(struct space *out, const struct job_spec *spec, struct error *err)
{
    int rc = 0;

    *out = (struct space){.spec = spec};
    for (; !rc && out->count < spec->sweep.axis_count; out->count++)
        rc = init_axis(&out->axes[out->count], &spec->sweep.axes[out->count]);
    if (!rc)
        return 0;
    space_clear(out);
    return error_set(err, rc, "out of memory");
}

void space_clear(struct space *space)
{
    for (int a = 0; a < space->count; a++) {
        free(space->axes[a].ranks);
        free(space->axes[a].sorted);
    }
    *space = (struct space){0};
}

struct setting_value space_value(const struct space *space, int a, double code)
{
    const struct job_axis *axis = space->axes[a].job;

    if (isnan(code))
        return setting_get(axis->setting, &space->spec->base);
    if (axis->count)
        return axis->values[(int)code];
    return (struct setting_value){.number = code};
}

static bool is_one_of(const struct setting *setting, struct setting_value value,
                      const struct job_condition *c)
{
    for (int i = 0; i < c->count; i++)
        if (setting_equal(setting, value, c->values[i]))
            return true;
    return false;
}

bool space_exists(const struct space *space, int a, const double *point)
{
    const struct job_axis *axis = space->axes[a].job;

    for (int i = 0; i < axis->condition_count; i++) {
        const struct job_condition *c = &axis->conditions[i];

        if (!is_one_of(space->axes[c->axis].job->setting,
                       space_value(space, c->axis, point[c->axis]), c))
            return false;
    }
    return true;
}

double space_round(double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

static double within(double value, double min, double max)
{
    return value < min ? min : value > max ? max : value;
}

double space_code(const struct space *space, int a, double u)
{
    const struct space_axis *axis = &space->axes[a];
    const struct job_axis *job = axis->job;
    double value;

    if (job->count) {
        int index = (int)within(floor(u * axis->count), 0, axis->count - 1);

        return axis->kind == SPACE_ORDERED ? axis->sorted[index] : index;
    }
    value = from_scale(axis, axis->low + u * (axis->high - axis->low));
    value = axis->kind == SPACE_WHOLE ? floor(value + 0.5) : space_round(value);
    return within(value, job->min, job->max);
}

double space_edge(const struct space *space, int a, double code, int side)
{
    const struct space_axis *axis = &space->axes[a];

    if (axis->kind == SPACE_ORDERED)
        return (axis->ranks[(int)code] + side) / axis->count;
    if (axis->kind == SPACE_CHOICE)
        return (code + side) / axis->count;
    return (to_scale(axis, code - 0.5 + side) - axis->low) / (axis->high - axis->low);
}

double space_place(const struct space *space, int a, double code)
{
    const struct space_axis *axis = &space->axes[a];

    if (axis->kind == SPACE_REAL)
        return within((to_scale(axis, code) - axis->low) / (axis->high - axis->low), 0,
                      1);
    return (space_edge(space, a, code, 0) + space_edge(space, a, code, 1)) / 2;
}

void space_settings(const struct space *space, const double *point,
                    struct settings *out)
{
    *out = space->spec->base;
    for (int a = 0; a < space->count; a++)
        if (!isnan(point[a]))
            setting_set(space->axes[a].job->setting, out,
                        space_value(space, a, point[a]));
}

static double code_of(const struct job_axis *axis, struct setting_value value)
{
    if (!axis->count)
        return value.number >= axis->min && value.number <= axis->max ? value.number
                                                                      : NAN;
    for (int i = 0; i < axis->count; i++)
        if (setting_equal(axis->setting, value, axis->values[i]))
            return i;
    return NAN;
}

void space_point(const struct space *space, const struct settings *settings,
                 double *point)
{
    for (int a = 0; a < space->count; a++) {
        const struct job_axis *axis = space->axes[a].job;

        point[a] = space_exists(space, a, point)
                       ? code_of(axis, setting_get(axis->setting, settings))
                       : NAN;
    }
}
