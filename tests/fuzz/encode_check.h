/* What must hold of any tokenizer that opens: whatever it encodes fits and has ids that
 * it knows. Included by the targets that open one. */
#ifndef TESTS_FUZZ_ENCODE_CHECK_H
#define TESTS_FUZZ_ENCODE_CHECK_H

#include "text/tokenizer.h"

#include <stdlib.h>

static void encode_check(const struct tokenizer *t, const char *a, size_t a_size,
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

#endif
