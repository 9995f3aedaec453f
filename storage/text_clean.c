/* h5py and jansson refuse texts that are not UTF-8; error texts and paths may be. */
#include "storage/text_clean.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at text, 0 where it is none (Unicode 15, table 3-7). */
static int sequence(const unsigned char *text)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte, of the second */
        int bytes;
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    if (*text < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (*text < rows[i].first || *text > rows[i].last)
            continue;
        if (text[1] < rows[i].low || text[1] > rows[i].high)
            return 0;
        for (int k = 2; k < rows[i].bytes; k++)
            if (text[k] < 0x80 || text[k] > 0xbf)
                return 0;
        return rows[i].bytes;
    }
    return 0;
}

char *text_clean(const char *text)
{
    char *copy = strdup(text ? text : "");
    unsigned char *at = (unsigned char *)copy;

    while (copy && *at) {
        int bytes = sequence(at);

        if (!bytes)
            *at = '?';
        at += bytes ? bytes : 1;
    }
    return copy;
}
