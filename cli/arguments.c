/* Options of a command, read by its table. */
#include "cli/commands.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_misused(struct error *err, const char *fmt, ...)
{
    char text[512];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    return error_set(err, COMMAND_MISUSED, "%s", text);
}

void arguments_init(struct arguments *arguments, const struct command *command,
                    int count, char **args)
{
    *arguments =
        (struct arguments){.options = command->options, .args = args, .count = count};
}

/* The option whose name is these bytes, or -1. */
static int option_find(const struct option_spec *options, const char *name, size_t size)
{
    for (int i = 0; options && options[i].name; i++)
        if (strlen(options[i].name) == size && !memcmp(options[i].name, name, size))
            return i;
    return -1;
}

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

static int option_value(struct arguments *arguments, int option, const char *attached,
                        const char **value, struct error *err)
{
    const struct option_spec *spec = &arguments->options[option];
    const char *dashes = spec->name[1] ? "--" : "-";
    *value = attached;
    if (!spec->value && attached) {
        command_misused(err, "%s%s takes no value", dashes, spec->name);
        return ARGUMENTS_MISUSED;
    }
    if (!spec->value || attached)
        return option;
    bool last = arguments->at >= arguments->count;
    if (spec->value[0] == '[' && (last || !is_number(arguments->args[arguments->at])))
        return option;
    if (last) {
        command_misused(err, "%s%s needs %s", dashes, spec->name, spec->value);
        return ARGUMENTS_MISUSED;
    }
    *value = arguments->args[arguments->at++];
    return option;
}

int arguments_next(struct arguments *arguments, const char **value, struct error *err)
{
    if (arguments->at >= arguments->count)
        return ARGUMENTS_END;
    const char *arg = arguments->args[arguments->at++];
    if (!arguments->plain && !strcmp(arg, "--")) {
        arguments->plain = true;
        return arguments_next(arguments, value, err);
    }
    *value = arg;
    if (arguments->plain || arg[0] != '-' || !arg[1])
        return ARGUMENTS_PLAIN;
    int option = -1;
    const char *attached = NULL;
    if (arg[1] == '-') {
        attached = strchr(arg, '=');
        size_t size = attached ? (size_t)(attached - arg) : strlen(arg);
        if (size > 3)
            option = option_find(arguments->options, arg + 2, size - 2);
        if (attached)
            attached++;
    } else {
        option = option_find(arguments->options, arg + 1, 1);
        attached = arg[2] ? arg + 2 : NULL;
    }
    if (option < 0) {
        command_misused(err, "unknown option %s", arg);
        return ARGUMENTS_MISUSED;
    }
    return option_value(arguments, option, attached, value, err);
}

int argument_int(int *out, const char *name, const char *value, int min, int max,
                 struct error *err)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end || errno || number < min || number > max)
        return command_misused(err, "%s: '%s' is not a number from %d to %d", name,
                               value, min, max);
    *out = (int)number;
    return 0;
}

static int place_value(const struct option_spec *spec, const struct option_place *place,
                       const char *value, struct error *err)
{
    char name[64];

    if (place->text)
        *place->text = value;
    else if (place->given)
        *place->given = true;
    else if (!value)
        *place->number = place->otherwise;
    else {
        snprintf(name, sizeof name, "%s%s", spec->name[1] ? "--" : "-", spec->name);
        return argument_int(place->number, name, value, place->min, place->max, err);
    }
    return 0;
}

int arguments_read(const struct command *command, int count, char **args,
                   const struct option_place *places, const char **plain,
                   const char *plain_name, struct error *err)
{
    struct arguments arguments;
    const char *value;
    bool taken = false;
    int option, rc = 0;

    arguments_init(&arguments, command, count, args);
    while (!rc && (option = arguments_next(&arguments, &value, err)) != ARGUMENTS_END) {
        if (option == ARGUMENTS_MISUSED)
            return COMMAND_MISUSED;
        if (option >= 0) {
            rc = place_value(&command->options[option], &places[option], value, err);
        } else if (taken) {
            return command_misused(err, "one %s only, not %s too", plain_name, value);
        } else {
            *plain = value;
            taken = true;
        }
    }
    return rc;
}

int arguments_read_dirs(const struct command *command, int count, char **args,
                        const char **dirs, int *dir_count, const char **out,
                        const char *wanted, struct error *err)
{
    struct arguments arguments;
    const char *value;
    int option;

    arguments_init(&arguments, command, count, args);
    while ((option = arguments_next(&arguments, &value, err)) != ARGUMENTS_END)
        if (option == ARGUMENTS_PLAIN)
            dirs[(*dir_count)++] = value;
        else if (option == 0)
            *out = value;
        else
            return COMMAND_MISUSED;
    return *dir_count == 0 || !*out || !**out ? command_misused(err, "%s", wanted) : 0;
}
