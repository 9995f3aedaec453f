/* vocab.txt of a stranger: every line that was taken is found again, and what opens
 * as a tokenizer encodes the file itself. */
#include "text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void find_lines(const struct vocabulary *v, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t bytes = end ? (size_t)(end - text) - at : size - at,
               next = at + bytes + 1;

        if (bytes > 0 && text[at + bytes - 1] == '\r')
            bytes--;
        if (bytes > 0 && vocabulary_find(v, text + at, bytes) < 0)
            abort();
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer_texts texts = {.vocab = (char *)data, .vocab_size = size};
    struct vocabulary *v = vocabulary_new();
    struct token_ids ids = {0};
    struct tokenizer *t;
    struct error err;

    if (v && vocabulary_add_lines(v, texts.vocab, size, "fuzz", &err) == 0)
        find_lines(v, texts.vocab, size);
    vocabulary_free(v);
    if (tokenizer_open_texts(&t, &texts, "fuzz", &err) != 0)
        return 0;
    if (tokenizer_encode(t, texts.vocab, size, texts.vocab, size, 32, &ids, NULL) ==
            0 &&
        ids.count > 32)
        abort();
    token_ids_clear(&ids);
    tokenizer_free(t);
    return 0;
}
