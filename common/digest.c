/* XXH3-128 by xxHash: fast enough to read an encoder's weights at the speed of memory,
 * not meant against forgery. */
#include "common/digest.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct digest_stream *digest_stream_new(void)
{
    XXH3_state_t *state = XXH3_createState();

    if (state)
        XXH3_128bits_reset(state);
    return (struct digest_stream *)state;
}

void digest_stream_free(struct digest_stream *stream)
{
    if (stream)
        XXH3_freeState((XXH3_state_t *)stream);
}

void digest_stream_add(struct digest_stream *stream, const void *data, size_t size)
{
    XXH3_128bits_update((XXH3_state_t *)stream, data, size);
}

void digest_stream_add_text(struct digest_stream *stream, const char *text)
{
    digest_stream_add(stream, text, strlen(text) + 1);
}

static struct digest from_xxh(XXH128_hash_t hash)
{
    return (struct digest){.high = hash.high64, .low = hash.low64};
}

struct digest digest_stream_value(const struct digest_stream *stream)
{
    return from_xxh(XXH3_128bits_digest((const XXH3_state_t *)stream));
}

struct digest digest_of(const void *data, size_t size)
{
    return from_xxh(XXH3_128bits(data, size));
}

int digest_equal(struct digest a, struct digest b)
{
    return a.high == b.high && a.low == b.low;
}

void digest_hex(char out[DIGEST_HEX], struct digest digest)
{
    snprintf(out, DIGEST_HEX, "%016llx%016llx", (unsigned long long)digest.high,
             (unsigned long long)digest.low);
}

static int hex_word(uint64_t *out, const char *hex)
{
    *out = 0;
    for (int i = 0; i < 16; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = hex[i] ? strchr(digits, hex[i]) : NULL;

        if (!at)
            return -1;
        *out = *out << 4 | (uint64_t)(at - digits);
    }
    return 0;
}

int digest_parse(struct digest *out, const char *hex)
{
    if (strlen(hex) != DIGEST_HEX - 1)
        return -1;
    return hex_word(&out->high, hex) || hex_word(&out->low, hex + 16) ? -1 : 0;
}
