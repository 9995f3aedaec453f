/* sweep.space and sweep.configs: which values each setting takes, and when.
 *
 * A list of configurations becomes axes too, so that whoever walks through a sweep
 * knows one form: the settings that any of them names, with the values that occur. */
#include "jobs/job_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AXIS_VALUES_MAX = 4096, CONFIGS_MAX = 10000 };

static void clear_values(struct setting_value *values, int count)
{
    for (int i = 0; i < count; i++)
        free((char *)values[i].text);
    free(values);
}

void job_sweep_clear(struct job_sweep *sweep)
{
    for (int a = 0; a < sweep->axis_count; a++) {
        struct job_axis *axis = &sweep->axes[a];

        for (int c = 0; c < axis->condition_count; c++)
            clear_values(axis->conditions[c].values, axis->conditions[c].count);
        free(axis->conditions);
        clear_values(axis->values, axis->count);
    }
    free(sweep->axes);
    free(sweep->configs);
    free(sweep->seeds);
    *sweep = (struct job_sweep){0};
}

static int no_memory(struct job_reader *r)
{
    return error_set(r->err, ERR_MEMORY, "out of memory");
}

/* Index of a value among values; -1: it is not there. */
static int find_value(const struct setting *setting, const struct setting_value *values,
                      int count, struct setting_value value)
{
    for (int i = 0; i < count; i++)
        if (setting_equal(setting, value, values[i]))
            return i;
    return -1;
}

/* Puts the node's value behind the others, which have room for it; *index says where it
 * is, or was already. */
static int take_value(struct job_reader *r, const node *at,
                      const struct setting *setting, struct setting_value *values,
                      int *count, int *index)
{
    struct setting_value value;
    char path[SETTINGS_PATH];
    int rc = reader_value(r, at, setting, &value, path);

    if (rc)
        return rc;
    if ((*index = find_value(setting, values, *count, value)) >= 0)
        return 0;
    if (value.text && *value.text && (rc = reader_look(r, at, value.text)))
        return rc;
    if (value.text && !(value.text = strdup(value.text)))
        return no_memory(r);
    *index = *count;
    values[(*count)++] = value;
    return 0;
}

static int refuse_twice(struct job_reader *r, const node *at,
                        const struct setting *setting, struct setting_value value)
{
    char text[SETTINGS_PATH];

    setting_format(text, sizeof text, setting, value);
    return reader_refuse(r, at, "%s: %.100s is there twice", setting->name, text);
}

/* An array or list of distinct values. */
static int read_values(struct job_reader *r, const node *at,
                       const struct setting *setting, struct setting_value **values,
                       int *count)
{
    int length = config_setting_length(at), rc = 0;

    if (length < 1 || length > AXIS_VALUES_MAX)
        return reader_refuse(r, at, "%s: %d values, outside [1, %d]", setting->name,
                             length, AXIS_VALUES_MAX);
    if (!(*values = calloc((size_t)length, sizeof **values)))
        return no_memory(r);
    for (int i = 0; i < length && !rc; i++) {
        const node *value = config_setting_get_elem(at, (unsigned)i);
        int index, before = *count;

        rc = take_value(r, value, setting, *values, count, &index);
        if (!rc && index < before)
            rc = refuse_twice(r, value, setting, (*values)[index]);
    }
    return rc;
}

/* "linear" where nothing is said. */
static int read_scale(struct job_reader *r, const node *at, struct job_axis *axis)
{
    static const char *const words[] = {"linear", "log", NULL};
    static const struct setting scale = {.name = "scale", .words = words};
    const char *text;
    int index, rc;

    if (!at)
        return 0;
    if ((rc = reader_text(r, at, &text)))
        return rc;
    if ((rc = setting_word(&scale, text, &index, r->err)))
        return reader_locate(r, at, rc);
    axis->log = index == 1;
    return 0;
}

static int check_range(struct job_reader *r, const node *at,
                       const struct job_axis *axis)
{
    const char *name = axis->setting->name;

    if (axis->min > axis->max)
        return reader_refuse(r, at, "%s: min, %.10g, is above max, %.10g", name,
                             axis->min, axis->max);
    if (axis->min == axis->max)
        return reader_refuse(r, at,
                             "%s: min and max are both %.10g; one value is no "
                             "range",
                             name, axis->min);
    if (axis->log && axis->min <= 0)
        return reader_refuse(
            r, at, "%s: a range with scale = \"log\" needs min above 0", name);
    return 0;
}

static int read_bound(struct job_reader *r, const node *group, const char *which,
                      const struct setting *setting, double *bound)
{
    const node *at = config_setting_get_member(group, which);
    struct setting_value value;
    int rc;

    if (!at)
        return reader_refuse(r, group, "%s: a range needs min and max", setting->name);
    rc = reader_value(r, at, setting, &value, NULL);
    *bound = value.number;
    return rc;
}

static int read_range(struct job_reader *r, const node *at, enum search_kind search,
                      struct job_axis *axis)
{
    const struct setting *s = axis->setting;
    int rc;

