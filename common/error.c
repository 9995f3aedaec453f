/* Status and error text. Text from files may hold terminal escapes, so control
 * characters never reach the message: a reason is always one printable line. */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int error_set(struct error *err, int status, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return status;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    clean(err->text);
    return status;
}

int error_prefix(struct error *err, int status, const char *fmt, ...)
{
    struct error old;
    va_list args;
    size_t used;

    if (!err)
        return status;
    old = *err;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", old.text);
    clean(err->text);
    return status;
}
