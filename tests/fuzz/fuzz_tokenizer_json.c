/* tokenizer.json of a stranger; what opens must encode any text within its bounds. */
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct tokenizer *t, const char *a, size_t a_size,
                   const char *b, size_t b_size)
{
    enum { MAX_LENGTH = 48 };
    struct token_ids ids = {0};

    if (tokenizer_encode(t, a, a_size, b, b_size, MAX_LENGTH, &ids, NULL) == 0) {
        if (ids.count > MAX_LENGTH)
            abort();
        for (int i = 0; i < ids.count; i++)
            if (ids.ids[i] < 0 || ids.ids[i] > tokenizer_max_id(t))
                abort();
    }
    token_ids_clear(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "The [MASK] d\u00e9j\u00e0 <x> \u4e2d\u6587 abc";
    struct tokenizer_texts texts = {.json = (char *)data, .json_size = size};
    struct tokenizer *t;
    struct error err;
    size_t valid;

    if (tokenizer_open_texts(&t, &texts, "fuzz", &err) != 0)
        return 0;
    valid = utf8_first_invalid((const char *)data, size);
    encode(t, text, sizeof text - 1, NULL, 0);
    encode(t, text, sizeof text - 1, (const char *)data, valid);
    tokenizer_free(t);
    return 0;
}
