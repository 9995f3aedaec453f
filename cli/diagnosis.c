#include "cli/diagnosis.h"

#include <stdarg.h>

void diagnosis_say(struct diagnosis *diagnosis, enum diagnosis_mark mark,
                   const char *topic, const char *fmt, ...)
{
    static const char *const names[MARK_COUNT] = {"ok", "note", "problem"};
    char text[2048];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 32 || *at == 127)
            *at = '?';
    diagnosis->counts[mark]++;
    fprintf(diagnosis->out, "%-8s %-11s %s\n", names[mark], topic, text);
    fflush(diagnosis->out); /* each as soon as it is known */
}

const char *size_text(char out[SIZE_TEXT], double bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    int unit = 0;
    double value = bytes / 1e3;
    while (value >= 999.5 && unit < 3) {
        value /= 1e3;
        unit++;
    }
    snprintf(out, SIZE_TEXT, "%.*f %s", value < 9.95 ? 1 : 0, value, units[unit]);
    return out;
}
