/* --set path=value: a change to the tree of nodes before it is read, so that a value is
 * checked the same wherever it comes from. The node remembers the --set as its hook. */
#include "jobs/job_reader.h"
#include "jobs/job_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SEGMENTS_MAX = 3 };

static int refuse(struct job_reader *r, const char *override, const char *reason)
{
    return error_set(r->err, ERR_INPUT, "--set %s: %s", override, reason);
}

/* path is cut at its dots. */
static int split(char *path, char *segments[SEGMENTS_MAX])
{
    int count = 0;

    for (char *at = path; at; count++) {
        char *dot = strchr(at, '.');

        if (count == SEGMENTS_MAX || !*at || dot == at)
            return 0;
        if (dot)
            *dot++ = 0;
        segments[count] = at;
        at = dot;
    }
    return count;
}

static node *find_task(const struct job_reader *r, const char *name)
{
    const node *tasks = config_lookup(&r->config, "tasks");

    if (!tasks || !config_setting_is_list(tasks))
        return NULL;
    for (int i = 0; i < config_setting_length(tasks); i++) {
        node *task = config_setting_get_elem(tasks, (unsigned)i);
        const char *found;

        if (config_setting_is_group(task) &&
            config_setting_lookup_string(task, "name", &found) && !strcmp(found, name))
            return task;
    }
    return NULL;
}

/* The group that the last segment is in, made where it is missing. */
static node *find_group(struct job_reader *r, char *const *segments, int count)
{
    node *at = config_root_setting(&r->config);

    if (!strcmp(segments[0], "tasks"))
        return count == 3 ? find_task(r, segments[1]) : NULL;
    for (int i = 0; i < count - 1; i++) {
        node *next = config_setting_get_member(at, segments[i]);

        if (!next)
            next = config_setting_add(at, segments[i], CONFIG_TYPE_GROUP);
        if (!next || !config_setting_is_group(next))
            return NULL;
        at = next;
    }
    return at;
}

/* Its value is a text, whatever it looks like: a path, a time. */
static bool is_text(char *const *segments, int count)
{
    const struct setting *found = NULL;

    if (count == 1)
        found = settings_table_find(GROUP_TOP, segments[0]);
    else if (!strcmp(segments[0], "output"))
        found = settings_table_find(GROUP_OUTPUT, segments[1]);
    else if (!strcmp(segments[0], "adapter"))
        found = settings_table_find(GROUP_ADAPTER, segments[1]);
    else if (!strcmp(segments[0], "slurm"))
        found = settings_table_find(GROUP_SLURM, segments[1]);
    return found && (found->type == SETTING_PATH || found->type == SETTING_TEXT);
}

static bool is_number(const char *value)
{
    const char *digit = value + (*value == '-' || *value == '+');
    char *end;

    digit += *digit == '.';
    if (!isdigit((unsigned char)*digit))
        return false;
    strtod(value, &end);
    while (*end == 'L')
        end++;
    return !*end;
}

/* What libconfig has a form for; everything else is a bare word. */
static bool is_formed(const char *value)
{
    return (*value && strchr("\"[({", *value)) || is_number(value) ||
           !strcasecmp(value, "true") || !strcasecmp(value, "false");
}

static void copy_node(node *to, const node *from)
{
    int type = config_setting_type(from);

    if (type == CONFIG_TYPE_INT)
        config_setting_set_int(to, config_setting_get_int(from));
    else if (type == CONFIG_TYPE_INT64)
        config_setting_set_int64(to, config_setting_get_int64(from));
    else if (type == CONFIG_TYPE_FLOAT)
        config_setting_set_float(to, config_setting_get_float(from));
    else if (type == CONFIG_TYPE_BOOL)
        config_setting_set_bool(to, config_setting_get_bool(from));
    else if (type == CONFIG_TYPE_STRING)
        config_setting_set_string(to, config_setting_get_string(from));
    for (int i = 0;
         config_setting_is_aggregate(from) && i < config_setting_length(from); i++) {
        const node *child = config_setting_get_elem(from, (unsigned)i);

        copy_node(config_setting_add(to, config_setting_name(child),
                                     config_setting_type(child)),
                  child);
    }
}

static int replace(struct job_reader *r, node *group, const char *name,
                   const node *value, const char *override)
{
    node *added;

    config_setting_remove(group, name);
    added = config_setting_add(group, name, config_setting_type(value));
    if (!added)
        return refuse(r, override, "no setting has such a name");
    copy_node(added, value);
    config_setting_set_hook(added, (void *) override);
    return 0;
}

/* Reads the value as the one setting of a text of its own. */
static int set_formed(struct job_reader *r, node *group, const char *name,
                      const char *value, const char *override)
{
    size_t size = strlen(value) + sizeof "value = \n;";
    char *text = malloc(size);
    config_t config;
    int line, rc;

    if (!text)
        return error_set(r->err, ERR_MEMORY, "out of memory");
    snprintf(text, size, "value = %s\n;", value);
    config_init(&config);
    if ((rc = job_text_check(text, &line, r->err)))
        error_prefix(r->err, rc, "--set %s", override);
    else if (!config_read_string(&config, text))
        rc = error_set(r->err, ERR_INPUT, "--set %s: %s%s", override,
                       config_error_text(&config), reader_syntax_hint(&config));
    else if (config_setting_length(config_root_setting(&config)) != 1)
        rc = refuse(r, override, "more than one value");
    else
        rc = replace(r, group, name, config_lookup(&config, "value"), override);
    config_destroy(&config);
    free(text);
    return rc;
}

static int set_word(struct job_reader *r, node *group, const char *name,
                    const char *value, const char *override)
{
    node *added;

    config_setting_remove(group, name);
    added = config_setting_add(group, name, CONFIG_TYPE_STRING);
    if (!added)
        return refuse(r, override, "no setting has such a name");
    config_setting_set_string(added, value);
    config_setting_set_hook(added, (void *) override);
    return 0;
}

int reader_override(struct job_reader *r, const char *override)
{
    const char *equals = strchr(override, '=');
    char path[256], *segments[SEGMENTS_MAX];
    bool word;
    node *group;
    int count;

    if (!equals || equals == override || (size_t)(equals - override) >= sizeof path)
        return refuse(r, override, "write path=value, as in training.epochs=3");
    if (!job_text_is_utf8(override))
        return refuse(r, override, "the text is not UTF-8");
    memcpy(path, override, (size_t)(equals - override));
    path[equals - override] = 0;
    count = split(path, segments);
    if (!count)
        return refuse(r, override,
                      "the path has one to three names, with dots between");
    group = find_group(r, segments, count);
    if (!group)
        return refuse(r, override,
                      strcmp(segments[0], "tasks") ? "there is no such group"
                      : count == 3                 ? "the job has no such task"
                                                   : "write tasks.NAME.setting=value");
    word = !is_formed(equals + 1) || (is_text(segments, count) && equals[1] != '"');
    return (word ? set_word : set_formed)(r, group, segments[count - 1], equals + 1,
                                          override);
}
