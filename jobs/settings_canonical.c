/* A trial's settings as one line of text: what messages carry and identities digest. */
#include "jobs/settings_table.h"

#include <stdlib.h>
#include <string.h>

enum { TRIAL_SETTINGS_MAX = 64 };

static int by_name(const void *a, const void *b)
{
    const struct setting *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* Adapter's and training's settings in the order of their names. */
static int sorted_settings(const struct setting *out[TRIAL_SETTINGS_MAX])
{
    int count = 0;

    for (int i = 0; i < settings_table_count() && count < TRIAL_SETTINGS_MAX; i++) {
        const struct setting *s = settings_table_at(i);

        if (s->group == GROUP_ADAPTER || s->group == GROUP_TRAINING)
            out[count++] = s;
    }
    qsort(out, (size_t)count, sizeof out[0], by_name);
    return count;
}

/* Separators, '%' and control characters as %XX, so that a path is one value. */
static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f || strchr("=;%", c))
            fprintf(out, "%%%02X", c);
        else
            fputc(c, out);
    }
}

static void print_value(FILE *out, const struct setting *s, struct setting_value value)
{
    char text[64];

    if (s->type == SETTING_PATH) {
        print_escaped(out, value.text);
    } else if (s->type == SETTING_REAL) {
        fprintf(out, "%a", value.number);
    } else {
        setting_format(text, sizeof text, s, value);
        fputs(text, out);
    }
}

char *settings_canonical(const struct settings *settings)
{
    const struct setting *sorted[TRIAL_SETTINGS_MAX];
    int count = sorted_settings(sorted);
    struct settings standard;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    settings_defaults(&standard);
    for (int i = 0; i < count; i++) {
        struct setting_value value = setting_get(sorted[i], settings);

        if (setting_equal(sorted[i], value, setting_get(sorted[i], &standard)))
            continue;
        fprintf(out, "%s=", sorted[i]->name);
        print_value(out, sorted[i], value);
        fputc(';', out);
    }
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* In place; -1 for a bad escape. */
static int unescape(char *text)
{
    char *out = text;

    for (; *text; text++, out++) {
        int high, low;

        *out = *text;
        if (*text != '%')
            continue;
        high = hex_digit(text[1]);
        low = high < 0 ? -1 : hex_digit(text[2]);
        if (low < 0 || high + low == 0)
            return -1;
        *out = (char)(high << 4 | low);
        text += 2;
    }
    *out = 0;
    return 0;
}

static int refuse(const char *name, const char *value, struct error *err)
{
    return error_set(err, ERR_PROTOCOL, "settings: \"%.60s=%.100s\" is no setting",
                     name, value);
}

static int parse_number(struct setting_value *out, const struct setting *s,
                        const char *value, struct error *err)
{
    char *end;

    out->number = strtod(value, &end);
    if (end == value || *end || strchr(" \t\n\v\f\r", *value))
        return refuse(s->name, value, err);
    return 0;
}

static int parse_value(struct setting_value *out, const struct setting *s, char *value,
                       struct error *err)
{
    int index;

    switch (s->type) {
    case SETTING_BOOL:
        out->number = !strcmp(value, "true");
        return out->number != 0 || !strcmp(value, "false")
                   ? 0
                   : refuse(s->name, value, err);
    case SETTING_WORD:
        if (setting_word(s, value, &index, err))
            return ERR_PROTOCOL;
        out->number = index;
        return 0;
    case SETTING_PATH:
        out->text = value;
        return unescape(value) ? refuse(s->name, value, err) : 0;
    default:
        return parse_number(out, s, value, err);
    }
}

/* One "name=value". */
static int parse_item(struct settings *out, char *item, struct error *err)
{
    char *equals = strchr(item, '=');
    const struct setting *s;
    struct setting_value value = {0};
    int rc;

    if (!equals)
        return refuse(item, "", err);
    *equals = 0;
    s = settings_table_find_trial(item);
    if (!s)
        return refuse(item, equals + 1, err);
    if ((rc = parse_value(&value, s, equals + 1, err)))
        return rc;
    if (setting_check(s, value, err))
        return ERR_PROTOCOL;
    setting_set(s, out, value);
    return 0;
}

int settings_parse(struct settings *out, const char *canonical, struct error *err)
{
    char copy[SETTINGS_TEXT], *at = copy;
    size_t length = strlen(canonical);
    int rc = 0;

    settings_defaults(out);
    if (length >= sizeof copy)
        return error_set(err, ERR_PROTOCOL, "settings: %zu bytes, at most %d", length,
                         SETTINGS_TEXT - 1);
    memcpy(copy, canonical, length + 1);
    while (*at && !rc) {
        char *end = strchr(at, ';');

        if (!end) {
            rc = refuse(at, "", err);
            break;
        }
        *end = 0;
        rc = parse_item(out, at, err);
        at = end + 1;
    }
    return rc;
}
