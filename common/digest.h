/* Digests: XXH3-128 (xxHash) of a stream of bytes, shown as 32 hex digits. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX = 33 }; /* with the closing zero */

struct digest {
    uint64_t high, low;
};

struct digest_stream;

/* NULL when out of memory. */
struct digest_stream *digest_stream_new(void);
void digest_stream_free(struct digest_stream *stream);
void digest_stream_add(struct digest_stream *stream, const void *data, size_t size);
/* The text with its closing zero, so that neighbours cannot run into each other. */
void digest_stream_add_text(struct digest_stream *stream, const char *text);
struct digest digest_stream_value(const struct digest_stream *stream);

struct digest digest_of(const void *data, size_t size);
int digest_equal(struct digest a, struct digest b);
void digest_hex(char out[DIGEST_HEX], struct digest digest);
/* Exactly 32 lower-case hex digits; 0, or -1 for any other text. */
int digest_parse(struct digest *out, const char *hex);

#endif
