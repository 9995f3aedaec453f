/* From libconfig's nodes to checked values, with the place in every error. */
#include "jobs/job_reader.h"

#include "jobs/job_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The --set that a node or what it is in comes from; NULL: the file. */
static const char *origin(const node *at)
{
    for (; at; at = config_setting_parent(at))
        if (config_setting_get_hook(at))
            return config_setting_get_hook(at);
    return NULL;
}

int reader_locate(struct job_reader *r, const node *at, int status)
{
    if (!status)
        return 0;
    if (origin(at))
        return error_prefix(r->err, status, "--set %s", origin(at));
    return error_prefix(r->err, status, "%s:%d", r->name,
                        at && at->line ? (int)at->line : 1);
}

int reader_refuse(struct job_reader *r, const node *at, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return reader_locate(r, at, error_set(r->err, ERR_INPUT, "%s", text));
}

const char *reader_name(const node *at)
{
    while (!config_setting_name(at) && config_setting_parent(at))
        at = config_setting_parent(at);
    return config_setting_name(at) ? config_setting_name(at) : "the job";
}

static const char *kind_of(const node *at)
{
    switch (config_setting_type(at)) {
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    case CONFIG_TYPE_ARRAY:
        return "an array [ ]";
    case CONFIG_TYPE_LIST:
        return "a list ( )";
    case CONFIG_TYPE_STRING:
        return "a text";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    default:
        return "a number";
    }
}

int reader_is(struct job_reader *r, const node *at, int config_type, const char *what)
{
    if (config_setting_type(at) == config_type)
        return 0;
    return reader_refuse(r, at, "%s: is %s, not %s", reader_name(at), kind_of(at),
                         what);
}

bool reader_is_choice(const node *at)
{
    return config_setting_is_array(at) || config_setting_is_list(at);
}

const char *reader_syntax_hint(const config_t *config)
{
    if (!strstr(config_error_text(config), "mismatched element type"))
        return "";
    return ": all values in [ ] have one type; write 0.0 for 0 beside other numbers, "
           "or "
           "( ) for [ ]";
}

/* The file is UTF-8 but its texts may hold any byte, written as \x80. */
static int check_characters(struct job_reader *r, const node *at, const char *text)
{
    if (!job_text_is_utf8(text))
        return reader_refuse(r, at, "%s: is not UTF-8", reader_name(at));
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return reader_refuse(r, at, "%s: holds a control character",
                                 reader_name(at));
    return 0;
}

int reader_text(struct job_reader *r, const node *at, const char **text)
{
    int rc = reader_is(r, at, CONFIG_TYPE_STRING, "a text");

    if (rc)
        return rc;
    *text = config_setting_get_string(at);
    if (!**text)
        return reader_refuse(r, at, "%s: is empty", reader_name(at));
    return check_characters(r, at, *text);
}

/* Leading ./ and ../ are taken off: start has no links, so its parent is what it says.
 */
static const char *climb(char start[SETTINGS_PATH], const char *text)
{
    for (;;) {
        if (!strncmp(text, "./", 2)) {
            text += 2;
        } else if (!strncmp(text, "../", 3) && strrchr(start, '/')) {
            *strrchr(start, '/') = 0;
            text += 3;
        } else {
            return text;
        }
    }
}

int reader_path(struct job_reader *r, const node *at, const char *text,
                char path[SETTINGS_PATH])
{
    char start[SETTINGS_PATH];
    int size;

    snprintf(start, sizeof start, "%s", origin(at) ? r->directory : r->folder);
    if (!strcmp(start, "/"))
        start[0] = 0;
    if (*text == '/')
        start[0] = 0;
    else
        text = climb(start, text);
    size =
        snprintf(path, SETTINGS_PATH, "%s%s%s", start, *text == '/' ? "" : "/", text);
    if (size < SETTINGS_PATH)
        return 0;
    return reader_refuse(r, at, "%s: the path has %d bytes, at most %d",
                         reader_name(at), size, SETTINGS_PATH - 1);
}

int reader_look(struct job_reader *r, const node *at, const char *path)
{
    if (!r->look || !access(path, R_OK))
        return 0;
    return reader_refuse(r, at, "%s: %s: %s", reader_name(at), path, strerror(errno));
}

