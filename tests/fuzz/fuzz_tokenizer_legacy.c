/* tokenizer_config.json, special_tokens_map.json and vocab.txt of a stranger, in this
 * order with a byte 0x1f between; what is missing at the end is no file, but there
 * always is a vocabulary. What opens must encode any text within its bounds. */
#include "tests/fuzz/encode_check.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char common[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\na\nb\nc\n"
                             "##a\n##b\n##c\nA\n,\n.\n<x>\n";

/* A copy of the part at data[*at], so that a sanitizer sees where it ends; NULL behind
 * the last one. */
static char *next_part(const uint8_t *data, size_t size, size_t *at, size_t *part_size)
{
    const uint8_t *start = data + *at, *end;
    char *copy;

    if (*at > size)
        return NULL;
    end = *at < size ? memchr(start, 0x1f, size - *at) : NULL;
    *part_size = end ? (size_t)(end - start) : size - *at;
    *at += *part_size + 1;
    copy = malloc(*part_size ? *part_size : 1);
    if (!copy)
        abort();
    memcpy(copy, start, *part_size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "The [MASK] d\u00e9j\u00e0 <x> \u4e2d\u6587 abc";
    struct tokenizer_texts texts = {0};
    struct tokenizer *t;
    struct error err;
    size_t at = 0;

    texts.config = next_part(data, size, &at, &texts.config_size);
    texts.specials = next_part(data, size, &at, &texts.specials_size);
    texts.vocab = next_part(data, size, &at, &texts.vocab_size);
    if (!texts.vocab) {
        texts.vocab = strdup(common);
        texts.vocab_size = sizeof common - 1;
    }
    if (tokenizer_open_texts(&t, &texts, "fuzz", &err) == 0) {
        encode_check(t, text, sizeof text - 1, NULL, 0);
        encode_check(t, text, sizeof text - 1, (const char *)data,
                     utf8_first_invalid((const char *)data, size));
        tokenizer_free(t);
    }
    free(texts.config);
    free(texts.specials);
    free(texts.vocab);
    return 0;
}
