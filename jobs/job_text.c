/* A scan by libconfig's own lexical rules: comments, strings, names, numbers. It only
 * refuses; what it passes over, libconfig reads. */
#include "jobs/job_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at s, 0 for none. */
static int utf8_length(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int length = s[0] < 0x80    ? 1
                 : s[0] < 0xC2  ? 0
                 : s[0] < 0xE0  ? 2
                 : s[0] < 0xF0  ? 3
                 : s[0] <= 0xF4 ? 4
                                : 0;
    uint32_t code = length > 1 ? s[0] & (0xFFu >> (length + 1)) : s[0];

    for (int i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    if (length &&
        (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)))
        return 0;
    return length;
}

static int check_utf8(const char *text, int *line, struct error *err)
{
    for (*line = 1; *text;) {
        int length = utf8_length((const unsigned char *)text);

        if (!length)
            return error_set(err, ERR_INPUT, "the text is not UTF-8");
        *line += *text == '\n';
        text += length;
    }
    return 0;
}

bool job_text_is_utf8(const char *text)
{
    int line;

    return !check_utf8(text, &line, NULL);
}

static const char *count_lines(const char *from, const char *to, int *line)
{
    for (; from < to; from++)
        *line += *from == '\n';
    return to;
}

/* A text starts at this quote. *end: behind the closing one. */
static int check_string(const char *at, const char **end, struct error *err)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    *end = at + 1;
    return *at ? 0 : error_set(err, ERR_INPUT, "the text that starts here has no end");
}

/* Behind a comment that starts here; at itself where none does. */
static const char *skip_comment(const char *at)
{
    const char *end;

    if (*at == '#' || (at[0] == '/' && at[1] == '/'))
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    return at;
}

static bool fits(const char *digits, int base, bool wide)
{
    unsigned long long value, limit = wide ? INT64_MAX : INT32_MAX;

    errno = 0;
    value = strtoull(digits, NULL, base);
    return !errno && value <= limit;
}

/* Behind the fraction and exponent that start here; at itself where none does. */
static const char *skip_fraction(const char *at)
{
    const char *end = at, *sign;

    if (*end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (*end != 'e' && *end != 'E')
        return end;
    sign = end[1] == '+' || end[1] == '-' ? end + 1 : end;
    return isdigit((unsigned char)sign[1]) ? sign + 1 + strspn(sign + 1, "0123456789")
                                           : end;
}

static int refuse_number(const char *at, int length, bool hex, struct error *err)
{
    if (fits(hex ? at + 2 : at, hex ? 16 : 10, true))
        return error_set(err, ERR_INPUT,
                         "%.*s does not fit into 32 bits; write %.*sL if it is meant",
                         length, at, length, at);
    return error_set(err, ERR_INPUT, "%.*s%s is too large for a whole number",
                     length > 40 ? 40 : length, at, length > 40 ? "..." : "");
}

/* A number starts at this digit. *end: behind it. Its sign does not matter: nothing
 * here takes the one number that only fits when negative. */
static int check_number(const char *at, const char **end, struct error *err)
{
    bool hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    const char *digits = hex ? at + 2 : at;
    const char *last =
        digits + strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    bool wide = *last == 'L';

    *end = last + wide + (wide && last[1] == 'L');
    if (!hex && (*end = skip_fraction(*end)) != last && !wide)
        return 0;
    if (fits(digits, hex ? 16 : 10, wide))
        return 0;
    return refuse_number(at, (int)(last - at), hex, err);
}

static const char *skip_name(const char *at)
{
    while (isalnum((unsigned char)*at) || (*at && strchr("-_*", *at)))
        at++;
    return at;
}

static int check_tokens(const char *text, int *line, struct error *err)
{
    const char *at = text;
    int rc = 0;

    for (*line = 1; *at && !rc;) {
        const char *next = skip_comment(at);

        if (next == at && *at == '"')
            rc = check_string(at, &next, err);
        else if (next == at && (isalpha((unsigned char)*at) || *at == '*'))
            next = skip_name(at);
        else if (next == at && isdigit((unsigned char)*at))
            rc = check_number(at, &next, err);
        else if (next == at && *at == '.')
            next = skip_fraction(at);
        else if (next == at && *at == '@')
            rc = error_set(err, ERR_INPUT, "@include: a job file is one file");
        else if (next == at)
            next = at + 1;
        if (!rc)
            at = count_lines(at, next, line);
    }
    return rc;
}

int job_text_check(const char *text, int *line, struct error *err)
{
    int rc = check_utf8(text, line, err);

    return rc ? rc : check_tokens(text, line, err);
}