/* An empty path stays empty: none. */
static int path_value(struct job_reader *r, const node *at, struct setting_value *value,
                      char path[SETTINGS_PATH])
{
    const char *text;
    int rc = reader_is(r, at, CONFIG_TYPE_STRING, "a path in quotes");

    if (rc)
        return rc;
    value->text = path;
    text = config_setting_get_string(at);
    path[0] = 0;
    if (!*text)
        return 0;
    if ((rc = check_characters(r, at, text)))
        return rc;
    return reader_path(r, at, text, path);
}

/* An empty text stays empty: the default. */
static int text_value(struct job_reader *r, const node *at, struct setting_value *value)
{
    int rc = reader_is(r, at, CONFIG_TYPE_STRING, "a text in quotes");

    if (rc)
        return rc;
    value->text = config_setting_get_string(at);
    return check_characters(r, at, value->text);
}

static int number_value(struct job_reader *r, const node *at,
                        struct setting_value *value)
{
    if (!config_setting_is_number(at))
        return reader_is(r, at, CONFIG_TYPE_FLOAT, "a number");
    value->number = config_setting_type(at) == CONFIG_TYPE_FLOAT
                        ? config_setting_get_float(at)
                        : (double)config_setting_get_int64(at);
    value->number += 0.0; /* -0 is 0 */
    return 0;
}

static int word_value(struct job_reader *r, const node *at,
                      const struct setting *setting, struct setting_value *value)
{
    const char *text;
    int index, rc = reader_text(r, at, &text);

    if (rc)
        return rc;
    if ((rc = setting_word(setting, text, &index, r->err)))
        return reader_locate(r, at, rc);
    value->number = index;
    return 0;
}

int reader_value(struct job_reader *r, const node *at, const struct setting *setting,
                 struct setting_value *value, char path[SETTINGS_PATH])
{
    int rc;

    *value = (struct setting_value){0};
    if (setting->type == SETTING_PATH)
        rc = path_value(r, at, value, path);
    else if (setting->type == SETTING_TEXT)
        rc = text_value(r, at, value);
    else if (setting->type == SETTING_WORD)
        rc = word_value(r, at, setting, value);
    else if (setting->type == SETTING_BOOL &&
             !(rc = reader_is(r, at, CONFIG_TYPE_BOOL, "true or false")))
        value->number = config_setting_get_bool(at);
    else if (setting->type != SETTING_BOOL)
        rc = number_value(r, at, value);
    return rc ? rc : reader_locate(r, at, setting_check(setting, *value, r->err));
}

static int refuse_unknown(struct job_reader *r, const node *at,
                          enum setting_group group)
{
    const char *name = reader_name(at), *where = settings_group_name(group);

    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *s = settings_table_at(i);

        if (strcmp(s->name, name) != 0)
            continue;
        if (s->group == GROUP_TOP)
            return reader_refuse(r, at, "%s: belongs outside of %s", name, where);
        return reader_refuse(r, at, "%s: belongs into %s", name,
                             settings_group_name(s->group));
    }
    return reader_refuse(r, at, "%s: unknown setting%s%s", name, *where ? " of " : "",
                         where);
}

static int read_member(struct job_reader *r, const node *at, enum setting_group group,
                       void *target)
{
    const struct setting *setting = settings_table_find(group, reader_name(at));
    struct setting_value value;
    char path[SETTINGS_PATH];
    int rc;

    if (!setting)
        return refuse_unknown(r, at, group);
    if (setting->type == SETTING_OTHER)
        return 0;
    if ((rc = reader_value(r, at, setting, &value, path)))
        return rc;
    setting_set(setting, target, value);
    return 0;
}

int reader_group(struct job_reader *r, const node *at, enum setting_group group,
                 void *target)
{
    int rc = at ? reader_is(r, at, CONFIG_TYPE_GROUP, "a group { }") : 0;

    for (int i = 0; at && !rc && i < config_setting_length(at); i++)
        rc = read_member(r, config_setting_get_elem(at, (unsigned)i), group, target);
    return rc;
}
