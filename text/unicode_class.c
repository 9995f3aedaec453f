/* Look-ups in the generated ranges; utf8proc for decompositions, without those that
 * the reference is too old to know. */
#include "text/unicode_class.h"

#include "text/unicode_tables.h"

#include <stddef.h>
#include <utf8proc.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define IN(table, c) in_ranges(table, COUNT(table), c)

enum { CODE_POINT_MAX = 0x10ffff, FIRST_DECOMPOSED = 0xc0, FIRST_MARK = 0x300 };

static bool in_ranges(const struct unicode_range *ranges, size_t count, uint32_t c)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

bool unicode_is_dropped(uint32_t c) { return IN(unicode_dropped, c); }
bool unicode_is_blank(uint32_t c) { return IN(unicode_blank, c); }
bool unicode_is_space(uint32_t c) { return IN(unicode_space, c); }
bool unicode_is_punctuation(uint32_t c) { return IN(unicode_punctuation, c); }
bool unicode_is_word(uint32_t c) { return IN(unicode_word, c); }

bool unicode_is_mark(uint32_t c) { return c >= FIRST_MARK && IN(unicode_mark, c); }

/* The blocks BERT's authors listed, and the gap that the library leaves in them:
 * U+2B820 to U+2B91F. */
bool unicode_is_chinese(uint32_t c)
{
    static const struct unicode_range blocks[] = {
        {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
        {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f},
    };

    return c >= blocks[0].first && IN(blocks, c);
}

int unicode_lower(uint32_t out[UNICODE_LOWER_MAX], uint32_t c)
{
    size_t low = 0, high = COUNT(unicode_lower_rows);

    out[0] = c;
    if (c == 0x130) {
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct unicode_lower *row = &unicode_lower_rows[middle];

        if (c > row->last) {
            low = middle + 1;
        } else if (c < row->first) {
            high = middle;
        } else {
            if ((c - row->first) % (uint32_t)row->step == 0)
                out[0] = (uint32_t)((int32_t)c + row->delta);
            break;
        }
    }
    return 1;
}

int unicode_decompose(uint32_t out[UNICODE_DECOMPOSED_MAX], uint32_t c)
{
    utf8proc_int32_t parts[UNICODE_DECOMPOSED_MAX];
    utf8proc_ssize_t count;

    out[0] = c;
    if (c < FIRST_DECOMPOSED || c > CODE_POINT_MAX || IN(unicode_undecomposed, c))
        return 1;
    count = utf8proc_decompose_char((utf8proc_int32_t)c, parts, UNICODE_DECOMPOSED_MAX,
                                    UTF8PROC_DECOMPOSE, NULL);
    if (count < 1 || count > UNICODE_DECOMPOSED_MAX)
        return 1;
    for (int i = 0; i < count; i++)
        out[i] = (uint32_t)parts[i];
    return (int)count;
}

int unicode_combining_class(uint32_t c)
{
    if (c < FIRST_MARK || c > CODE_POINT_MAX || IN(unicode_unordered, c))
        return 0;
    return utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}
