/* One pass: a character runs through all steps before the next one is read. Only
 * characters with a combining class wait, until the next starter shows that their run
 * is complete and can be put into canonical order. */
#include "text/normalizer.h"

#include "text/unicode_class.h"

#include <stdlib.h>
#include <string.h>

enum { CLASSES = 256, CLASS_SHIFT = 24, POINT_MASK = 0xffffff };

void normalizer_scratch_clear(struct normalizer_scratch *scratch)
{
    free(scratch->run);
    free(scratch->sorted);
    *scratch = (struct normalizer_scratch){0};
}

static bool is_ascii_dropped(uint32_t c) { return c < 0x20 || c == 0x7f; }

static void put_lower(const struct normalizer *n, uint32_t c, struct utf8_text *out)
{
    uint32_t lower[UNICODE_LOWER_MAX];
    int count;

    if (!n->lowercase) {
        utf8_text_add(out, c);
        return;
    }
    if (c < 0x80) {
        utf8_text_add(out, c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        return;
    }
    count = unicode_lower(lower, c);
    for (int i = 0; i < count; i++)
        utf8_text_add(out, lower[i]);
}

/* Canonical order: by class, equal ones as they came. Counted, since a text may be
 * nothing but marks. */
static void sort_run(struct normalizer_scratch *s)
{
    size_t starts[CLASSES + 1] = {0};

    for (size_t i = 0; i < s->count; i++)
        starts[(s->run[i] >> CLASS_SHIFT) + 1]++;
    for (int i = 0; i < CLASSES; i++)
        starts[i + 1] += starts[i];
    for (size_t i = 0; i < s->count; i++)
        s->sorted[starts[s->run[i] >> CLASS_SHIFT]++] = s->run[i];
    memcpy(s->run, s->sorted, s->count * sizeof *s->run);
}

static void flush_run(const struct normalizer *n, struct normalizer_scratch *s,
                      struct utf8_text *out)
{
    if (s->count > 1)
        sort_run(s);
    for (size_t i = 0; i < s->count; i++)
        put_lower(n, s->run[i] & POINT_MASK, out);
    s->count = 0;
}

static bool grow_run(struct normalizer_scratch *s)
{
    size_t capacity = s->capacity ? 2 * s->capacity : 64;
    uint32_t *run = realloc(s->run, capacity * sizeof *run), *sorted;

    if (run)
        s->run = run;
    sorted = run ? realloc(s->sorted, capacity * sizeof *sorted) : NULL;
    if (!sorted) {
        s->failed = true;
        return false;
    }
    s->sorted = sorted;
    s->capacity = capacity;
    return true;
}

/* Marks of category Mn are dropped before the order is made: what stays is in the same
 * order either way. One without a class still ends the run. */
static void put_decomposed(const struct normalizer *n, uint32_t c,
                           struct normalizer_scratch *s, struct utf8_text *out)
{
    int class = unicode_combining_class(c);

    if (class == 0)
        flush_run(n, s, out);
    if (unicode_is_mark(c))
        return;
    if (class == 0)
        put_lower(n, c, out);
    else if (s->count < s->capacity || grow_run(s))
        s->run[s->count++] = (uint32_t) class << CLASS_SHIFT | c;
}

static void put_accented(const struct normalizer *n, uint32_t c,
                         struct normalizer_scratch *s, struct utf8_text *out)
{
    uint32_t parts[UNICODE_DECOMPOSED_MAX];
    int count;

    if (!n->strip_accents) {
        put_lower(n, c, out);
        return;
    }
    if (c < 0x80) {
        flush_run(n, s, out);
        put_lower(n, c, out);
        return;
    }
    count = unicode_decompose(parts, c);
    for (int i = 0; i < count; i++)
        put_decomposed(n, parts[i], s, out);
}

/* The character that clean_text leaves, or false where it drops it. */
static bool clean(uint32_t *c)
{
    if (*c < 0x80) {
        if (*c == '\t' || *c == '\n' || *c == '\r')
            *c = ' ';
        return !is_ascii_dropped(*c);
    }
    if (unicode_is_blank(*c))
        *c = ' ';
    return !unicode_is_dropped(*c);
}

static void put(const struct normalizer *n, uint32_t c, struct normalizer_scratch *s,
                struct utf8_text *out)
{
    bool chinese;

    if (n->clean_text && !clean(&c))
        return;
    chinese = n->chinese_chars && unicode_is_chinese(c);
    if (chinese)
        put_accented(n, ' ', s, out);
    put_accented(n, c, s, out);
    if (chinese)
        put_accented(n, ' ', s, out);
}

int normalizer_apply_noting(const struct normalizer *n, const char *text, size_t size,
                            struct normalizer_scratch *scratch, struct utf8_text *out,
                            size_t *before, struct error *err)
{
    scratch->count = 0;
    for (size_t at = 0, bytes; at < size; at += bytes) {
        uint32_t c;

        bytes = utf8_decode(&c, text + at);
        for (size_t i = 0; before && i < bytes; i++)
            before[at + i] = i ? SIZE_MAX : out->size;
        put(n, c, scratch, out);
    }
    flush_run(n, scratch, out);
    if (out->failed || scratch->failed)
        return error_set(err, ERR_MEMORY, "out of memory");
    return 0;
}

int normalizer_apply(const struct normalizer *n, const char *text, size_t size,
                     struct normalizer_scratch *scratch, struct utf8_text *out,
                     struct error *err)
{
    return normalizer_apply_noting(n, text, size, scratch, out, NULL, err);
}