    if (search == SEARCH_GRID)
        return reader_refuse(r, at,
                             "%s: a grid has no ranges; list the values, as in "
                             "[…, …]",
                             s->name);
    if (s->type != SETTING_REAL && s->type != SETTING_INT && s->type != SETTING_UINT32)
        return reader_refuse(r, at,
                             "%s: only numbers have ranges; list the values, as in "
                             "[…, …]",
                             s->name);
    if ((rc = read_bound(r, at, "min", s, &axis->min)) ||
        (rc = read_bound(r, at, "max", s, &axis->max)) ||
        (rc = read_scale(r, config_setting_get_member(at, "scale"), axis)))
        return rc;
    return check_range(r, at, axis);
}

/* Whether an axis can have the value of a condition on it. */
static bool may_have(const struct job_axis *axis, struct setting_value value)
{
    if (axis->count)
        return find_value(axis->setting, axis->values, axis->count, value) >= 0;
    return value.number >= axis->min && value.number <= axis->max;
}

static int check_condition(struct job_reader *r, const node *at,
                           const struct job_axis *on, const struct job_condition *c)
{
    char text[SETTINGS_PATH];

    for (int i = 0; i < c->count; i++) {
        if (may_have(on, c->values[i]))
            continue;
        setting_format(text, sizeof text, on->setting, c->values[i]);
        return reader_refuse(r, at, "when: %s is never %.100s", on->setting->name,
                             text);
    }
    return 0;
}

static int find_axis(const struct job_sweep *sweep, int count, const char *name)
{
    for (int a = 0; a < count; a++)
        if (!strcmp(sweep->axes[a].setting->name, name))
            return a;
    return -1;
}

/* self: the axis that the condition is of. One value stands for a list of one. */
static int read_condition(struct job_reader *r, const node *at,
                          const struct job_sweep *sweep, int self,
                          struct job_condition *out)
{
    const char *name = config_setting_name(at);
    const struct job_axis *on;
    int index, rc;

    if ((out->axis = find_axis(sweep, self, name)) < 0)
        return reader_refuse(r, at, "when: %s is no line of space before this one",
                             name);
    on = &sweep->axes[out->axis];
    if (!on->count && on->setting->type == SETTING_REAL)
        return reader_refuse(r, at,
                             "when: %s is a range of reals, which has no single "
                             "values",
                             name);
    if (reader_is_choice(at)) {
        rc = read_values(r, at, on->setting, &out->values, &out->count);
    } else {
        if (!(out->values = calloc(1, sizeof *out->values)))
            return no_memory(r);
        rc = take_value(r, at, on->setting, out->values, &out->count, &index);
    }
    return rc ? rc : check_condition(r, at, on, out);
}

static int read_when(struct job_reader *r, const node *at,
                     const struct job_sweep *sweep, int self)
{
    struct job_axis *axis = &sweep->axes[self];
    int count, rc;

    if (!at)
        return 0;
    if ((rc = reader_is(r, at, CONFIG_TYPE_GROUP, "a group { }")))
        return rc;
    if (!(count = config_setting_length(at)))
        return reader_refuse(r, at, "when: is empty");
    if (!(axis->conditions = calloc((size_t)count, sizeof *axis->conditions)))
        return no_memory(r);
    for (int i = 0; i < count && !rc; i++)
        rc = read_condition(r, config_setting_get_elem(at, (unsigned)i), sweep, self,
                            &axis->conditions[axis->condition_count++]);
    return rc;
}

/* Of { min; max; scale; when; } and { values; when; }. */
static int check_members(struct job_reader *r, const node *at, const char *name)
{
    static const char *const known[] = {"min", "max", "scale", "values", "when", NULL};
    bool values = config_setting_get_member(at, "values") != NULL;

    for (int i = 0; i < config_setting_length(at); i++) {
        const node *member = config_setting_get_elem(at, (unsigned)i);
        const char *is = config_setting_name(member);
        int k = 0;

        while (known[k] && strcmp(known[k], is) != 0)
            k++;
        if (!known[k])
            return reader_refuse(r, member,
                                 "%s: has no %s; write min, max, scale, or "
                                 "values, and when",
                                 name, is);
        if (values && k < 3)
            return reader_refuse(r, member, "%s: %s does not go with values", name, is);
    }
    return 0;
}

static int read_axis_group(struct job_reader *r, const node *at,
                           const struct job_sweep *sweep, int self)
{
    struct job_axis *axis = &sweep->axes[self];
    const node *values = config_setting_get_member(at, "values");
    int rc = check_members(r, at, axis->setting->name);

    if (rc)
        return rc;
    if (!values)
        rc = read_range(r, at, sweep->search, axis);
    else if (!reader_is_choice(values))
        rc = reader_refuse(r, values, "%s: values are written in [ ]",
                           axis->setting->name);
    else
        rc = read_values(r, values, axis->setting, &axis->values, &axis->count);
    return rc ? rc : read_when(r, config_setting_get_member(at, "when"), sweep, self);
}

