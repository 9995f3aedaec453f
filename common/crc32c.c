#include "common/crc32c.h"

#include <isa-l/crc.h>

uint32_t crc32c(const void *data, size_t size)
{
    enum { AT_ONCE = 1 << 30 };                /* its lengths are int */
    unsigned char *at = (unsigned char *)data; /* read only, though not declared so */
    uint32_t crc = UINT32_MAX;

    while (size > 0) {
        int part = size < AT_ONCE ? (int)size : AT_ONCE;

        crc = crc32_iscsi(at, part, crc);
        at += part;
        size -= (size_t)part;
    }
    return ~crc;
}
