/* tokenizer.json of a stranger; what opens must encode any text within its bounds. */
#include "tests/fuzz/encode_check.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    encode_check(t, text, sizeof text - 1, NULL, 0);
    encode_check(t, text, sizeof text - 1, (const char *)data, valid);
    tokenizer_free(t);
    return 0;
}