static int find_setting(struct job_reader *r, const node *at,
                        const struct setting **setting)
{
    const char *name = config_setting_name(at);

    *setting = settings_table_find_trial(name);
    if (!*setting)
        return reader_refuse(r, at, "%s: is no setting of adapter or training", name);
    if (!strcmp(name, "seed"))
        return reader_refuse(r, at, "seed: seeds are counted or listed in sweep.seeds");
    return 0;
}

static int read_axis(struct job_reader *r, const node *at, struct job_sweep *sweep)
{
    struct job_axis *axis = &sweep->axes[sweep->axis_count];
    int rc = find_setting(r, at, &axis->setting);

    if (rc)
        return rc;
    axis->line = (int)at->line;
    sweep->axis_count++;
    if (config_setting_is_group(at))
        return read_axis_group(r, at, sweep, sweep->axis_count - 1);
    if (!reader_is_choice(at))
        return reader_refuse(r, at, "%s: one value is no choice; write [ ] around it",
                             axis->setting->name);
    return read_values(r, at, axis->setting, &axis->values, &axis->count);
}

int reader_space(struct job_reader *r, const node *at, struct job_sweep *sweep)
{
    int count, rc;

    if (!at)
        return 0;
    if ((rc = reader_is(r, at, CONFIG_TYPE_GROUP, "a group { }")))
        return rc;
    count = config_setting_length(at);
    if (count && !(sweep->axes = calloc((size_t)count, sizeof *sweep->axes)))
        return no_memory(r);
    for (int i = 0; i < count && !rc; i++)
        rc = read_axis(r, config_setting_get_elem(at, (unsigned)i), sweep);
    return rc;
}

/* The axis of a setting that a configuration names, made where it is the first. */
static int config_axis(struct job_reader *r, const node *at, struct job_sweep *sweep,
                       int length, struct job_axis **out)
{
    const struct setting *setting;
    int found, rc = find_setting(r, at, &setting);

    if (rc)
        return rc;
    found = find_axis(sweep, sweep->axis_count, setting->name);
    *out = &sweep->axes[found < 0 ? sweep->axis_count : found];
    if (found >= 0)
        return 0;
    (*out)->values = calloc((size_t)length, sizeof *(*out)->values);
    if (!(*out)->values)
        return no_memory(r);
    (*out)->setting = setting;
    (*out)->line = (int)at->line;
    sweep->axis_count++;
    return 0;
}

/* rows: (length, table's settings), -1 where nothing is said. */
static int read_config(struct job_reader *r, const node *at, struct job_sweep *sweep,
                       int length, int *row)
{
    int rc = reader_is(r, at, CONFIG_TYPE_GROUP, "a group { }");

    for (int i = 0; !rc && i < config_setting_length(at); i++) {
        const node *member = config_setting_get_elem(at, (unsigned)i);
        struct job_axis *axis;
        int index;

        if ((rc = config_axis(r, member, sweep, length, &axis)))
            break;
        rc = take_value(r, member, axis->setting, axis->values, &axis->count, &index);
        row[axis - sweep->axes] = index;
    }
    return rc;
}

/* Rows that were read beside room for every setting, without that room. */
static void pack_rows(struct job_sweep *sweep, int width)
{
    int axes = sweep->axis_count;

    for (int i = 0; i < sweep->config_count; i++)
        memmove(&sweep->configs[i * axes], &sweep->configs[i * width],
                (size_t)axes * sizeof *sweep->configs);
}

int reader_configs(struct job_reader *r, const node *at, struct job_sweep *sweep)
{
    int length, width = settings_table_count(), rc;

    if (!at)
        return 0;
    if (sweep->search != SEARCH_LIST)
        return reader_refuse(r, at, "configs: only search = \"list\" has them");
    if (sweep->axis_count)
        return reader_refuse(r, at,
                             "configs: do not go with space; put its settings "
                             "into the configurations");
    if ((rc = reader_is(r, at, CONFIG_TYPE_LIST, "a list ( ) of groups { }")))
        return rc;
    length = config_setting_length(at);
    if (length < 1 || length > CONFIGS_MAX)
        return reader_refuse(r, at, "configs: %d of them, outside [1, %d]", length,
                             CONFIGS_MAX);
    sweep->axes = calloc((size_t)width, sizeof *sweep->axes);
    sweep->configs = malloc((size_t)length * (size_t)width * sizeof *sweep->configs);
    if (!sweep->axes || !sweep->configs)
        return no_memory(r);
    memset(sweep->configs, 0xff, (size_t)length * (size_t)width * sizeof(int)); /* -1 */
    for (int i = 0; i < length && !rc; i++)
        rc = read_config(r, config_setting_get_elem(at, (unsigned)i), sweep, length,
                         &sweep->configs[i * width]);
    sweep->config_count = length;
    if (!rc)
        pack_rows(sweep, width);
    return rc;
}
